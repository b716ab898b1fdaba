const EVENTS = ["pagehide", "pageshow", "online", "visibilitychange", "resume"];

/**
 * Listens to what a page goes through while it is connected, and returns a function that stops listening.
 *
 * A page with an open socket is not kept for the back button, so it lets go when it is hidden away; it asks to come
 * back whenever a connection is likely to work again.
 */
export function pageLife(suspend, wake) {
  const hear = ({ type }) => {
    if (type === "pagehide") {
      suspend();
    } else if (globalThis.document?.visibilityState !== "hidden") {
      wake();
    }
  };
  // Captured, since some happen to the document and need not rise to the window. Outside of pages there are none.
  const each = (method) => EVENTS.forEach((type) => globalThis[method]?.(type, hear, true));
  each("addEventListener");
  return () => each("removeEventListener");
}
