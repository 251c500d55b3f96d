// The service takes its published configuration, and is what was declared.
const config: WebSocketConfig = {
  url: "ws://GATEWAY",
  reconnectInterval: 1000,
  maxReconnectAttempts: 10,
  heartbeatInterval: 25_000,
  messageQueueSize: 100,
  enableCompression: true,
  enableAutoReconnect: true,
};
const service: DeclaredService = new WebSocketService({ ...config, token: "TOKEN" });

let quotes = 0;
const unsubscribe: UnsubscribeFn = service.onMessage((message) => {
  if (message.type !== "price_update" && message.type !== "batch_update") return;
  quotes += 1;
  if (quotes !== 5) return;
  unsubscribe();
  const metrics: ConnectionMetrics = service.getMetrics();
  tell({
    metrics,
    methods: DECLARED.filter((name) => typeof (service as unknown as Record<string, unknown>)[name] === "function"),
    active: [...service.getActiveSubscriptions()],
    state: service.getConnectionState(),
    connected: service.isConnected(),
    age: Date.now() - service.getLastMessageTime().getTime(),
    latency: service.getLatency(),
  });
  service.onConnectionChange((state: ConnectionState) => state === "CLOSED" && tell({ closed: service.isConnected() }));
  service.disconnect();
});
service.onError((error) => console.log("error", error.message));
service.subscribe(["RELIANCE", "TCS", "INFY"]);
service.unsubscribe(["INFY"]);
service.connect();
