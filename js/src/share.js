// One connection for all tabs of an origin (option `share`). Pages that want that load this when they connect.
import { Tab } from "./share/tab.js";

/** What tabs say to each other may change from one release to another; those of different releases share nothing. */
const VERSION = 1;

/** Each client's tab, by the client's dispatch function. */
const tabs = new WeakMap();

let warned = false;

/**
 * Makes a client's new socket one of this tab; `signal` says when the client does not want it any more. `open` opens the
 * socket that it would have alone, over the transport of that number.
 *
 * Tabs with the same address and the same allowed transports share: with others some could not follow everywhere.
 */
export function join(socket, { signal }, open, transport, dispatch, [address, raw], transports) {
  if (signal.aborted) {
    return;
  }
  if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) {
    openAlone(socket, open);
    return;
  }
  const name = `swampdragon ${VERSION} ${transports} ${address}`;
  let tab = tabs.get(dispatch);
  if (tab?.name !== name) {
    tab?.end();
    tab = new Tab(name, raw, dispatch, openAlone);
    tabs.set(dispatch, tab);
  }
  tab.serve(socket, open, transport);
}

/** The page's cookies have changed: the other tabs that share this client's connection shall make it anew, too. */
export const rebind = (dispatch) => tabs.get(dispatch)?.rebind();

/** Where the browser lets no tab know of another, each has a connection of its own. */
function openAlone(socket, open) {
  if (!warned) {
    warned = true;
    console.warn("swampdragon: no connection is shared, since that takes Web Locks and BroadcastChannel, over https.");
  }
  let real;
  const closed = () => socket.onclose?.({ code: 1006 });
  try {
    real = open();
  } catch {
    // The client has not got this socket yet.
    queueMicrotask(closed);
    return;
  }
  real.onopen = (event) => socket.onopen?.(event);
  real.onmessage = (event) => socket.onmessage?.(event);
  real.onclose = (event) => socket.onclose?.(event);
  socket.send = (text) => real.send(text);
  socket.close = (code) => real.close(code);
}
