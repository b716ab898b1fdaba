import { whenFree } from "./lock.js";
import { Relay } from "./relay.js";

const ABNORMAL = 1006;
const NORMAL = 1000;
const LOGGED_OUT = 4001;

/**
 * One socket to the server, opened by the tab that leads, for all tabs that have said hello.
 *
 * Each tab has a channel to its leader that nobody else listens to, named by its id; see `tab.js` for what they say.
 */
export class Leader {
  /** Tells one leader's connection from the next. */
  term = crypto.randomUUID();
  #own;
  #relay = new Relay((text) => this.#send(text));
  #channels = new Map();
  #over = new AbortController();
  #real;
  #open = false;

  /**
   * `own` is the leading tab: its `name`, whether its endpoint is `raw`, the `transport` that `openReal()` opens, and
   * what it hears, `opened()`, `frame(text)` and
   * `ended(how, code)`: how the connection has ended, and the code that this tab should see.
   */
  constructor(own) {
    this.#own = own;
    this.#relay.add(this.term, (text) => own.frame(this.#framed(text)));
    try {
      this.#real = own.openReal();
    } catch {
      // The client has not got its socket yet.
      queueMicrotask(() => this.#ended({ code: ABNORMAL }));
      return;
    }
    this.#real.onopen = () => own.raw && this.#opened();
    this.#real.onmessage = ({ data }) => this.#hear(data);
    this.#real.onclose = (event) => this.#ended(event);
  }

  /** A tab wants to share the connection. */
  welcome(id) {
    let channel = this.#channels.get(id);
    if (!channel) {
      channel = new BroadcastChannel(`${this.#own.name} ${id}`);
      channel.onmessage = ({ data }) => this.#say(id, data);
      this.#channels.set(id, channel);
      this.#relay.add(id, (text) => channel.postMessage({ frame: this.#framed(text) }));
      whenFree(`${this.#own.name} ${id}`, this.#over.signal, () => {
        channel.close();
        this.#channels.delete(id);
        this.#relay.remove(id);
      });
    }
    channel.postMessage(this.#state());
  }

  /** The leading tab itself sends. */
  say(frame) {
    this.#say(this.term, frame);
  }

  /** The connection is lost, for the other tabs, too. Returns what one should hear that is not known here. */
  dismiss({ code, reason }) {
    const loss = (id) => [this.#codeFor(id, code), reason];
    this.#channels.forEach((channel, id) => channel.postMessage({ lost: loss(id) }));
    this.end();
    return loss();
  }

  end() {
    if (!this.#over.signal.aborted) {
      this.#over.abort();
      this.#channels.forEach((channel) => channel.close());
      this.#real?.close(NORMAL);
    }
  }

  /**
   * A server that ends a connection since a session was logged out does not say which. Where there were several, tabs
   * come back and hear of theirs with its next heartbeat.
   */
  #codeFor(id, code) {
    return code === LOGGED_OUT && !this.#relay.isSessionOf(id) ? ABNORMAL : code;
  }

  #state() {
    return { term: this.term, transport: this.#own.transport, open: this.#open };
  }

  #tell(what) {
    this.#channels.forEach((channel) => channel.postMessage(what));
  }

  /** A message in a frame of its own, as SockJS has it too. */
  #framed(text) {
    return this.#own.raw ? text : "m" + text;
  }

  #say(id, frame) {
    for (const text of this.#own.raw ? [frame] : JSON.parse(frame)) {
      this.#relay.say(id, text);
    }
  }

  /** Nothing waits for a connection here: the tabs' clients know when there is one. */
  #send(text) {
    if (this.#open && !this.#over.signal.aborted) {
      this.#real.send(this.#own.raw ? text : JSON.stringify([text]));
    }
  }

  #opened() {
    this.#open = true;
    this.#own.opened();
    this.#tell(this.#state());
  }

  #ended({ code, reason }) {
    if (!this.#over.signal.aborted) {
      this.#own.ended({ code, reason }, this.#codeFor(this.term, code));
    }
  }

  #hear(data) {
    if (this.#over.signal.aborted) {
      return;
    }
    if (this.#own.raw) {
      this.#relay.hear(data);
      return;
    }
    switch (data[0]) {
      case "o":
        return this.#opened();
      case "h":
        this.#own.frame(data);
        return this.#tell({ frame: data });
      case "m":
        return this.#relay.hear(body(data));
      case "a":
        return [body(data)].flat().forEach((message) => this.#relay.hear(message));
      case "c": {
        const [code, reason] = [body(data)].flat();
        return this.#ended({ code: code ?? ABNORMAL, reason });
      }
    }
  }
}

/** What stands in a frame, or `undefined`, which means nothing to anybody. */
function body(frame) {
  try {
    return JSON.parse(frame.slice(1));
  } catch {
    return undefined;
  }
}
