import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { closePage, openPage } from "./page.js";
import { startServer, until } from "./server.js";

let happen;
let server;
let dragon;
let heartbeats;

beforeEach(async () => {
  happen = openPage();
  server = await startServer();
});

afterEach(async () => {
  dragon?.disconnect();
  closePage();
  await server.stop();
});

async function connected(keepAlive) {
  heartbeats = 0;
  dragon = new SwampDragon({ WebSocket, storage: "memory", keepAlive, onheartbeat: () => (heartbeats += 1) });
  dragon.session = "k1";
  dragon.connect(server.url);
  await until(() => dragon.isReady);
}

/** How many heartbeats the server has had answered. */
const answered = () => server.peers.at(-1).heard.filter((message) => message.session === "k1").length;

/** The server asks; resolves when the page has heard it. */
async function ask() {
  const before = heartbeats;
  server.peers.at(-1).say({ heartbeat: "tick" });
  await until(() => heartbeats > before);
}

/** When this has come back from the server, so has everything that was sent before. */
async function settled() {
  const { socket } = server.peers.at(-1);
  const pong = once(socket, "pong");
  socket.ping();
  await pong;
}

function show(hidden) {
  document.hidden = hidden;
  happen("visibilitychange");
}

test("by default a hidden page answers", async () => {
  await connected(undefined);
  show(true);
  await ask();
  await until(() => answered() === 1);
});

test('"visible": a hidden page hears heartbeats without an answer, and answers the last as soon as it is shown', async () => {
  await connected("visible");
  await ask();
  await until(() => answered() === 1);

  show(true);
  await ask();
  await ask();
  await settled();
  assert.equal(answered(), 1);

  show(false);
  await until(() => answered() === 2);
  show(true);
  show(false);
  await settled();
  assert.equal(answered(), 2);
});

test('"visible": a page that is opened in the background does not answer', async () => {
  document.hidden = true;
  await connected("visible");
  await ask();
  await settled();
  assert.equal(answered(), 0);
});

test("activeWithin: a page that nobody touches stops answering, and a touch answers at once", async (t) => {
  await connected({ activeWithin: 600_000 });
  await ask();
  await until(() => answered() === 1);

  const { now } = Date;
  const clock = t.mock.method(Date, "now", () => now() + 600_001);
  // Frames keep a connection open, whatever the clock says.
  server.peers[0].frame("h");
  await ask();
  await settled();
  assert.equal(answered(), 1);

  for (const [index, type] of ["pointerdown", "keydown", "touchstart", "scroll"].entries()) {
    happen(type);
    await until(() => answered() === 2 + index);
    clock.mock.mockImplementation(() => now() + 600_001 * (index + 2));
    t.mock.method(performance, "now", () => 1e6 * (index + 1));
    await ask();
    await settled();
    assert.equal(answered(), 2 + index);
  }
});

test("activeWithin: a touch of another page of the origin counts, and is said once a second", async (t) => {
  await connected({ activeWithin: 600_000 });
  const { now } = Date;
  t.mock.method(Date, "now", () => now() + 600_001);
  await ask();
  await settled();
  assert.equal(answered(), 0);

  const other = new BroadcastChannel("swampdragon.activity");
  t.after(() => other.close());
  other.postMessage(0);
  await until(() => answered() === 1);

  let told = 0;
  other.onmessage = () => (told += 1);
  for (let touch = 0; touch < 50; touch += 1) {
    happen("pointermove");
  }
  await until(() => told > 0);
  await new Promise((done) => setTimeout(done, 20));
  assert.equal(told, 1);
});

test("activeWithin: a page that is put away leaves the others alone, and a disconnected one hears nothing", async () => {
  await connected({ activeWithin: 600_000 });
  await settled();
  const { BroadcastChannel } = globalThis;
  const open = new Set();
  globalThis.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      open.add(this);
    }
    close() {
      open.delete(this);
      super.close();
    }
  };
  try {
    happen("pagehide");
    happen("pageshow");
    assert.equal(open.size, 1);
    happen("pagehide");
    assert.equal(open.size, 0);
    happen("pageshow");
    dragon.disconnect();
    assert.equal(open.size, 0);
  } finally {
    globalThis.BroadcastChannel = BroadcastChannel;
  }
});

test("what keepAlive cannot mean throws a TypeError", () => {
  dragon = undefined;
  for (const keepAlive of ["sometimes", {}, { activeWithin: 0 }, { activeWithin: -1 }, { activeWithin: "long" }, 5, null]) {
    assert.throws(() => new SwampDragon({ keepAlive }), { name: "TypeError", message: /activeWithin/ }, String(keepAlive));
  }
});
