import type { Args, Context, Reply } from "./index.js";

/** Hears a reply. For a failure that the client found itself, `context.code` says which, and `data` is `null`. */
export type Answer<Data = unknown> = (context: Context, data: Data) => void;

/**
 * Calls as SwampDragon 0.3 and 0.4 make them.
 *
 * `success` hears a reply of the state `success`, `failure` every other one, `login_required` and a lost connection
 * included; one of the two is called, once. Without either the call returns a promise of the reply.
 *
 * Each throws a `TypeError` when verb, route or channel are no strings, the arguments no object, or a callback is no
 * function.
 */
export interface CallbackCalls {
  /** Calls any verb. With a `channel`, that becomes `args.channel`. */
  callRouter<Data = unknown>(
    verb: string,
    route: string,
    args?: Args,
    success?: null,
    failure?: null,
    channel?: string | null,
  ): Promise<Reply<Data>>;
  callRouter<Data = unknown>(
    verb: string,
    route: string,
    args: Args,
    success: Answer<Data> | null | undefined,
    failure?: Answer | null,
    channel?: string | null,
  ): void;

  /** Calls the verb `get_single`. */
  getSingle: Shorthand;
  /** Calls the verb `get_list`. */
  getList: Shorthand;
  /** Calls the verb `create`. */
  create: Shorthand;
  /** Calls the verb `update`. */
  update: Shorthand;
  /** Calls the verb `delete`. */
  delete: Shorthand;

  /** Calls the verb `get_list` with the page's number as `_page`, beside the rest of the data. Default: page 1. */
  getPagedList<Data = unknown>(route: string, data?: Args, page?: number | null): Promise<Reply<Data>>;
  getPagedList<Data = unknown>(
    route: string,
    data: Args,
    page: number | null | undefined,
    success: Answer<Data> | null | undefined,
    failure?: Answer | null,
  ): void;

  /** Subscribes, again after each reconnect. `channel` is your name for it, which channel messages come with. */
  subscribe: ChannelCall;
  /** Undoes `subscribe` with the same route, channel and arguments. */
  unsubscribe: ChannelCall;
}

/** One verb, called with data. */
export interface Shorthand {
  <Data = unknown>(route: string, data?: Args): Promise<Reply<Data>>;
  <Data = unknown>(
    route: string,
    data: Args,
    success: Answer<Data> | null | undefined,
    failure?: Answer | null,
  ): void;
}

/** One verb, called for a channel. */
export interface ChannelCall {
  (route: string, channel: string, args?: Args): Promise<Reply>;
  (
    route: string,
    channel: string,
    args: Args,
    success: Answer | null | undefined,
    failure?: Answer | null,
  ): void;
}
