/**
 * Holds a lock from when it is free, which `held` hears, until the signal is aborted. The promise is rejected when the
 * lock is stolen, or was never to be had.
 */
export function hold(name, signal, held, options = { signal }) {
  return navigator.locks.request(name, options, () => {
    if (!signal.aborted) {
      held();
      // Who holds it may have let go of it by then.
      return signal.aborted || new Promise((release) => signal.addEventListener("abort", release));
    }
  });
}

/** Tells when whoever holds the lock has let go of it, or has crashed. */
export function whenFree(name, signal, free) {
  // Rejected when the signal is aborted: nobody wants to know any more.
  navigator.locks.request(name, { signal }, free).catch(() => {});
}
