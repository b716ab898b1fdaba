// Sessions by Redis itself. npm install redis; node session.mjs make VALUE | read KEY | end KEY
import { randomBytes } from "node:crypto";
import { createClient } from "redis";

const PREFIX = "swampdragon:session:"; // session_key_prefix
const TTL_MS = 30 * 60 * 1000; // session_ttl

const store = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" });
await store.connect();

async function make(value) {
  const key = randomBytes(32).toString("hex");
  await store.pSetEx(PREFIX + key, TTL_MS, value);
  return key; // for the page: dragon.session = key
}

async function read(key) {
  return store.get(PREFIX + key); // null: it has run out, or was ended
}

async function end(key) {
  return (await store.del(PREFIX + key)) === 1;
}

const [what, argument] = process.argv.slice(2);
console.log(await { make, read, end }[what](argument));
await store.close();
