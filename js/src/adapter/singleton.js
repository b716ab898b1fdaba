import { SwampDragon } from "swampdragon";
import { callbackCalls } from "./callback-calls.js";
import { Callbacks, assertCallback, overhear } from "./callbacks.js";
import { target } from "./target.js";

const callbacks = {
  onopen: new Callbacks(),
  onclose: new Callbacks(),
  onchannelmessage: new Callbacks(),
  onheartbeat: new Callbacks(),
  onloginrequired: new Callbacks(),
};
const ready = new Callbacks();

let options;
let dragon;
let lost = false;

function hear(name, ...args) {
  if (name === "onclose") {
    // Each attempt to reconnect fails with an event of its own; a page wants to know once, and when it is final.
    if (lost && args[0].reconnecting) {
      return;
    }
    lost = true;
  }
  if (name === "onopen") {
    lost = false;
  }
  callbacks[name].call(...args);
  if (name === "onopen") {
    ready.callOnce();
  }
}

/** Connects at the first use, so that there is a time before it for `configure`. */
function connected() {
  if (!dragon) {
    const where = target(options);
    dragon = new SwampDragon(overhear(options, Object.keys(callbacks), hear));
    try {
      dragon.connect(...where);
    } catch (error) {
      // The next use may come after better settings.
      dragon = undefined;
      throw error;
    }
  }
  return dragon;
}

function listen(name, callback) {
  assertCallback(callback);
  connected();
  return callbacks[name].add(callback);
}

// Documented for pages in `types/singleton.d.ts`.
export const swampdragon = {
  get swampDragon() {
    return connected();
  },

  get session() {
    return connected().session;
  },

  set session(key) {
    connected().session = key;
  },

  configure(settings) {
    if (dragon) {
      throw new Error("swampdragon: configure must come before everything else; the connection exists already.");
    }
    target(settings);
    options = settings;
  },

  open(callback) {
    const stop = listen("onopen", callback);
    if (dragon.isReady) {
      callback();
    }
    return stop;
  },

  close: (callback) => listen("onclose", callback),

  ready(callback) {
    assertCallback(callback);
    if (connected().isReady) {
      callback();
      return () => {};
    }
    return ready.add(callback);
  },

  onChannelMessage: (callback) => listen("onchannelmessage", callback),
  onHeartbeat: (callback) => listen("onheartbeat", callback),
  onLoginRequired: (callback) => listen("onloginrequired", callback),

  send(text) {
    if (typeof text !== "string") {
      throw new TypeError("send needs a string; sendJSON takes an object.");
    }
    connected().send(text);
  },

  sendJSON: (message) => connected().sendJSON(message),

  ...callbackCalls(connected),
};

export default swampdragon;
