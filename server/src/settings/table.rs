use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;
use swampdragon_protocol::{CloseCode, HeartbeatValue, MessageForm};

use crate::session_layout::{CookieSignature, KeyTemplate, LayoutName};

use super::{
    definition::{BareNumber, Definition, Legacy, Reads, default_doc, same, settings},
    kind::{
        AbortCode, Bytes, Carrier, CookieDomain, CookieName, CookiePath, Count, Count16, File, Flag, Folder,
        HeartbeatValueName, Host, KeyPrefix, Kind, Layout, ListenAddress, LogFilter, LogFormat, LogFormatName,
        MessageFormName, Networks, Optional, Origins, Password, PasswordText, Port, Prefix, ProxyHeader,
        ProxyHeaderName, RedisKey, SameSite, SameSiteName, ScriptAddress, Signature, Socket, Store, Time, Token,
        WebOrigin,
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

        /// File of the certificate for TLS, in PEM, with those between it and the authority's own; needs tls-key.
        ///
        /// Not set, the server speaks plain HTTP, as behind a proxy that ends TLS. The file is read again at SIGHUP.
        tls_certificate: Option<PathBuf> = Optional<File>, "";

        /// File of the certificate's private key, in PEM.
        tls_key: Option<PathBuf> = Optional<File>, "";

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

        /// Token with which a backend makes, reads and ends sessions by HTTP on admin-listen, below /sessions.
        ///
        /// 16 characters or more. Other users of the machine can see flags; prefer the variable or the file. Not set,
        /// /sessions answers 404. docs/backend.md has more.
        admin_token: Option<Password> = Optional<Token>, "";

        /// File that has admin-token in it, instead; read at start.
        admin_token_file: Option<PathBuf> = Optional<File>, "";

        /// Longest value of a session that a backend may save by HTTP.
        max_session_value: usize = Bytes<1, { 64 * MIB }>, "64KiB";

        /// Proxies before this server, whose word is taken for whose requests they bring: addresses or networks.
        ///
        /// Such as `10.0.0.0/8, 2001:db8::1`. Limits by address, sockjs_same_address and the log then go by the
        /// client's own address, and origins are compared with the host that the client asked for.
        trusted_proxies: Vec<IpNet> = Networks, "";

        /// The header in which trusted proxies say so: x-forwarded-for, or forwarded (RFC 7239).
        ///
        /// Of the other one any client could be the author. The nearest proxy must append the address that it sees; a
        /// request in which that cannot be read is refused. With x-forwarded-for goes x-forwarded-host.
        proxy_header: ProxyHeader = ProxyHeaderName, "x-forwarded-for";

        /// How long a server that is told to stop goes on serving, while it says that it is not ready.
        ///
        /// As long as load balancers need to notice.
        drain_delay: Duration = Time<0, HOUR>, "0s";

        /// How long open connections may take to close after that; the server ends then.
        drain_time: Duration = Time<1, HOUR>, "10s";

        /// Over which time it closes them, so that other servers are not run over; at most half of drain-time.
        drain_spread: Duration = Time<0, HOUR>, "3s";

        /// How long clients are asked to stay away: each for another time, up to this; 0s to ask nothing.
        drain_retry_after: Duration = Time<0, HOUR>, "5s";

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

        /// How long a session lives in all, however often it is refreshed; more than session-ttl.
        ///
        /// Counted from when it was first saved, or for one that a backend put into Redis by itself, from its first
        /// refresh. Not set, there is no end while its page is open.
        session_max_age: Option<Duration> = Optional<Time<SECOND, { 3650 * DAY }>>, "";

        /// How long before its session ends a page is told that asked for answers (heartbeat-ack); 0s is never.
        ///
        /// That happens when no refresh came or none could be done. Not set, it is a tenth of session-ttl, 2 minutes at
        /// most. Each session so watched takes some 300 bytes.
        session_expiring_notice: Option<Duration> = Optional<Time<0, { 365 * DAY }>>, "";

        /// What stands before each session key in Redis.
        session_key_prefix: String = KeyPrefix, "swampdragon:session:";

        /// Sessions that a memory or embedded store may hold; one more is refused.
        ///
        /// A million small ones take some 200 MB of memory.
        max_stored_sessions: usize = Count<1, 1_000_000_000>, "1000000";

        /// Answered heartbeats that may wait for a session store which cannot be reached, one a session.
        ///
        /// An outage shorter than the TTL then loses no session. Of more, those that come last are refused, for they have
        /// the most time left. Each takes some 300 bytes.
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

    "Sessions of an app" {
        /// Keeps the sessions that an app has in Redis already: express, django, flask, phpredis, tower-sessions or custom.
        ///
        /// The server finds them by the session cookie with which a page connects, so that the page never holds a key;
        /// session-store is the app's Redis and session-ttl the time that the app gives its sessions. Not set, the
        /// sessions are this server's own. docs/guides has a guide for each framework.
        session_layout: Option<LayoutName> = Optional<Layout>, "";

        /// Name of the app's session cookie. Not set, it is the framework's own.
        session_cookie: Option<String> = Optional<CookieName>, "";

        /// How the session cookie is signed. Not set, it is as the framework does.
        ///
        /// none, express, flask-session, itsdangerous:SALT, itsdangerous-timed:MAX_AGE:SALT, cookie-rs-signed or
        /// cookie-rs-private.
        session_cookie_signature: Option<CookieSignature> = Optional<Signature>, "";

        /// What the app signs the session cookie with, if it does: secrets, one a line, the one in use first.
        ///
        /// Other users of the machine can see flags; prefer the variable or session-cookie-secrets-file.
        session_cookie_secrets: Option<Password> = Optional<PasswordText>, "";

        /// File with these secrets.
        session_cookie_secrets_file: Option<PathBuf> = Optional<File>, "";

        /// Under which key the app has a session in Redis. Not set, it is as the framework does.
        ///
        /// The session's id stands for `{id}` in it, as in `sess:{id}`, or its SHA-256 for `{id:sha256}`.
        session_redis_key: Option<KeyTemplate> = Optional<RedisKey>, "";

        /// How long browsers keep the session cookie after the app has set it: its Max-Age.
        ///
        /// Pages then have it set anew in time, by `POST PREFIX/touch`, with the attributes below. Not set, that is
        /// not offered, as for cookies without Max-Age, which last as long as the browser.
        session_cookie_max_age: Option<Duration> = Optional<Time<SECOND, { 400 * DAY }>>, "";

        /// Path of the session cookie when it is set anew, as the app has it.
        session_cookie_path: String = CookiePath, "/";

        /// Domain of the session cookie when it is set anew, as the app has it. Not set, it has none.
        session_cookie_domain: Option<String> = Optional<CookieDomain>, "";

        /// SameSite of the session cookie when it is set anew, as the app has it: strict, lax or none.
        session_cookie_same_site: SameSite = SameSiteName, "lax";

        /// Whether the session cookie is Secure when it is set anew, as the app has it. It is always HttpOnly.
        session_cookie_secure: bool = Flag, "true";
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

        /// How soon after a connection has opened its first heartbeat message is sent, unless heartbeat-interval is shorter.
        ///
        /// A page that comes back from an outage has its session refreshed that soon, however little of it is left.
        heartbeat_first_delay: Duration = Time<0, { 365 * DAY }>, "2s";

        /// What heartbeat messages say: tick, or 1 for the pages of SwampDragon 0.3.9 to 0.4.
        heartbeat_value: HeartbeatValue = HeartbeatValueName, "tick";

        /// Close code for a message that cannot be dealt with: 3000 or 3001.
        ///
        /// Pages come back after 3000 (Go away!); those of SwampDragon 0.2 to 0.4 stay away after 3001 (Connection
        /// aborted). Not set, it is 3000, or 3001 when heartbeat-value is 1, as in the original of each.
        abort_code: Option<CloseCode> = Optional<AbortCode>, "";

        /// Whether heartbeat messages offer pages to be told what became of their session ("ack": true).
        ///
        /// Off, messages are to the letter what the original sends. With session-layout they always do.
        heartbeat_ack: bool = Flag, "false";

        /// How often a heartbeat frame is sent on an idle connection, which keeps proxies from dropping it.
        heartbeat_frame_interval: Duration = Time<50, HOUR>, "25s";

        /// How long a client may be silent before it counts as gone; at least three heartbeat-frame-intervals.
        ///
        /// A silent one is sent pings with the heartbeat frames, which browsers answer by themselves. One that has
        /// vanished is found within this time, and seldom in less than two thirds of it.
        peer_timeout: Duration = Time<150, { 3 * HOUR }>, "75s";
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
        /// as well. Not set, it is the Redis of session-store, or local: if none is there. The
        /// servers themselves speak on the channel whose name is session-key-prefix and `nodes`.
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

        /// Sessions that one connection may have refreshed; answers that name more are refused.
        ///
        /// A place is free again when its session was not named for session-ttl. As many are kept for answers that name
        /// none; of more, those named last.
        max_keys_per_connection: usize = Count<1, 1000>, "16";

        /// Connections at one time, and as many SockJS sessions; more are refused.
        ///
        /// HTTP connections count, too. Each is an open file to the operating system, whose own limit is often lower
        /// (ulimit -n).
        max_connections: usize = Count<1, 10_000_000>, "100000";

        /// How many threads of the binary serve connections.
        ///
        /// One serves far more messages than pages send (docs/benchmarks.md, "Flood"), and several do the same work for
        /// more CPU time, since they wake each other. More are for many TLS handshakes at once. A program that embeds
        /// the server has threads of its own.
        worker_threads: usize = Count<1, 1024>, "1";

        /// Connections from one address at one time; 0 is no limit.
        ///
        /// Of IPv6 addresses the first half counts. Whole offices and phone networks share one address, so this is
        /// far more than one person needs. A page without a WebSocket takes up to three.
        max_connections_per_address: usize = Count<0, 10_000_000>, "10000";

        /// How soon a connection may have the same session refreshed again; 0s is at once.
        ///
        /// What comes sooner is refused, unless it answers a heartbeat. As long, a connection waits between two logouts.
        min_refresh_interval: Duration = Time<0, HOUR>, "1s";

        /// Longest message a client may send.
        ///
        /// Longer closes the connection. The original allowed 10 MB, which a thousand clients turn into 10 GB.
        max_message_size: usize = Bytes<KIB, { 64 * MIB }>, "128KiB";

        /// Messages that a client may send in the long run; 0 is no limit.
        ///
        /// Pings count as well. More closes the connection with 4029 (Too many messages): reading more slowly instead
        /// would hide a client's fault, and delay its answers to heartbeats behind it.
        max_messages_per_second: u16 = Count16<0, { u16::MAX }>, "1000";

        /// Messages that a client may send at once; never less than max-messages-per-second.
        max_message_burst: u16 = Count16<1, { u16::MAX }>, "5000";

        /// What may wait to be sent on one connection.
        ///
        /// A client that reads too slowly and lets more pile up is closed with 4008 (Reading too slowly).
        max_outgoing_bytes: usize = Bytes<KIB, { 1024 * MIB }>, "1MiB";

        /// Longest head of an HTTP request: its line and headers.
        ///
        /// As much is held for each connection during its handshake.
        max_request_head: usize = Bytes<{ 8 * KIB }, MIB>, "8KiB";

        /// How long a client may take from connecting until its first request has come, and for the body of any.
        handshake_timeout: Duration = Time<50, HOUR>, "10s";

        /// How long an HTTP connection may stay open without another request.
        ///
        /// Longer than a proxy keeps its connections to this server, which is often 60s; else it sometimes sends a
        /// request into one that is just being closed. A time below handshake-timeout counts as that.
        keep_alive_timeout: Duration = Time<50, HOUR>, "75s";

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
