// The npm package socket.io with node-redis: node socket-io.mjs REDIS_PORT INTERVAL_MS
import { createServer } from "node:http";
import { createClient } from "redis";
import { Server } from "socket.io";

const [redisPort, interval] = process.argv.slice(2).map(Number);
const redis = await createClient({ url: `redis://127.0.0.1:${redisPort}` }).connect();
const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  const timer = setInterval(() => socket.emit("message", { heartbeat: "tick" }), interval);
  socket.on("message", ({ session }) => {
    redis.expire(`swampdragon:session:${session}`, 1800);
  });
  socket.on("disconnect", () => clearInterval(timer));
});
http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
