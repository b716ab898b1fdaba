/** As much of Web Locks as the client asks for, since Node.js 20 has none. Every lock is exclusive. */
export class Locks {
  #held = new Map();
  #waiting = [];

  request(name, options, held) {
    const { signal, steal } = options;
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    return new Promise((resolve, reject) => {
      const request = { name, held, resolve, reject, signal };
      request.abort = () => {
        this.#waiting = this.#waiting.filter((waiting) => waiting !== request);
        reject(signal.reason);
      };
      signal?.addEventListener("abort", request.abort);
      if (steal) {
        this.#held.get(name)?.reject(new DOMException("stolen", "AbortError"));
        this.#grant(request);
      } else {
        this.#waiting.push(request);
        this.#next(name);
      }
    });
  }

  /** How many wait for a lock. */
  waiting(name) {
    return this.#waiting.filter((request) => request.name.startsWith(name)).length;
  }

  #next(name) {
    const next = this.#waiting.find((request) => request.name === name);
    if (next && !this.#held.has(name)) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
      this.#grant(next);
    }
  }

  #grant(request) {
    const { name, held, resolve, reject, signal, abort } = request;
    signal?.removeEventListener("abort", abort);
    this.#held.set(name, request);
    const free = () => {
      if (this.#held.get(name) === request) {
        this.#held.delete(name);
        this.#next(name);
      }
    };
    // As in a browser, not before whoever asked has gone on.
    Promise.resolve()
      .then(() => held({ name, mode: "exclusive" }))
      .then(resolve, reject)
      .finally(free);
  }
}
