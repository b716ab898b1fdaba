import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { startServer, until } from "./server.js";

let server;
let pages;
/** What the pages heard, in order. */
let heard;
/** What the server says when a page logs out. */
let outcome;

beforeEach(async () => {
  pages = [];
  heard = [];
  outcome = { state: "expired", reason: "logged out" };
  server = await startServer({
    onMessage(peer, { logout, session }) {
      if (logout && outcome) {
        peer.say({ session, ...outcome });
        server.peers.filter((other) => other !== peer).forEach((other) => other.frame('c[4001,"Logged out"]'));
      }
    },
  });
});

afterEach(async () => {
  pages.forEach((page) => page.disconnect());
  await server.stop();
});

async function page(name, key = "k1", options = {}) {
  const dragon = new SwampDragon({
    WebSocket,
    storage: "memory",
    onclose: ({ code, reconnecting }) => heard.push(`${name} close ${code} ${reconnecting}`),
    onsession: (notice) => heard.push(`${name} session ${JSON.stringify(notice)}`),
    onsessionexpired: () => heard.push(`${name} expired`),
    ...options,
  });
  pages.push(dragon);
  dragon.session = key;
  dragon.connect(server.url);
  await until(() => dragon.isReady);
  return dragon;
}

test("a logout ends the session here and on every page that kept it", async () => {
  const one = await page("one");
  const two = await page("two");
  assert.equal(await one.logout(), undefined);
  assert.deepEqual(server.peers[0].heard, [{ logout: true, session: "k1" }]);
  await until(() => heard.includes("two expired"));
  assert.deepEqual([one.session, two.session], [null, null]);
  assert.deepEqual(heard, [
    'one session {"session":"k1","state":"expired","reason":"logged out"}',
    "two close 4001 false",
    "two expired",
  ]);
});

test("a refused logout says why and keeps the key, so that it can be tried again", async () => {
  const one = await page("one");
  outcome = { state: "refused", reason: "the session store is away" };
  await assert.rejects(one.logout(), (error) => {
    assert.deepEqual([error.message, error.code, error.data], ['logout "session": refused', "refused", "the session store is away"]);
    return true;
  });
  assert.equal(one.session, "k1");
  assert.deepEqual(heard, ['one session {"session":"k1","state":"refused","reason":"the session store is away"}']);
  outcome = { state: "expired" };
  await one.logout();
  assert.equal(one.session, null);
});

test("a logout that loses its connection is rejected, and its error has no key", async () => {
  outcome = undefined;
  const one = await page("one");
  const logout = one.logout();
  await until(() => server.peers[0].heard.length);
  server.peers[0].socket.terminate();
  await assert.rejects(logout, (error) => {
    assert.equal(error.code, "connection_lost");
    assert.doesNotMatch(JSON.stringify(error), /k1/);
    return true;
  });
  assert.equal(one.session, "k1");
});

test("a logout waits for the connection, and needs a key", async () => {
  const one = await page("one");
  server.peers[0].socket.terminate();
  await until(() => !one.isReady);
  await one.logout();
  await assert.rejects(one.logout(), /no session key/);
});

test("a logout that was asked for twice is answered twice", async () => {
  const one = await page("one");
  await Promise.all([one.logout(), one.logout()]);
});

test("a session that ran out is told once, and its key forgotten", async () => {
  const one = await page("one");
  server.peers[0].say({ session: "k1", state: "expiring", ttl: 5000 });
  server.peers[0].say({ session: "k1", state: "expired" });
  server.peers[0].say({ session: "k1", state: "expired" });
  await until(() => heard.includes("one expired"));
  server.peers[0].say({ heartbeat: "tick" });
  server.peers[0].frame('c[4001,"Logged out"]');
  await until(() => !one.isReady);
  assert.equal(one.session, null);
  assert.deepEqual(heard, [
    'one session {"session":"k1","state":"expiring","ttl":5000}',
    'one session {"session":"k1","state":"expired"}',
    "one expired",
    "one close 4001 false",
  ]);
  assert.deepEqual(server.peers[0].heard, []);
});

test("a key that the page sets when its session has ended is kept", async () => {
  const one = await page("one", "k1", {
    onsessionexpired() {
      pages[0].session = "k2";
    },
  });
  server.peers[0].say({ session: "k1", state: "expired" });
  await until(() => one.session === "k2");
  server.peers[0].say({ heartbeat: "tick" });
  await until(() => server.peers[0].heard.length);
  assert.deepEqual(server.peers[0].heard, [{ heartbeat: "tick", session: "k2" }]);
});

test("what another page has stored meanwhile stays, and is answered with from then on", async (t) => {
  const items = new Map();
  globalThis.localStorage = {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, value),
    removeItem: (name) => items.delete(name),
  };
  t.after(() => delete globalThis.localStorage);
  const one = await page("one", "k1", { storage: "local" });
  items.set("swampdragon.session", "k2");
  server.peers[0].say({ session: "k1", state: "expired" });
  await until(() => heard.includes("one expired"));
  assert.equal(one.session, "k2");
  server.peers[0].say({ heartbeat: "tick" });
  await until(() => server.peers[0].heard.length);
  assert.equal(server.peers[0].heard[0].session, "k2");
});

test("a page that gave up its key is closed with 4001 for that one, of which it wants to know no more", async () => {
  const one = await page("one");
  one.session = null;
  server.peers[0].frame('c[4001,"Logged out"]');
  await until(() => !one.isReady);
  assert.deepEqual(heard, ["one close 4001 false"]);
});

describe("a session that the server has bound by its cookie", () => {
  test("is told of, and its end, though the page has no key", async () => {
    const one = await page("one", null);
    server.peers[0].say({ session: null, state: "active", ttl: 5000 });
    server.peers[0].say({ session: null, state: "expired" });
    await until(() => heard.includes("one expired"));
    assert.equal(one.session, null);
    assert.deepEqual(heard, [
      'one session {"session":null,"state":"active","ttl":5000}',
      'one session {"session":null,"state":"expired"}',
      "one expired",
    ]);
  });

  test("ends with 4001, before the first heartbeat, too", async () => {
    const one = await page("one", null);
    server.peers[0].frame('c[4001,"Logged out"]');
    await until(() => heard.includes("one expired"));
    assert.deepEqual(heard, ["one close 4001 false", "one expired"]);
    // As after a login.
    one.rebind();
    await until(() => one.isReady);
    server.peers[1].frame('c[4001,"Logged out"]');
    await until(() => !one.isReady);
    assert.deepEqual(heard.slice(2), ["one close 4001 false", "one expired"]);
  });

  test("ends and leaves the key alone that the page has of another", async () => {
    const one = await page("one");
    server.peers[0].say({ session: null, state: "expired" });
    await until(() => heard.includes("one expired"));
    assert.equal(one.session, "k1");
  });

  for (const key of [null, "k1"]) {
    test(`is kept by an answer without a key where the page has ${key ?? "none"}`, async () => {
      let heartbeats = 0;
      await page("one", key, { onheartbeat: () => (heartbeats += 1) });
      const [peer] = server.peers;
      peer.say({ heartbeat: "tick", ack: true, bound: true });
      peer.say({ heartbeat: "1", bound: true });
      await until(() => peer.heard.length === 2 && heartbeats === 2);
      assert.deepEqual(peer.heard, [{ heartbeat: "tick", ack: true }, { heartbeat: "1" }]);
    });
  }

  test("is not meant by what names no session at all, nor by an empty one", async () => {
    const messages = [];
    await page("one", null, { onmessage: ({ data }) => messages.push(data) });
    for (const message of [{ state: "expired" }, { session: "", state: "expired" }, { session: 0, state: "expired" }, { mine: 1 }]) {
      server.peers[0].say(message);
    }
    await until(() => messages.length === 2);
    assert.deepEqual([messages, heard], [[{ state: "expired" }, { mine: 1 }], []]);
  });
});
