import { SwampDragon } from "swampdragon";
import { callbackCalls } from "./callback-calls.js";
import { target } from "./target.js";

// Documented for pages in `types/vanilla.d.ts`.
export class VanillaDragon {
  #target;

  constructor(options) {
    this.#target = target(options);
    this.swampDragon = new SwampDragon(options);
    Object.assign(this, callbackCalls(() => this.swampDragon));
    this.connect();
  }

  get isReady() {
    return this.swampDragon.isReady;
  }

  get session() {
    return this.swampDragon.session;
  }

  set session(key) {
    this.swampDragon.session = key;
  }

  connect() {
    this.swampDragon.connect(...this.#target);
  }

  disconnect() {
    this.swampDragon.disconnect();
  }
}

export default VanillaDragon;
