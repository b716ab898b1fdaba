import { report } from "../report.js";

/** A page's callbacks for one kind of event. One that throws does not keep the others from hearing. */
export class Callbacks {
  #entries = [];
  #report;

  constructor(reportError = report) {
    this.#report = reportError;
  }

  /** Returns a function that takes the callback off again. */
  add(callback) {
    const entry = { callback: assertCallback(callback) };
    this.#entries = [...this.#entries, entry];
    return () => {
      this.#entries = this.#entries.filter((known) => known !== entry);
    };
  }

  call(...args) {
    for (const { callback } of this.#entries) {
      try {
        callback(...args);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** Calls them for the last time. */
  callOnce(...args) {
    const last = new Callbacks(this.#report);
    last.#entries = this.#entries.splice(0);
    last.call(...args);
  }
}

export function assertCallback(callback) {
  if (typeof callback !== "function") {
    throw new TypeError("A callback must be a function.");
  }
  return callback;
}

/**
 * The options with callbacks of these names, which call the page's own, if the options have one, and then `hear` with
 * the name and what it was called with.
 */
export function overhear(options, names, hear) {
  const overheard = { ...options };
  for (const name of names) {
    overheard[name] = function (...args) {
      try {
        options?.[name]?.apply(this, args);
      } finally {
        hear(name, ...args);
      }
    };
  }
  return overheard;
}
