import { attach } from "../pkg/glue.js";
import { callError, failureContext } from "./call-error.js";
import { Channel } from "./channel.js";
import * as codes from "./codes.js";
import { endpoint } from "./endpoint.js";
import { activeWithin } from "./keep-alive.js";
import { limits } from "./limits.js";
import { assertLoaded } from "./module.js";
import { pageLife } from "./page-life.js";
import { report } from "./report.js";
import { retryAfter } from "./retry-after.js";
import { isSessionKey, sessionKeyPlace } from "./session-key.js";
import { sessionUrl } from "./session-url.js";
import { openShared, openWithoutWebSocket, rebindShared, transportBits } from "./transports.js";

// Documented for pages in `types/index.d.ts`; the state machine behind it is `client-core/`.
export class SwampDragon {
  #dispatch;
  #keyPlace;
  #listeners = new Map();
  #channels = new Set();
  #calls = 0;
  #key;
  /** Whether the page had a key on this connection, or was told of its session's end, and has none now. */
  #isOver;
  #activeWithin;
  #storage;
  #target;
  #transportPlace;
  #transports;
  #listening;

  constructor(options) {
    assertLoaded();
    this.settings = options ?? {};
    this.isReady = false;
    const { storage = globalThis.document ? "session" : "memory", storageKey = "swampdragon.session" } = this.settings;
    this.#transports = transportBits(this.settings.transports);
    this.#activeWithin = activeWithin(this.settings.keepAlive);
    this.#dispatch = attach(
      { deliver: (what, first, second) => this.#deliver(what, first, second), retryAfter },
      ...limits(this.settings),
      this.#transports,
      this.#activeWithin,
    );
    this.#storage = storage;
    this.#keyPlace = sessionKeyPlace(storage, storageKey);
    this.#answerWith(this.session);
  }

  get session() {
    return this.#keyPlace.read();
  }

  set session(key) {
    key ??= null;
    if (key !== null && !isSessionKey(key)) {
      // Without the value: a near miss of a secret does not belong in a log.
      throw new TypeError("A session key is a string of 1 to 128 characters A-Z a-z 0-9 _ . ~ -, or null for none.");
    }
    this.#keyPlace.write(key);
    this.#answerWith(key);
  }

  connect(url, channel) {
    const before = this.#target?.[0];
    if (url !== undefined || channel !== undefined || !before) {
      this.#target = endpoint(url ?? globalThis.location?.origin, channel ?? "data", this.settings.raw);
    }
    const [address, raw] = this.#target;
    if (!this.#socketClass() && (raw || this.#transports === 1)) {
      throw new Error(
        'swampdragon: there is no WebSocket here. Pass one: new SwampDragon({ WebSocket }), from the package "ws", or use Node 22.',
      );
    }
    if (address !== before) {
      // A number, which the rule for session keys lets through.
      this.#transportPlace = sessionKeyPlace(this.#storage, "swampdragon.transport " + address);
    }
    this.#listen();
    this.#dispatch(address, raw ? codes.CONNECT_RAW : codes.CONNECT_SOCKJS, this.#transportPlace.read());
  }

  disconnect() {
    this.#listening?.abort();
    this.#listening = undefined;
    this.#dispatch(0, codes.DISCONNECT);
    // Between two connections there is none whose end would say so.
    this.#endChannels();
  }

  rebind() {
    rebindShared(this.#dispatch);
    this.#dispatch(0, codes.REBIND);
  }

  callRouter(verb, route, args, callbackName, channel) {
    // Copied, since the page's own object is nothing to write in. AngularJS marks objects with $$hashKey, and the
    // server's with _type; no router knows them as arguments.
    if (channel != null || args?.$$hashKey || args?._type) {
      const { $$hashKey, _type, ...own } = args ?? {};
      args = channel == null ? own : { ...own, channel };
    }
    const name = callbackName ?? "promise_" + ++this.#calls;
    const call = { verb, route, name };
    const answer =
      callbackName == null
        ? new Promise((resolve, reject) => Object.assign(call, { resolve, reject }))
        : undefined;
    // A page that does not look at the promise did not ask to hear of a failure either.
    answer?.catch(() => {});
    const command =
      verb === "unsubscribe"
        ? codes.UNSUBSCRIBE
        : verb === "subscribe" && this.settings.restoreSubscriptions !== false
          ? codes.SUBSCRIBE
          : codes.CALL;
    // SwampDragon 0.3.0 ends the connection over null arguments, and reads an apostrophe as a quotation mark.
    const text = JSON.stringify({ route, verb, args: args ?? undefined, callbackname: name }).replaceAll("'", "\\u0027");
    const subject = command === codes.CALL ? undefined : JSON.stringify([route, args]);
    this.#dispatch(text, command, 0, name, call, subject);
    return answer;
  }

  async logout() {
    const key = this.session;
    if (key === null) {
      throw new Error("swampdragon: there is no session key to log out with.");
    }
    // Without the name that it has for the client, which is the key: an error must not carry that.
    const call = { verb: "logout", route: "session" };
    await new Promise((resolve, reject) =>
      this.#dispatch(JSON.stringify({ logout: true, session: key }), codes.CALL, 0, key, { ...call, resolve, reject }),
    );
  }

  get_single(route, args, callbackName) {
    return this.callRouter("get_single", route, args, callbackName);
  }

  get_list(route, args, callbackName) {
    return this.callRouter("get_list", route, args, callbackName);
  }

  create_object(route, args, callbackName) {
    return this.callRouter("create", route, args, callbackName);
  }

  update_object(route, args, callbackName) {
    return this.callRouter("update", route, args, callbackName);
  }

  delete_object(route, args, callbackName) {
    return this.callRouter("delete", route, args, callbackName);
  }

  subscribe(route, args, callbackName, channel) {
    return this.callRouter("subscribe", route, args, callbackName, channel);
  }

  unsubscribe(route, args, callbackName, channel) {
    return this.callRouter("unsubscribe", route, args, callbackName, channel);
  }

  channel(name, { buffer = 256 } = {}) {
    return new Channel(name, buffer, this.#channels);
  }

  send(text) {
    if (!this.isReady) {
      throw new Error("swampdragon: there is no open connection to send on.");
    }
    this.#dispatch(text, codes.SEND);
  }

  sendJSON(message) {
    return message?.route === undefined
      ? this.send(JSON.stringify(message))
      : this.callRouter(message.verb, message.route, message.args, message.callbackname);
  }

  on(name, listener) {
    const listeners = this.#listeners.get(name);
    if (listeners) {
      listeners.push(listener);
    } else {
      this.#listeners.set(name, [listener]);
    }
  }

  off(name, listener) {
    const left = this.#listeners.get(name)?.filter((known) => known !== listener);
    if (left?.length) {
      this.#listeners.set(name, left);
    } else {
      this.#listeners.delete(name);
    }
  }

  emit(name, args) {
    // A copy, since a listener may take itself off.
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener.apply(this, args ?? []);
      } catch (error) {
        report(error);
      }
    }
  }

  #answerWith(key) {
    this.#key = key;
    this.#isOver = key === null;
    this.#dispatch(key, codes.SESSION_KEY);
  }

  /** The session of this key is gone. */
  #forget(key) {
    // Another page may have stored its successor.
    if (this.session === key) {
      this.#keyPlace.write(null);
    }
    this.#answerWith(this.session);
  }

  #listen() {
    if (this.#listening) {
      return;
    }
    const { signal } = (this.#listening = new AbortController());
    const see = (present) => this.#dispatch(0, codes.PRESENCE, present);
    pageLife(
      signal,
      () => this.#dispatch(0, codes.SUSPEND),
      (offline) => this.#dispatch(0, codes.WAKE, offline),
      (visible) => this.settings.keepAlive === "visible" && see(visible),
    );
    if (this.#activeWithin) {
      see(true);
      import("./activity.js").then(({ activity }) => activity(signal, this.#activeWithin, () => see(true))).catch(report);
    }
  }

  #endChannels() {
    this.#channels.forEach((channel) => channel.end());
  }

  #socketClass() {
    return this.settings.WebSocket ?? globalThis.WebSocket;
  }

  #call(callback, ...args) {
    try {
      this.settings[callback]?.(...args);
    } catch (error) {
      report(error);
    }
  }

  #deliver(what, first, second) {
    switch (what) {
      case codes.OPEN:
        this.isReady = true;
        // A page without a key may have a session all the same, by its cookie.
        this.#isOver = false;
        this.#transportPlace.write(first || null);
        return this.#call("onopen");
      case codes.CLOSE: {
        this.isReady = false;
        if (second > 0) {
          this.#endChannels();
        }
        const loggedOut = second === codes.LOGGED_OUT && !this.#isOver;
        if (loggedOut) {
          this.#forget(this.#key);
        }
        this.#call("onclose", {
          type: "close",
          code: Math.abs(second),
          reason: first ?? "",
          reconnecting: second < 0,
        });
        return loggedOut && this.#call("onsessionexpired");
      }
      case codes.PUBLICATION: {
        const { channel, ...publication } = first;
        this.#channels.forEach((open) => open.hear(second, publication));
        return this.#call("onchannelmessage", second, publication);
      }
      case codes.CALL_FAILED:
        return this.#answer(first, failureContext(first, second), null);
      case codes.OPEN_SOCKET: {
        const open = () =>
          second
            ? openWithoutWebSocket(first, second, (info) => this.#dispatch(0, codes.INFO, info))
            : this.#openSocket(first);
        return this.settings.share ? openShared(open, second, this.#dispatch, this.#target, this.#transports) : open();
      }
      case codes.HEARTBEAT:
        this.#call("onheartbeat");
        break;
      case codes.REPLY:
        this.#settle(first, second);
        break;
      case codes.SESSION_NOTICE: {
        const { session, state, ttl, reason, touch_ms } = first;
        const expired = state === "expired";
        if (expired) {
          this.#forget(session);
        }
        if (touch_ms >= 0) {
          import("./touch.js").then(({ touch }) => touch(this.#target, touch_ms)).catch(report);
        }
        this.#call("onsession", { session, state, ttl, reason });
        if (second) {
          this.#answer(second, { state: expired ? "success" : state, verb: "logout" }, reason);
        } else if (expired) {
          this.#call("onsessionexpired");
        }
      }
    }
    this.#call("onmessage", { type: "message", data: first });
  }

  #settle({ context, data }, call) {
    if (context.state === "login_required") {
      this.#call("onloginrequired", context, data);
    }
    this.#answer(call ?? { name: context.client_callback_name }, context, data);
  }

  #answer(call, context, data) {
    if (!call.resolve) {
      this.emit(call.name, [context, data]);
    } else if (context.state === "success") {
      call.resolve({ data, context });
    } else {
      call.reject(callError(call, context, data, context.code));
    }
  }

  #openSocket(endpoint) {
    const [, raw] = this.#target;
    const socket = new (this.#socketClass())(raw ? endpoint : sessionUrl(endpoint) + "/websocket");
    // The close event that follows says all that is needed; the package "ws" throws when nobody listens to errors.
    socket.onerror = () => {};
    return socket;
  }
}
