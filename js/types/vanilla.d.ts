import type { CallbackCalls } from "./callback-calls.js";
import type { SwampDragon } from "./index.js";
import type { AdapterOptions } from "./target.js";

export type { Answer, CallbackCalls, ChannelCall, Shorthand } from "./callback-calls.js";
export type { AdapterOptions } from "./target.js";

export interface VanillaDragon extends CallbackCalls {}

/** The object of SwampDragon 0.3.8 for pages without a framework: calls take a `success` and a `failure`. */
export class VanillaDragon {
  /**
   * Connects.
   *
   * @throws TypeError when host or endpoint are no strings, or the host is no URL.
   */
  constructor(options?: AdapterOptions);

  /** The object behind it. */
  readonly swampDragon: SwampDragon;

  /** Whether the connection is open. */
  readonly isReady: boolean;

  /** The key of the session to keep alive, or `null`: that of the object behind it. */
  get session(): string | null;
  set session(key: string | null | undefined);

  /** Connects again, after `disconnect`. */
  connect(): void;

  /** Ends the connection. Calls without a reply fail, subscriptions are forgotten. */
  disconnect(): void;
}

export default VanillaDragon;
