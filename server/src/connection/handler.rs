use async_trait::async_trait;
use swampdragon_protocol::{ServerMessage, SessionNotice, SessionState};

use super::{
    Connection, HeartbeatReply, Message,
    message::{Sorted, sort},
};

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

    /// The page sent anything else. By default that goes to the routers; one that no router takes
    /// [ends the connection](Connection::abort_connection), as with the original.
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.route(message).await;
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

pub(super) async fn handle(handler: &mut dyn ConnectionHandler, connection: &Connection, text: &str) {
    match sort(text) {
        Sorted::HeartbeatReply(reply) => {
            connection.service().metrics.heartbeats_answered.increment(1);
            handler.on_heartbeat(connection, reply).await;
        }
        Sorted::Message(message) => handler.on_message(connection, message).await,
    }
}

impl Connection {
    /// Refreshes the session that a heartbeat reply names, or all that this connection [keeps](Self::keep_session) if
    /// the reply names none. A malformed key is refused: the page is told if it asked (`"ack": true`), and no store
    /// hears of it.
    pub fn refresh_session(&self, reply: HeartbeatReply) {
        let refresh = |key| if reply.ack { self.refresh_and_tell(key) } else { self.refresh_key_timeout(key) };
        match reply.session {
            Some(Ok(key)) => {
                // Where replies always name their session, remembering it would cost memory for nothing.
                if self.dialect().replies_without_session {
                    self.keep_session(key.clone());
                }
                refresh(key);
            }
            Some(Err(error)) => {
                // A peer can send as many of these as it likes, which must not fill a log.
                tracing::debug!(%error, "heartbeat reply refused");
                if reply.ack {
                    self.send_message(&ServerMessage::Session(SessionNotice {
                        session: reply.session_text.unwrap_or_default(),
                        state: SessionState::Refused,
                        ttl_ms: None,
                        reason: Some(error.to_string()),
                    }));
                }
            }
            None => self.kept_sessions().into_iter().for_each(refresh),
        }
    }
}
