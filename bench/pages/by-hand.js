// The client that a page would have without a library, as far as messages go: what `messages.js` compares with.

/** Hears `socket`, a SockJS session's WebSocket, and keeps `session`. */
export class ByHand {
  #socket;
  #session;
  #onchannelmessage;
  #calls = new Map();
  #channels = new Map();
  #count = 0;

  constructor(socket, session, onchannelmessage) {
    this.#socket = socket;
    this.#session = session;
    this.#onchannelmessage = onchannelmessage;
    socket.onmessage = (event) => this.#frame(event.data);
  }

  call(verb, route, args) {
    const name = "promise_" + ++this.#count;
    return new Promise((resolve, reject) => {
      this.#calls.set(name, { resolve, reject });
      this.#send({ route, verb, args, callbackname: name });
    });
  }

  #send(message) {
    this.#socket.send(JSON.stringify([JSON.stringify(message)]));
  }

  #frame(frame) {
    // `o` opens, `h` says nothing and `c` ends: none of them is measured.
    if (typeof frame !== "string" || frame[0] !== "a") {
      return;
    }
    const messages = parse(frame.slice(1));
    if (Array.isArray(messages)) {
      for (const message of messages) {
        this.#message(typeof message === "string" ? parse(message) : message);
      }
    }
  }

  #message(message) {
    if (message?.channel) {
      const { channel, ...publication } = message;
      this.#onchannelmessage([...(this.#channels.get(channel) ?? [])], publication);
    } else if (message?.context) {
      this.#reply(message);
    } else if (message?.heartbeat) {
      this.#send({ heartbeat: message.heartbeat, session: this.#session });
    }
  }

  #reply({ context, data, channel_data }) {
    const call = this.#calls.get(context.client_callback_name);
    if (!call) {
      return;
    }
    this.#calls.delete(context.client_callback_name);
    if (context.state !== "success") {
      return call.reject(new Error(context.state));
    }
    for (const remote of channel_data?.remote_channels ?? []) {
      this.#channels.set(remote, [...(this.#channels.get(remote) ?? []), channel_data.local_channel]);
    }
    call.resolve({ data, context });
  }
}

/** What is not JSON has no meaning. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
