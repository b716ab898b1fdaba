/** What is published under one of the page's channel names, to be read by `for await`. */
export class Channel {
  dropped = 0;
  #name;
  #buffer;
  #open;
  #kept = [];
  #readers = [];

  /** Hears from now on, as one of `open`, the channels of a page's object. */
  constructor(name, buffer, open) {
    if (typeof name !== "string") {
      throw new TypeError("channel needs the name that was given to subscribe.");
    }
    if (!(Number.isSafeInteger(buffer) && buffer > 0)) {
      throw new TypeError("buffer must be a whole number from 1.");
    }
    this.#name = name;
    this.#buffer = buffer;
    this.#open = open.add(this);
  }

  hear(names, value) {
    if (!names.includes(this.#name)) {
      return;
    }
    const answer = this.#readers.shift();
    if (answer) {
      return answer({ value, done: false });
    }
    if (this.#kept.push(value) > this.#buffer) {
      // The oldest goes: who reads late wants to know how things stand now.
      this.#kept.shift();
      this.dropped++;
    }
  }

  /** Hears no more. What is kept can still be read. */
  end() {
    this.#open.delete(this);
    this.#readers.splice(0).forEach((answer) => answer({ value: undefined, done: true }));
  }

  async next() {
    if (this.#kept.length) {
      return { value: this.#kept.shift(), done: false };
    }
    return this.#open.has(this) ? new Promise((answer) => this.#readers.push(answer)) : { value: undefined, done: true };
  }

  async return(value) {
    this.#kept = [];
    this.end();
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
