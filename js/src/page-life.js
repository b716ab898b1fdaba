/**
 * Listens to what a page goes through while it is connected, and returns a function that stops listening.
 *
 * A page with an open socket is not kept for the back button, so it lets go when it is hidden away; it asks to come
 * back whenever a connection is likely to work again.
 */
export function pageLife(suspend, wake) {
  const hear = (event) => {
    if (event.type === "pagehide") {
      suspend();
    } else if (globalThis.document?.visibilityState !== "hidden") {
      wake();
    }
  };
  const places = [
    [globalThis, ["pagehide", "pageshow", "online"]],
    [globalThis.document, ["visibilitychange", "resume"]],
  ];
  const each = (method) => {
    for (const [target, types] of places) {
      for (const type of types) {
        target?.[method]?.(type, hear);
      }
    }
  };
  each("addEventListener");
  return () => each("removeEventListener");
}
