import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { SwampDragon } from "swampdragon";
import { WebSocket } from "ws";
import { Locks } from "./locks.js";
import { closePage, openPage } from "./page.js";
import { startPolledServer } from "./polled-server.js";
import { reply, startServer, until } from "./server.js";

const KEY = "0f8fad5bd9cb469fa16570867728950e";
const OTHER_KEY = "7d444840-9dc0-11d1-b245-5ffdce74fad2";

let server;
let dragons;

/** One tab: its object, and what it has heard of its connection. */
function openTab(options) {
  const tab = { opened: 0, closed: [], heartbeats: 0, published: [], notices: [], messages: [] };
  tab.dragon = new SwampDragon({
    WebSocket,
    share: true,
    reconnectDelayMs: 1,
    onopen: () => (tab.opened += 1),
    onclose: (event) => tab.closed.push(event),
    onheartbeat: () => (tab.heartbeats += 1),
    onchannelmessage: (channels, { data }) => tab.published.push([channels, data]),
    onsession: ({ state }) => tab.notices.push(state),
    onmessage: ({ data }) => tab.messages.push(data),
    ...options,
  });
  dragons.push(tab.dragon);
  tab.dragon.connect(server.url);
  return tab;
}

async function openTabs(count, options) {
  const tabs = [];
  // One after the other, so that the first one leads.
  for (let number = 0; number < count; number += 1) {
    const tab = openTab(options);
    await until(() => tab.dragon.isReady);
    tabs.push(tab);
  }
  return tabs;
}

/** What routers do: they echo, and have a channel. */
function answer(peer, call) {
  if (call.verb === "subscribe" || call.verb === "unsubscribe") {
    const channel_data = { local_channel: call.args.channel, remote_channels: ["news|"] };
    peer.say({ ...reply(call, call.verb + "d"), channel_data });
  } else if (call.verb) {
    peer.say(reply(call, call.args));
  }
}

const verbs = (peer) => peer.heard.map(({ verb }) => verb).filter(Boolean);

/** The tabs' own ways to say that nothing more comes. */
const settled = (tabs) => Promise.all(tabs.map(({ dragon }) => dragon.callRouter("echo", "demo", {})));

let locks;
const { navigator } = globalThis;

beforeEach(() => {
  dragons = [];
  locks = new Locks();
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
});

afterEach(async () => {
  dragons.forEach((dragon) => dragon.disconnect());
  await server.stop();
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
});

for (const sockjs of [true, false]) {
  const options = { raw: !sockjs };

  describe(sockjs ? "tabs at a SockJS service" : "tabs at a raw endpoint", () => {
    test("have one connection, and each its own answers", async () => {
      server = await startServer({ onMessage: answer, sockjs });
      const tabs = await openTabs(4, options);
      const answers = await Promise.all(tabs.map(({ dragon }, id) => dragon.callRouter("echo", "demo", { id })));
      assert.deepEqual(answers.map(({ data }) => data.id), [0, 1, 2, 3]);
      assert.equal(server.peers.length, 1);
      assert.deepEqual(tabs.map(({ messages }) => messages.length), [1, 1, 1, 1]);
    });

    test("hear each heartbeat, and answer it once for each session", async () => {
      server = await startServer({ onMessage: answer, sockjs });
      const tabs = await openTabs(4, options);
      tabs.forEach(({ dragon }, id) => (dragon.session = id === 2 ? OTHER_KEY : KEY));
      const [peer] = server.peers;
      for (let round = 1; round <= 3; round += 1) {
        peer.say({ heartbeat: "tick", ack: true });
        await until(() => tabs.every(({ heartbeats }) => heartbeats === round));
        await settled(tabs);
        const keys = peer.heard.splice(0).filter(({ heartbeat }) => heartbeat);
        assert.deepEqual(keys.map(({ session }) => session).sort(), [KEY, OTHER_KEY].sort());
        peer.say({ session: KEY, state: "active", ttl: 1000 });
        peer.say({ session: OTHER_KEY, state: "persistent" });
        await until(() => tabs.every(({ notices }) => notices.length === round));
      }
      assert.deepEqual(tabs.map(({ notices }) => notices[0]), ["active", "active", "persistent", "active"]);
    });

    test("go on at once when the one that leads goes, with their subscriptions", async () => {
      server = await startServer({ onMessage: answer, sockjs });
      const slow = { ...options, reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 };
      const tabs = await openTabs(3, slow);
      const [first, ...others] = tabs;
      await Promise.all(tabs.map(({ dragon }) => dragon.subscribe("news", {}, null, "front")));
      const lost = others[0].dragon.callRouter("unanswered", "demo", {});
      server.peers[0].socket.on("message", () => {});
      first.dragon.disconnect();
      await Promise.race([lost.catch(() => {}), until(() => server.peers.length === 2)]);
      await until(() => others.every(({ dragon }) => dragon.isReady) && server.peers.length === 2);
      const peer = server.peers[1];
      await until(() => verbs(peer).length >= 2);
      await settled(others);
      peer.say({ channel: "news|", data: "read all about it" });
      await until(() => others.every(({ published }) => published.length));
      assert.deepEqual(others.map(({ published }) => published), Array(2).fill([[["front"], "read all about it"]]));
      assert.deepEqual([first.published, first.dragon.isReady], [[], false]);
      assert.deepEqual(others.map(({ opened, closed }) => [opened, closed[0].reconnecting]), Array(2).fill([2, true]));
    });

    test("all hear why the server closes, and come back together", async () => {
      server = await startServer({ onMessage: answer, sockjs });
      const tabs = await openTabs(3, options);
      server.peers[0].socket.close(3000, "Go away!");
      await until(() => tabs.every(({ opened }) => opened === 2));
      assert.deepEqual(tabs.map(({ closed }) => [closed[0].code, closed[0].reason]), Array(3).fill([3000, "Go away!"]));
      await settled(tabs);
      assert.equal(server.peers.length, 2);
    });

    test("all stay away when the server wants that", async () => {
      server = await startServer({ onMessage: answer, sockjs });
      const tabs = await openTabs(3, options);
      server.peers[0].socket.close(3001, "Connection aborted");
      await until(() => tabs.every(({ closed }) => closed.length));
      assert.deepEqual(tabs.map(({ closed }) => [closed[0].code, closed[0].reconnecting]), Array(3).fill([3001, false]));
      await new Promise((done) => setTimeout(done, 200));
      assert.equal(server.peers.length, 1);
      assert.equal(locks.waiting("swampdragon"), 0);
      // The next that the application connects leads, and is alone.
      tabs[2].dragon.connect();
      await until(() => tabs[2].dragon.isReady);
      assert.deepEqual(tabs.map(({ dragon }) => dragon.isReady), [false, false, true]);
    });
  });
}

test("a tab that goes takes its own subscriptions with it, and leaves the others' alone", async () => {
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(3);
  const [peer] = server.peers;
  await Promise.all(tabs.slice(1).map(({ dragon }) => dragon.subscribe("news", {}, null, "front")));
  await tabs[2].dragon.subscribe("news", { by: "name" }, null, "own");
  tabs[2].dragon.disconnect();
  await until(() => verbs(peer).includes("unsubscribe"));
  // The server may have ended the channel whole.
  await until(() => verbs(peer).length === 5);
  assert.deepEqual(peer.heard.slice(3).map(({ verb, args }) => [verb, args.channel]), [["unsubscribe", "own"], ["subscribe", "front"]]);
  peer.say({ channel: "news|", data: 1 });
  await until(() => tabs[1].published.length);
  await tabs[1].dragon.unsubscribe("news", {}, null, "front");
  assert.deepEqual(verbs(peer).slice(5), ["unsubscribe"]);
  assert.deepEqual([tabs[0].published, tabs[1].published.length, tabs[2].published], [[], 1, []]);
  assert.deepEqual(tabs.map(({ opened }) => opened), [1, 1, 1]);
});

test("a logout is heard by the tabs whose session it can have been, and loses the others nothing", async () => {
  server = await startServer({ onMessage: answer });
  for (const [keys, codes] of [
    [[KEY, KEY, KEY], [4001, 4001, 4001]],
    [[KEY, KEY, OTHER_KEY], [1006, 1006, 1006]],
    [[KEY, KEY, null], [4001, 4001, 1006]],
  ]) {
    const tabs = await openTabs(3, { reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 });
    const peer = server.peers.at(-1);
    tabs.forEach(({ dragon }, number) => (dragon.session = keys[number]));
    peer.say({ heartbeat: "tick" });
    await until(() => tabs.every(({ heartbeats }) => heartbeats));
    await settled(tabs);
    // The first may have joined an attempt of the tabs before.
    tabs.forEach((tab) => (tab.closed = []));
    peer.socket.close(4001, "Logged out");
    await until(() => tabs.every(({ closed }) => closed.length));
    assert.deepEqual(tabs.map(({ closed }) => closed[0].code), codes);
    tabs.forEach(({ dragon }) => dragon.disconnect());
  }
});

test("a bound session is kept once, and its end is told to all tabs, whether they were there at its heartbeat or not", async () => {
  server = await startServer({ onMessage: answer });
  const expired = [];
  const options = (id) => ({ reconnectDelayMs: 60_000, storage: "memory", onsessionexpired: () => expired.push(id) });
  const tabs = [...(await openTabs(1, options(0))), ...(await openTabs(1, options(1)))];
  const [peer] = server.peers;
  peer.say({ heartbeat: "tick", ack: true, bound: true });
  await until(() => tabs.every(({ heartbeats }) => heartbeats));
  await settled(tabs);
  assert.deepEqual(peer.heard.filter(({ heartbeat }) => heartbeat), [{ heartbeat: "tick", ack: true }]);
  peer.say({ session: null, state: "active", ttl: 1000 });
  await until(() => tabs.every(({ notices }) => notices.length));
  tabs.push(...(await openTabs(1, options(2))));
  peer.socket.close(4001, "Logged out");
  await until(() => expired.length === 3);
  assert.deepEqual(tabs.map(({ closed }) => [closed[0].code, closed[0].reconnecting]), Array(3).fill([4001, false]));
  assert.deepEqual(expired.sort(), [0, 1, 2]);
});

for (const who of [0, 2]) {
  test(`whichever tab's cookie has changed (${who}), the connection is made anew for all, once`, async () => {
    server = await startServer({ onMessage: answer });
    const tabs = await openTabs(3, { reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 });
    await tabs[1].dragon.subscribe("news", {}, null, "front");
    tabs[who].dragon.rebind();
    assert.equal(tabs[who].dragon.isReady, false);
    await until(() => tabs.every(({ opened, dragon }) => opened === 2 && dragon.isReady));
    await settled(tabs);
    assert.equal(server.peers.length, 2);
    assert.deepEqual(tabs.map(({ opened }) => opened), [2, 2, 2]);
    await until(() => server.peers[0].socket.readyState === WebSocket.CLOSED);
    await until(() => verbs(server.peers[1]).includes("subscribe"));
  });
}

test("a SockJS close frame reaches all tabs", async () => {
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(2);
  server.peers[0].frame('c[3001,"Connection aborted"]');
  await until(() => tabs.every(({ closed }) => closed.length));
  assert.deepEqual(tabs.map(({ closed }) => [closed[0].code, closed[0].reason]), Array(2).fill([3001, "Connection aborted"]));
});

test("frames of several messages, of text and of objects, are taken apart", async () => {
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(2);
  const [peer] = server.peers;
  peer.frame('a["{\\"any\\":1}",{"any":2}]');
  peer.frame('m"{\\"any\\":3}"');
  for (const nonsense of ["", "x", "a", "a{", "m", 'a["{"]', "a5", 'a[null]']) {
    peer.frame(nonsense);
  }
  peer.say({ any: 4 });
  await until(() => tabs.every(({ messages }) => messages.some((message) => message?.any === 4)));
  assert.deepEqual(tabs.map(({ messages }) => messages.filter((message) => message?.any).map(({ any }) => any)), Array(2).fill([1, 2, 3, 4]));
});

test("a tab that connects again gets the same connection, and no answers of before", async () => {
  server = await startServer({ onMessage: (peer, call) => call.verb !== "wait" && answer(peer, call) });
  const tabs = await openTabs(2);
  const [peer] = server.peers;
  const lost = tabs[1].dragon.callRouter("wait", "demo", {});
  await until(() => verbs(peer).length);
  tabs[1].dragon.connect();
  await assert.rejects(lost, { code: "connection_lost" });
  await until(() => tabs[1].dragon.isReady);
  peer.say(reply(peer.heard[0], "late"));
  await settled(tabs);
  assert.equal(tabs[1].messages.length, 1);
  assert.deepEqual([server.peers.length, tabs[0].opened, tabs[1].opened], [1, 1, 2]);
});

test("the tab that leads connects again without losing the others", async () => {
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(3, { reconnectDelayMs: 60_000, reconnectDelayMaxMs: 60_000 });
  tabs[0].dragon.connect();
  await until(() => tabs.every(({ opened, dragon }) => opened === 2 && dragon.isReady));
  await settled(tabs);
  assert.equal(server.peers.length, 2);
});

test("tabs of other endpoints, or other transports, do not meet", async () => {
  server = await startServer({ onMessage: answer });
  await openTabs(2);
  await openTabs(2, { transports: ["websocket"] });
  await openTabs(2, { raw: true });
  assert.equal(server.peers.length, 3);
});

test("a tab that connects elsewhere lets the others go on", async () => {
  server = await startServer({ onMessage: answer });
  const elsewhere = await startServer({ onMessage: answer });
  try {
    const tabs = await openTabs(2);
    tabs[0].dragon.connect(elsewhere.url);
    await until(() => tabs[0].dragon.isReady && tabs[1].opened === 2 && tabs[1].dragon.isReady);
    await settled(tabs);
    assert.deepEqual([server.peers.length, elsewhere.peers.length], [2, 1]);
  } finally {
    dragons.forEach((dragon) => dragon.disconnect());
    await elsewhere.stop();
  }
});

test("a leader that does not answer is replaced, and comes back as one of the others", async () => {
  server = await startServer({ onMessage: answer });
  // A tab that hangs: it has the lock and does nothing.
  const name = `swampdragon 1 7 ${server.url.replace("http", "ws")}/data`;
  const deposed = assert.rejects(locks.request(name, {}, () => new Promise(() => {})), { name: "AbortError" });
  const tab = openTab({ connectTimeoutMs: 4400 });
  await until(() => tab.dragon.isReady, 10_000);
  await deposed;
  assert.equal(server.peers.length, 1);
  // And a real one, from which the lock is taken.
  let release;
  const thief = locks.request(name, { steal: true }, () => new Promise((done) => (release = done)));
  await until(() => tab.closed.length);
  release();
  await thief;
  await until(() => tab.dragon.isReady);
  await settled([tab]);
});

for (const transport of ["xhr-streaming", "xhr-polling"]) {
  test(`${transport} is shared, and every tab knows that it works`, async () => {
    class Blocked {
      constructor() {
        throw new Error("blocked");
      }
    }
    server = await startPolledServer({ onMessage: answer });
    const tabs = await openTabs(3, { WebSocket: Blocked, transports: ["websocket", transport] });
    await settled(tabs);
    assert.equal(server.sessions.length, 1);
    assert.equal(server.count("info"), 1);
    tabs[0].dragon.disconnect();
    await until(() => tabs.slice(1).every(({ opened }) => opened === 2));
    await settled(tabs.slice(1));
    assert.equal(server.sessions.length, 2);
    assert.equal(server.count("info"), 1);
  });
}

test("a server that is away is asked by one tab at a time", async () => {
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(4, { transports: ["websocket"], reconnectDelayMs: 20, reconnectDelayMaxMs: 20 });
  let tries = 0;
  class Counted extends WebSocket {
    constructor(url) {
      super(url);
      tries += 1;
    }
  }
  tabs.forEach(({ dragon }) => (dragon.settings.WebSocket = Counted));
  await server.stop();
  await until(() => tabs.every(({ closed }) => closed.length >= 4));
  const attempts = Math.max(...tabs.map(({ closed }) => closed.length));
  assert.ok(tries <= attempts + 1, `${tries} tries in ${attempts} attempts`);
});

test("a tab that disconnects when it is its turn to lead leaves that to the next", async () => {
  server = await startServer({ onMessage: answer });
  const [first] = await openTabs(1);
  const second = openTab({ onclose: () => second.dragon.disconnect() });
  await until(() => second.dragon.isReady);
  first.dragon.disconnect();
  await until(() => !second.dragon.isReady);
  const third = openTab();
  await until(() => third.dragon.isReady);
  assert.equal(server.peers.length, 2);
});

test("while the browser sees no network, a tab takes nothing over at once", async (t) => {
  const happen = openPage();
  t.after(closePage);
  const network = { locks, onLine: false };
  Object.defineProperty(globalThis, "navigator", { value: network, configurable: true });
  server = await startServer({ onMessage: answer });
  const tabs = await openTabs(2, { reconnectDelayMs: 0, reconnectDelayMaxMs: 60_000, storage: "memory" });
  t.mock.method(Math, "random", () => 0.99);
  tabs[0].dragon.disconnect();
  await until(() => tabs[1].closed.length);
  await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual([tabs[1].dragon.isReady, server.peers.length], [false, 1]);

  network.onLine = true;
  happen("online");
  await until(() => tabs[1].dragon.isReady);
});

describe("without", () => {
  const warnings = [];
  const { warn } = console;

  for (const [what, take] of [
    ["Web Locks", () => Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true })],
    ["leave to use Web Locks", () => (locks.request = () => Promise.reject(new DOMException("sandboxed", "SecurityError")))],
  ]) {
    test(`${what} each tab has its own connection, which the console tells once`, async () => {
      console.warn = (...args) => warnings.push(args.join(" "));
      try {
        take();
        server = await startServer({ onMessage: answer });
        const tabs = await openTabs(2);
        await settled(tabs);
        assert.equal(server.peers.length, 2);
        tabs[0].dragon.disconnect();
        await until(() => server.peers[0].socket.readyState === WebSocket.CLOSED);
      } finally {
        console.warn = warn;
      }
      assert.equal(warnings.length, 1);
      assert.match(warnings[0], /Web Locks/);
    });
  }
});
