import type { CallbackCalls } from "./callback-calls.js";
import type { CloseEvent, Context, Publication, Reply, SwampDragon } from "./index.js";
import type { AdapterOptions } from "./target.js";

export type { Answer, CallbackCalls, ChannelCall, Shorthand } from "./callback-calls.js";
export type { AdapterOptions } from "./target.js";

/** Takes a callback off again. */
export type Stop = () => void;

/**
 * The one object of SwampDragon 0.4. It connects when it is first used, whatever for.
 *
 * Each method that takes a callback throws a `TypeError` when it is no function, and all of them may be used any
 * number of times. A callback that throws is reported to the page and breaks nothing.
 */
export interface Singleton extends CallbackCalls {
  /** The object behind it. */
  readonly swampDragon: SwampDragon;

  /** The key of the session to keep alive, or `null`: that of the object behind it. */
  get session(): string | null;
  set session(key: string | null | undefined);

  /**
   * Says where the server is, and other options. Their callbacks are called before those that are registered here.
   *
   * @throws Error when the singleton has been used already.
   */
  configure(options?: AdapterOptions): void;

  /** Calls back at each opening of a connection; at once, too, when it is open. */
  open(callback: () => void): Stop;

  /**
   * Calls back when the connection is lost or cannot be made, once until the next opening; and when the client gives
   * up (`reconnecting` is false).
   */
  close(callback: (event: CloseEvent) => void): Stop;

  /** Calls back once: at once when the connection is open, or at its next opening. */
  ready(callback: () => void): Stop;

  /** Calls back with each publication, and your names for its channel. */
  onChannelMessage<Data = unknown>(callback: (channels: string[], publication: Publication<Data>) => void): Stop;

  /** Calls back at each heartbeat. With a session key stored, it is answered already. */
  onHeartbeat(callback: () => void): Stop;

  /** Calls back when a router wants the visitor to log in. The call's `failure` hears of it, too. */
  onLoginRequired(callback: (context: Context, data: unknown) => void): Stop;

  /** Sends a text of your own as one message. Throws when the connection is not open. */
  send(text: string): void;

  /** Sends a value as one message, in JSON. One with a `route` is a call. */
  sendJSON(message: object): Promise<Reply> | void;
}

export const swampdragon: Singleton;
export default swampdragon;
