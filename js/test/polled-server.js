import { once } from "node:events";
import { createServer } from "node:http";

/**
 * A SockJS service without WebSockets on a free port, which does what a test says and records what it is asked.
 *
 * `requests` are all requests in order, as `what` (`info`, `xhr`, `xhr_streaming`, `xhr_send`), `path`, `headers` and
 * `body`. `sessions` are the SockJS sessions in order; each has `heard` (messages, parsed), `say(message)`,
 * `frame(text)`, `write(text)`, and `endResponse()`, which makes the client ask for another. `answer(what, response)`
 * may answer a request in the server's stead; it then returns true.
 */
export async function startPolledServer({ info = { websocket: false }, onMessage = () => {}, answer = () => false } = {}) {
  const requests = [];
  const sessions = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) {
      body += chunk;
    }
    const [path, id, what] = request.url.match(/^\/data\/(?:\d{3}\/([^/]+)\/)?(\w+)$/) ?? [];
    requests.push({ what, path, headers: request.headers, body, method: request.method });
    if (answer(what, response)) {
      return;
    }
    if (what === "info") {
      response.end(JSON.stringify(info));
      return;
    }
    let session = sessions.find((known) => known.id === id);
    if (what === "xhr_send") {
      if (!session) {
        response.writeHead(404).end();
        return;
      }
      for (const text of JSON.parse(body)) {
        session.heard.push(JSON.parse(text));
        onMessage(session, JSON.parse(text));
      }
      response.writeHead(204).end();
      return;
    }
    if (!session) {
      session = new Session(id);
      sessions.push(session);
    }
    session.attach(response, what === "xhr_streaming");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    requests,
    sessions,
    url: `http://127.0.0.1:${server.address().port}`,
    count: (what) => requests.filter((request) => request.what === what).length,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

class Session {
  heard = [];
  /** Whether nobody receives any more, after somebody did. */
  abandoned = false;
  #frames = ["o"];
  #response;
  #streaming;

  constructor(id) {
    this.id = id;
  }

  attach(response, streaming) {
    this.#response = response;
    this.#streaming = streaming;
    if (streaming) {
      response.write("h".repeat(2048) + "\n");
    }
    response.on("close", () => (this.abandoned = !response.writableFinished));
    this.#flush();
  }

  frame(text) {
    this.#frames.push(text);
    this.#flush();
  }

  say(message) {
    this.frame("a" + JSON.stringify([JSON.stringify(message)]));
  }

  /** Part of a frame, which is a line. */
  write(text) {
    this.#response.write(text);
  }

  endResponse() {
    this.#response.end();
    this.#response = undefined;
  }

  #flush() {
    if (this.#response && this.#frames.length) {
      this.#response.write(this.#frames.splice(0).join("\n") + "\n");
      if (!this.#streaming) {
        this.endResponse();
      }
    }
  }
}
