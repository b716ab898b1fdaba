// What a message costs the page's thread: this client and `by-hand.js` in turn, rounds of each, in one page. Neither
// network nor server takes part: frames are handed in, and what is sent is counted.
//
// `?rounds=NUMBER`. `measured`, a promise of the page's, gets the microseconds of a message in each round.
import { SwampDragon } from "./swampdragon/dist/index.js";
import { ByHand } from "./by-hand.js";

/** In one round: about a millisecond, far above what the clock tells apart, and so short that few are interrupted. */
const MESSAGES = 400;

/** Rounds before those that count, until all code is compiled as well as it will be. */
const WARM_UP = 80;

const SESSION = "q7ZbV0u2mXc4LkRw9tYh1sDfGj3nPaE5";

/** A WebSocket without a network. */
class Socket {
  static made;
  sent = 0;
  characters = 0;
  texts = undefined;

  constructor() {
    Socket.made = this;
  }

  send(text) {
    this.sent++;
    this.characters += text.length;
    this.texts?.push(text);
  }

  close() {}
}

/** One of the two clients with its socket, and what it has done. */
class Side {
  heard = 0;
  sum = 0;
  values = undefined;

  constructor(make) {
    const { socket, call } = make(this.hear.bind(this));
    this.socket = socket;
    this.call = call;
  }

  hear(names, publication) {
    this.note(publication.data);
    this.values?.push(names, publication);
  }

  note(data) {
    this.heard++;
    this.sum += data.id;
    this.values?.push(data);
  }

  /** What both sides must have alike. */
  work() {
    const { sent, characters, texts } = this.socket;
    const { heard, sum, values } = this;
    return JSON.stringify({ sent, characters, texts, heard, sum, values });
  }

  /** Keeps all that is sent and heard from now on, or no longer. */
  keep(everything) {
    this.values = everything ? [] : undefined;
    this.socket.texts = everything ? [] : undefined;
  }
}

const ours = () =>
  new Side((onchannelmessage) => {
    const client = new SwampDragon({ WebSocket: Socket, storage: "memory", onchannelmessage });
    client.session = SESSION;
    client.connect("http://server.example");
    const socket = Socket.made;
    socket.onmessage(new MessageEvent("message", { data: "o" }));
    return { socket, call: (verb, route, args) => client.callRouter(verb, route, args) };
  });

const byHand = () =>
  new Side((onchannelmessage) => {
    const socket = new Socket();
    const client = new ByHand(socket, SESSION, onchannelmessage);
    return { socket, call: (verb, route, args) => client.call(verb, route, args) };
  });

/** How often either side has called. */
let calls = 0;

const event = (message) => {
  const frame = "a" + JSON.stringify([JSON.stringify(message)]);
  // As from a network, in one piece.
  return new MessageEvent("message", { data: JSON.parse(JSON.stringify(frame)) });
};
const item = (id) => ({ id, title: "A dragon in the swamp", votes: 3 * id, open: true });
const reply = (verb, rest) =>
  event({ ...rest, context: { client_callback_name: "promise_" + ++calls, verb, state: "success" } });

/** Kinds of messages: the events of a round, and how one is handled. */
const KINDS = {
  heartbeat: {
    event: () => event({ heartbeat: "tick" }),
    run(side, events) {
      for (const event of events) {
        side.socket.onmessage(event);
      }
    },
  },
  publication: {
    event: (id) => event({ data: item(id), action: "updated", channel: "item|id:7" }),
    run(side, events) {
      for (const event of events) {
        side.socket.onmessage(event);
      }
    },
  },
  call: {
    event: (id) => reply("get_single", { data: item(id) }),
    async run(side, events) {
      for (const event of events) {
        const answer = side.call("get_single", "item", { id: 7 });
        side.socket.onmessage(event);
        side.note((await answer).data);
      }
    },
  },
};

/** Microseconds for one message. */
async function time(kind, side, events) {
  const start = performance.now();
  await kind.run(side, events);
  return ((performance.now() - start) * 1000) / events.length;
}

/** One round of a kind, sometimes the one first and sometimes the other. */
async function round(kind, sides, count, oursFirst) {
  const before = calls;
  // Each has events of its own, since a text may be kept otherwise once somebody has looked at it.
  const events = sides.map(() => {
    calls = before;
    return Array.from({ length: count }, (_, id) => kind.event(id));
  });
  const took = [];
  for (const index of oursFirst ? [0, 1] : [1, 0]) {
    took[index] = await time(kind, sides[index], events[index]);
  }
  const [one, other] = sides.map((side) => side.work());
  if (one !== other) {
    throw new Error(`they did not do the same:\n${one.slice(0, 1000)}\n${other.slice(0, 1000)}`);
  }
  return took;
}

async function subscribe(sides) {
  const local_channel = "news";
  const answered = reply("subscribe", { channel_data: { local_channel, remote_channels: ["item|id:7"] } });
  for (const side of sides) {
    const subscribed = side.call("subscribe", "item", { id: 7, channel: local_channel });
    side.socket.onmessage(answered);
    await subscribed;
  }
}

async function measure(rounds) {
  const sides = [ours(), byHand()];
  await subscribe(sides);
  const kinds = Object.entries(KINDS);
  sides.forEach((side) => side.keep(true));
  for (const [, kind] of kinds) {
    await round(kind, sides, 10, true);
  }
  const [{ heard, socket }] = sides;
  if (socket.sent !== 21 || heard !== 20) {
    throw new Error(`${socket.sent} messages were sent and ${heard} heard, not 21 and 20`);
  }
  sides.forEach((side) => side.keep(false));
  const took = Object.fromEntries(kinds.map(([name]) => [name, { ours: [], other: [] }]));
  for (let number = -WARM_UP; number < rounds; number++) {
    for (const [name, kind] of kinds) {
      const [ours, other] = await round(kind, sides, MESSAGES, number % 2 === 0);
      if (number >= 0) {
        took[name].ours.push(ours);
        took[name].other.push(other);
      }
    }
  }
  return took;
}

measure(Number(new URLSearchParams(location.search).get("rounds"))).then(measured.resolve, measured.reject);
