use std::net::SocketAddr;

use swampdragon_client::Framing;
use swampdragon_protocol::SockJsFrame;

/// How a server's messages travel on its WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// In SockJS frames.
    SockJs,
    /// One JSON message in each WebSocket message.
    Raw,
    /// As events named `message` of Socket.IO's default namespace (Engine.IO 4).
    SocketIo,
}

/// What came on a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Messages can be sent from now on.
    Opened,
    /// JSON messages.
    Messages(Vec<String>),
    /// The server closes.
    Closed { code: u16, reason: String },
    /// To be answered in kind, before anything else.
    Asked(&'static str),
    /// Only that the server is there.
    Alive,
    /// Not what this wire says.
    Malformed,
}

impl Wire {
    /// How the client's machine takes it: all that is not SockJS has nothing to say about silence.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::SockJs => Framing::SockJs,
            Self::Raw | Self::SocketIo => Framing::Raw,
        }
    }

    /// Where a new connection goes.
    pub(crate) fn url(self, server: SocketAddr, prefix: &str) -> String {
        match self {
            // Three digits, by which a load balancer could tell servers apart, and an id that no other connection has.
            Self::SockJs => {
                format!("ws://{server}{prefix}/{:03}/{:016x}/websocket", fastrand::u32(..1000), fastrand::u64(..))
            }
            Self::Raw => format!("ws://{server}{prefix}"),
            Self::SocketIo => format!("ws://{server}{prefix}/?EIO=4&transport=websocket"),
        }
    }

    /// Whether messages can be sent as soon as the WebSocket is open.
    pub(crate) fn opens_by_itself(self) -> bool {
        self == Self::Raw
    }

    /// A JSON message as it is sent.
    pub(crate) fn encode(self, message: String) -> String {
        match self {
            Self::SockJs => serde_json::Value::from([message]).to_string(),
            Self::Raw => message,
            Self::SocketIo => format!("42[\"message\",{message}]"),
        }
    }

    /// What a text that came says.
    pub(crate) fn decode(self, text: &str) -> Heard {
        match self {
            Self::SockJs => match SockJsFrame::decode(text) {
                Ok(SockJsFrame::Open) => Heard::Opened,
                Ok(SockJsFrame::Heartbeat) => Heard::Alive,
                Ok(SockJsFrame::Messages(messages)) => {
                    Heard::Messages(messages.iter().map(|message| message.to_string()).collect())
                }
                Ok(SockJsFrame::Close { code, reason }) => Heard::Closed { code, reason: reason.into_owned() },
                Err(_) => Heard::Malformed,
            },
            Self::Raw => Heard::Messages(vec![text.to_owned()]),
            Self::SocketIo => socket_io(text),
        }
    }
}

fn socket_io(text: &str) -> Heard {
    let message = text.strip_prefix("42[\"message\",").and_then(|rest| rest.strip_suffix(']'));
    match (message, text.as_bytes()) {
        (Some(message), _) => Heard::Messages(vec![message.to_owned()]),
        // Engine.IO is open: join the default namespace.
        (None, [b'0', ..]) => Heard::Asked("40"),
        (None, [b'4', b'0', ..]) => Heard::Opened,
        // Its ping.
        (None, [b'2']) => Heard::Asked("3"),
        (None, [b'6']) => Heard::Alive,
        _ => Heard::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: &str = r#"{"heartbeat":"tick"}"#;

    #[test]
    fn the_same_message_on_every_wire() {
        let heard = Heard::Messages(vec![HEARTBEAT.to_owned()]);
        assert_eq!(Wire::SockJs.decode(r#"a["{\"heartbeat\":\"tick\"}"]"#), heard);
        assert_eq!(Wire::Raw.decode(HEARTBEAT), heard);
        assert_eq!(Wire::SocketIo.decode(r#"42["message",{"heartbeat":"tick"}]"#), heard);

        assert_eq!(Wire::SockJs.encode(HEARTBEAT.to_owned()), r#"["{\"heartbeat\":\"tick\"}"]"#);
        assert_eq!(Wire::Raw.encode(HEARTBEAT.to_owned()), HEARTBEAT);
        assert_eq!(Wire::SocketIo.encode(HEARTBEAT.to_owned()), r#"42["message",{"heartbeat":"tick"}]"#);
    }

    #[test]
    fn socket_io_joins_its_namespace_and_answers_pings() {
        assert_eq!(Wire::SocketIo.decode(r#"0{"sid":"x","pingInterval":25000}"#), Heard::Asked("40"));
        assert_eq!(Wire::SocketIo.decode(r#"40{"sid":"y"}"#), Heard::Opened);
        assert_eq!(Wire::SocketIo.decode("2"), Heard::Asked("3"));
        assert_eq!(Wire::SocketIo.decode("7"), Heard::Malformed);
    }
}
