use async_trait::async_trait;
use swampdragon_protocol::{ServerMessage, SessionKey, SessionNotice, SessionState, close_code};

use super::{
    Connection, HeartbeatReply, LogoutRequest, Message, NamedBy,
    message::{Sorted, sort},
};
use crate::heartbeat::Refusal;

/// What an application does when a connection opens, hears something and closes.
///
/// Each connection has a handler of its own, made by the function given to
/// [`ServerBuilder::connection`](crate::ServerBuilder::connection). A handler's hooks run one at a time, in the order
/// of the messages; while one is at work, the connection reads nothing. Override what you change: the defaults make a
/// [`DataConnection`].
#[async_trait]
pub trait ConnectionHandler: Send + 'static {
    /// The connection has opened. Its heartbeats are scheduled already;
    /// [`set_heartbeat_interval`](Connection::set_heartbeat_interval) changes that.
    async fn on_open(&mut self, _connection: &Connection) {}

    /// The page answered a heartbeat message. By default the session that it names is refreshed, and if it names none,
    /// all that this connection [keeps](Connection::keep_session).
    async fn on_heartbeat(&mut self, connection: &Connection, reply: HeartbeatReply) {
        connection.refresh_session(reply);
    }

    /// The page wants to end a session (`{"logout": true, "session": KEY}`). By default that is done: whoever knows a
    /// session's key may end it.
    async fn on_logout(&mut self, connection: &Connection, request: LogoutRequest) {
        connection.log_out_session(request).await;
    }

    /// The page sent anything else. By default that goes to the routers; one that no router takes
    /// [ends the connection](Connection::abort_connection), as with the original.
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.route(message).await;
    }

    /// The page sent a binary message, which only a raw WebSocket can. By default its bytes are taken for text, as by the
    /// original, and bytes that are none end the connection with 1007.
    async fn on_binary(&mut self, connection: &Connection, bytes: &[u8]) {
        let Ok(text) = str::from_utf8(bytes) else {
            return connection.fail(close_code::INVALID_PAYLOAD, "binary frame is not UTF-8 text");
        };
        handle(self, connection, text).await;
    }

    /// The connection has closed, with this close code; 1006 if it was lost. Nothing can be sent any more.
    ///
    /// Not called after a hook has panicked.
    async fn on_close(&mut self, _connection: &Connection, _code: u16) {}
}

/// The handler that servers have by default: heartbeats refresh sessions, calls go to routers.
#[derive(Debug, Clone, Copy, Default)]
pub struct DataConnection;

impl ConnectionHandler for DataConnection {}

/// Why a page can neither have a session of an app's refreshed nor end it by its key.
pub(super) const NAMED: &str = "the session is the one of this connection's cookie; none can be named";

pub(super) async fn handle<H: ConnectionHandler + ?Sized>(handler: &mut H, connection: &Connection, text: &str) {
    match sort(text) {
        Sorted::HeartbeatReply(reply) => {
            connection.answered();
            handler.on_heartbeat(connection, reply).await;
        }
        Sorted::Logout(request) => handler.on_logout(connection, request).await,
        Sorted::Message(message) => handler.on_message(connection, message).await,
    }
}

impl Connection {
    /// Counts an answer to a heartbeat message.
    fn answered(&self) {
        let service = self.service();
        if let Some(took) = self.inner.beats.answered(service.now()) {
            service.metrics.heartbeats_answered.increment(1);
            if took > service.settings.heartbeat_interval / 2 {
                service.metrics.heartbeats_late.increment(1);
            }
        }
    }

    /// Refreshes the session that a heartbeat reply names, or all that this connection [keeps](Self::keep_session) if
    /// the reply names none. The page is told what becomes of them if it asked (`"ack": true`).
    ///
    /// Where sessions are an app's (`session_layout`), the connection keeps the one that its cookie named, and no other is
    /// refreshed for a page.
    ///
    /// Refused, without a question to the store, are malformed keys, a session sooner than `min_refresh_interval` after
    /// the last time unless it answers a heartbeat message, and sessions beyond `max_keys_per_connection`.
    pub fn refresh_session(&self, reply: HeartbeatReply) {
        match reply.session {
            Some(_) if self.service().binding.is_some() => {
                self.service().metrics.refreshes_named.increment(1);
                tracing::debug!("heartbeat reply refused: it names a session");
                if reply.ack {
                    self.tell_refused(reply.session_text.unwrap_or_default(), NAMED.to_owned());
                }
            }
            Some(Ok(key)) => {
                if let Err(refusal) = self.admit(&key, NamedBy::Page) {
                    return self.refuse_refresh(&key, refusal, reply.ack);
                }
                // Where replies always name their session, remembering it would cost memory for nothing.
                if self.dialect().replies_without_session {
                    self.keep_session(key.clone());
                }
                self.submit_refresh(key, reply.ack);
            }
            Some(Err(error)) => {
                self.service().metrics.refreshes_malformed.increment(1);
                // A peer can send as many of these as it likes, which must not fill a log.
                tracing::debug!(%error, "heartbeat reply refused");
                if reply.ack {
                    self.tell_refused(reply.session_text.unwrap_or_default(), error.to_string());
                }
            }
            None => {
                for key in self.kept_sessions() {
                    match self.admit(&key, NamedBy::Keeping) {
                        Ok(_) => self.submit_refresh(key, reply.ack),
                        Err(refusal) => self.refuse_refresh(&key, refusal, reply.ack),
                    }
                }
            }
        }
    }

    fn submit_refresh(&self, key: SessionKey, ack: bool) {
        self.service().refresher.submit(key, ack.then(|| self.downgrade()));
    }

    fn refuse_refresh(&self, key: &SessionKey, refusal: Refusal, ack: bool) {
        let metrics = &self.service().metrics;
        match refusal {
            Refusal::TooManyKeys { .. } => metrics.refreshes_too_many_keys.increment(1),
            _ => metrics.refreshes_too_soon.increment(1),
        }
        tracing::debug!(?key, %refusal, "heartbeat reply refused");
        if ack {
            self.send_message(&ServerMessage::Session(self.service().notices.refused(key, refusal)));
        }
    }

    pub(super) fn tell_refused(&self, session: String, reason: String) {
        let (state, reason) = (SessionState::Refused, Some(reason));
        let notice = SessionNotice { session: Some(session), state, ttl_ms: None, reason, touch_ms: None };
        self.send_message(&ServerMessage::Session(notice));
    }
}
