const EVENTS = ["pagehide", "freeze", "pageshow", "online", "offline", "visibilitychange", "resume"];

/**
 * Listens to what a page goes through while it is connected, until `signal` ends that.
 *
 * A page with an open socket is not kept for the back button, and a frozen one cannot answer; so both let go. They come
 * back with whatever event says that the page runs, and `wake` is told whether the browser sees no network. At each of
 * them `see` is told whether the page is visible.
 */
export function pageLife(signal, suspend, wake, see) {
  const hear = (event) => {
    const visible = !globalThis.document?.hidden;
    if (/hide|freeze/.test(event?.type)) {
      suspend();
    } else if (visible || event?.type !== "visibilitychange") {
      wake(globalThis.navigator?.onLine === false);
    }
    see(visible);
  };
  // Captured, since some happen to the document and need not rise to the window. Outside of pages there are none.
  EVENTS.forEach((type) => globalThis.addEventListener?.(type, hear, { capture: true, signal }));
  // How things are now is no event.
  hear();
}
