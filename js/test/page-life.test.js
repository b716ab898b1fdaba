import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { closePage, openPage } from "./page.js";
import { startServer, until } from "./server.js";

const MINUTE = 60_000;
const SLOW = { WebSocket, reconnectDelayMs: MINUTE, reconnectDelayMaxMs: MINUTE };

let happen;
let server;
let dragon;

beforeEach(async () => {
  happen = openPage();
  server = await startServer();
});

afterEach(async () => {
  dragon.disconnect();
  closePage();
  await server.stop();
});

async function connected(options = SLOW) {
  dragon = new SwampDragon({ storage: "memory", ...options });
  dragon.connect(server.url);
  await until(() => dragon.isReady);
}

/** Lets the clock show a later time, as after a sleep. */
function sleep(t, milliseconds) {
  const { now } = Date;
  t.mock.method(Date, "now", () => now() + milliseconds);
}

test("a page lets go when it is hidden away and comes back when it is shown", async () => {
  await connected();
  happen("pagehide");
  assert.equal(dragon.isReady, false);
  happen("pageshow");
  await until(() => dragon.isReady);
  assert.equal(server.peers.length, 2);

  // The next attempt would come within a minute; the network's return does not wait for it.
  server.peers[1].socket.terminate();
  await until(() => !dragon.isReady);
  happen("online");
  await until(() => dragon.isReady);

  dragon.disconnect();
  happen("pageshow");
  assert.equal(server.peers.length, 3);
});

test("a frozen page lets go, and comes back when it runs again, hidden or not", async () => {
  await connected();
  document.hidden = true;
  happen("visibilitychange");
  assert.equal(dragon.isReady, true);
  happen("freeze");
  assert.equal(dragon.isReady, false);
  happen("resume");
  await until(() => dragon.isReady);
  assert.equal(server.peers.length, 2);
});

for (const type of ["visibilitychange", "online", "pageshow", "resume"]) {
  test(`a page that slept for two hours connects anew at ${type}`, async (t) => {
    await connected();
    sleep(t, 7_200_000);
    happen(type);
    assert.equal(dragon.isReady, false);
    await until(() => dragon.isReady);
    assert.equal(server.peers.length, 2);
  });
}

test("a page that is only looked away from keeps its connection", async (t) => {
  await connected();
  sleep(t, 30_000);
  for (const hidden of [true, false]) {
    document.hidden = hidden;
    happen("visibilitychange");
  }
  happen("offline");
  assert.equal(dragon.isReady, true);
  assert.equal(server.peers.length, 1);
});

test("while the browser sees no network, nothing is tried at once", async (t) => {
  const network = { onLine: false };
  Object.defineProperty(globalThis, "navigator", { value: network, configurable: true });
  await connected({ WebSocket, reconnectDelayMs: 0, reconnectDelayMaxMs: MINUTE });
  t.mock.method(Math, "random", () => 0.99);
  server.peers[0].socket.terminate();
  await until(() => !dragon.isReady);
  await new Promise((done) => setTimeout(done, 50));
  assert.equal(server.peers.length, 1);

  network.onLine = true;
  happen("online");
  await until(() => dragon.isReady);
});

test("a server that asks to be left alone is, for as long as it says", async (t) => {
  await connected({ WebSocket, reconnectDelayMs: 0 });
  const timers = t.mock.method(globalThis, "setTimeout");
  const armed = () => timers.mock.calls.map(({ arguments: [, milliseconds] }) => milliseconds);
  const { socket, frame } = server.peers[0];
  frame('c[3000,"Go away! (retry after 150 ms)"]');
  await until(() => armed().includes(150));
  await until(() => dragon.isReady);

  socket.close();
  server.peers[1].socket.close(1001, "Going away (retry after 151 ms)");
  await until(() => armed().includes(151));
  await until(() => dragon.isReady);

  // A number that nobody means, and texts that only look like one.
  server.peers[2].frame('c[3000,"Go away! (retry after 99999999999999999999 ms)"]');
  await until(() => !dragon.isReady);
  happen("pageshow");
  await until(() => dragon.isReady);
  for (const reason of ["(retry after -5 ms)", "(retry after 152 ms) or so", 152, ["(retry after 152 ms)"], null]) {
    const peers = server.peers.length;
    server.peers[peers - 1].frame("c" + JSON.stringify([3000, reason]));
    await until(() => server.peers.length > peers && dragon.isReady);
  }
  assert.ok(armed().every((milliseconds) => milliseconds <= 40_000));
});
