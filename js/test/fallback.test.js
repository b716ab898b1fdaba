import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { startPolledServer } from "./polled-server.js";
import { reply, startServer, until } from "./server.js";

const KEY = "0f8fad5bd9cb469fa16570867728950e";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let server;
let dragon;

/** A browser that has no WebSocket. */
class Blocked {
  constructor() {
    throw new Error("blocked");
  }
}

function connect(options) {
  const closed = [];
  dragon = new SwampDragon({ WebSocket: Blocked, reconnectDelayMs: 1, onclose: (event) => closed.push(event), ...options });
  dragon.connect(server.url);
  return closed;
}

afterEach(async () => {
  dragon?.disconnect();
  dragon = undefined;
  await server?.stop();
  server = undefined;
});

for (const transport of ["xhr-streaming", "xhr-polling"]) {
  describe(transport, () => {
    const transports = ["websocket", transport];
    const receive = transport === "xhr-polling" ? "xhr" : "xhr_streaming";

    test("answers heartbeats and carries calls", async () => {
      server = await startPolledServer({ onMessage: (to, call) => call.verb && to.say(reply(call, call.args.number + 1)) });
      connect({ transports });
      dragon.session = KEY;
      await until(() => dragon.isReady);
      server.sessions[0].say({ heartbeat: "tick" });
      await until(() => server.sessions[0].heard.length);
      assert.deepEqual(server.sessions[0].heard, [{ heartbeat: "tick", session: KEY }]);
      assert.equal((await dragon.callRouter("add_one", "demo", { number: 41 })).data, 42);
      assert.equal(server.requests[0].what, "info");
      assert.equal(server.requests[1].what, receive);
      assert.match(server.requests[1].path, /^\/data\/\d{3}\/\d{4,40}\/\w+$/);
    });

    test("keeps messages in their order, one request at a time", async () => {
      let now = 0;
      let most = 0;
      server = await startPolledServer({
        answer(what, response) {
          if (what === "xhr_send") {
            most = Math.max(most, ++now);
            response.on("finish", () => (now -= 1));
          }
        },
      });
      connect({ transports });
      await until(() => dragon.isReady);
      const numbers = Array.from({ length: 200 }, (_, number) => number);
      const filling = "x".repeat(1000);
      for (const number of numbers) {
        dragon.sendJSON({ number, filling });
      }
      await until(() => server.sessions[0].heard.length === 200);
      assert.deepEqual(server.sessions[0].heard.map(({ number }) => number), numbers);
      assert.equal(most, 1);
      // Some 16 KB each, and no request that a browser would ask the server about first.
      const sends = server.requests.filter(({ what }) => what === "xhr_send");
      assert.ok(sends.length > 10 && sends.length < 30, `${sends.length} requests`);
      assert.match(sends[0].headers["content-type"], /^text\/plain/);
    });

    test("goes on in the next response when one ends", async () => {
      const said = [];
      server = await startPolledServer();
      const closed = connect({ transports, onmessage: ({ data }) => said.push(data) });
      await until(() => dragon.isReady);
      const [session] = server.sessions;
      for (let number = 0; number < 5; number += 1) {
        session.say(number);
        await until(() => said.length === number + 1);
        if (receive === "xhr_streaming") {
          session.endResponse();
        }
      }
      await until(() => server.count(receive) >= 6);
      assert.deepEqual(said, [0, 1, 2, 3, 4]);
      assert.deepEqual([server.sessions.length, closed.length], [1, 0]);
    });

    test("sends what the page has said before it leaves, and leaves nothing behind", async () => {
      server = await startPolledServer();
      connect({ transports });
      await until(() => dragon.isReady);
      dragon.send('"first"');
      dragon.send('"last"');
      dragon.disconnect();
      await until(() => server.sessions[0].abandoned);
      assert.deepEqual(server.sessions[0].heard, ["first", "last"]);
      const before = server.requests.length;
      await pause(50);
      assert.equal(server.requests.length, before);
    });

    test("obeys a server that closes", async () => {
      server = await startPolledServer();
      const closed = connect({ transports });
      await until(() => dragon.isReady);
      server.sessions[0].frame('c[3001,"Connection aborted"]');
      await until(() => closed.length);
      assert.deepEqual([closed[0].code, closed[0].reason, closed[0].reconnecting], [3001, "Connection aborted", false]);
    });

    for (const [status, code] of [[404, 1006], [500, 1006], [413, 1009]]) {
      test(`takes ${status} for a message as the end, fails the call, and comes back`, async () => {
        let refusing = true;
        server = await startPolledServer({
          onMessage: (to, call) => to.say(reply(call, "late")),
          answer(what, response) {
            if (what === "xhr_send" && refusing) {
              response.writeHead(status).end();
              return true;
            }
          },
        });
        const closed = connect({ transports });
        await until(() => dragon.isReady);
        await assert.rejects(dragon.get_list("demo"), { code: "connection_lost" });
        assert.deepEqual([closed[0].code, closed[0].reconnecting], [code, true]);
        refusing = false;
        await until(() => dragon.isReady);
        assert.equal((await dragon.get_list("demo")).data, "late");
        assert.equal(server.sessions.length, 2);
        await until(() => server.sessions[0].abandoned || receive === "xhr");
      });
    }

    test("does not ask without a pause what is no SockJS server", async () => {
      server = await startPolledServer({
        answer(what, response) {
          if (what === receive) {
            response.end("<!doctype html>\n<p>Please log in to our network.\nhh\n");
            return true;
          }
        },
      });
      const closed = connect({ transports: [transport], reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 });
      await until(() => closed.length);
      await pause(50);
      assert.equal(server.count(receive), 1);
    });

    test("ends a frame that has no end", async () => {
      server = await startPolledServer();
      connect({ transports });
      await until(() => dragon.isReady && (receive === "xhr_streaming" || server.count("xhr") === 2));
      server.sessions[0].write("a" + " ".repeat(2 ** 24 + 1));
      await until(() => !dragon.isReady || server.sessions.length === 2);
    });
  });
}

describe("the choice", () => {
  test("a WebSocket that opens asks nothing", async () => {
    server = await startServer();
    const asked = [];
    const { fetch } = globalThis;
    globalThis.fetch = (...args) => asked.push(args) && fetch(...args);
    connect({ WebSocket });
    await until(() => dragon.isReady);
    globalThis.fetch = fetch;
    assert.deepEqual(asked, []);
  });

  test("a server that refuses WebSockets and says so is not asked for one twice", async () => {
    let tries = 0;
    class Counted extends WebSocket {
      constructor(url) {
        super(url);
        tries += 1;
      }
    }
    server = await startPolledServer();
    connect({ WebSocket: Counted });
    await until(() => dragon.isReady);
    assert.equal(tries, 1);
    assert.deepEqual(server.requests.map(({ what }) => what), ["websocket", "info", "xhr_streaming"]);
  });

  test("a WebSocket that never opens is given up, tried once more, and replaced", async () => {
    let tries = 0;
    let closed = 0;
    class Silent {
      constructor() {
        tries += 1;
      }
      close() {
        closed += 1;
      }
    }
    server = await startPolledServer({ info: { websocket: true } });
    connect({ WebSocket: Silent, connectTimeoutMs: 100 });
    await until(() => dragon.isReady);
    assert.deepEqual([tries, closed], [2, 2]);
    assert.deepEqual(server.requests.map(({ what }) => what), ["info", "xhr_streaming"]);
  });

  test("a network that holds streams back gets polls", async () => {
    server = await startPolledServer({ answer: (what) => what === "xhr_streaming" });
    connect({ connectTimeoutMs: 200 });
    await until(() => dragon.isReady);
    assert.deepEqual(server.requests.map(({ what }) => what).slice(0, 3), ["info", "xhr_streaming", "xhr"]);
  });

  test("what worked is remembered, by the page and where the session key is kept", async () => {
    const values = new Map();
    Object.defineProperty(globalThis, "sessionStorage", {
      configurable: true,
      value: {
        getItem: (name) => values.get(name) ?? null,
        setItem: (name, value) => values.set(name, String(value)),
        removeItem: (name) => values.delete(name),
      },
    });
    try {
      server = await startPolledServer();
      for (const storage of ["memory", "session"]) {
        connect({ storage });
        await until(() => dragon.isReady);
        dragon.connect(server.url);
        await until(() => dragon.isReady);
        dragon.disconnect();
      }
      assert.equal(server.count("info"), 2);
      const place = `swampdragon.transport ${server.url.replace("http", "ws")}/data`;
      assert.deepEqual([...values.keys()], [place]);
      // Another page of the tab.
      connect({ storage: "session" });
      await until(() => dragon.isReady);
      assert.equal(server.count("info"), 2);
      dragon.disconnect();
      values.set(place, "nonsense");
      connect({ storage: "session" });
      await until(() => dragon.isReady);
      assert.equal(server.count("info"), 3);
    } finally {
      delete globalThis.sessionStorage;
    }
  });

  test("a server that is not there costs one question for each attempt", async () => {
    server = await startPolledServer({
      answer(what, response) {
        response.writeHead(502).end("Bad gateway");
        return true;
      },
    });
    const closed = connect();
    await until(() => closed.length >= 3);
    dragon.disconnect();
    assert.deepEqual([...new Set(server.requests.map(({ what }) => what))], ["info"]);
    assert.ok(server.count("info") <= closed.length);
    assert.equal(closed[0].code, 1006);
  });

  test("only allowed transports are tried, and a raw endpoint has one", async () => {
    server = await startPolledServer();
    for (const options of [{ transports: ["websocket"] }, { raw: true }]) {
      const closed = connect(options);
      await until(() => closed.length >= 2);
      dragon.disconnect();
    }
    assert.deepEqual(server.requests, []);
  });

  test("a setting that names no transport throws a TypeError that names them all", () => {
    for (const transports of [[], ["flash"], ["websocket", "jsonp"], "websocket", {}, null]) {
      assert.throws(() => new SwampDragon({ transports }), {
        name: "TypeError",
        message: /transports.*websocket, xhr-streaming, xhr-polling/,
      });
    }
  });

  test("a page that leaves while the server is asked leaves no request behind", async () => {
    const ended = [];
    server = await startPolledServer({
      answer: (what, response) => response.on("close", () => ended.push(what)) && true,
    });
    connect();
    await until(() => server.count("info"));
    dragon.disconnect();
    await until(() => ended.length);
    assert.deepEqual(ended, ["info"]);
  });
});
