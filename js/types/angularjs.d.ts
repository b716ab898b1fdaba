import type { IPromise } from "angular";
import type { Args, CallFailureCode, CloseEvent, Context, Publication, ReplyState, SwampDragon } from "./index.js";
import type { AdapterOptions } from "./target.js";

export type { AdapterOptions } from "./target.js";

/** What a call's promise is resolved with. */
export interface Response<Data = unknown> {
  data: Data;
  /** What the router gave as its `client_context`. Absent when it gave none. */
  context?: unknown;
}

/** What a call's promise is rejected with. */
export interface Failure<Errors = unknown> {
  /** What the server sent; `null` when there was no reply. */
  errors: Errors | null;
  /** `error`, `login_required`, or what the server said instead of `success`. */
  state: ReplyState;
  /** Why there was no reply, or the state when there was one. */
  code: CallFailureCode | ReplyState;
}

/**
 * The service `dataService` of SwampDragon 0.3.0.
 *
 * Calls return promises of `$q`. They throw a `TypeError` when verb, route or channel are no strings, or the arguments
 * no object.
 */
export interface DataService {
  /** Whether the connection is open. */
  isReady(): boolean;

  /** Listens to replies by a callback name. `this` is the `SwampDragon` object. A digest follows. */
  on<Data = unknown>(name: string, callback: (this: SwampDragon, context: Context, data: Data) => void): void;

  /** Calls any verb. With a `channel`, that becomes `args.channel`. */
  callRouter<Data = unknown>(
    verb: string,
    route: string,
    args?: Args,
    channel?: string | null,
  ): IPromise<Response<Data>>;

  /** Calls the verb `get_single`. */
  getSingle<Data = unknown>(route: string, data?: Args): IPromise<Response<Data>>;
  /** Calls the verb `get_list`. */
  getList<Data = unknown>(route: string, data?: Args): IPromise<Response<Data>>;
  /** Calls the verb `get_list` with the page's number as `_page`, beside the rest of the data. Default: page 1. */
  getPagedList<Data = unknown>(route: string, data?: Args, page?: number | null): IPromise<Response<Data>>;
  /** Calls the verb `create`. */
  create<Data = unknown>(route: string, data?: Args): IPromise<Response<Data>>;
  /** Calls the verb `update`. */
  update<Data = unknown>(route: string, data?: Args): IPromise<Response<Data>>;
  /** Calls the verb `delete`. */
  delete<Data = unknown>(route: string, data?: Args): IPromise<Response<Data>>;

  /** Subscribes, again after each reconnect. `channel` is your name for it, which channel messages come with. */
  subscribe(route: string, channel: string, args?: Args): IPromise<Response>;
  /** Undoes `subscribe` with the same route, channel and arguments. */
  unsubscribe(route: string, channel: string, args?: Args): IPromise<Response>;

  /** Sends a value as one message, in JSON. Throws when the connection is not open. */
  sendJSON(message: object): void;

  /** The key of the session to keep alive, or `null`: that of the object behind the service. */
  get session(): string | null;
  set session(key: string | null | undefined);

  /** The object behind the service. */
  readonly swampDragon: SwampDragon;
}

/**
 * The service `$dragon` of SwampDragon 0.3.9 and 0.4. A digest follows each callback; one that throws goes to
 * `$exceptionHandler`. What `on...` returns takes the callback off again.
 */
export interface Dragon extends DataService {
  /** Calls back once: soon when the connection is open, or at its next opening. */
  onReady(callback: () => void): void;
  /** Calls back at each opening of a connection. */
  onOpen(callback: () => void): () => void;
  /** Calls back at the end of each connection, and of each attempt to make one. */
  onClose(callback: (event: CloseEvent) => void): () => void;
  /** Calls back with each publication, and your names for its channel. */
  onChannelMessage<Data = unknown>(
    callback: (channels: string[], publication: Publication<Data>) => void,
  ): () => void;
  /** Calls back at each heartbeat. With a session key stored, it is answered already. */
  onHeartbeat(callback: () => void): () => void;
  /** Calls back when a router wants the visitor to log in. */
  onLoginRequired(callback: (context: Context, data: unknown) => void): () => void;
}

/**
 * Says where the server is, and other options. Without a host from here or from the server's `settings.js` it is port
 * 9999 of the page's own host, as for SwampDragon 0.3.0.
 *
 * @throws Error when AngularJS has made the services already.
 */
export function configure(options?: AdapterOptions): void;

/**
 * The name of the AngularJS module, with the services `dataService` and `$dragon` on one connection.
 *
 * `$rootScope` broadcasts `dragonReady` at each opening of it, `handleChannelMessage` with the channels and the
 * publication, `heartbeat`, and `loginRequired`. A digest follows.
 */
declare const SwampDragonServices: "SwampDragonServices";
export default SwampDragonServices;
