import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, beforeEach, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocketServer, WebSocket } from "ws";
import { until } from "./server.js";

const WITHIN_MS = 60_000;

let server;
let dragon;
/** What `POST`s came, and how each next one is answered: a status, or a function of the response. */
let touches;
let answer;
let notices;
let reported;
let socket;
let clock;

beforeEach(async (t) => {
  touches = [];
  answer = 204;
  notices = 0;
  reported = [];
  clock = 0;
  const { now } = Date;
  t.mock.method(Date, "now", () => now() + clock);
  globalThis.reportError = (error) => reported.push(error.message);
  server = createServer((request, response) => {
    touches.push(`${request.method} ${request.url} ${request.headers["content-length"] ?? 0}`);
    if (typeof answer === "function") {
      answer(response);
    } else {
      response.writeHead(answer).end();
    }
  });
  new WebSocketServer({ server }).on("connection", (peer, { url }) => {
    socket = peer;
    if (!url.endsWith("/data/websocket")) {
      peer.send("o");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  dragon.disconnect();
  delete globalThis.reportError;
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

async function connected(options = {}, path = "") {
  dragon = new SwampDragon({ WebSocket, storage: "memory", onsession: () => (notices += 1), ...options });
  dragon.connect(`http://127.0.0.1:${server.address().port}${path}`);
  await until(() => dragon.isReady);
}

/** The server says that the session lives; resolves when the page has heard it. */
async function notice(more = { touch_ms: WITHIN_MS }) {
  const before = notices;
  const message = JSON.stringify({ session: null, state: "active", ttl: 1000, ...more });
  socket.send(dragon.settings.raw ? message : "a" + JSON.stringify([message]));
  await until(() => notices > before);
}

/** Sends notices until the condition holds: one that comes while a request is on its way asks for nothing. */
async function noticesUntil(condition) {
  for (const end = performance.now() + 10_000; !condition(); ) {
    assert.ok(performance.now() < end, `never came true: ${condition}`);
    await notice();
    await settle();
  }
}

/** Long enough for a request that should not be made. */
const settle = () => new Promise((done) => setTimeout(done, 50));

test("a page touches its cookie at the first notice, and then when the time is up", async () => {
  await connected();
  await notice();
  await until(() => touches.length === 1);
  assert.deepEqual(touches, ["POST /data/touch 0"]);
  await settle();
  clock = WITHIN_MS - 1000;
  await notice();
  await settle();
  assert.equal(touches.length, 1);
  clock = WITHIN_MS;
  await noticesUntil(() => touches.length === 2);
  // A clock that was set back is no reason to wait.
  clock = -3_600_000;
  await noticesUntil(() => touches.length === 3);
  assert.deepEqual(reported, []);
});

test("a notice that asks for no touch gets none", async () => {
  await connected();
  await notice({});
  await notice({ state: "expired" });
  await settle();
  assert.deepEqual(touches, []);
});

test("the address is the raw endpoint's, too", async () => {
  await connected({ raw: true }, "/?token=1");
  await notice();
  await until(() => touches.length === 1);
  assert.deepEqual(touches, ["POST /data/touch 0"]);
});

test("one request at a time, whichever of the page's objects wants it", async () => {
  let finish;
  answer = (response) => (finish = () => response.writeHead(204).end());
  await connected();
  await notice();
  await until(() => finish);
  await notice();
  const first = dragon;
  await connected();
  await notice();
  await settle();
  assert.equal(touches.length, 1);
  finish();
  first.disconnect();
});

for (const status of [401, 403, 404]) {
  test(`${status} is said once, and asked again when the time is up`, async () => {
    answer = status;
    await connected();
    await notice();
    await until(() => reported.length);
    assert.match(reported[0], new RegExp(`POST http://127\\.0\\.0\\.1:\\d+/data/touch answered ${status}\\.`));
    await notice();
    await settle();
    assert.equal(touches.length, 1);
    clock = WITHIN_MS;
    await noticesUntil(() => touches.length === 2);
    assert.equal(reported.length, 1);
  });
}

// The page to log in of a proxy that passes nothing on, and a server that is away.
for (const status of [200, 503]) {
  test(`${status} is tried again with the next notice, and said once until it has worked`, async () => {
    answer = status;
    await connected();
    await noticesUntil(() => touches.length > 1);
    assert.equal(reported.length, 1);
    let worked = 0;
    answer = (response) => {
      worked += 1;
      response.writeHead(204).end();
    };
    await noticesUntil(() => worked);
    await notice();
    await settle();
    assert.deepEqual([worked, reported.length], [1, 1]);
  });
}

test("a network that fails is nothing to say, and tried again with the next notice", async () => {
  answer = (response) => response.socket.destroy();
  await connected();
  await noticesUntil(() => touches.length);
  const failed = touches.length;
  answer = 204;
  await noticesUntil(() => touches.length > failed);
  assert.deepEqual(reported, []);
});
