use async_trait::async_trait;
use swampdragon_protocol::close_code;

use super::{
    Connection, HeartbeatReply, LogoutRequest, Message,
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

pub(super) async fn handle<H: ConnectionHandler + ?Sized>(handler: &mut H, connection: &Connection, text: &str) {
    match sort(text) {
        Sorted::HeartbeatReply(reply) => {
            connection.note_answer(connection.service().uptime());
            handler.on_heartbeat(connection, reply).await;
        }
        Sorted::Logout(request) => handler.on_logout(connection, request).await,
        Sorted::Message(message) => handler.on_message(connection, message).await,
    }
}
