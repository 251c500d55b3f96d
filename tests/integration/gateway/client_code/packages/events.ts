// Each kind of event has its own type of data.
client.on("news", ({ title, source }) => console.log("News:", title.toUpperCase(), source));
client.on("price_alert", ({ symbol, price, threshold }) => console.log("Price Alert:", symbol, price - threshold));
client.on("system_status", ({ status, affected_symbols }) => console.log("System Status:", status, affected_symbols?.length));
client.onConnectionChange((state) => console.log("state", state));
client.onError((error) => console.log("error", error.code, error.message));
