//! Live peers and what the application does with them.

mod dialect;
mod handler;
mod holdings;
mod message;
mod recorder;
mod table;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use swampdragon_protocol::{
    CloseCode, ServerMessage, SessionKey, close_code, decode_client_frame,
    json::{Json, encode_server_message},
};
use tokio::net::TcpStream;

pub(crate) use dialect::Dialect;
pub use handler::{ConnectionHandler, DataConnection};
pub use message::{HeartbeatReply, Message};
pub(crate) use recorder::Recorder;
pub(crate) use table::ConnectionTable;

use self::holdings::Holdings;
use crate::{
    heartbeat::Slot,
    pubsub::Publisher,
    service::Service,
    session_store::SessionStore,
    websocket::{Framing, HasLink, Link, SendLimits, WireFrame},
};

/// One live peer. Cloning gives another handle to the same peer; handles may outlive it.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    service: Arc<Service>,
    outlet: Outlet,
    application: Mutex<Application>,
    id: u32,
    heartbeat_message: AtomicSlot,
    heartbeat_frame: AtomicSlot,
}

/// Where what is sent goes.
pub(crate) enum Outlet {
    /// To a peer.
    WebSocket(Link),
    /// To whoever tests an application.
    Recorder(Recorder),
}

/// What the application has of a connection.
struct Application {
    /// Not here while it is at work: a connection's messages are handled one at a time.
    handler: Option<Box<dyn ConnectionHandler>>,
    /// Most connections answer heartbeats and never have any of it, so it is not here until they do.
    holdings: Option<Box<Holdings>>,
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
            Outlet::Recorder(_) => None,
        }
    }
}

/// Where a connection stands in a heartbeat schedule, if it does.
struct AtomicSlot(AtomicU32);

impl AtomicSlot {
    const NONE: u32 = u32::MAX;

    fn new() -> Self {
        Self(AtomicU32::new(Self::NONE))
    }

    fn replace(&self, slot: Option<Slot>) -> Option<Slot> {
        let old = self.0.swap(slot.map_or(Self::NONE, |Slot(index)| index), Ordering::AcqRel);
        (old != Self::NONE).then_some(Slot(old))
    }
}

impl Connection {
    /// Registers the peer behind `stream`: it is known to the service, and its heartbeats are due, from here on until
    /// [`forget`](Self::forget).
    pub(crate) fn register(service: &Arc<Service>, stream: TcpStream, framing: Framing) -> Self {
        Self::register_with(service, Outlet::WebSocket(Link::new(stream, framing)))
    }

    pub(crate) fn register_with(service: &Arc<Service>, outlet: Outlet) -> Self {
        let connection = service.connections.insert(|id| Self {
            inner: Arc::new(Inner {
                service: Arc::clone(service),
                outlet,
                application: Mutex::new(Application { handler: Some((service.new_handler)()), holdings: None }),
                id,
                heartbeat_message: AtomicSlot::new(),
                heartbeat_frame: AtomicSlot::new(),
            }),
        });
        let frames = service.heartbeat_frames.insert(connection.clone(), service.settings.heartbeat_frame_interval);
        connection.inner.heartbeat_frame.replace(Some(frames));
        if service.settings.heartbeat_enabled {
            connection.set_heartbeat_interval(Some(service.settings.heartbeat_interval));
        }
        connection
    }

    /// Undoes [`register`](Self::register): no table and no schedule holds the connection any more.
    pub(crate) fn forget(&self) {
        self.give_up_holdings();
        let Inner { service, id, heartbeat_message, heartbeat_frame, .. } = &*self.inner;
        if let Some(slot) = heartbeat_message.replace(None) {
            service.heartbeat_messages.remove(slot);
        }
        if let Some(slot) = heartbeat_frame.replace(None) {
            service.heartbeat_frames.remove(slot);
        }
        service.connections.remove(*id);
    }

    /// Tells connections apart in logs. A number is used again after its connection has closed.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id
    }

    /// The store where sessions are kept.
    #[must_use]
    pub fn session_store(&self) -> &dyn SessionStore {
        &*self.inner.service.store
    }

    /// What publishes to the pages of every node.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(Arc::clone(&self.inner.service.pub_sub))
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
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_message(&self.inner, json, self.limits());
            }
            Outlet::Recorder(recorder) => recorder.message(json),
        }
    }

    pub(crate) fn send_message(&self, message: &ServerMessage<Json>) {
        self.send_text(&encode_server_message(message));
    }

    pub(crate) fn send_frame(&self, frame: &WireFrame) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_frame(&self.inner, frame, self.limits());
            }
            Outlet::Recorder(recorder) => {
                if let Some(message) = frame.text() {
                    recorder.message(message);
                }
            }
        }
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        Link::send_bytes(&self.inner, bytes, self.limits());
    }

    pub(crate) fn send_open(&self) {
        Link::send_open(&self.inner, self.limits());
    }

    /// Asks the peer to close, with a SockJS close frame where it speaks SockJS. Messages it still sends are not
    /// handled; if it does not close within `close_timeout`, its socket is shut.
    pub fn close(&self, code: CloseCode) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::close(&self.inner, code, self.limits()),
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
        self.close(match self.framing() {
            Framing::SockJs => close_code::GO_AWAY,
            Framing::Raw => close_code::GOING_AWAY,
        });
    }

    /// Closes below SockJS, over a fault in what the peer sent.
    pub(crate) fn fail(&self, code: CloseCode, reason: &str) {
        tracing::info!(connection = self.id(), code = code.code, reason, "peer broke the protocol: closed");
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::fail(&self.inner, code, reason, self.limits()),
            Outlet::Recorder(recorder) => recorder.close(code),
        }
    }

    /// Whether messages can still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.inner.outlet {
            Outlet::WebSocket(link) => link.is_open(),
            Outlet::Recorder(recorder) => recorder.is_open(),
        }
    }

    /// Changes how often this peer gets a heartbeat message, counted from now; `None` stops them. The first one comes
    /// after one whole interval.
    ///
    /// Intervals are rounded up to 50 ms. One that is not shorter than the store's TTL lets sessions expire.
    pub fn set_heartbeat_interval(&self, interval: Option<Duration>) {
        let schedule = &self.inner.service.heartbeat_messages;
        let slot = interval.map(|interval| schedule.insert(self.clone(), interval));
        if let Some(old) = self.inner.heartbeat_message.replace(slot) {
            schedule.remove(old);
        }
    }

    /// Has the session `key` [refreshed](SessionStore::refresh_key_timeout) with the next batch, milliseconds from now.
    /// While the store is away the key waits and is refreshed when the store is back.
    pub fn refresh_key_timeout(&self, key: SessionKey) {
        self.inner.service.refresher.submit(key, None);
    }

    /// The same, and the peer is told what became of the session.
    pub(crate) fn refresh_and_tell(&self, key: SessionKey) {
        self.inner.service.refresher.submit(key, Some(WeakConnection(Arc::downgrade(&self.inner))));
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.inner.service
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.service.dialect
    }

    pub(crate) fn link(&self) -> Option<&Link> {
        self.inner.link()
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => None,
            Outlet::Recorder(recorder) => Some(recorder),
        }
    }

    fn framing(&self) -> Framing {
        self.link().map_or(Framing::Raw, Link::framing)
    }

    pub(crate) fn abort(&self) {
        if let Some(link) = self.link() {
            link.abort();
        }
    }

    pub(crate) fn max_message_size(&self) -> usize {
        self.inner.service.settings.max_message_size
    }

    fn limits(&self) -> SendLimits {
        let settings = &self.inner.service.settings;
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

    fn application(&self) -> MutexGuard<'_, Application> {
        self.inner.application.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_handler(&self) -> Option<Box<dyn ConnectionHandler>> {
        self.application().handler.take()
    }

    fn put_handler(&self, handler: Box<dyn ConnectionHandler>) {
        self.application().handler = Some(handler);
    }

    pub(crate) async fn opened(&self) {
        tracing::debug!(connection = self.id(), "opened");
        if let Some(mut handler) = self.take_handler() {
            handler.on_open(self).await;
            self.put_handler(handler);
        }
    }

    pub(crate) async fn closed(&self, code: u16) {
        tracing::debug!(connection = self.id(), code, "closed");
        if let Some(mut handler) = self.take_handler() {
            handler.on_close(self, code).await;
        }
    }

    /// Handles the text of one WebSocket frame.
    pub(crate) async fn received(&self, text: &str) {
        let Some(mut handler) = self.take_handler() else { return };
        match self.framing() {
            Framing::Raw => handler::handle(&mut *handler, self, text).await,
            Framing::SockJs => match decode_client_frame(text) {
                Ok(messages) => {
                    for message in messages {
                        if !self.is_open() {
                            break;
                        }
                        handler::handle(&mut *handler, self, &message).await;
                    }
                }
                Err(error) => self.fail(close_code::INVALID_PAYLOAD, &error.to_string()),
            },
        }
        self.put_handler(handler);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id()).finish_non_exhaustive()
    }
}
