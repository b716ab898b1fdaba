import { once } from "node:events";
import { WebSocketServer } from "ws";

/**
 * A SockJS or raw endpoint on a free port that does what a test says and records what it hears.
 *
 * `peers` are the connections in order; each has `heard` (messages, parsed), `texts` (the same, unparsed), `path`, `say(message)` and `frame(text)`.
 */
export async function startServer({ onMessage = () => {}, sockjs = true } = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const peers = [];
  server.on("connection", (socket, request) => {
    const peer = {
      socket,
      path: request.url,
      heard: [],
      texts: [],
      frame: (text) => socket.send(text),
      say: (message) => socket.send(sockjs ? "a" + JSON.stringify([JSON.stringify(message)]) : JSON.stringify(message)),
    };
    socket.on("message", (bytes) => {
      const body = JSON.parse(bytes);
      for (const text of sockjs ? body : [JSON.stringify(body)]) {
        const message = JSON.parse(text);
        peer.texts.push(text);
        peer.heard.push(message);
        onMessage(peer, message);
      }
    });
    peers.push(peer);
    if (sockjs) {
      socket.send("o");
    }
  });
  return {
    peers,
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      for (const socket of server.clients) {
        socket.terminate();
      }
      await new Promise((done) => server.close(done));
    },
  };
}

/** The reply of a router that does what it is told. */
export const reply = (call, data, state = "success") => ({
  data,
  context: { client_callback_name: call.callbackname, verb: call.verb, state },
});

/** Waits until the condition holds; fails with its text after two seconds, or another limit in milliseconds. */
export async function until(condition, limit = 2000) {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > limit) {
      throw new Error(`never came true: ${condition}`);
    }
    await new Promise((done) => setTimeout(done, 5));
  }
}
