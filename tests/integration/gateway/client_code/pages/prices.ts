// Follows prices by the published messages: whole states, then only what changed.
const socket = new WebSocket("ws://GATEWAY/ws/prices?token=TOKEN");
const states = new Map<string, Record<string, unknown>>();
const seen = { snapshot: 0, delta: 0, error: [] as unknown[], wrong: [] as unknown[] };
socket.onopen = () => {
  socket.send(FIRST_MESSAGE);
  socket.send('{"type":"subscribe","symbols":["INVALID"]}');
};
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  const before = states.get(message.symbol);
  if (message.type === "error") seen.error.push(message);
  else {
    if (message.type === "snapshot") seen.snapshot += 1;
    else if (message.type === "delta" && before && message.sequence > (before.sequence as number)) seen.delta += 1;
    else seen.wrong.push(message);
    states.set(message.symbol, { ...before, ...message });
  }
  if (seen.snapshot >= 3 && seen.delta === 9) {
    socket.send(LAST_MESSAGE);
    tell({ ...seen, states: Object.fromEntries(states) });
  }
};
socket.onclose = ({ code, reason }) => tell({ code, reason });
