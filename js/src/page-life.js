const EVENTS = ["pagehide", "freeze", "pageshow", "online", "offline", "visibilitychange", "resume"];

/**
 * Listens to what a page goes through while it is connected, and returns a function that stops listening.
 *
 * A page with an open socket is not kept for the back button, and a frozen one cannot answer; so both let go. They come
 * back with whatever event says that the page runs, and `wake` is told whether the browser sees no network.
 */
export function pageLife(suspend, wake) {
  const hear = (event) => {
    if (/hide|freeze/.test(event?.type)) {
      suspend();
    } else if (event?.type !== "visibilitychange" || !document.hidden) {
      wake(globalThis.navigator?.onLine === false);
    }
  };
  // Captured, since some happen to the document and need not rise to the window. Outside of pages there are none.
  const each = (method) => EVENTS.forEach((type) => globalThis[method]?.(type, hear, true));
  each("addEventListener");
  // What the browser says of the network now is no event.
  hear();
  return () => each("removeEventListener");
}
