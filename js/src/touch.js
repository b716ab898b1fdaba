// Has the cookie of the page's session issued anew, so that the browser keeps it for as long as the server keeps the
// session. Pages load this when their server asks for it.
import { report } from "./report.js";

/** How long one request may take, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** Answers that asking again will hardly change: no session, a page that may not ask, nobody there to be asked. */
const REFUSALS = [401, 403, 404];

/** What is known of each address, since a page may have several clients: `{ busy, settledAt, reported }`. */
const known = new Map();

/**
 * Touches the session's cookie at the server of this endpoint, unless that was done, or refused, within so many
 * milliseconds. What fails otherwise is tried again when this is called next.
 */
export async function touch([endpoint, raw], withinMs) {
  const service = endpoint.replace("ws", "http");
  const url = (raw ? service.replace(/\/websocket(\?.*)?$/, "") : service) + "/touch";
  if (!known.has(url)) {
    known.set(url, {});
  }
  const state = known.get(url);
  const now = Date.now();
  // A clock that was set back since makes it negative.
  const since = now - state.settledAt;
  if (state.busy || (since >= 0 && since < withinMs)) {
    return;
  }
  state.busy = true;
  try {
    const { status } = await fetch(url, {
      method: "POST",
      credentials: "include",
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
    });
    // Whatever else says that all is well, such as a page to log in, is not the server.
    const done = status === 204;
    if (done || REFUSALS.includes(status)) {
      state.settledAt = now;
    }
    if (!done && !state.reported) {
      report(new Error(`swampdragon: the session's cookie is not issued anew: POST ${url} answered ${status}.`));
    }
    state.reported = !done;
  } catch {
    // The network failed, of which browsers tell people more than scripts.
  } finally {
    state.busy = false;
  }
}
