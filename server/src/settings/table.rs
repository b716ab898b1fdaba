use std::{path::PathBuf, time::Duration};

use swampdragon_protocol::{CloseCode, HeartbeatValue, MessageForm};

use super::{
    definition::{BareNumber, Definition, Legacy, Reads, default_doc, same, settings},
    kind::{
        AbortCode, Bytes, Carrier, Count, File, Flag, Folder, HeartbeatValueName, Host, KeyPrefix, Kind, ListenAddress,
        LogFilter, LogFormat, LogFormatName, MessageFormName, Optional, Origins, Password, PasswordText, Port, Prefix,
        ScriptAddress, Socket, Store, Time, WebOrigin,
    },
};

// In milliseconds.
const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

settings! {
    /// Everything an operator can set. [`Settings::default`] has the default of each, which its description names.
    pub struct Settings;

    "Listening" {
        /// Address to listen on: an IP address or a host name.
        ///
        /// 0.0.0.0 is all of the machine's IPv4 addresses, :: all of its addresses.
        host: String = Host, "127.0.0.1";

        /// Port to listen on; 0 takes any free one.
        port: u16 = Port, "9999";

        /// Path of the SockJS endpoint.
        ///
        /// With the default, pages connect to `http://HOST:PORT/data`.
        prefix: String = Prefix, "/data";

        /// Address by which pages reach this server, where that is another than HOST:PORT; /settings.js tells it to pages.
        ///
        /// Not set, /settings.js names the host that it was asked for.
        public_url: Option<String> = Optional<WebOrigin>, "";

        /// Folder whose files are served at /, for a page and its server from one place.
        static_dir: Option<PathBuf> = Optional<Folder>, "";

        /// Origins whose pages may connect, beside those from this server itself.
        ///
        /// Exactly as browsers send them, such as `https://example.com`; `*` allows every page on the web.
        allowed_origins: Vec<String> = Origins, "";

        /// Address of a listener for operators, apart from the one for pages: /healthz, /readyz and /metrics.
        ///
        /// Such as `127.0.0.1:9998`. Whoever reaches it reads the numbers: keep it from the outside. Not set, there is
        /// none.
        admin_listen: Option<String> = Optional<ListenAddress>, "";

        /// How long open connections may take to close when the server is told to stop.
        drain_time: Duration = Time<1, HOUR>, "10s";

        /// Offers the route `session` to every page: it makes sessions, reads and deletes them.
        ///
        /// For trying things out. Whoever reaches the server can then fill the session store.
        open_sessions: bool = Flag, "false";
    }

    "Sessions" {
        /// Where sessions are kept.
        ///
        /// `redis://[USER][:PASSWORD]@HOST[:PORT][/DB]`, `redis+unix://PATH`, `redis+sentinel://HOST,HOST/MASTER`,
        /// `redis+cluster://HOST,HOST`, with `rediss` instead of `redis` by TLS; `embedded:PATH` (one file, no Redis
        /// needed), `memory:` (ends with the server), or the name of a store that the program registered itself.
        /// docs/redis.md has examples.
        session_store: String = Store, "redis://127.0.0.1:6379", "DRAGON_SESSION_STORE" as AsGiven;

        /// How long a session lives after it was saved, or after a page answered a heartbeat.
        session_ttl: Duration = Time<SECOND, { 365 * DAY }>, "30m", "SESSION_EXPIRATION_TIME" as Minutes;

        /// What stands before each session key in Redis.
        session_key_prefix: String = KeyPrefix, "swampdragon:session:";

        /// Sessions that a memory or embedded store may hold; one more is refused.
        ///
        /// A million small ones take some 200 MB of memory.
        max_stored_sessions: usize = Count<1, 1_000_000_000>, "1000000";

        /// Answered heartbeats that may wait for a session store which cannot be reached, one a session.
        ///
        /// An outage shorter than the TTL then loses no session. Each takes some 200 bytes.
        max_pending_refreshes: usize = Count<1, 10_000_000>, "100000";

        /// How long answered heartbeats are gathered before they go to the session store together.
        ///
        /// Longer saves work on both sides under load, and delays what a page hears of its session by as much.
        refresh_gather_time: Duration = Time<1, SECOND>, "5ms";

        /// How long connecting to Redis may take.
        redis_connect_timeout: Duration = Time<50, { 60 * SECOND }>, "5s";

        /// How long Redis may take to answer before the connection counts as lost.
        redis_response_timeout: Duration = Time<50, { 60 * SECOND }>, "2s";

        /// How long the server waits for a Redis that does not answer yet when it starts; 0s is not at all.
        ///
        /// What waiting cannot help, such as a wrong password, ends it at once.
        redis_start_wait: Duration = Time<0, HOUR>, "10s";

        /// Certificates of the authorities that may vouch for Redis, in a PEM file; for addresses with rediss.
        ///
        /// Not set, they are the public ones that browsers trust.
        redis_tls_ca_file: Option<PathBuf> = Optional<File>, "";

        /// Certificate by which this server shows Redis who it is, in a PEM file, where Redis asks for one.
        redis_tls_cert_file: Option<PathBuf> = Optional<File>, "";

        /// Private key of redis-tls-cert-file, in a PEM file.
        redis_tls_key_file: Option<PathBuf> = Optional<File>, "";
    }

    "Address of Redis, instead of session-store" {
        /// Host of the Redis server.
        redis_host: String = Host, "127.0.0.1";

        /// Port of the Redis server.
        redis_port: u16 = Port, "6379";

        /// Number of the database.
        redis_db: usize = Count<0, 1_000_000>, "0";

        /// Password of the Redis server.
        ///
        /// Other users of the machine can see flags; prefer the variable or the file.
        redis_password: Option<Password> = Optional<PasswordText>, "";

        /// Unix socket of the Redis server, instead of host and port.
        redis_socket: Option<PathBuf> = Optional<Socket>, "";
    }

    "Heartbeats" {
        /// Whether heartbeat messages are sent, which keep sessions alive.
        heartbeat_enabled: bool = Flag, "true";

        /// How often a heartbeat message is sent on each connection; less than session-ttl.
        heartbeat_interval: Duration = Time<50, { 365 * DAY }>, "10m", "SWAMP_DRAGON_HEARTBEAT_FREQUENCY" as Milliseconds;

        /// What heartbeat messages say: tick, or 1 for the pages of SwampDragon 0.3.9 to 0.4.
        heartbeat_value: HeartbeatValue = HeartbeatValueName, "tick";

        /// Close code for a message that cannot be dealt with: 3000 or 3001.
        ///
        /// Pages come back after 3000 (Go away!); those of SwampDragon 0.2 to 0.4 stay away after 3001 (Connection
        /// aborted). Not set, it is 3000, or 3001 when heartbeat-value is 1, as in the original of each.
        abort_code: Option<CloseCode> = Optional<AbortCode>, "";

        /// Whether heartbeat messages offer pages to be told what became of their session ("ack": true).
        ///
        /// Off, messages are to the letter what the original sends.
        heartbeat_ack: bool = Flag, "false";

        /// How often a heartbeat frame is sent on an idle connection, which keeps proxies from dropping it.
        heartbeat_frame_interval: Duration = Time<50, HOUR>, "25s";
    }

    "SockJS" {
        /// Whether WebSockets are offered, beside the transports that work without them.
        sockjs_websocket: bool = Flag, "true";

        /// Whether responses set the cookie JSESSIONID, by which load balancers keep a client on one server.
        ///
        /// Clients without a WebSocket need that where there are several servers.
        sockjs_cookie: bool = Flag, "true";

        /// How much one streaming response carries before the client has to ask for another.
        ///
        /// Browsers keep the whole of a response in memory until it ends.
        sockjs_response_limit: usize = Bytes<KIB, { 64 * MIB }>, "128KiB";

        /// How long a session without a WebSocket lives while no request receives for it.
        ///
        /// As long, too, a client that comes late is told why its session was closed.
        sockjs_disconnect_delay: Duration = Time<50, HOUR>, "5s";

        /// Whether the requests of a session without a WebSocket must all come from one address.
        ///
        /// Else whoever guesses a session's id can read and send in its client's stead. Turn it off where clients come
        /// through several proxies. Of IPv6 addresses the first half counts.
        sockjs_same_address: bool = Flag, "true";

        /// Address of the SockJS client's script, for the page that old browsers load into a frame.
        ///
        /// Not set, there is no such page; browsers since 2012 need none. The script's version must be that of the
        /// pages' own, as in `https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js`, and it runs with
        /// the rights of this server's pages.
        sockjs_client_url: Option<String> = Optional<ScriptAddress>, "";

        /// How messages stand in SockJS frames: string, or object for the pages of SwampDragon 0.4.
        ///
        /// Publications are strings either way, as they were in 0.4.
        message_form: MessageForm = MessageFormName, "string";
    }

    "Publications" {
        /// How what routers publish reaches the pages of other servers.
        ///
        /// `local:` is not at all, an address of Redis as in session-store is by that Redis, where others may publish
        /// as well. Not set, it is the Redis of session-store, or local: if none is there.
        pubsub: Option<String> = Optional<Carrier>, "";

        /// Publications from Redis that may wait until this server has handed on those before them.
        ///
        /// More are dropped, which is logged: a server that is too slow for what is published must not fill its memory.
        max_waiting_publications: usize = Bytes<{ 64 * KIB }, { 4096 * MIB }>, "16MiB";
    }

    "Limits" {
        /// Subscriptions of one connection; one more is refused.
        ///
        /// Each remote channel counts, under each local name it has. One takes some 300 bytes.
        max_subscriptions: usize = Count<1, 1_000_000>, "100";

        /// Sessions of one connection that heartbeats keep although answers do not name them.
        ///
        /// Of more, those named last are kept.
        max_keys_per_connection: usize = Count<1, 1000>, "16";

        /// Connections at one time; more are refused.
        ///
        /// Each is an open file to the operating system, whose own limit is often lower (ulimit -n).
        max_connections: usize = Count<1, 10_000_000>, "100000";

        /// Longest message a client may send.
        ///
        /// Longer closes the connection. The original allowed 10 MB, which a thousand clients turn into 10 GB.
        max_message_size: usize = Bytes<KIB, { 64 * MIB }>, "128KiB";

        /// What may wait to be sent on one connection.
        ///
        /// A client that reads too slowly and lets more pile up is disconnected.
        max_outgoing_bytes: usize = Bytes<KIB, { 1024 * MIB }>, "1MiB";

        /// How long a client may take for its request to open a connection.
        handshake_timeout: Duration = Time<50, HOUR>, "10s";

        /// How long a client may take to answer a close before it is dropped.
        close_timeout: Duration = Time<50, HOUR>, "5s";
    }

    "Logging" {
        /// Which log lines are written.
        ///
        /// A level (off, error, warn, info, debug, trace), or several by module, such as
        /// `info,swampdragon_server::session_store=debug`.
        log: String = LogFilter, "info";

        /// How log lines are written: text for people, json for programs.
        log_format: LogFormat = LogFormatName, "text";
    }
}
