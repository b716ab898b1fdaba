// The npm package sockjs with node-redis: node sockjs.mjs REDIS_PORT INTERVAL_MS
import { createServer } from "node:http";
import { createClient } from "redis";
import sockjs from "sockjs";

const [redisPort, interval] = process.argv.slice(2).map(Number);
const redis = await createClient({ url: `redis://127.0.0.1:${redisPort}` }).connect();
const http = createServer();
const endpoint = sockjs.createServer({ log: () => {} });

endpoint.on("connection", (connection) => {
  const timer = setInterval(() => connection.write('{"heartbeat":"tick"}'), interval);
  connection.on("data", (message) => {
    const { session } = JSON.parse(message);
    redis.expire(`swampdragon:session:${session}`, 1800);
  });
  connection.on("close", () => clearInterval(timer));
});
endpoint.installHandlers(http, { prefix: "/data" });
http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
