//! Live peers and what the application does with them.

mod beat_clock;
mod dialect;
mod handler;
mod holdings;
mod key_hash;
mod logout;
mod message;
mod message_rate;
mod origin_names;
mod recorder;
mod sessions;
mod table;

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use swampdragon_protocol::{
    CloseCode, MessageForm, ServerMessage, SessionKey, close_code, decode_client_frame,
    json::{Json, encode_server_message},
    with_retry_after,
};

pub(crate) use beat_clock::Moment;
pub(crate) use dialect::Dialect;
pub use handler::{ConnectionHandler, DataConnection};
pub(crate) use holdings::HoldingsTable;
pub(crate) use key_hash::{KeyHash, KeyHasher};
pub use message::{HeartbeatReply, LogoutRequest, Message};
pub(crate) use message_rate::RateLimit;
pub(crate) use origin_names::{OriginName, OriginNames};
pub(crate) use recorder::Recorder;
pub(crate) use table::ConnectionTable;

use self::{beat_clock::BeatClock, key_hash::FirstSession, message_rate::MessageRate, sessions::NamedBy};
use crate::{
    heartbeat::Slot,
    metrics::Transport,
    pubsub::Publisher,
    refusals::Limit,
    service::Service,
    session_store::SessionStore,
    sockjs::{Endpoint, PolledSession},
    stream::Stream,
    websocket::{Framing, HasLink, Link, SendLimits, WireFrame},
};

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
    /// Its place in the table.
    slot: u32,
    /// Its number in logs.
    id: u32,
    heartbeat_message: AtomicSlot,
    heartbeat_frame: AtomicSlot,
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

    fn reads_too_slowly(&self) {
        let service = &self.endpoint.service;
        let limit = service.settings.max_outgoing_bytes;
        service.refusals.note(
            Limit::MaxOutgoingBytes,
            format_args!("connection {} reads too slowly: more than {limit} bytes wait for it", self.id),
        );
    }
}

/// Where a connection stands in a heartbeat schedule, if it does.
struct AtomicSlot(AtomicU32);

impl AtomicSlot {
    const NONE: u32 = u32::MAX;

    fn new() -> Self {
        Self(AtomicU32::new(Self::NONE))
    }

    fn is_some(&self) -> bool {
        self.0.load(Ordering::Acquire) != Self::NONE
    }

    fn replace(&self, slot: Option<Slot>) -> Option<Slot> {
        let old = self.0.swap(slot.map_or(Self::NONE, |Slot(index)| index), Ordering::AcqRel);
        (old != Self::NONE).then_some(Slot(old))
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
        let connection = service.connections.insert(|slot, id| Self {
            inner: Arc::new(Inner {
                endpoint: Arc::clone(endpoint),
                outlet,
                handler: Mutex::new(Some((endpoint.new_handler)())),
                slot,
                id,
                heartbeat_message: AtomicSlot::new(),
                heartbeat_frame: AtomicSlot::new(),
                beats: BeatClock::new(),
                message_rate: MessageRate::default(),
            }),
        });
        service.metrics.opened(connection.transport());
        let frames = service.heartbeat_frames.insert(connection.clone(), service.settings.heartbeat_frame_interval);
        connection.inner.heartbeat_frame.replace(Some(frames));
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
        let Inner { endpoint, slot, heartbeat_message, heartbeat_frame, .. } = &*self.inner;
        let service = &endpoint.service;
        // Every registered connection has heartbeat frames. The second time its number may be another's already.
        let Some(frames) = heartbeat_frame.replace(None) else { return };
        service.heartbeat_frames.remove(frames);
        self.give_up_holdings();
        if let Some(slot) = heartbeat_message.replace(None) {
            service.heartbeat_messages.remove(slot);
        }
        if let Some(session) = service.connections.remove(*slot) {
            service.refresher.watch().leave(session.hash(), &self.downgrade());
        }
        service.metrics.closed(self.transport(), self.close_code().unwrap_or(close_code::ABNORMAL.code));
    }

    fn is_registered(&self) -> bool {
        self.inner.heartbeat_frame.is_some()
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

    /// Sends a JSON value as one message.
    ///
    /// # Errors
    /// The value has no JSON form. That the peer is gone is no error: [`ConnectionHandler::on_close`] tells.
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), serde_json::Error> {
        self.send_text(&serde_json::to_string(value)?);
        Ok(())
    }

    /// Sends one message that is JSON text already.
    pub fn send_text(&self, json: &str) {
        let form = self.message_form();
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_message(&self.inner, json, form, self.limits());
            }
            Outlet::Polled(session) => session.send(&form.element(json), self.limits().max_outgoing_bytes),
            Outlet::Recorder(recorder) => recorder.message(json),
        }
    }

    /// Sends one binary message. Only a raw WebSocket has those; says whether this is one.
    pub fn send_binary(&self, bytes: &[u8]) -> bool {
        let is_raw = self.framing() == Framing::Raw;
        if is_raw {
            Link::send_binary(&self.inner, bytes, self.limits());
        }
        is_raw
    }

    pub(crate) fn send_message(&self, message: &ServerMessage<Json>) {
        self.send_text(&encode_server_message(message));
    }

    pub(crate) fn send_frame(&self, frame: &WireFrame) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_frame(&self.inner, frame, self.limits());
            }
            Outlet::Polled(session) => match frame.element() {
                Some(element) => session.send(element, self.limits().max_outgoing_bytes),
                None => session.heartbeat(),
            },
            Outlet::Recorder(recorder) => {
                if let Some(message) = frame.message_text() {
                    recorder.message(message);
                }
            }
        }
    }

    /// Sends a heartbeat frame: `frames` are that alone, and with a ping for a peer that has been silent. One that has
    /// been silent for `patience` such times is gone.
    pub(crate) fn send_heartbeat_frame(&self, frames: &[WireFrame; 2], patience: u16) {
        let [alone, with_ping] = frames;
        let Some(link) = self.link() else { return self.send_frame(alone) };
        if self.is_at_work() {
            // Nothing is read meanwhile, so it cannot be heard.
            link.heard();
        }
        match link.sweep() {
            0 => self.send_frame(alone),
            silent if silent < patience => self.send_frame(with_ping),
            _ => {
                self.service().metrics.dead_peers.increment(1);
                tracing::debug!(connection = self.id(), "peer is gone (peer_timeout)");
                link.abort();
            }
        }
    }

    /// Counts messages that have come. Past the limit the connection closes, and this is false.
    pub(crate) fn count_messages(&self, messages: usize) -> bool {
        let service = self.service();
        let limit = service.rate_limit;
        let second = service.started.elapsed().as_secs();
        if (0..messages).all(|_| self.inner.message_rate.count(second, limit)) {
            return true;
        }
        let what = format_args!(
            "connection {} sends more than {} messages a second, and more than {} at once",
            self.id(),
            limit.per_second,
            limit.burst
        );
        if self.is_open() {
            service.refusals.note(Limit::MaxMessagesPerSecond, what);
            self.close(close_code::TOO_MANY_MESSAGES);
        }
        false
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        Link::send_bytes(&self.inner, bytes, self.limits());
    }

    pub(crate) fn send_open(&self) {
        Link::send_open(&self.inner, self.limits());
    }

    /// Asks the peer to close, with a SockJS close frame where it speaks SockJS. Messages it still sends are not
    /// handled; if it does not close within `close_timeout`, its socket is shut. A peer without a WebSocket is told
    /// when it next asks, for as long as `sockjs_disconnect_delay`.
    pub fn close(&self, code: CloseCode) {
        self.close_because(code, code.reason);
    }

    /// The same, with another text beside the code.
    fn close_because(&self, code: CloseCode, reason: &str) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::close(&self.inner, code, reason, self.limits()),
            Outlet::Polled(session) => session.close(code, reason),
            Outlet::Recorder(recorder) => recorder.close(code),
        }
    }

    /// Ends the connection over a message or a call that cannot be dealt with, by the close code of the setting
    /// `abort_code`. Pages of SwampDragon 0.2 to 0.4 stay away after 3001; all pages come back after 3000.
    pub fn abort_connection(&self) {
        self.close(self.dialect().abort);
    }

    /// Closes a connection that the application never hears of.
    pub(crate) fn refuse(&self, code: CloseCode) {
        drop(self.take_handler());
        self.close(code);
    }

    /// Closes as servers do that are about to stop, so that the peer comes back later.
    pub(crate) fn close_for_shutdown(&self) {
        let code = match self.framing() {
            Framing::SockJs => close_code::GO_AWAY,
            Framing::Raw => close_code::GOING_AWAY,
        };
        match self.service().drain.retry_after() {
            Some(delay) => self.close_because(code, &with_retry_after(code.reason, delay)),
            None => self.close(code),
        }
    }

    /// Closes below SockJS, over a fault in what the peer sent.
    pub(crate) fn fail(&self, code: CloseCode, reason: &str) {
        tracing::info!(code = code.code, reason, "peer broke the protocol: closed");
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::fail(&self.inner, code, reason, self.limits()),
            Outlet::Polled(session) => session.close(code, code.reason),
            Outlet::Recorder(recorder) => recorder.close(code),
        }
    }

    /// Whether messages can still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.inner.outlet {
            Outlet::WebSocket(link) => link.is_open(),
            Outlet::Polled(session) => session.is_open(),
            Outlet::Recorder(recorder) => recorder.is_open(),
        }
    }

    /// Changes how often this peer gets a heartbeat message, counted from now; `None` stops them. The first one comes
    /// after one whole interval.
    ///
    /// Intervals are rounded up to 50 ms. One that is not shorter than the store's TTL lets sessions expire.
    pub fn set_heartbeat_interval(&self, interval: Option<Duration>) {
        self.schedule_heartbeats(interval.map(|interval| (interval, interval)));
    }

    /// The first heartbeat message comes after the first of these times, the others after the second, each.
    fn schedule_heartbeats(&self, times: Option<(Duration, Duration)>) {
        let schedule = &self.service().heartbeat_messages;
        let slot = times.map(|(first, interval)| schedule.insert_after(self.clone(), first, interval));
        if let Some(old) = self.inner.heartbeat_message.replace(slot) {
            schedule.remove(old);
        }
        // Else a handle that outlives its connection would keep it in the schedule.
        if !self.is_registered()
            && let Some(late) = self.inner.heartbeat_message.replace(None)
        {
            schedule.remove(late);
        }
    }

    /// Has the session `key` [refreshed](SessionStore::refresh_key_timeout) with the next batch, milliseconds from now.
    /// While the store is away the key waits and is refreshed when the store is back.
    ///
    /// The limits of what a page may have refreshed do not hold for this.
    pub fn refresh_key_timeout(&self, key: SessionKey) {
        // Remembered, so that a logout finds this connection.
        let _ = self.admit(&key, NamedBy::Application);
        self.service().refresher.submit(key, None);
    }

    pub(crate) fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.inner))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// A heartbeat message has been sent to the peer.
    pub(crate) fn beat(&self, now: Moment) {
        self.inner.beats.sent(now);
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

    /// What log lines about this connection stand in: its peer is the other end of the socket, which may be a proxy. Made while there is something to do, since most connections are
    /// idle most of the time.
    pub(crate) fn span(&self) -> tracing::Span {
        let (peer, origin) = match &self.inner.outlet {
            Outlet::WebSocket(link) => (link.peer_address(), link.origin()),
            Outlet::Polled(session) => (Some(session.address()), session.origin()),
            Outlet::Recorder(_) => (None, OriginName::NONE),
        };
        tracing::info_span!(
            "connection",
            number = self.id(),
            transport = self.transport().label(),
            peer = peer.map(tracing::field::display),
            origin = self.service().origin_names.name(origin).as_deref(),
        )
    }

    fn framing(&self) -> Framing {
        self.link().map_or(Framing::SockJs, Link::framing)
    }

    /// Ends both directions of its socket at once.
    pub(crate) fn abort(&self) {
        if let Some(link) = self.link() {
            link.abort();
        }
    }

    pub(crate) fn max_message_size(&self) -> usize {
        self.service().settings.max_message_size
    }

    fn limits(&self) -> SendLimits {
        let settings = &self.service().settings;
        SendLimits { max_outgoing_bytes: settings.max_outgoing_bytes, close_timeout: settings.close_timeout }
    }

    /// The peer has closed.
    pub(crate) fn ended(&self) {
        Link::end(&self.inner, self.limits());
    }

    pub(crate) async fn linger(&self) {
        if let Some(link) = self.link() {
            link.linger(self.limits()).await;
        }
    }

    /// Whether its handler is at work.
    fn is_at_work(&self) -> bool {
        self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn take_handler(&self) -> Option<Box<dyn ConnectionHandler>> {
        self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_handler(&self, handler: Box<dyn ConnectionHandler>) {
        *self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner) = Some(handler);
    }

    pub(crate) async fn opened(&self) {
        if let Some(mut handler) = self.take_handler() {
            handler.on_open(self).await;
            self.put_handler(handler);
        }
    }

    pub(crate) async fn closed(&self, code: u16) {
        if let Some(link) = self.link() {
            link.note_close_code(code);
        }
        tracing::debug!(code = self.close_code().unwrap_or(code), "closed");
        if let Some(mut handler) = self.take_handler() {
            handler.on_close(self, code).await;
        }
    }

    /// Handles the text of one WebSocket frame.
    pub(crate) async fn received(&self, text: &str) {
        match self.framing() {
            Framing::Raw => self.received_messages([text]).await,
            Framing::SockJs => match decode_client_frame(text) {
                // However often.
                Ok(messages) if messages.is_empty() => drop(self.count_messages(1)),
                Ok(messages) => self.received_messages(messages).await,
                Err(error) => self.fail(close_code::INVALID_PAYLOAD, &error.to_string()),
            },
        }
    }

    /// Handles a binary WebSocket frame. SockJS has none; the originals took one for text.
    pub(crate) async fn received_binary(&self, bytes: &[u8]) {
        match (self.framing(), str::from_utf8(bytes)) {
            (Framing::SockJs, Ok(text)) => self.received(text).await,
            (Framing::SockJs, Err(_)) => self.fail(close_code::INVALID_PAYLOAD, "binary frame is not UTF-8 text"),
            (Framing::Raw, _) => {
                if !self.count_messages(1) {
                    return;
                }
                let Some(mut handler) = self.take_handler() else { return };
                handler.on_binary(self, bytes).await;
                self.put_handler(handler);
            }
        }
    }

    /// Handles messages one after the other, as long as the connection is open.
    pub(crate) async fn received_messages<M>(&self, messages: M)
    where
        M: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
    {
        let Some(mut handler) = self.take_handler() else { return };
        for message in messages {
            if !self.is_open() || !self.count_messages(1) {
                break;
            }
            handler::handle(&mut *handler, self, message.as_ref()).await;
        }
        self.put_handler(handler);
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
    /// two counts of its `Arc` it fills the 160 bytes that allocators give for anything from 145 on.
    #[test]
    fn an_idle_connection_is_small_and_a_websocket_pays_nothing_for_other_transports() {
        assert!(size_of::<Inner>() <= 136, "{}", size_of::<Inner>());
        assert_eq!(size_of::<Outlet>(), size_of::<Link>());
    }
}
