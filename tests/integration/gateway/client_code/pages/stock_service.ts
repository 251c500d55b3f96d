// A body for the declared service: every method that the declaration names, over the published messages.
type Quote = Record<string, unknown> & { symbol: string; price: number };
type State = "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED" | "RECONNECTING";
type Off = () => void;

class WebSocketService {
  private socket: WebSocket | null = null;
  private state: State = "CLOSED";
  private symbols = new Set<string>();
  private messages = new Set<(quote: Quote) => void>();
  private errors = new Set<(error: Error) => void>();
  private changes = new Set<(state: State) => void>();
  private metrics = { messageCount: 0, errorCount: 0, reconnectAttempts: 0, averageLatency: 0 };
  private pinged = 0;
  private last = new Date(0);
  clientId = "";

  connect() {
    this.enter("CONNECTING");
    this.socket = new WebSocket("ws://GATEWAY/ws/quotes?token=TOKEN");
    this.socket.onopen = () => {
      this.enter("OPEN");
      this.send({ action: "subscribe", symbols: [...this.symbols], clientId: "uuid-client-id" });
      this.pinged = performance.now();
      this.send({ action: "ping", timestamp: new Date().toISOString() });
    };
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => this.enter("CLOSED");
  }
  disconnect() { this.enter("CLOSING"); this.socket?.close(); }
  reconnect() { this.metrics.reconnectAttempts += 1; this.disconnect(); this.connect(); }
  isConnected() { return this.state === "OPEN"; }
  getConnectionState() { return this.state; }
  subscribe(symbols: string[]) {
    symbols.forEach((symbol) => this.symbols.add(symbol));
    if (this.isConnected()) this.send({ action: "subscribe", symbols, clientId: "uuid-client-id" });
  }
  unsubscribe(symbols: string[]) {
    symbols.forEach((symbol) => this.symbols.delete(symbol));
    this.send({ action: "unsubscribe", symbols, clientId: "uuid-client-id" });
  }
  getActiveSubscriptions() { return this.symbols; }
  onMessage(handler: (quote: Quote) => void): Off { this.messages.add(handler); return () => this.messages.delete(handler); }
  onError(handler: (error: Error) => void): Off { this.errors.add(handler); return () => this.errors.delete(handler); }
  onConnectionChange(handler: (state: State) => void): Off { this.changes.add(handler); return () => this.changes.delete(handler); }
  getLatency() { return this.metrics.averageLatency; }
  getLastMessageTime() { return this.last; }
  getMetrics() {
    return { connectionState: this.state, lastMessageAt: this.last, activeSubscriptions: this.symbols.size, ...this.metrics };
  }

  private take(message: any) {
    this.metrics.messageCount += 1;
    this.last = new Date(message.timestamp);
    switch (message.type) {
      case "connected": this.clientId = message.clientId; break;
      case "price_update": this.give(message.symbol, message.data); break;
      case "batch_update": message.updates.forEach((each: any) => this.give(each.symbol, each.data)); break;
      case "pong": this.metrics.averageLatency = performance.now() - this.pinged; break;
      case "error":
        this.metrics.errorCount += 1;
        this.errors.forEach((handler) => handler(new Error(`${message.code}: ${message.message}`)));
        break;
      default: throw new Error(`unknown message ${message.type}`);
    }
  }
  private give(symbol: string, quote: Quote) {
    if (symbol !== quote.symbol) throw new Error(`${symbol} holds ${quote.symbol}`);
    this.messages.forEach((handler) => handler(quote));
  }
  private enter(state: State) { this.state = state; this.changes.forEach((handler) => handler(state)); }
  private send(message: unknown) { this.socket?.send(JSON.stringify(message)); }
}

const service = new WebSocketService();
