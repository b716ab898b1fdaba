import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { closePage, openPage } from "./page.js";
import { reply, startServer, until } from "./server.js";

let server;
let dragon;
/** What the page heard, in order. */
let heard;

beforeEach(async () => {
  heard = [];
  server = await startServer({ onMessage: (peer, call) => peer.say(reply(call, call.args)) });
  dragon = new SwampDragon({
    WebSocket,
    storage: "memory",
    // So long that nothing here waits for it.
    reconnectDelayMs: 60_000,
    reconnectDelayMaxMs: 60_000,
    onopen: () => heard.push("open"),
    onclose: ({ code, reconnecting }) => heard.push(`close ${code} ${reconnecting}`),
  });
});

afterEach(async () => {
  dragon.disconnect();
  await server.stop();
});

async function connected() {
  dragon.connect(server.url);
  await until(() => dragon.isReady);
}

test("the connection is made anew at once, with the calls and subscriptions that wait for it", async () => {
  await connected();
  await dragon.subscribe("news", {}, null, "front");
  dragon.rebind();
  assert.equal(dragon.isReady, false);
  assert.deepEqual(await dragon.callRouter("echo", "demo", { number: 1 }).then(({ data }) => data), { number: 1 });
  assert.deepEqual(heard, ["open", "close 1000 true", "open"]);
  await until(() => server.peers[1].heard.length === 2);
  assert.deepEqual(server.peers[1].heard.map(({ verb }) => verb), ["echo", "subscribe"]);
  await until(() => server.peers[0].socket.readyState === WebSocket.CLOSED);
});

test("a page that waits for its next attempt makes it now", async () => {
  await connected();
  server.peers[0].socket.terminate();
  await until(() => heard.includes("close 1006 true"));
  dragon.rebind();
  await until(() => dragon.isReady);
  assert.deepEqual(heard, ["open", "close 1006 true", "open"]);
});

test("an attempt on its way is begun anew, and onclose may rebind once more", async () => {
  dragon.connect(server.url);
  dragon.settings.onclose = () => {
    dragon.settings.onclose = undefined;
    dragon.rebind();
  };
  dragon.rebind();
  await until(() => dragon.isReady);
  assert.equal(heard.at(-1), "open");
});

test("a page that is put away connects when it is back", async (t) => {
  const happen = openPage();
  t.after(closePage);
  await connected();
  happen("pagehide");
  dragon.rebind();
  assert.equal(dragon.isReady, false);
  happen("pageshow");
  await until(() => dragon.isReady);
  assert.equal(server.peers.length, 2);
});

test("a page that is not connected, or not any more, stays so", async () => {
  dragon.rebind();
  await connected();
  dragon.disconnect();
  dragon.rebind();
  await assert.rejects(dragon.callRouter("echo", "demo"), { code: "not_connected" });
  assert.equal(server.peers.length, 1);
});
