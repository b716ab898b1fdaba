// Whether somebody is at the page, or at another of its origin. Pages load this when their `keepAlive` asks for it.

const EVENTS = ["pointerdown", "pointermove", "keydown", "touchstart", "touchmove", "wheel", "scroll"];

/** How often it is said at most, in milliseconds; oftener when `within` is short. */
const INTERVAL_MS = 1000;

/**
 * Calls `seen` when this page or another of its origin is touched, until `signal` says that nobody wants to know any
 * more. `within` is for how many milliseconds that counts.
 */
export function activity(signal, within, seen) {
  if (signal.aborted) {
    return;
  }
  const interval = Math.min(INTERVAL_MS, within / 10);
  let channel;
  let said = -Infinity;
  const hear = () => {
    const now = performance.now();
    if (now - said >= interval) {
      said = now;
      seen();
      channel?.postMessage(0);
    }
  };
  // An open channel can keep a page from being put away for the back button.
  const leave = () => channel?.close();
  const meet = () => {
    leave();
    channel = globalThis.document && new BroadcastChannel("swampdragon.activity");
    channel?.addEventListener("message", seen);
  };
  const listen = (types, listener) =>
    types.forEach((type) => globalThis.addEventListener?.(type, listener, { capture: true, passive: true, signal }));
  listen(EVENTS, hear);
  listen(["pagehide"], leave);
  listen(["pageshow"], meet);
  signal.addEventListener("abort", leave);
  meet();
}
