// The npm package ws with node-redis: node ws.mjs REDIS_PORT INTERVAL_MS
import { createClient } from "redis";
import { WebSocketServer } from "ws";

const [redisPort, interval] = process.argv.slice(2).map(Number);
const redis = await createClient({ url: `redis://127.0.0.1:${redisPort}` }).connect();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });

server.on("connection", (socket) => {
  const timer = setInterval(() => socket.send('{"heartbeat":"tick"}'), interval);
  socket.on("message", (data) => {
    const { session } = JSON.parse(data);
    redis.expire(`swampdragon:session:${session}`, 1800);
  });
  socket.on("error", () => {});
  socket.on("close", () => clearInterval(timer));
});
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
