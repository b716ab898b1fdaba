/** How a router answered: `success`, `error`, `login_required`, or a word of the server's own. */
export type ReplyState = "success" | "error" | "login_required" | (string & {});

/** What comes with each reply. */
export interface Context {
  /** The name that the call gave. */
  client_callback_name: string | null;
  /** The verb that was called. */
  verb: string | null;
  state: ReplyState;
  /** Present when the client, not the server, ended the call. */
  code?: CallFailureCode;
}

/**
 * Why a call ended without a reply:
 * - `connection_lost`: after it had been sent. Whether the server acted on it is unknown.
 * - `not_connected`: there is no connection, and none is being made.
 * - `queue_full`: more than `maxQueuedCalls` wait for the connection.
 * - `unanswered`: more than `maxPendingCalls` later calls wait for replies.
 * - `too_many_subscriptions`: there are `maxSubscriptions` already.
 */
export type CallFailureCode =
  | "connection_lost"
  | "not_connected"
  | "queue_full"
  | "unanswered"
  | "too_many_subscriptions";

/** A successful reply. */
export interface Reply<Data = unknown> {
  data: Data;
  context: Context;
}

/** What a call's promise is rejected with. */
export interface CallError<Data = unknown> extends Error {
  /** `error`, `login_required`, or what the server said instead of `success`. */
  state: ReplyState;
  /** What the server sent with it; `null` when there was no reply. */
  data: Data | null;
  context: Context;
  /** Why there was no reply, or the state when there was one. */
  code: CallFailureCode | ReplyState;
}

/** Something published on a channel. */
export interface Publication<Data = unknown> {
  data: Data;
  /** What happened to it: `created`, `updated`, `deleted`, or a word of the application's own. */
  action?: string;
}

/**
 * What is published under one of the page's channel names, for `for await`. Goes on over reconnects; ends with
 * `return` (which leaving the loop calls), with `disconnect`, and when the server refuses for good.
 */
export interface ChannelMessages<Data = unknown> extends AsyncIterableIterator<Publication<Data>> {
  next(): Promise<IteratorResult<Publication<Data>, undefined>>;
  return(): Promise<IteratorResult<Publication<Data>, undefined>>;
  /** How many messages were thrown away, unread, because `buffer` newer ones came. */
  readonly dropped: number;
}

/** How a channel is listened to. */
export interface ChannelOptions {
  /** How many messages wait to be read. One more pushes the oldest out. Default: 256. */
  buffer?: number;
}

/** The end of a connection, or of an attempt to make one. */
export interface CloseEvent {
  type: "close";
  /**
   * The close code. 1006: lost without a word. 3000: the server stops, or did not understand. 4008 and 4029: the page
   * read too slowly, or sent too much. 3001 and 4000: the server does not want this page. 4001: its session was logged
   * out.
   */
  code: number;
  /** The server's words, or "". */
  reason: string;
  /** Whether the client comes back by itself. */
  reconnecting: boolean;
}

/** A message as it came. */
export interface MessageEvent {
  type: "message";
  data: unknown;
}

/** What became of a session at a heartbeat, from servers that tell (`--heartbeat-ack`), or at a logout. */
export interface SessionNotice {
  /** The key of the session; `null` for the one that the server has found by a cookie, whose key no page hears. */
  session: string | null;
  /**
   * - `active`: it lives, and has been refreshed.
   * - `expiring`: it lives, but only for `ttl` more.
   * - `expired`: there is no such session, or no longer; `reason` says whether it was logged out.
   * - `persistent`: it has no time to live and needs no refresh.
   * - `unsupported`: the session store cannot refresh.
   * - `refused`: the server did not do what was asked; `reason` says why.
   */
  state: "active" | "expiring" | "expired" | "persistent" | "unsupported" | "refused" | (string & {});
  /** How long the session still lives, in milliseconds. */
  ttl?: number;
  /** The server's words for it. */
  reason?: string;
}

/** The part of the WebSocket class that the client uses. The package `ws` has one. */
export interface WebSocketClass {
  new (url: string): {
    onopen: unknown;
    onmessage: unknown;
    onclose: unknown;
    onerror: unknown;
    send(text: string): void;
    close(code?: number): void;
  };
}

/** Called with the reply's context and data; `this` is the `SwampDragon` object. */
export type Listener<Data = unknown> = (this: SwampDragon, context: Context, data: Data) => void;

/**
 * How frames travel: over a WebSocket; by one long response after the other and requests of their own for what the page
 * sends; or by a request for each frame or few.
 */
export type Transport = "websocket" | "xhr-streaming" | "xhr-polling";

/** Whom a session is kept alive for, see {@link Options.keepAlive}. */
export type KeepAlive = "always" | "visible" | { activeWithin: number };

/** Callbacks have the options themselves as `this`. One that throws is reported to the page and breaks nothing. */
export interface Options {
  /** The connection is open. After a reconnect, too: subscriptions are restored then without your help. */
  onopen?(this: Options): void;
  /** The connection is closed, or an attempt to open one has failed. */
  onclose?(this: Options, event: CloseEvent): void;
  /** Any message but publications, after the callback that it has of its own. */
  onmessage?(this: Options, event: MessageEvent): void;
  /** Something was published. `channels` are your names for the channel: those given to `subscribe`. */
  onchannelmessage?(this: Options, channels: string[], publication: Publication): void;
  /** A router wants the visitor to log in first. */
  onloginrequired?(this: Options, context: Context, data: unknown): void;
  /**
   * A heartbeat came. With a session key stored, or a server that finds the session by a cookie, it is answered already,
   * unless `keepAlive` holds the answer back until the visitor returns.
   */
  onheartbeat?(this: Options): void;
  /** The server told what became of the session: of the stored key's, or of the one that it has found by a cookie. */
  onsession?(this: Options, notice: SessionNotice): void;
  /**
   * The session is gone: it ran out, or was logged out elsewhere. Called once for each key, after `onsession` or, when
   * the server closes with 4001, after `onclose`. The key is forgotten by then.
   *
   * Where the server finds the session by a cookie, `session` is `null` before and after. Once the visitor has logged
   * in again, call `rebind`.
   */
  onsessionexpired?(this: Options): void;

  /**
   * Whom the session is kept alive for:
   * - `always`: the page, for as long as it is open.
   * - `visible`: the page while it is visible, or covered without the browser's knowing.
   * - `{ activeWithin }`: its visitor, until so many milliseconds have passed without a pointer moved, a key pressed, a
   *   touch or a scroll, in this page or another of its origin that asks for this. To connect counts as well. Scripts
   *   that scroll count as visitors.
   *
   * Heartbeats that come meanwhile are not answered, but the last of them is as soon as the visitor is back. It holds
   * back heartbeats only: what else the page asks of its server may keep the session, too. Default: `always`.
   */
  keepAlive?: KeepAlive;

  /**
   * Where the session key is kept: until the tab is closed (`session`), for good (`local`), or until the page is left
   * (`memory`). Falls back to `memory`, with a warning, when the browser refuses.
   * Default: `session` in a page, `memory` elsewhere.
   */
  storage?: "session" | "local" | "memory";
  /** The name it is kept by. Default: `swampdragon.session`. */
  storageKey?: string;
  /**
   * Connect to the raw WebSocket endpoint (`URL/CHANNEL/websocket`), without SockJS frames. A URL that ends in
   * `/websocket` is raw anyway. Default: false.
   */
  raw?: boolean;
  /**
   * The longest wait before the first attempt to reconnect, in milliseconds. Each further one doubles it; how long the
   * wait really is, is random between 0 and that. Default: 500.
   */
  reconnectDelayMs?: number;
  /**
   * Where the doubling ends, in milliseconds. A server that stops may ask for up to as much beside the client's own
   * delay, and while the browser sees no network, each delay is random up to this. Default: 30000.
   */
  reconnectDelayMaxMs?: number;
  /**
   * What a connection may be made over, in any order. The WebSocket is tried at once; the others when it cannot be had,
   * with a module that is fetched then. What worked is kept where the session key is kept, for ten connections, after
   * which the WebSocket gets its chance again. Raw endpoints are WebSockets and nothing else.
   * Default: `["websocket", "xhr-streaming", "xhr-polling"]`.
   */
  transports?: readonly Transport[];
  /**
   * How long a connection may take to open, in milliseconds, over any one transport; half of that where another may be
   * tried before the server has been asked. Default: 10000.
   */
  connectTimeoutMs?: number;
  /**
   * How long an open SockJS connection may be silent, in milliseconds, before it is taken for dead and opened anew; by
   * the clock, so that a machine that slept for longer has a new connection as soon as the page wakes. Servers send
   * something every 25 seconds. A raw connection is opened anew after a sleep of three times as long. 0: it may be
   * silent as long as it likes. Default: 40000.
   */
  silenceTimeoutMs?: number;
  /** How many calls wait for the connection. One more fails. Default: 256. */
  maxQueuedCalls?: number;
  /** How many calls wait for a reply. One more fails the oldest. Default: 1024. */
  maxPendingCalls?: number;
  /** How many subscriptions there may be. One more fails. Default: 1024. */
  maxSubscriptions?: number;
  /**
   * Whether subscriptions are made again after a reconnect. Without, they end with their connection, and `onopen` is
   * the place to make them. Default: true.
   */
  restoreSubscriptions?: boolean;
  /**
   * Whether all tabs of the page's origin share one connection to an endpoint. The server sees one page: it sends each
   * heartbeat once, gets one answer for each session, and whoever logs in by a call does so for all tabs. When the tab
   * that has the connection closes, another takes over at once, and subscriptions are restored. Tabs share that allow
   * the same `transports`. Where there are no Web Locks or no `BroadcastChannel` (pages without https, browsers from
   * before 2022, Node.js before version 24), each tab has its own connection, and the console says so. Default: false.
   */
  share?: boolean;
  /**
   * The WebSocket class. Default: the global one. Node.js has none before version 22: pass that of the package `ws`, or
   * let another transport do.
   */
  WebSocket?: WebSocketClass;
}

/** What a call takes as arguments: anything that JSON can say. */
export type Args = object | null | undefined;

/** A connection to a SwampDragon server, and the session that it keeps alive. */
export class SwampDragon {
  /** Nothing is connected before `connect`. Throws a `TypeError` for an option that is out of its bounds. */
  constructor(options?: Options);

  /** The options that were given. Callbacks may be replaced at any time; other changes have no effect. */
  readonly settings: Options;

  /** Whether the connection is open. */
  readonly isReady: boolean;

  /**
   * The key of the session to keep alive, as your backend names it; `null` for none. It is sent in answer to each
   * heartbeat. Setting it to anything but 1 to 128 characters `A-Z a-z 0-9 _ . ~ -`, or `null`, throws a `TypeError`.
   *
   * It becomes `null` when the server says that there is no such session, so set it when there is one.
   *
   * Servers that find the session by a cookie need no key, and tell of none: leave it `null`.
   */
  get session(): string | null;
  set session(key: string | null | undefined);

  /**
   * Connects, and reconnects whenever the connection is lost, until `disconnect` or until the server refuses for good
   * (close codes 3001, 4000 and 4001). Never throws for a fault of the network.
   *
   * @param url Where the server is, such as `https://example.com`. Default: the last one, or the page's own origin.
   * @param channel Which service it is there. Default: `data`.
   * @throws TypeError when `url` is no URL of `http`, `https`, `ws` or `wss`.
   */
  connect(url?: string, channel?: string): void;

  /** Ends the connection. Calls without a reply fail, subscriptions are forgotten. */
  disconnect(): void;

  /**
   * Makes the connection anew at once, so that a server that finds the session by a cookie reads it again: call it when
   * the visitor has logged in or out while the page was open. As with any connection that is lost and comes back,
   * `onclose` (code 1000, `reconnecting: true`) and `onopen` are called, calls without a reply fail, and subscriptions
   * are restored. With `share`, all tabs get the new connection.
   *
   * It brings back a page that the server has sent away (3001, 4000, 4001), and cuts the wait for the next attempt
   * short. A page that is put away or frozen connects when it is back; one that is not connected, or not any more,
   * stays so.
   */
  rebind(): void;

  /**
   * Ends the session everywhere: the server deletes it, and closes the connections of all other pages that kept it with
   * 4001, whose `onsessionexpired` is called. Resolves when the server has confirmed that; the key is forgotten then.
   *
   * Waits for the connection like a call. Rejects with a `CallError` when the server refuses (`code: "refused"`, with
   * its reason as `data`), or when it is unknown whether it did (`connection_lost`, from servers that know no logout,
   * too); the key is kept, to try again or to be set to `null`. Without a key, it rejects at once.
   */
  logout(): Promise<void>;

  /**
   * Calls a router. While there is no connection yet, the call waits for it.
   *
   * Without a callback name the reply settles the promise that is returned: with `{data, context}`, or with a
   * `CallError`. With a name the reply goes to the listeners of that name (`on`), and nothing is returned.
   *
   * @param channel Becomes `args.channel`.
   */
  callRouter<Data = unknown>(
    verb: string,
    route: string,
    args?: Args,
    callbackName?: null,
    channel?: string | null,
  ): Promise<Reply<Data>>;
  callRouter(verb: string, route: string, args: Args, callbackName: string, channel?: string | null): void;

  /** Calls the verb `get_single`. */
  get_single<Data = unknown>(route: string, args?: Args, callbackName?: null): Promise<Reply<Data>>;
  get_single(route: string, args: Args, callbackName: string): void;

  /** Calls the verb `get_list`. */
  get_list<Data = unknown>(route: string, args?: Args, callbackName?: null): Promise<Reply<Data>>;
  get_list(route: string, args: Args, callbackName: string): void;

  /** Calls the verb `create`. */
  create_object<Data = unknown>(route: string, args?: Args, callbackName?: null): Promise<Reply<Data>>;
  create_object(route: string, args: Args, callbackName: string): void;

  /** Calls the verb `update`. */
  update_object<Data = unknown>(route: string, args?: Args, callbackName?: null): Promise<Reply<Data>>;
  update_object(route: string, args: Args, callbackName: string): void;

  /** Calls the verb `delete`. */
  delete_object<Data = unknown>(route: string, args?: Args, callbackName?: null): Promise<Reply<Data>>;
  delete_object(route: string, args: Args, callbackName: string): void;

  /**
   * Subscribes, again after each reconnect (see `restoreSubscriptions`), until `unsubscribe` with the same route and
   * arguments.
   *
   * @param channel Your name for what is subscribed; `onchannelmessage` gets it.
   */
  subscribe<Data = unknown>(
    route: string,
    args: Args,
    callbackName: null | undefined,
    channel: string,
  ): Promise<Reply<Data>>;
  subscribe(route: string, args: Args, callbackName: string, channel: string): void;

  /** Undoes `subscribe`. */
  unsubscribe<Data = unknown>(
    route: string,
    args: Args,
    callbackName: null | undefined,
    channel: string,
  ): Promise<Reply<Data>>;
  unsubscribe(route: string, args: Args, callbackName: string, channel: string): void;

  /**
   * Listens to a channel from now on. It does not subscribe: `subscribe` gives channels their names.
   *
   * @param name The name that was given to `subscribe`.
   * @throws TypeError when the name is no string, or `buffer` no whole number from 1.
   */
  channel<Data = unknown>(name: string, options?: ChannelOptions): ChannelMessages<Data>;

  /** Sends a text of your own as one message. Throws when the connection is not open. */
  send(text: string): void;

  /** Sends a value as one message, in JSON. One with a `route` is a call, like `callRouter`. */
  sendJSON(message: object): Promise<Reply> | void;

  /** Listens to replies by a callback name, or to what `emit` is called with. */
  on<Data = unknown>(name: string, listener: Listener<Data>): void;
  on(name: string, listener: (this: SwampDragon, ...args: never[]) => void): void;

  /** Stops listening. */
  off(name: string, listener: (this: SwampDragon, ...args: never[]) => void): void;

  /** Calls the listeners of a name. */
  emit(name: string, args?: readonly unknown[]): void;
}
