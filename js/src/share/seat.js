import { hold } from "./lock.js";

/** How long a leader may be silent, in milliseconds, before the next attempt takes the lock away from it. */
const HANGS_MS = 2000;

/** A tab's place with whoever leads: an id, a lock that tells how long it is taken, and a channel for the two of them. */
export class Seat {
  /** Which of a leader's connections this one hears, once that is open. */
  term;
  /** Whether there is a leader that has answered. */
  greeted = false;
  #id = crypto.randomUUID();
  #since = Date.now();
  #channel;
  #announce;
  #taken = false;
  #left = new AbortController();

  /** Says hello by `announce` as soon as it has its lock; `hear` gets what the leader says to this seat. */
  constructor(name, announce, hear) {
    const own = `${name} ${this.#id}`;
    this.#announce = announce;
    this.#channel = new BroadcastChannel(own);
    this.#channel.onmessage = ({ data }) => this.#left.signal.aborted || hear(data);
    const taken = () => {
      this.#taken = true;
      this.sayHello();
    };
    // Where no locks are to be had, the tab hears of it by the one that it wants to lead.
    hold(own, this.#left.signal, taken).catch(() => {});
  }

  /** Whether there is a leader that does not even greet: it hangs, is frozen, or shows a dialog. */
  get isIgnored() {
    return !this.greeted && Date.now() - this.#since > HANGS_MS;
  }

  sayHello() {
    if (this.#taken) {
      this.#announce({ hello: this.#id, since: this.#since });
    }
  }

  say(frame) {
    this.#channel.postMessage(frame);
  }

  leave() {
    this.#left.abort();
    this.#channel.close();
  }
}
