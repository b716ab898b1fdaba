// The numbers that this object and the WebAssembly speak in: `client-wasm/src/bridge.rs` says what each means.

export const CONNECT_SOCKJS = 1;
export const CONNECT_RAW = 2;
export const DISCONNECT = 3;
export const CALL = 4;
export const SUBSCRIBE = 5;
export const UNSUBSCRIBE = 6;
export const SEND = 7;
export const SESSION_KEY = 8;
export const SUSPEND = 9;
export const WAKE = 10;
export const INFO = 12;
export const PRESENCE = 13;
export const REBIND = 14;

export const OPEN = 0;
export const CLOSE = 1;
export const MESSAGE = 2;
export const HEARTBEAT = 3;
export const REPLY = 4;
export const PUBLICATION = 5;
export const SESSION_NOTICE = 6;
export const CALL_FAILED = 7;
export const OPEN_SOCKET = 8;

/** The session was logged out (`protocol/src/close_code.rs`). */
export const LOGGED_OUT = 4001;
