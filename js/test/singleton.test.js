import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { WebSocket } from "ws";
import { reply, startServer, until } from "./server.js";

let server;
let swampdragon;
let copies = 0;

const answer = (to, call) => call.route && to.say(reply(call, call.args, call.route));

beforeEach(async () => {
  server = await startServer({ onMessage: answer });
  // A query makes it another module, with a singleton of its own.
  ({ swampdragon } = await import(`../dist/singleton.js?${copies++}`));
});

afterEach(async () => {
  swampdragon.swampDragon.disconnect();
  delete globalThis.swampdragon_host;
  delete globalThis.swampdragon_settings;
  await server.stop();
});

async function connect(options) {
  swampdragon.configure({ WebSocket, reconnectDelayMs: 1, host: server.url, ...options });
  await new Promise((done) => swampdragon.ready(done));
}

describe("the singleton connects", () => {
  test("at its first use, to where the page's globals say", async () => {
    globalThis.swampdragon_host = server.url;
    globalThis.swampdragon_settings = { endpoint: "/live" };
    globalThis.WebSocket ??= WebSocket;
    await new Promise((done) => swampdragon.ready(done));
    assert.match(server.peers[0].path, /^\/live\//);
  });

  test("to where configure says, which comes before everything else", async () => {
    await connect({ endpoint: "mine" });
    assert.match(server.peers[0].path, /^\/mine\//);
    assert.throws(() => swampdragon.configure({}), /must come before everything else/);
  });

  test("at a later use, when an earlier one came without a host", async () => {
    assert.throws(() => swampdragon.getList("success"), { name: "TypeError", message: /connect needs a URL/ });
    await connect();
  });

  test("again, when the first attempt fails", async () => {
    const { url } = server;
    await server.stop();
    swampdragon.configure({ WebSocket, reconnectDelayMs: 1, host: url });
    const closed = [];
    swampdragon.close((event) => closed.push(event));
    await until(() => closed.length);
    assert.equal(closed[0].reconnecting, true);
    // Many attempts later it is still the same outage.
    await new Promise((done) => setTimeout(done, 50));
    assert.equal(closed.length, 1);
    server = await startServer();
  });

  test("not again, when the server refuses for good", async () => {
    await connect();
    const closed = [];
    swampdragon.close((event) => closed.push(event));
    server.peers[0].frame('c[4000,"Invalid origin"]');
    await until(() => closed.length);
    assert.deepEqual([closed[0].code, closed[0].reconnecting], [4000, false]);
    await new Promise((done) => setTimeout(done, 30));
    assert.equal(server.peers.length, 1);
  });
});

describe("the singleton calls back", () => {
  test("open at each opening, ready once, close at each loss", async () => {
    const events = [];
    swampdragon.configure({ WebSocket, reconnectDelayMs: 1, host: server.url, onopen: () => events.push("onopen") });
    swampdragon.open(() => events.push("open"));
    swampdragon.ready(() => events.push("ready"));
    swampdragon.close(() => events.push("close"));
    await until(() => events.length === 3);
    server.peers[0].socket.terminate();
    await until(() => events.length === 6);
    assert.deepEqual(events, ["onopen", "open", "ready", "close", "onopen", "open"]);
  });

  test("at once when the connection is open", async () => {
    await connect();
    const events = [];
    swampdragon.open(() => events.push("open"));
    swampdragon.ready(() => events.push("ready"));
    assert.deepEqual(events, ["open", "ready"]);
  });

  test("with heartbeats, answered in the words of SwampDragon 0.4", async () => {
    await connect();
    let heartbeats = 0;
    swampdragon.onHeartbeat(() => heartbeats++);
    swampdragon.session = "0f8fad5bd9cb469fa16570867728950e";
    server.peers[0].frame('a[{"heartbeat":"1"}]');
    await until(() => heartbeats && server.peers[0].heard.length);
    assert.deepEqual(server.peers[0].heard, [{ heartbeat: "1" }]);
  });

  test("with publications, until it is stopped", async () => {
    await connect();
    const heard = [];
    const stop = swampdragon.onChannelMessage((...args) => heard.push(args));
    server.peers[0].say({ data: 1, action: "created", channel: "news" });
    await until(() => heard.length);
    assert.deepEqual(heard, [[[], { data: 1, action: "created" }]]);
    stop();
    server.peers[0].say({ data: 2, action: "created", channel: "news" });
    await swampdragon.getList("success");
    assert.equal(heard.length, 1);
  });

  test("when a login is required, and the call's failure, too", async () => {
    await connect();
    const events = [];
    swampdragon.onLoginRequired(() => events.push("login"));
    swampdragon.getList("login_required", {}, () => events.push("success"), () => events.push("failure"));
    await until(() => events.length === 2);
    assert.deepEqual(events, ["login", "failure"]);
  });

  test("all of them, though one throws", async (t) => {
    const reported = t.mock.method(console, "error", () => {});
    await connect({
      onheartbeat() {
        throw new Error("page's fault");
      },
    });
    let heard = false;
    swampdragon.onHeartbeat(() => {
      throw new Error("another");
    });
    swampdragon.onHeartbeat(() => (heard = true));
    server.peers[0].say({ heartbeat: "tick" });
    await until(() => heard);
    assert.equal(reported.mock.callCount(), 2);
  });
});

describe("the singleton sends", () => {
  test("texts and objects of the page's own", async () => {
    await connect();
    swampdragon.send('{"own":1}');
    swampdragon.sendJSON({ own: 2 });
    await until(() => server.peers[0].heard.length === 2);
    assert.deepEqual(server.peers[0].heard, [{ own: 1 }, { own: 2 }]);
  });

  test("calls with success and failure, and waits with them for the connection", async () => {
    swampdragon.configure({ WebSocket, host: server.url });
    const data = await new Promise((done) => swampdragon.getPagedList("success", { a: 1 }, 2, (_, data) => done(data)));
    assert.deepEqual(data, { a: 1, _page: 2 });
    assert.equal(server.peers[0].heard[0].callbackname, "cb_0");
  });

  test("throws a TypeError for what cannot be meant", async () => {
    await connect();
    for (const name of ["open", "close", "ready", "onChannelMessage", "onHeartbeat", "onLoginRequired"]) {
      assert.throws(() => swampdragon[name]("function"), { name: "TypeError", message: /callback must be a function/ });
    }
    assert.throws(() => swampdragon.send({ own: 1 }), { name: "TypeError", message: /send needs a string/ });
    assert.throws(() => swampdragon.subscribe("news", { a: 1 }), { name: "TypeError", message: /channel/ });
  });
});
