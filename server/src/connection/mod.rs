//! Live peers and what the application does with them.

mod answering;
mod beat_clock;
mod dialect;
mod handler;
mod heartbeats;
mod holdings;
mod kept_sessions;
mod key_hash;
mod logout;
mod message;
mod message_rate;
mod origin_names;
mod receiving;
mod recorder;
mod sending;
mod sessions;
mod silence;
mod table;

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use swampdragon_protocol::{MessageForm, SessionKey, close_code};

pub(crate) use beat_clock::Moment;
pub(crate) use dialect::Dialect;
pub use handler::{ConnectionHandler, DataConnection};
pub(crate) use holdings::HoldingsTable;
pub(crate) use kept_sessions::KeptSessions;
pub(crate) use key_hash::{KeyHash, KeyHasher};
pub use message::{HeartbeatReply, LogoutRequest, Message};
pub(crate) use message_rate::RateLimit;
pub(crate) use origin_names::{OriginName, OriginNames};
pub(crate) use recorder::Recorder;
pub(crate) use table::ConnectionTable;

use self::{
    beat_clock::BeatClock, heartbeats::AtomicSlot, key_hash::FirstSession, message_rate::MessageRate,
    sessions::NamedBy, silence::Silence,
};
use crate::{
    metrics::Transport,
    pubsub::Publisher,
    refusals::Limit,
    service::Service,
    session_store::SessionStore,
    sockjs::{Endpoint, PolledSession},
    stream::Stream,
    websocket::{Framing, HasLink, Link},
};

/// What log lines about a connection stand in.
const SPAN: &str = "connection";

/// One live peer. Cloning gives another handle to the same peer; handles may outlive it.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Arc<Endpoint>,
    outlet: Outlet,
    /// Not here while it is at work: a connection's messages are handled one at a time.
    handler: Mutex<Option<Box<dyn ConnectionHandler>>>,
    /// Its number in logs.
    id: u32,
    /// Its place among those that opened in the same [turn](crate::heartbeat::Rounds).
    place: AtomicU32,
    turn: u8,
    /// Until it is forgotten.
    registered: AtomicBool,
    silence: Silence,
    heartbeat_message: AtomicSlot,
    beats: BeatClock,
    message_rate: MessageRate,
}

/// Where what is sent goes.
pub(crate) enum Outlet {
    /// To a socket that belongs to the connection.
    WebSocket(Link),
    /// To whichever request comes to fetch it.
    Polled(Box<PolledSession>),
    /// To whoever tests an application.
    Recorder(Recorder),
}

impl Drop for Inner {
    fn drop(&mut self) {
        let admission = &self.endpoint.service.admission;
        match &self.outlet {
            Outlet::WebSocket(link) => admission.websocket_closed(link.client()),
            Outlet::Polled(session) => admission.session_ended(session.address()),
            Outlet::Recorder(_) => {}
        }
    }
}

/// A connection that may be gone.
#[derive(Clone)]
pub(crate) struct WeakConnection(Weak<Inner>);

impl WeakConnection {
    pub(crate) fn upgrade(&self) -> Option<Connection> {
        self.0.upgrade().map(|inner| Connection { inner })
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl HasLink for Inner {
    fn link(&self) -> Option<&Link> {
        match &self.outlet {
            Outlet::WebSocket(link) => Some(link),
            Outlet::Polled(_) | Outlet::Recorder(_) => None,
        }
    }

    fn heard(&self) {
        self.silence.end();
    }

    fn reads_too_slowly(&self) {
        let service = &self.endpoint.service;
        let limit = service.settings.max_outgoing_bytes;
        service.refusals.note(
            Limit::MaxOutgoingBytes,
            format_args!("connection {} reads too slowly: more than {limit} bytes wait for it", self.id),
        );
    }
}

impl Connection {
    /// Registers the peer behind `stream`: it is known to the service, and its heartbeats are due, from here on until
    /// [`forget`](Self::forget).
    pub(crate) fn register(
        endpoint: &Arc<Endpoint>,
        stream: Stream,
        framing: Framing,
        client: IpAddr,
        origin: OriginName,
    ) -> Self {
        let admission = &endpoint.service.admission;
        let client = admission.key(client);
        admission.websocket_opened(client);
        Self::register_with(endpoint, Outlet::WebSocket(Link::new(stream, framing, client, origin)))
    }

    /// Registers a peer that is reached in any way.
    pub(crate) fn register_with(endpoint: &Arc<Endpoint>, outlet: Outlet) -> Self {
        let service = &endpoint.service;
        // Made here: the application's code must not find the table locked.
        let handler = endpoint.new_handler.make();
        let connection = service.connections.insert(|turn, place, id| Self {
            inner: Arc::new(Inner {
                endpoint: Arc::clone(endpoint),
                outlet,
                handler: Mutex::new(Some(handler)),
                id,
                place: AtomicU32::new(place),
                turn,
                registered: AtomicBool::new(true),
                silence: Silence::new(),
                heartbeat_message: AtomicSlot::new(),
                beats: BeatClock::new(),
                message_rate: MessageRate::default(),
            }),
        });
        service.metrics.opened(connection.transport());
        if service.drain.is_closing() {
            // It has come too late to be closed with the others.
            connection.close_for_shutdown();
        }
        if service.settings.heartbeat_enabled {
            let interval = service.settings.heartbeat_interval;
            let first = service.settings.heartbeat_first_delay.min(interval);
            connection.schedule_heartbeats(Some((first, interval)));
        }
        connection
    }

    /// Undoes [`register`](Self::register): no table and no schedule holds the connection any more.
    pub(crate) fn forget(&self) {
        let Inner { endpoint, heartbeat_message, registered, .. } = &*self.inner;
        let service = &endpoint.service;
        if !registered.swap(false, Ordering::AcqRel) {
            return;
        }
        self.give_up_holdings();
        self.give_up_kept_sessions();
        if let Some(slot) = heartbeat_message.replace(None) {
            service.heartbeat_messages.remove(slot);
        }
        if let Some(session) = service.connections.remove(self) {
            service.refresher.watch().leave(session.hash(), &self.downgrade());
        }
        service.metrics.closed(self.transport(), self.close_code().unwrap_or(close_code::ABNORMAL.code));
    }

    fn is_registered(&self) -> bool {
        self.inner.registered.load(Ordering::Acquire)
    }

    /// Tells connections apart in logs. The numbers of a process begin anew only after some four thousand million.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id
    }

    /// The store where sessions are kept.
    #[must_use]
    pub fn session_store(&self) -> &dyn SessionStore {
        &*self.service().store
    }

    /// What publishes to the pages of every node.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.service().publisher()
    }

    /// Has the session `key` [refreshed](SessionStore::refresh_key_timeout) with the next batch, milliseconds from now.
    /// While the store is away the key waits and is refreshed when the store is back.
    ///
    /// The limits of what a page may have refreshed do not hold for this.
    pub fn refresh_key_timeout(&self, key: SessionKey) {
        let service = self.service();
        let hash = service.key_hasher.hash(&key);
        // Remembered, so that a logout finds this connection.
        let _ = self.admit(hash, NamedBy::Application, service.uptime());
        service.refresher.submit(key, hash, None);
    }

    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.inner))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    pub(crate) fn service(&self) -> &Service {
        &self.inner.endpoint.service
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.service().dialect
    }

    /// How its messages stand in SockJS frames.
    pub(crate) fn message_form(&self) -> MessageForm {
        self.inner.endpoint.message_form
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        self.inner.link()
    }

    /// The peer has shown that it is there.
    pub(crate) fn heard(&self) {
        self.inner.heard();
    }

    pub(crate) fn polled(&self) -> Option<&PolledSession> {
        match &self.inner.outlet {
            Outlet::Polled(session) => Some(session),
            Outlet::WebSocket(_) | Outlet::Recorder(_) => None,
        }
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        match &self.inner.outlet {
            Outlet::Recorder(recorder) => Some(recorder),
            Outlet::WebSocket(_) | Outlet::Polled(_) => None,
        }
    }

    /// How it is connected.
    fn transport(&self) -> Transport {
        match (&self.inner.outlet, self.framing()) {
            (Outlet::Polled(_), _) => Transport::Http,
            (_, Framing::SockJs) => Transport::WebSocket,
            (_, Framing::Raw) => Transport::RawWebSocket,
        }
    }

    /// With which code it was closed, by whichever side came first.
    fn close_code(&self) -> Option<u16> {
        match &self.inner.outlet {
            Outlet::WebSocket(link) => link.close_code(),
            Outlet::Polled(session) => session.close_code(),
            Outlet::Recorder(recorder) => recorder.closed().map(|code| code.code),
        }
    }

    /// What log lines about this connection stand in: its peer is the other end of the socket, which may be a proxy. Made
    /// while there is something to do, since most connections are idle most of the time.
    pub(crate) fn span(&self) -> tracing::Span {
        let (peer, origin) = match &self.inner.outlet {
            Outlet::WebSocket(link) => (link.peer_address(), link.origin()),
            Outlet::Polled(session) => (Some(session.address()), session.origin()),
            Outlet::Recorder(_) => (None, OriginName::NONE),
        };
        tracing::info_span!(
            SPAN,
            number = self.id(),
            transport = self.transport().label(),
            peer = peer.map(tracing::field::display),
            origin = self.service().origin_names.name(origin).as_deref(),
        )
    }

    /// Does something in the [span](Self::span), if that is not so already.
    pub(crate) fn in_span<T>(&self, work: impl FnOnce() -> T) -> T {
        let span = tracing::Span::current();
        if span.metadata().is_some_and(|metadata| metadata.name() == SPAN) {
            work()
        } else {
            self.span().in_scope(work)
        }
    }

    fn framing(&self) -> Framing {
        self.link().map_or(Framing::SockJs, Link::framing)
    }

    pub(crate) fn max_message_size(&self) -> usize {
        self.service().settings.max_message_size
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This is all that a connection holds while nothing happens, beside its socket's registration and its task. With the
    /// two counts of its `Arc` it fills 128 bytes, the most that an allocator with classes of sizes gives before 160.
    #[test]
    fn an_idle_connection_is_small_and_a_websocket_pays_nothing_for_other_transports() {
        // With debug assertions a socket knows its selector.
        let debug = if cfg!(debug_assertions) { size_of::<usize>() } else { 0 };
        assert!(size_of::<Inner>() <= 112 + debug, "{}", size_of::<Inner>());
        assert_eq!(size_of::<Outlet>(), size_of::<Link>());
    }
}
