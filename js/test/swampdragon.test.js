import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { reply, startServer, until } from "./server.js";

const KEY = "0f8fad5bd9cb469fa16570867728950e";

let server;
let dragons;

/** An object connected to a server that answers calls with `answer`, and what its callbacks were called with. */
async function connect({ answer = () => {}, options = {}, sockjs = true } = {}) {
  server = await startServer({ onMessage: answer, sockjs });
  const events = [];
  const record = (name) =>
    function (...args) {
      events.push([name, ...args]);
      return options[name]?.apply(this, args);
    };
  const names = ["onopen", "onclose", "onmessage", "onchannelmessage", "onloginrequired", "onheartbeat", "onsession", "onsessionexpired"];
  const dragon = new SwampDragon({
    WebSocket,
    reconnectDelayMs: 1,
    raw: !sockjs,
    ...options,
    ...Object.fromEntries(names.map((name) => [name, record(name)])),
  });
  dragons.push(dragon);
  dragon.connect(server.url, "data");
  await until(() => dragon.isReady);
  return { dragon, events, peer: server.peers[0], named: (name) => events.filter(([known]) => known === name) };
}

beforeEach(() => {
  dragons = [];
});

afterEach(async () => {
  for (const dragon of dragons) {
    dragon.disconnect();
  }
  await server?.stop();
  server = undefined;
});

describe("calls", () => {
  test("connects to a SockJS session at the channel", async () => {
    const { peer } = await connect();
    assert.match(peer.path, /^\/data\/\d{3}\/\d{4,40}\/websocket$/);
  });

  test("a call without a callback name resolves to data and context", async () => {
    const { dragon, peer } = await connect({ answer: (to, call) => to.say(reply(call, call.args.number + 1)) });
    const { data, context } = await dragon.callRouter("add_one", "demo", { number: 41 });
    assert.equal(data, 42);
    assert.equal(context.state, "success");
    assert.deepEqual(Object.keys(peer.heard[0]), ["route", "verb", "args", "callbackname"]);
  });

  // SwampDragon 0.3.0 ends the connection over both, so none of them is ever sent.
  test("a call never has null for its arguments, nor an apostrophe in its text", async () => {
    const { dragon, peer } = await connect({ answer: (to, call) => to.say(reply(call, call.args ?? null)) });
    await dragon.callRouter("list", "demo", null);
    assert.deepEqual(Object.keys(peer.heard[0]), ["route", "verb", "callbackname"]);
    const { data } = await dragon.callRouter("echo", "demo", { text: "it's" });
    assert.ok(!peer.texts[1].includes("'"), peer.texts[1]);
    assert.deepEqual(data, { text: "it's" });
  });

  test("a refused call rejects with state and data", async () => {
    const { dragon } = await connect({ answer: (to, call) => to.say(reply(call, { name: ["too long"] }, "error")) });
    await assert.rejects(dragon.create_object("demo", {}), (error) => {
      assert.ok(error instanceof Error);
      assert.equal(error.state, "error");
      assert.deepEqual(error.data, { name: ["too long"] });
      return true;
    });
  });

  test("a named call answers its listeners with context and data, then onmessage", async () => {
    const order = [];
    const { dragon } = await connect({
      answer: (to, call) => to.say(reply(call, [1])),
      options: { onmessage: () => order.push("onmessage") },
    });
    const answer = new Promise((done) => {
      dragon.on("listed", function (context, data) {
        order.push("listener");
        assert.equal(this, dragon);
        done([context, data]);
      });
    });
    assert.equal(dragon.get_list("demo", {}, "listed"), undefined);
    const [context, data] = await answer;
    assert.deepEqual(data, [1]);
    assert.equal(context.client_callback_name, "listed");
    await until(() => order.length === 2);
    assert.deepEqual(order, ["listener", "onmessage"]);
  });

  test("each shorthand sends its verb", async () => {
    const { dragon, peer } = await connect();
    dragon.get_single("r", {}, "n");
    dragon.get_list("r", {}, "n");
    dragon.create_object("r", {}, "n");
    dragon.update_object("r", {}, "n");
    dragon.delete_object("r", {}, "n");
    dragon.subscribe("r", {}, "n", "c");
    dragon.unsubscribe("r", {}, "n", "c");
    await until(() => peer.heard.length === 7);
    assert.deepEqual(
      peer.heard.map(({ verb }) => verb),
      ["get_single", "get_list", "create", "update", "delete", "subscribe", "unsubscribe"],
    );
    assert.deepEqual(peer.heard[5].args, { channel: "c" });
  });

  test("the page's own arguments are left as they are", async () => {
    const { dragon, peer } = await connect();
    const args = Object.freeze({ id: 1, $$hashKey: "x", _type: "y" });
    dragon.subscribe("r", args, "n", "c");
    await until(() => peer.heard.length);
    assert.deepEqual(peer.heard[0].args, { id: 1, channel: "c" });
  });

  test("login_required calls onloginrequired and rejects", async () => {
    const { dragon, named } = await connect({ answer: (to, call) => to.say(reply(call, null, "login_required")) });
    await assert.rejects(dragon.get_list("secret"), { state: "login_required", data: null });
    assert.equal(named("onloginrequired").length, 1);
  });

  test("a lost connection rejects what waits for a reply, and comes back", async () => {
    const { dragon, peer, named } = await connect();
    const lost = dragon.get_list("demo");
    await until(() => peer.heard.length);
    peer.socket.terminate();
    await assert.rejects(lost, { code: "connection_lost", state: "error", data: null });
    await until(() => server.peers.length === 2 && dragon.isReady);
    assert.equal(named("onclose")[0][1].code, 1006);
    assert.equal(named("onclose")[0][1].reconnecting, true);
  });

  test("a call before connect is rejected, one while connecting waits", async () => {
    server = await startServer({ onMessage: (to, call) => to.say(reply(call, "late")) });
    const dragon = new SwampDragon({ WebSocket });
    dragons.push(dragon);
    await assert.rejects(dragon.get_list("demo"), { code: "not_connected" });
    dragon.connect(server.url);
    assert.equal((await dragon.get_list("demo")).data, "late");
  });
});

describe("callbacks that throw", () => {
  test("are reported and break nothing", async (t) => {
    const reported = t.mock.method(console, "error", () => {});
    const { dragon, peer } = await connect({
      answer: (to, call) => to.say(reply(call, 1)),
      options: {
        onmessage() {
          throw new Error("page's fault");
        },
      },
    });
    dragon.on("n", () => {
      throw new Error("another");
    });
    dragon.get_list("demo", {}, "n");
    assert.equal((await dragon.get_list("demo")).data, 1);
    peer.frame("a[]");
    assert.ok(dragon.isReady);
    assert.ok(reported.mock.callCount() >= 2);
  });
});

describe("heartbeats", () => {
  test("are answered with the key before onheartbeat, which onmessage follows", async () => {
    const order = [];
    class Recorder extends WebSocket {
      send(text) {
        order.push(text);
        super.send(text);
      }
    }
    const { dragon, peer } = await connect({
      options: {
        WebSocket: Recorder,
        onheartbeat(...args) {
          assert.equal(args.length, 0);
          assert.equal(this, dragon.settings);
          order.push("onheartbeat");
        },
        onmessage: ({ data }) => order.push(data),
      },
    });
    dragon.session = KEY;
    peer.say({ heartbeat: "tick" });
    await until(() => order.length === 3);
    assert.deepEqual(JSON.parse(JSON.parse(order[0])[0]), { heartbeat: "tick", session: KEY });
    assert.deepEqual(order.slice(1), ["onheartbeat", { heartbeat: "tick" }]);
  });

  test("ask for an acknowledgement only when the server offers it", async () => {
    const { dragon, peer, named } = await connect({
      answer: (to, message) => message.ack && to.say({ session: message.session, state: "expired" }),
    });
    dragon.session = KEY;
    peer.say({ heartbeat: "tick", ack: true });
    await until(() => named("onsessionexpired").length);
    assert.deepEqual(peer.heard, [{ heartbeat: "tick", session: KEY, ack: true }]);
    assert.equal(named("onsession")[0][1].state, "expired");
  });

  test("without a key only tell the page", async () => {
    const { peer, named } = await connect();
    peer.say({ heartbeat: "tick" });
    await until(() => named("onheartbeat").length);
    assert.deepEqual(peer.heard, []);
  });

  test("of SwampDragon 0.4 are echoed, though they come as objects", async () => {
    const { dragon, peer, named } = await connect();
    dragon.session = KEY;
    peer.frame('a[{"heartbeat":"1"}]');
    await until(() => peer.heard.length && named("onheartbeat").length);
    assert.deepEqual(peer.heard, [{ heartbeat: "1" }]);
  });

  test("travel on the raw endpoint, too", async () => {
    const { dragon, peer } = await connect({ sockjs: false });
    assert.equal(peer.path, "/data/websocket");
    dragon.session = KEY;
    peer.say({ heartbeat: "tick" });
    await until(() => peer.heard.length);
    assert.deepEqual(peer.heard, [{ heartbeat: "tick", session: KEY }]);
  });
});

describe("channels", () => {
  const answer = (to, call) => {
    if (call.verb === "subscribe") {
      const channel_data = { local_channel: call.args.channel, remote_channels: ["news|id:1"] };
      to.say({ ...reply(call, "subscribed"), channel_data });
    }
  };

  test("publications come with the local names", async () => {
    const { dragon, peer, named } = await connect({ answer });
    await dragon.subscribe("news", {}, null, "front");
    await dragon.subscribe("news", {}, null, "back");
    peer.say({ data: { id: 1 }, action: "created", channel: "news|id:1" });
    peer.say({ data: { id: 2 }, action: "created", channel: "elsewhere" });
    await until(() => named("onchannelmessage").length === 2);
    assert.deepEqual(named("onchannelmessage"), [
      ["onchannelmessage", ["front", "back"], { data: { id: 1 }, action: "created" }],
      ["onchannelmessage", [], { data: { id: 2 }, action: "created" }],
    ]);
  });

  test("are subscribed again after a reconnect, once", async () => {
    const { dragon, peer, named } = await connect({
      answer,
      options: {
        onopen() {
          dragons[0].subscribe("news", {}, "subscribed", "front");
        },
      },
    });
    await dragon.subscribe("news", { id: 2 }, null, "other");
    peer.socket.terminate();
    await until(() => server.peers[1]?.heard.length === 2);
    server.peers[1].say({ data: 1, channel: "news|id:1" });
    await until(() => named("onchannelmessage").length);
    assert.deepEqual(named("onchannelmessage")[0][1], ["front", "other"]);
    assert.equal(server.peers[1].heard.length, 2);
  });
});

describe("closing", () => {
  test("by disconnect is final", async () => {
    const { dragon, named } = await connect();
    dragon.disconnect();
    assert.equal(dragon.isReady, false);
    const [, event] = named("onclose")[0];
    assert.deepEqual([event.code, event.reconnecting], [1000, false]);
  });

  test("with 3001 is final, too", async () => {
    const { peer, named } = await connect();
    peer.frame('c[3001,"Connection aborted"]');
    await until(() => named("onclose").length);
    const [, event] = named("onclose")[0];
    assert.deepEqual([event.code, event.reason, event.reconnecting], [3001, "Connection aborted", false]);
  });

  test("with 3000 is followed by another connection", async () => {
    const { peer } = await connect();
    peer.frame('c[3000,"Go away!"]');
    await until(() => server.peers.length === 2);
  });
});

describe("what a server must not do", () => {
  test("breaks nothing", async () => {
    const { dragon, peer } = await connect({ answer: (to, call) => to.say(reply(call, 1)) });
    for (const frame of ["", "x", "a", "a{}", "a[null]", "a[1,true,[]]", 'a["not json"]', "m", "c", 'a["null"]', "a5", "anull", "cnull", 'a{"length":4294967295}',
      'a[{"context":5}]', 'a[{"context":{}}]', 'a[{"channel":null,"heartbeat":"boom"}]', 'a[{"context":{"state":"success"},"channel_data":{"local_channel":1,"remote_channels":{"length":5}}}]']) {
      peer.frame(frame);
    }
    peer.socket.send(Buffer.from([1, 2, 3]));
    // `c` without a body and `m` are dropped, so this very connection still works.
    assert.equal((await dragon.get_list("demo")).data, 1);
    assert.equal(server.peers.length, 1);
  });
});

describe("options", () => {
  test("that no timer could keep throw a TypeError that names them", () => {
    for (const value of [-1, Infinity, NaN, 2 ** 31, "soon"]) {
      assert.throws(() => new SwampDragon({ connectTimeoutMs: value }), { name: "TypeError", message: /connectTimeoutMs/ });
    }
  });
});

describe("addresses", () => {
  test("that are none throw a TypeError", () => {
    const dragon = new SwampDragon({ WebSocket });
    for (const url of ["not a url", "ftp://example.com", "", "http://"]) {
      assert.throws(() => dragon.connect(url), { name: "TypeError", message: /connect needs a URL/ }, url);
    }
    assert.throws(() => dragon.connect(), { name: "TypeError" });
  });

  test("without a WebSocket class say what to do", { skip: "WebSocket" in globalThis }, () => {
    const dragon = new SwampDragon({ transports: ["websocket"] });
    assert.throws(() => dragon.connect("http://127.0.0.1:1"), /Pass one: new SwampDragon\(\{ WebSocket \}\)/);
  });

  test("of nobody do not throw", async () => {
    const closed = [];
    const dragon = new SwampDragon({ WebSocket, onclose: (event) => closed.push(event) });
    dragon.connect("http://127.0.0.1:1");
    await until(() => closed.length);
    dragon.disconnect();
    assert.equal(closed[0].code, 1006);
  });
});
