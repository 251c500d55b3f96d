class WebSocketService {
  // Connection management
  connect(): void;
  disconnect(): void;
  reconnect(): void;
  isConnected(): boolean;
  getConnectionState(): ConnectionState;

  // Subscription management
  subscribe(symbols: string[]): void;
  unsubscribe(symbols: string[]): void;
  getActiveSubscriptions(): Set<string>;

  // Message handling
  onMessage(handler: MessageHandler): UnsubscribeFn;
  onError(handler: ErrorHandler): UnsubscribeFn;
  onConnectionChange(handler: ConnectionHandler): UnsubscribeFn;

  // Health and monitoring
  getLatency(): number;
  getLastMessageTime(): Date;
  getMetrics(): ConnectionMetrics;
}
