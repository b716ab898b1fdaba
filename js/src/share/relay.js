/** A callback name as the server gets it: whose it is, which subscription it makes, if any, and what it was. */
const TAGGED = /^(\S+) (\d*)(?: (.*))?$/s;

/**
 * Sorts the messages of one connection to the tabs that share it. To the server they look like one page; to each tab it
 * looks as if the connection were its own.
 */
export class Relay {
  #send;
  #tabs = new Map();
  /** The session keys that the last heartbeat message has been answered with. */
  #answered = new Set();
  /** The first session key that the server has heard of here, and whether it has heard of others. */
  #key;
  #hasOtherKeys = false;
  /** Whether the server has found the session by itself, which is the session of all tabs then. */
  #bound = false;
  /** The tab that has the connection. */
  #first;
  #subscriptions = 0;

  /** `send` takes a message's text. */
  constructor(send) {
    this.#send = send;
  }

  /** From now on `deliver` is called with the text of each message that this tab should have. The first leads. */
  add(id, deliver) {
    this.#first ??= id;
    this.#tabs.set(id, { id, deliver, key: undefined, subscriptions: new Map() });
  }

  /** The tab is gone, and with it what nobody else has subscribed to. */
  remove(id) {
    const tab = this.#tabs.get(id);
    this.#tabs.delete(id);
    for (const [subject, { route, args, channels }] of tab.subscriptions) {
      if (!this.#isSubscribed(subject)) {
        // The answer names a tab that is not there.
        this.#call({ route, verb: "unsubscribe", args }, tab);
        this.#restore(channels, tab);
      }
    }
  }

  /** A tab says something to the server. */
  say(id, text) {
    const tab = this.#tabs.get(id);
    const message = parsed(text);
    if (message?.session !== undefined) {
      tab.key = message.session;
      this.#key ??= tab.key;
      this.#hasOtherKeys ||= tab.key !== this.#key;
    }
    if (message?.route !== undefined) {
      this.#route(tab, message);
    } else if (message?.heartbeat === undefined || this.#answers(message.session)) {
      this.#send(text);
    }
  }

  /** Whether an end of the connection's session can be meant for no other than this tab's. */
  isSessionOf(id) {
    // Where no tab has named one, the server knew it by itself.
    return this.#bound || (!this.#hasOtherKeys && this.#key === this.#tabs.get(id)?.key);
  }

  /** The server says something: a text, or what it stands for already. */
  hear(message) {
    if (typeof message === "string") {
      message = parsed(message);
    }
    if (message === undefined) {
      return;
    }
    const { channel, context, heartbeat, session, state } = message ?? {};
    if (channel != null) {
      this.#deliver(message, ({ subscriptions }) =>
        [...subscriptions.values()].some(({ channels }) => channels.includes(channel)),
      );
    } else if (context != null) {
      this.#reply(message);
    } else if (heartbeat != null) {
      this.#answered.clear();
      this.#bound ||= message.bound === true;
      this.#deliver(message);
    } else if (session === null && state != null) {
      const { touch_ms, ...notice } = message;
      this.#bound = true;
      // Tabs have their cookies in common, so one touches for all.
      this.#deliver(message, ({ id }) => id === this.#first);
      this.#deliver(notice, ({ id }) => id !== this.#first);
    } else if (session != null && state != null) {
      // A tab that has not named its session yet knows whether it is this one.
      this.#deliver(message, ({ key = session }) => key === session);
    } else {
      this.#deliver(message);
    }
  }

  #deliver(message, concerns = () => true) {
    const text = JSON.stringify(message);
    for (const tab of this.#tabs.values()) {
      if (concerns(tab)) {
        tab.deliver(text);
      }
    }
  }

  /** Whether this key has to be sent: of several tabs with the same session, one answer is enough. */
  #answers(key) {
    const first = !this.#answered.has(key);
    this.#answered.add(key);
    return first;
  }

  #route(tab, message) {
    const { route, verb, args, callbackname } = message;
    const subject = JSON.stringify([route, args]);
    const known = tab.subscriptions.get(subject);
    if (verb === "subscribe") {
      const subscription = known ?? { number: ++this.#subscriptions, route, args, channels: [] };
      tab.subscriptions.set(subject, subscription);
      this.#call(message, tab, subscription.number);
      return;
    }
    if (verb !== "unsubscribe") {
      this.#call(message, tab);
      return;
    }
    const channels = known?.channels ?? [];
    tab.subscriptions.delete(subject);
    if (this.#isSubscribed(subject)) {
      const context = { client_callback_name: callbackname ?? null, verb, state: "success" };
      const channel_data = { local_channel: args?.channel, remote_channels: channels, action: verb };
      tab.deliver(JSON.stringify({ data: "unsubscribed", context, channel_data }));
    } else {
      this.#call(message, tab);
      this.#restore(channels, tab);
    }
  }

  /** Gives the call's answer a way back. Tabs choose their callback names without knowing of each other. */
  #call({ callbackname, ...message }, { id }, number = "") {
    const name = callbackname == null ? "" : " " + callbackname;
    const text = JSON.stringify({ ...message, callbackname: `${id} ${number}${name}` });
    // As each call's text: SwampDragon 0.3.0 reads an apostrophe as a quotation mark.
    this.#send(text.replaceAll("'", "\\u0027"));
  }

  #isSubscribed(subject) {
    return [...this.#tabs.values()].some(({ subscriptions }) => subscriptions.has(subject));
  }

  /**
   * Where a tab unsubscribes, a server may end whole channels, also those that others have by other arguments. They
   * subscribe again: servers do one thing after the other, so nothing is missed. Nobody hears the answer.
   */
  #restore(ended, by) {
    for (const tab of this.#tabs.values()) {
      for (const { route, args, channels } of tab === by ? [] : tab.subscriptions.values()) {
        if (channels.some((channel) => ended.includes(channel))) {
          this.#call({ route, verb: "subscribe", args }, { id: "nobody" });
        }
      }
    }
  }

  #reply(message) {
    const { context, channel_data } = message;
    const [tagged, id, number, name = null] = TAGGED.exec(context.client_callback_name) ?? [];
    if (tagged === undefined) {
      this.#deliver(message);
      return;
    }
    const tab = this.#tabs.get(id);
    if (!tab) {
      return;
    }
    if (number) {
      const [subject, subscription] = [...tab.subscriptions].find(([, made]) => made.number === Number(number)) ?? [];
      if (!subscription) {
        // Unsubscribed meanwhile.
        delete message.channel_data;
      } else if (context.state === "success") {
        subscription.channels = [channel_data?.remote_channels ?? []].flat();
      } else if (!subscription.channels.length) {
        tab.subscriptions.delete(subject);
      }
    }
    context.client_callback_name = name;
    tab.deliver(JSON.stringify(message));
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // What is not JSON may still be a message of the application's own.
  }
}
