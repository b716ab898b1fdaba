import { SwampDragon } from "swampdragon";
import { Ridge } from "./ridge.js";
import { story } from "./story.js";
import { watchedSocket } from "./watched-socket.js";

/** How often the server is asked how long the session still has. */
const ASK_EVERY_MS = 250;
/** A time to live this much longer than expected has been refreshed, not merely measured a little off. */
const REFRESH_MARGIN_MS = 200;
const WIRE_LINES = 40;

/** @type {<T extends HTMLElement = HTMLElement>(id: string) => T} */
const by = (id) => /** @type {any} */ (document.getElementById(id));
const ridge = new Ridge(by("ridge"));
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The page's own copy of the key: while it keeps silent, the client must not have one to answer with. */
let key = "";
let answering = true;
/** @type {"connecting" | "open" | "lost"} */
let connection = "connecting";
/** @type {"unknown" | "active" | "expired"} */
let session = "unknown";
let shared = false;
let cameBack = false;
let keptByAnother = false;
let attempts = 0;
let ttlMax = 0;
/** What the server last said, and when. @type {{ at: number, ttl: number } | undefined} */
let known;
/** @type {number | undefined} */
let lastBeat;
/** @type {number | undefined} */
let interval;
let lastAnswer = -Infinity;
const counted = { heartbeats: 0, answers: 0, refreshes: 0, reconnects: 0, questions: 0 };

const { Socket, drop } = watchedSocket({
  opening() {
    attempts += 1;
    tell();
  },
  received(message) {
    const now = performance.now();
    if (message?.heartbeat !== undefined) {
      if (lastBeat !== undefined && connection === "open") interval = now - lastBeat;
      lastBeat = now;
      count("heartbeats");
      ridge.beat(now);
    }
    if (message?.session === key && message.state === "active") learn(message.ttl, now);
    if (message?.context?.verb !== "lifetime") log("in", message);
  },
  sent(message) {
    if (message?.heartbeat !== undefined) {
      lastAnswer = performance.now();
      count("answers");
      ridge.answered();
    }
    if (message?.verb === "lifetime") count("questions");
    else log("out", message);
  },
});

const dragon = new SwampDragon({
  WebSocket: Socket,
  // Longer than the default, so that there is something to see; short enough for a session of 10 seconds with a
  // heartbeat every 4 to survive a loss at the worst moment: just before one heartbeat, and the next after a full wait.
  reconnectDelayMs: 1500,
  onopen() {
    if (connection === "lost") {
      count("reconnects");
      cameBack = true;
    }
    connection = "open";
    attempts = 0;
    lastBeat = undefined;
    ridge.back(performance.now());
    tell();
    attempt(key ? readValue() : begin());
  },
  onclose() {
    if (connection === "lost") return;
    connection = "lost";
    const now = performance.now();
    ridge.lost(now);
    if (session === "active") ridge.sample({ at: now, ttl: remaining(now), asked: false });
    log("note", "connection closed");
    tell();
  },
});

/** Another tab handed its key over in the address; it is taken out of sight at once, for the key is a secret. */
const handedOver = decodeURIComponent(location.hash.slice(1));
if (handedOver) {
  history.replaceState(null, "", location.pathname);
  dragon.session = handedOver;
  shared = true;
}
dragon.connect(location.origin, "data");

/** What is lost with the connection is begun again when there is one; anything else belongs in the console. */
function attempt(/** @type {Promise<void>} */ work) {
  work.catch((error) => {
    if (error.code !== "connection_lost") reportError(error);
  });
}

/** Goes on with the session this page already has, or starts one. */
async function begin() {
  const kept = dragon.session;
  if (kept) {
    const { data } = await dragon.callRouter("lifetime", "session", { key: kept });
    if (data.state === "active") {
      adopt(kept);
      learn(data.ttl, performance.now());
      await readValue();
      return;
    }
    shared = false;
  }
  await startSession();
}

async function startSession() {
  const value = { name: "Errol", since: new Date().toTimeString().slice(0, 8) };
  const { data } = await dragon.callRouter("save_get_key", "session", { value });
  ridge.restart();
  adopt(data.key);
  await readValue();
}

/** @param {string} newKey */
function adopt(newKey) {
  key = newKey;
  dragon.session = newKey;
  answering = true;
  keptByAnother = false;
  cameBack = false;
  known = undefined;
  session = "active";
  by("key").textContent = short(newKey);
  by("second").setAttribute("href", `./#${encodeURIComponent(newKey)}`);
  tell();
}

/** Shows that not only the key lives on, but what is stored under it. */
async function readValue() {
  const { data } = await dragon.callRouter("get", "session", { key });
  by("value").textContent = data.value === null ? "nothing any more" : JSON.stringify(data.value);
}

/** The truth about the time to live is the server's, so the page keeps asking. */
async function keepAsking() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    if (connection !== "open" || session !== "active") continue;
    const asked = key;
    try {
      const { data } = await dragon.callRouter("lifetime", "session", { key: asked });
      if (asked !== key || session !== "active") continue;
      if (data.state === "active") learn(data.ttl, performance.now());
      else if (data.state === "expired") expire();
    } catch {
      // The connection went away with the question; it is asked again when there is one.
    }
  }
}

/** @param {number} ttl @param {number} now */
function learn(ttl, now) {
  if (session !== "active") return;
  const refreshed = known !== undefined && ttl > remaining(now) + REFRESH_MARGIN_MS;
  if (refreshed) {
    count("refreshes");
    keptByAnother = !answering && now - lastAnswer > 2 * ASK_EVERY_MS;
    cameBack &&= now - lastAnswer > 2 * ASK_EVERY_MS;
  }
  if (ttl > ttlMax) {
    ttlMax = Math.ceil(ttl / 1000) * 1000;
    ridge.ttlMax = ttlMax;
    by("gauge").setAttribute("aria-valuemax", String(ttlMax / 1000));
  }
  known = { at: now, ttl };
  ridge.sample({ ...known, asked: true });
  tell();
}

function expire() {
  session = "expired";
  const now = performance.now();
  // The store dropped the key somewhere between the last answer and this one: when its time was up.
  ridge.sample({ at: known ? Math.min(now, known.at + known.ttl) : now, ttl: 0, asked: true });
  known = { at: now, ttl: 0 };
  dragon.session = null;
  tell();
  attempt(readValue());
}

/** @param {number} now */
function remaining(now) {
  return known ? Math.max(0, known.ttl - (now - known.at)) : 0;
}

by("answering").addEventListener("click", () => {
  answering = !answering;
  keptByAnother = false;
  // Without a key the client has nothing to answer a heartbeat with.
  dragon.session = answering ? key : null;
  log("note", answering ? "answering again" : "keeping silent from here on");
  tell();
});

by("drop").addEventListener("click", () => {
  log("note", "this page cuts its connection");
  drop();
});

by("renew").addEventListener("click", () => {
  shared = false;
  attempt(startSession());
});

by("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(key);
  by("copy").textContent = "Copied";
  setTimeout(() => (by("copy").textContent = "Copy"), 1500);
});

/** @param {keyof typeof counted} what */
function count(what) {
  counted[what] += 1;
  by(`count-${what}`).textContent = counted[what].toLocaleString("en");
}

/** @param {"in" | "out" | "note"} direction @param {unknown} message */
function log(direction, message) {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  const line = document.createElement("li");
  line.dataset.direction = direction;
  const time = document.createElement("time");
  time.textContent = new Date().toTimeString().slice(0, 8);
  const content = document.createElement("span");
  content.textContent = key ? text.replaceAll(key, short(key)) : text;
  line.append(time, content);
  by("wire").prepend(line);
  while (by("wire").childElementCount > WIRE_LINES) by("wire").lastElementChild?.remove();
}

/** The key is a secret, so a look over the shoulder gets its ends only. @param {string} text */
function short(text) {
  return text.length > 12 ? `${text.slice(0, 4)}…${text.slice(-4)}` : text;
}

/** Puts what is going on into words; screen readers hear a sentence only when it changes. */
function tell() {
  const { tone, headline, sentence } = story({
    connection, answering, session, keptByAnother, shared, cameBack, ttlMax: ttlMax || 10_000, interval,
  });
  document.body.dataset.tone = tone;
  setText("headline", headline);
  setText("sentence", sentence);

  by("connection").dataset.state = connection;
  setText("connection-text", connection === "open" ? "Connected" : connection === "connecting" ? "Connecting"
    : attempts ? `Trying again, attempt ${attempts}` : "Connection lost");

  const button = by("answering");
  // The label says what the button will do next; a pressed state besides would say it twice, the other way round.
  button.classList.toggle("primary", !answering && session === "active");
  setText("answering", answering ? "Stop answering" : "Answer again");
  /** @type {HTMLButtonElement} */ (button).disabled = session !== "active";
  /** @type {HTMLButtonElement} */ (by("drop")).disabled = connection !== "open";
  /** @type {HTMLButtonElement} */ (by("copy")).disabled = !key;
  by("renew").hidden = !(session === "expired" && connection === "open");
  by("copy").hidden = session === "expired";
}

/** @param {string} id @param {string} text */
function setText(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
}

function show() {
  const now = performance.now();
  const left = remaining(now);
  const minutes = ttlMax > 120_000;
  const shown = known ? (minutes ? (left / 60_000).toFixed(1) : (left / 1000).toFixed(1)) : "–";
  setText("remaining", shown);
  setText("remaining-label", `${minutes ? "Minutes" : "Seconds"} until this session ends`);
  by("gauge-fill").style.transform = `scaleX(${ttlMax ? Math.min(1, left / ttlMax) : 0})`;
  setText("source", source(now));
  by("gauge").setAttribute("aria-valuenow", String(Math.round(left / 1000)));
  by("gauge").setAttribute("aria-valuetext", `${Math.round(left / 1000)} seconds`);
  ridge.draw(now, known ? left : undefined);
  by("ridge").setAttribute(
    "aria-label",
    `Time to live over the last minute: ${counted.refreshes} refreshes, now about ${Math.round(left / 1000)} seconds`,
  );
}

/** @param {number} now */
function source(now) {
  if (!known) return "not asked yet";
  if (session === "expired") return "the server knows this key no more";
  if (connection !== "open") return "estimated: the server cannot be asked";
  return now - known.at < 1000 ? "asked from the server just now" : `asked from the server ${((now - known.at) / 1000).toFixed(0)} s ago`;
}

/** Every frame; four times a second for those who asked their system for less motion. */
function keepShowing() {
  show();
  if (calm.matches) setTimeout(keepShowing, 250);
  else requestAnimationFrame(keepShowing);
}

tell();
keepShowing();
void keepAsking();
