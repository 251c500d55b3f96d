class EventClient {
  private eventSource: EventSource;
  private lastEventId = 0;

  connect() {
    const url = `/api/events?token=${this.token}`;

    this.eventSource = new EventSource(url, {
      withCredentials: true,
    });

    this.eventSource.addEventListener('news', (event) => {
      const data = JSON.parse(event.data);
      this.onNews(data);
    });

    this.eventSource.addEventListener('price_alert', (event) => {
      const data = JSON.parse(event.data);
      this.onPriceAlert(data);
    });

    this.eventSource.addEventListener('system_status', (event) => {
      const data = JSON.parse(event.data);
      this.onSystemStatus(data);
    });

    this.eventSource.onerror = () => {
      console.error('SSE connection error, reconnecting...');
      // Browser auto-reconnects with last-event-id header
    };
  }

  disconnect() {
    this.eventSource.close();
  }

  private onNews(data: any) {
    console.log('News:', data);
    // Update UI
  }

  private onPriceAlert(data: any) {
    console.log('Price Alert:', data);
    // Show notification
  }

  private onSystemStatus(data: any) {
    console.log('System Status:', data);
    // Update status indicator
  }
}

// Usage
const client = new EventClient('token123');
client.connect();
