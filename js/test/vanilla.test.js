import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { VanillaDragon } from "swampdragon/vanilla";
import { WebSocket } from "ws";
import { reply, startServer, until } from "./server.js";

let server;
let dragon;

/** Says back what it was called with, in the state that the route names. */
const echo = (to, call) => call.route !== "silence" && to.say(reply(call, call.args ?? null, call.route));

async function connect(options) {
  dragon = new VanillaDragon({ WebSocket, reconnectDelayMs: 1, host: server.url, ...options });
  await until(() => dragon.isReady);
}

/** What `success` or `failure` was called with. */
const outcome = (call) =>
  new Promise((done) => call((context, data) => done(["success", context, data]), (context, data) => done(["failure", context, data])));

beforeEach(async () => {
  server = await startServer({ onMessage: echo });
});

afterEach(async () => {
  dragon?.disconnect();
  dragon = undefined;
  delete globalThis.swampdragon_host;
  delete globalThis.swampdragon_settings;
  await server.stop();
});

describe("where VanillaDragon connects", () => {
  test("is what the page's globals say", async () => {
    globalThis.swampdragon_host = server.url;
    globalThis.swampdragon_settings = { endpoint: "/live" };
    await connect({ host: undefined });
    assert.match(server.peers[0].path, /^\/live\//);
  });

  test("is what its options say, when they do", async () => {
    globalThis.swampdragon_host = "http://127.0.0.1:1";
    await connect({ endpoint: "mine" });
    assert.match(server.peers[0].path, /^\/mine\//);
  });

  test("is an error when nothing says it", () => {
    assert.throws(() => new VanillaDragon({ WebSocket }), { name: "TypeError", message: /connect needs a URL/ });
    assert.throws(() => new VanillaDragon("http://127.0.0.1"), { name: "TypeError", message: /options must be an object/ });
    assert.throws(() => new VanillaDragon({ host: 5 }), { name: "TypeError", message: /host must be a string/ });
    globalThis.swampdragon_settings = { endpoint: 5 };
    assert.throws(() => new VanillaDragon({ host: "http://127.0.0.1" }), { name: "TypeError", message: /endpoint must be a string/ });
  });
});

describe("VanillaDragon's calls", () => {
  test("go over the package's own object", async () => {
    await connect();
    assert.ok(dragon.swampDragon instanceof SwampDragon);
    dragon.session = "0f8fad5bd9cb469fa16570867728950e";
    assert.equal(dragon.swampDragon.session, dragon.session);
  });

  test("answer success with context and data", async () => {
    await connect();
    const [which, context, data] = await outcome((...callbacks) => dragon.getList("success", { a: 1 }, ...callbacks));
    assert.deepEqual([which, context.verb, data], ["success", "get_list", { a: 1 }]);
  });

  for (const state of ["error", "login_required", "state_of_its_own"]) {
    test(`answer failure in the state ${state}`, async () => {
      await connect();
      const [which, context, data] = await outcome((...callbacks) => dragon.getSingle(state, { a: 1 }, ...callbacks));
      assert.deepEqual([which, context.state, data], ["failure", state, { a: 1 }]);
    });
  }

  test("answer failure when the connection is lost", async () => {
    await connect();
    const lost = outcome((...callbacks) => dragon.getList("silence", {}, ...callbacks));
    await until(() => server.peers[0].heard.length);
    server.peers[0].socket.terminate();
    const [which, context, data] = await lost;
    assert.deepEqual([which, context.code, data], ["failure", "connection_lost", null]);
  });

  test("answer at once, before the message behind", async () => {
    const order = [];
    await connect({ onmessage: () => order.push("onmessage") });
    dragon.getList("success", {}, () => order.push("success"));
    await until(() => order.length === 2);
    assert.deepEqual(order, ["success", "onmessage"]);
  });

  test("answer a call once, whatever the server repeats", async () => {
    await connect();
    let answers = 0;
    dragon.getList("silence", {}, () => answers++);
    await until(() => server.peers[0].heard.length);
    const [call] = server.peers[0].heard;
    server.peers[0].say(reply(call, 1));
    server.peers[0].say(reply(call, 1));
    await dragon.getList("success");
    assert.equal(answers, 1);
  });

  test("return a promise when there is no callback, and nothing when there is one", async () => {
    await connect();
    assert.deepEqual((await dragon.create("success", { a: 1 })).data, { a: 1 });
    await assert.rejects(dragon.create("error", { a: 1 }), { state: "error", data: { a: 1 } });
    assert.equal(dragon.create("success", {}, undefined, () => {}), undefined);
  });

  test("each send their verb, with the channel before the arguments", async () => {
    await connect();
    const data = Object.freeze({ a: 1 });
    const nothing = () => {};
    dragon.getSingle("r", data, nothing);
    dragon.getList("r", data, nothing);
    dragon.getPagedList("r", data, 3, nothing);
    dragon.getPagedList("r", undefined, undefined, nothing);
    dragon.create("r", data, nothing);
    dragon.update("r", data, nothing);
    dragon.delete("r", data, nothing);
    dragon.subscribe("r", "front", data, nothing);
    dragon.unsubscribe("r", "front", undefined, nothing);
    dragon.callRouter("own", "r", data, nothing, nothing, "back");
    const { heard } = server.peers[0];
    await until(() => heard.length === 10);
    assert.deepEqual(
      heard.map(({ verb, args }) => [verb, args]),
      [
        ["get_single", { a: 1 }],
        ["get_list", { a: 1 }],
        ["get_list", { a: 1, _page: 3 }],
        ["get_list", { _page: 1 }],
        ["create", { a: 1 }],
        ["update", { a: 1 }],
        ["delete", { a: 1 }],
        ["subscribe", { a: 1, channel: "front" }],
        ["unsubscribe", { channel: "front" }],
        ["own", { a: 1, channel: "back" }],
      ],
    );
  });

  test("throw a TypeError for what cannot be meant", async () => {
    await connect();
    const wrong = [
      () => dragon.getList(undefined, {}),
      () => dragon.getList("news", "front"),
      () => dragon.callRouter("", "news"),
      () => dragon.getList("news", {}, "listed"),
      () => dragon.getList("news", {}, null, {}),
      () => dragon.subscribe("news", { a: 1 }, "front"),
    ];
    for (const call of wrong) {
      assert.throws(call, TypeError, String(call));
    }
    const circular = {};
    circular.self = circular;
    assert.throws(() => dragon.getList("news", circular, () => {}), TypeError);
    assert.deepEqual(server.peers[0].heard, []);
  });
});

describe("VanillaDragon's options", () => {
  test("reach the object behind it, and none replaces another", async () => {
    const events = [];
    await connect({ onloginrequired: () => events.push("login"), onclose: () => events.push("close") });
    dragon.getList("login_required");
    await until(() => events.length);
    dragon.disconnect();
    assert.deepEqual(events, ["login", "close"]);
  });
});
