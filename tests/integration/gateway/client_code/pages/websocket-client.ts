// The client that the usage imports: batches in, one handler for each type.
interface Options { url: string; token: string; channels: string[]; autoReconnect: boolean; debug: boolean }
type Handler = (data: Record<string, unknown>) => void;
interface Handlers { onRoutingMetrics: Handler; onLPPerformance: Handler; onExposureUpdate: Handler; onAlert: Handler }

export class AnalyticsWebSocket {
  constructor(private options: Options, private handlers: Handlers) {}

  connect() {
    const socket = new WebSocket(`${this.options.url}?token=${this.options.token}`);
    socket.onopen = () => {
      socket.send(JSON.stringify({ action: "subscribe", channels: this.options.channels }));
      socket.send(JSON.stringify({ action: "ping" }));
    };
    socket.onmessage = ({ data }) => {
      for (const message of JSON.parse(data)) {
        switch (message.type) {
          case "routing-decision": this.handlers.onRoutingMetrics(message.data); break;
          case "lp-metrics": this.handlers.onLPPerformance(message.data); break;
          case "exposure-change": this.handlers.onExposureUpdate(message.data); break;
          case "alert": this.handlers.onAlert(message.data); break;
          default: if (this.options.debug) console.log("other", message);
        }
      }
    };
    socket.onclose = ({ code, reason }) => console.log("closed", code, reason);
  }
}
