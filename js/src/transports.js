// What stands in every page of the transports without a WebSocket; the rest comes with `fallback.js` when it is needed.

import { sessionUrl } from "./session-url.js";

// In the order of `Transport` in `client-core/src/transport.rs`.
const NAMES = ["websocket", "xhr-streaming", "xhr-polling"];

/** The allowed transports as bits, the lowest for the WebSocket. */
export function transportBits(names = NAMES) {
  // An unknown name has no index, and makes the sum negative.
  const bits = Array.isArray(names) && names.reduce((sum, name) => sum | (1 << NAMES.indexOf(name)), 0);
  if (!(bits > 0)) {
    throw new TypeError(`transports must name some of ${NAMES.join(", ")}.`);
  }
  return bits;
}

/** How a question for `/info` is numbered among them. */
const INFO = 3;

/** What looks like a WebSocket to the client. `begin` makes it one; the aborter's signal says that it was closed. */
function standIn(begin) {
  const aborter = new AbortController();
  const socket = { close: () => aborter.abort() };
  begin(socket, aborter).catch(() => socket.onclose?.({ code: 1006 }));
  return socket;
}

/**
 * A SockJS session over another transport, or a question to the service about itself. The answer to that goes to
 * `informed` as the command `INFO` has it.
 */
export function openWithoutWebSocket(endpoint, transport, informed) {
  const service = endpoint.replace("ws", "http");
  return standIn((socket, aborter) =>
    transport === INFO
      ? askInfo(service, aborter.signal).then(informed)
      : import("./fallback.js").then(({ open }) => open(socket, sessionUrl(service), transport, aborter)),
  );
}

/** What `share.js` exports; `null` when it cannot be had. */
let share;

/** This tab's part in a socket that `open` makes once for all tabs. */
export function openShared(open, ...which) {
  return share === null
    ? open()
    : standIn(async (socket, aborter) => {
        // Without it the rest of this attempt, and the next, are the page's own.
        share ??= await import("./share.js").catch(() => null);
        share.join(socket, aborter, open, ...which);
      });
}

/** Has the tabs that share a client's connection make it anew. */
export const rebindShared = (dispatch) => share?.rebind(dispatch);

// A clock that is set meanwhile makes the tries that follow longer, up to the connect timeout.
async function askInfo(service, signal) {
  const asked = Date.now();
  const response = await fetch(service + "/info", { credentials: "include", signal });
  const { websocket } = await response.json();
  return ((Date.now() - asked) << 1) | (websocket !== false);
}
