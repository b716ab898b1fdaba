// SockJS sessions without a WebSocket (SockJS 0.3.3, "xhr-polling" and "xhr-streaming"). Pages load this when they
// need it. What may happen when, the client decides (`client-core/`); here are only the requests.

/** `Transport::XhrPolling` in `client-core/src/transport.rs`. */
const XHR_POLLING = 2;

/** How much of waiting messages goes into one request, in characters: well below what any server takes at once. */
const BATCH = 16_384;

/** How long one request may take that sends, in milliseconds. The server answers when it has handled the messages. */
const SEND_TIMEOUT_MS = 30_000;

/** How long a frame may be, in characters: past that the server does not speak SockJS. */
const MAX_FRAME = 2 ** 24;

const ABNORMAL = 1006;
const MESSAGE_TOO_BIG = 1009;

/**
 * Opens the session of this URL for a socket that looks like a WebSocket: `onmessage({ data })` with one frame each,
 * `onclose({ code })`, and the methods `send` and `close`, which this adds. `receiving` is aborted when the socket is
 * not wanted any more.
 */
export function open(socket, session, transport, receiving) {
  /** Messages not yet sent, each as the SockJS array of one. */
  let waiting = [];
  let sending = false;
  let closing = false;

  /** One request of the session. Text is sent as `text/plain`, which spares pages of other origins a preflight. */
  async function post(what, signal, body) {
    const response = await fetch(`${session}/${what}`, { method: "POST", body, signal, credentials: "include" });
    if (!response.ok) {
      await response.body?.cancel();
      throw response;
    }
    return response;
  }

  /** The session is over. What waits to be sent goes with it: the client fails the calls whose replies do not come. */
  function end(code) {
    waiting = [];
    receiving.abort();
    socket.onclose?.({ code });
  }

  async function receive() {
    const streaming = transport !== XHR_POLLING;
    while (!receiving.signal.aborted) {
      const response = await post(streaming ? "xhr_streaming" : "xhr", receiving.signal);
      if (!(await readFrames(response.body, (data) => socket.onmessage?.({ data })))) {
        // Asking again would be answered as fast as this was: whoever it is, it is no SockJS server.
        throw response;
      }
      // A response that has carried enough ends, and the session goes on with the next.
    }
  }

  async function sendAll() {
    sending = true;
    while (waiting.length) {
      let size = 0;
      const fits = waiting.findIndex((text) => (size += text.length) > BATCH);
      // The first goes, however long it is: whether that is too long, the server knows.
      const batch = waiting.splice(0, fits < 0 ? waiting.length : Math.max(fits, 1));
      const body = "[" + batch.map((text) => text.slice(1, -1)).join() + "]";
      const response = await post("xhr_send", AbortSignal.timeout?.(SEND_TIMEOUT_MS), body);
      // Read to its end, since a connection is free for the next request only then.
      await response.text();
    }
    sending = false;
    if (closing) {
      receiving.abort();
    }
  }

  const fail = (error) => end(error?.status === 413 ? MESSAGE_TOO_BIG : ABNORMAL);

  socket.send = (text) => {
    if (!closing && !receiving.signal.aborted) {
      waiting.push(text);
      // One request after the other keeps messages in their order.
      if (!sending) {
        sendAll().catch(fail);
      }
    }
  };

  socket.close = () => {
    closing = true;
    // A session ends when its receiver is gone, so what the page has sent goes out first.
    if (!sending) {
      receiving.abort();
    }
  };

  receive().catch(fail);
}

/** Reads a response to its end and hands on each frame, which is a line. Answers whether there was one. */
async function readFrames(body, handOn) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let any = false;
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return any;
    }
    const lines = decoder.decode(value, { stream: true }).split("\n");
    // Only what is new is looked through: a long frame comes in very many pieces.
    lines[0] = rest + lines[0];
    rest = lines.pop();
    for (const line of lines) {
      // A stream begins with a line of many `h`, for browsers that show nothing of a short response.
      if (/^([oh]$|[amc])/.test(line)) {
        any = true;
        handOn(line);
      }
    }
    if (rest.length > MAX_FRAME) {
      await reader.cancel();
      throw new Error("swampdragon: a frame without an end");
    }
  }
}
