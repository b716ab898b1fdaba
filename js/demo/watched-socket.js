// The page shows what really crosses the wire, and can cut it. Both need the socket itself, which the client rightly
// keeps to itself; so this page hands the client a WebSocket that tells.

/**
 * @typedef {object} SocketWatcher
 * @property {() => void} [opening] a socket is being opened: one attempt
 * @property {() => void} [opened]
 * @property {() => void} [closed]
 * @property {(message: unknown, size: number) => void} [received] one message, or a SockJS frame by name
 * @property {(message: unknown, size: number) => void} [sent]
 */

/**
 * A WebSocket class whose every socket reports to `watcher`.
 *
 * @param {SocketWatcher} watcher
 * @returns {{ Socket: typeof WebSocket, drop: () => void }} `drop` closes the socket in use without the client's doing
 */
export function watchedSocket(watcher) {
  /** @type {WebSocket | undefined} */
  let current;

  class Socket extends WebSocket {
    /** @param {string | URL} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      current = this;
      watcher.opening?.();
      this.addEventListener("open", () => watcher.opened?.());
      this.addEventListener("close", () => watcher.closed?.());
      this.addEventListener("message", ({ data }) => {
        for (const message of messagesIn(data)) watcher.received?.(message, data.length);
      });
    }

    /** @param {string} data */
    send(data) {
      super.send(data);
      for (const message of messagesIn(data)) watcher.sent?.(message, data.length);
    }
  }

  return { Socket, drop: () => current?.close() };
}

const FRAMES = { o: "open frame", h: "heartbeat frame", c: "close frame" };

/** The messages inside a SockJS frame, or the single message of a raw socket. @param {string} data */
function messagesIn(data) {
  if (data in FRAMES) return [FRAMES[data]];
  if (data.startsWith("c[")) return [`${FRAMES.c} ${data.slice(1)}`];
  try {
    const content = JSON.parse(data.startsWith("a[") ? data.slice(1) : data);
    return (Array.isArray(content) ? content : [content]).map((message) =>
      typeof message === "string" ? JSON.parse(message) : message,
    );
  } catch {
    return [data];
  }
}
