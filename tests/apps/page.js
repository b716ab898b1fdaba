// The page under test, as a page author would write it, with notes on what happened for the test to read.
import { SwampDragon } from "swampdragon";

const asked = new URLSearchParams(location.search);
const seen = {
  opened: 0,
  openedAt: 0,
  closed: 0,
  ends: [],
  heartbeats: 0,
  order: [],
  notices: [],
  requests: [],
  published: [],
  restored: 0,
};
globalThis.seen = seen;

const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (String(data).includes("heartbeat")) seen.order.push("answer");
  return send.call(this, data);
};

// Shown again as it was left, from the cache of the back button.
addEventListener("pageshow", (event) => (seen.restored += event.persisted));

// Every delay as long, or as short, as it may be.
if (asked.has("unlucky")) Math.random = () => 0.999999;
if (asked.has("lucky")) Math.random = () => 0;

const { fetch } = globalThis;
globalThis.fetch = (resource, ...more) => {
  seen.requests.push(new URL(resource.url ?? resource).pathname.split("/").pop());
  return fetch(resource, ...more);
};

// A browser, or something between it and the server, that has no WebSockets.
if (asked.has("blocked")) delete globalThis.WebSocket;

const dragon = new SwampDragon({
  transports: asked.get("transports")?.split(","),
  storage: asked.get("storage") ?? "memory",
  keepAlive: asked.has("activeWithin") ? { activeWithin: Number(asked.get("activeWithin")) } : asked.get("keepAlive") ?? "always",
  share: asked.has("share"),
  onopen() {
    seen.opened += 1;
    seen.openedAt = Date.now();
  },
  onclose({ code, reason, reconnecting }) {
    seen.closed += 1;
    seen.ends.push({ code, reason, reconnecting, at: Date.now() });
  },
  onheartbeat() {
    seen.heartbeats += 1;
    seen.order.push("onheartbeat");
    if (asked.has("throws")) throw new Error("this page's onheartbeat fails");
  },
  onchannelmessage(channels, { data }) {
    seen.published.push({ channels, data, at: Date.now() });
  },
  onsession(notice) {
    seen.notices.push(notice.state);
  },
  onsessionexpired() {
    seen.notices.push("onsessionexpired");
  },
});
globalThis.dragon = dragon;

// Without a key in the address the page has nothing to answer with: it stays connected and silent.
if (asked.has("session")) dragon.session = asked.get("session");
dragon.connect(asked.get("server"), "data");
