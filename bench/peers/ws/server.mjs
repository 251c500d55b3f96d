// The broadcast that a user writes with ws: one process reads a Redis stream and sends each message to its room.
//
// `node server.mjs PORT REDIS_PORT`. A client says {"subscribe": ["S0000", …]} and is told {"subscribed": N}. An entry of
// the stream "ws" has a symbol and a batch: messages joined by newlines. The process is ready when it listens.
import Redis from "ioredis";
import { WebSocketServer } from "ws";

const [port, redisPort] = process.argv.slice(2).map(Number);
const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port, perMessageDeflate: false });

server.on("connection", (socket) => {
  const joined = [];
  socket.on("message", (text) => {
    const { subscribe } = JSON.parse(text);
    for (const symbol of subscribe) {
      if (!rooms.has(symbol)) rooms.set(symbol, new Set());
      rooms.get(symbol).add(socket);
      joined.push(symbol);
    }
    socket.send(JSON.stringify({ subscribed: subscribe.length }));
  });
  socket.on("close", () => joined.forEach((symbol) => rooms.get(symbol).delete(socket)));
});

const redis = new Redis(redisPort, "127.0.0.1");
let after = "$";
for (;;) {
  const answer = await redis.xread("COUNT", 100, "BLOCK", 1000, "STREAMS", "ws", after);
  for (const [id, fields] of answer?.[0][1] ?? []) {
    after = id;
    const room = rooms.get(fields[1]) ?? [];
    for (const message of fields[3].split("\n")) {
      const bytes = Buffer.from(message);
      for (const socket of room) socket.send(bytes, { binary: false });
    }
  }
}
