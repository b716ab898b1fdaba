import { INFO, REBIND, WAKE } from "../codes.js";
import { Leader } from "./leader.js";
import { hold } from "./lock.js";
import { Seat } from "./seat.js";

/** How a question for `/info` is numbered among the transports. */
const ASKING = 3;

const ABNORMAL = 1006;

/** How many transports a client may think of in one attempt: each once, one of them before the question, and that. */
const LONGEST_ATTEMPT = 6;

/**
 * How long the lock is kept after a connection was lost, in milliseconds. The other tabs hear of the loss meanwhile; had
 * one of them the lock before, it would take the loss for its leader's end, and come back without its backoff.
 */
const RELEASE_MS = 100;

/** What a client is told, code and reason, when its connection was that of a tab which leads no more. */
const TAKEN_OVER = [ABNORMAL, "another tab has the connection now"];

/**
 * One client among those that share a connection.
 *
 * Who holds the lock `name` leads and opens the socket to the server. The others each have a seat: an id, a lock and a
 * channel named by it. On the channel `name` all hear of each leader (`{ leader: TERM, loss }`) and of changed cookies
 * (`{ rebind: true }`), and leaders of those who want a seat (`{ hello: ID, since }`). On its own channel a seat hears `{ term, transport, open }`, `{ frame }` and
 * `{ lost: [code, reason] }`, and says what its client sends. A seat's lock tells its leader how long it is taken.
 *
 * The client behind decides when to connect and what to make of an end, as if it were alone.
 */
export class Tab {
  #raw;
  #dispatch;
  #openAlone;
  /** What the client has at present: its socket, what it would open alone, over which transport. */
  #socket;
  #openReal;
  #transport;
  #common;
  #seat;
  /** Aborted to give up the lock, or the wish for it. */
  #claim;
  #leader;
  #leads = false;
  /** How, `[code, reason]`, and when the connection was lost, while this tab leads without one. */
  #loss;
  #release;
  /** A seat was left whose leader did not greet. */
  #wasIgnored = false;
  /** The client is being told something; what it closes and opens meanwhile is the answer to that. */
  #steering = false;

  constructor(name, raw, dispatch, openAlone) {
    this.name = name;
    this.#raw = raw;
    this.#dispatch = dispatch;
    this.#openAlone = openAlone;
    // A page that is kept for the back button, or frozen, must not lead, and would be let go for what it might hear.
    for (const type of ["pagehide", "freeze"]) {
      globalThis.addEventListener?.(type, () => this.#sleep(), true);
    }
  }

  /** Takes a socket for the client's present one, until the client closes it. */
  serve(socket, openReal, transport) {
    this.#socket = socket;
    this.#openReal = openReal;
    this.#transport = transport;
    socket.send = (frame) => (this.#leads ? this.#leader?.say(frame) : this.#seat?.say(frame));
    socket.close = () => this.#closed(socket);
    this.#listen();
    if (this.#leads) {
      this.#lead();
    } else if (!this.#steering) {
      this.#follow();
    }
  }

  /** The connection is to be made anew, which whoever leads does for all. What they ask for now is the next one. */
  rebind() {
    this.#common?.postMessage({ rebind: true });
  }

  /** The client connects elsewhere. */
  end() {
    this.#socket = undefined;
    this.#sleep();
  }

  #listen() {
    if (!this.#common) {
      this.#common = new BroadcastChannel(this.name);
      this.#common.onmessage = ({ data }) => this.#overhear(data);
      // In Node.js listening would keep the process.
      this.#common.unref?.();
    }
  }

  #closed(socket) {
    if (socket === this.#socket) {
      this.#socket = undefined;
      if (!this.#steering) {
        // One that tries another transport has its next socket before this.
        queueMicrotask(() => this.#socket ?? this.#leave());
      }
    }
  }

  /** Wants a leader, or to be it. */
  #follow() {
    if (this.#seat?.term) {
      // The client has let go of an open connection; what is still said on it is not for the next.
      this.#stand();
    }
    if (!this.#seat) {
      this.#sit();
    } else if (this.#seat.isIgnored) {
      this.#want(true);
    }
  }

  #sit() {
    this.#seat = new Seat(
      this.name,
      (hello) => this.#common.postMessage(hello),
      (said) => this.#hear(said),
    );
    if (!this.#claim) {
      this.#want(this.#wasIgnored);
    }
  }

  #stand() {
    this.#seat?.leave();
    this.#seat = undefined;
  }

  #want(steal) {
    this.#claim?.abort();
    const claim = new AbortController();
    this.#claim = claim;
    hold(this.name, claim.signal, () => this.#elected(), steal ? { steal } : undefined).catch((error) => {
      if (!claim.signal.aborted) {
        this.#deposed(error);
      }
    });
  }

  #elected() {
    const replaces = this.#seat?.term;
    this.#leads = true;
    this.#stand();
    if (replaces) {
      this.#change();
    } else if (this.#socket) {
      this.#lead();
    }
  }

  /** There is another leader, and the connection was the former one's, or its own former one. */
  #change([code, reason] = TAKEN_OVER) {
    this.#tell(code, reason);
    if (!this.#socket) {
      this.#wake();
    } else if (!this.#leads) {
      this.#follow();
    }
    if (!this.#socket) {
      this.#leave();
    }
  }

  #lead() {
    clearTimeout(this.#release);
    this.#leader?.end();
    this.#leader = new Leader({
      name: this.name,
      raw: this.#raw,
      transport: this.#transport,
      openReal: this.#openReal,
      opened: () => {
        this.#loss = undefined;
        this.#opened();
      },
      frame: (text) => this.#frame(text),
      ended: (how, code) => this.#ended(how, code),
    });
    // On another channel than what the seats have been told, which may be slower.
    this.#common.postMessage({ leader: this.#leader.term, loss: this.#loss?.how });
  }

  #ended(how, code) {
    const leader = this.#leader;
    this.#tell(code, how.reason);
    // Unless the client tries the next transport.
    if (!this.#socket) {
      this.#loss = { how: leader.dismiss(how), at: Date.now() };
      this.#leader = undefined;
      this.#release = setTimeout(() => this.#leave(), RELEASE_MS);
    }
  }

  /** The lock has been stolen, since this page hung, or the page may not have any. */
  #deposed(error) {
    this.#claim = undefined;
    if (error.name === "AbortError") {
      this.#lost(...TAKEN_OVER);
    } else {
      const socket = this.#socket;
      this.#socket = undefined;
      this.#leave();
      if (socket) {
        this.#openAlone(socket, this.#openReal);
      }
    }
  }

  /** Gives up everything but to hear of the next leader. */
  #leave() {
    clearTimeout(this.#release);
    this.#wasIgnored = this.#seat?.isIgnored ?? false;
    this.#stand();
    this.#leads = false;
    this.#loss = undefined;
    this.#claim?.abort();
    this.#claim = undefined;
    this.#leader?.end();
    this.#leader = undefined;
  }

  #sleep() {
    this.#tell(ABNORMAL);
    this.#leave();
    this.#common?.close();
    this.#common = undefined;
  }

  #overhear({ hello, since, leader, loss, rebind }) {
    if (rebind) {
      this.#dispatch(0, REBIND);
      return;
    }
    if (hello) {
      this.#greet(hello, since);
      return;
    }
    // One that leads has been deposed then, which it will hear in a moment.
    if (!this.#leads) {
      if (!this.#seat) {
        this.#wake();
      } else if (!this.#seat.term) {
        this.#seat.sayHello();
      } else if (this.#seat.term !== leader) {
        this.#stand();
        this.#change(loss);
      }
    }
  }

  #greet(id, since) {
    if (this.#leader) {
      this.#leader.welcome(id);
    } else if (since < this.#loss?.at) {
      // What it joins has failed meanwhile.
      const channel = new BroadcastChannel(`${this.name} ${id}`);
      channel.postMessage({ lost: [ABNORMAL] });
      channel.close();
    }
  }

  #hear({ term, transport, open, frame, lost }) {
    if (frame !== undefined) {
      this.#frame(frame);
    } else if (lost) {
      this.#lost(...lost);
    } else {
      this.#seat.greeted = true;
      if (open && !this.#seat.term) {
        this.#seat.term = term;
        this.#agree(transport);
      }
    }
  }

  /** The client gets to the leader's transport by its own rules, and will remember it as if it had found it itself. */
  #agree(transport) {
    for (let step = 0; this.#socket && this.#transport !== transport && step < LONGEST_ATTEMPT; step++) {
      if (this.#transport === ASKING) {
        // There is a WebSocket, after no time.
        this.#steer(() => this.#dispatch(0, INFO, 1));
      } else {
        this.#tell(ABNORMAL);
      }
    }
    if (!this.#socket) {
      this.#leave();
    } else if (this.#transport === transport) {
      this.#opened();
    } else {
      this.#follow();
    }
  }

  #lost(code, reason) {
    this.#leave();
    // For one that is not open yet this is one transport less; but all have been tried.
    for (let step = 0; this.#socket && step < LONGEST_ATTEMPT; step++) {
      this.#tell(code, reason);
    }
    if (this.#socket) {
      this.#follow();
    }
  }

  #tell(code, reason) {
    this.#steer(() => this.#socket?.onclose?.({ code, reason }));
  }

  #steer(action) {
    this.#steering = true;
    action();
    this.#steering = false;
  }

  #wake() {
    this.#dispatch(0, WAKE, globalThis.navigator.onLine === false);
  }

  #opened() {
    if (this.#raw) {
      this.#socket?.onopen?.({});
    } else {
      this.#frame("o");
    }
  }

  #frame(data) {
    this.#socket?.onmessage?.({ data });
  }
}
