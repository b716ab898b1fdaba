use std::{collections::VecDeque, io};

use tokio_tungstenite::tungstenite::Message;

use super::reading::{End, turn};

/// What a server makes of the bytes on a WebSocket.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WebSocketRead {
    /// The messages' payloads.
    pub messages: Vec<Vec<u8>>,
    /// The bytes sent back: pongs, and the echo of a close frame.
    pub answered: Vec<u8>,
    /// How the connection ended; `None` while it goes on.
    pub end: Option<WebSocketEnd>,
}

/// How a peer ended its WebSocket connection.
#[derive(Debug, PartialEq, Eq)]
pub enum WebSocketEnd {
    /// With a close frame of this code.
    Closed(u16),
    /// Without one.
    Lost,
    /// By breaking the protocol, for which the server gives this code.
    Broken(u16),
}

/// Reads what comes on a WebSocket as a running server does, where each of `pieces` comes at one time. `short_texts` has
/// what can be dealt with at once taken in the server's own short way.
#[must_use]
pub fn read_websocket(pieces: &[&[u8]], max_message_size: usize, short_texts: bool) -> WebSocketRead {
    let mut read = WebSocketRead::default();
    let mut unfinished = None;
    let mut arrived = VecDeque::new();
    for piece in pieces {
        arrived.extend(*piece);
        // A turn has a limit, so it may leave some of what has arrived.
        loop {
            let before = arrived.len();
            let messages = &mut read.messages;
            let mut take_text = |text: &str| {
                if short_texts {
                    messages.push(text.as_bytes().to_vec());
                }
                short_texts
            };
            let turn = turn(
                unfinished.take(),
                max_message_size,
                &mut |buffer| take(&mut arrived, buffer),
                &mut take_text,
                &mut |bytes| read.answered.extend_from_slice(bytes),
            );
            read.messages.extend(turn.messages.into_iter().map(Message::into_data).map(|data| data.to_vec()));
            unfinished = turn.unfinished;
            if let Some(end) = turn.end {
                read.end = Some(match end {
                    End::Closed(code, echo) => {
                        read.answered.extend(echo);
                        WebSocketEnd::Closed(code)
                    }
                    End::Lost => WebSocketEnd::Lost,
                    End::Broken(code, _) => WebSocketEnd::Broken(code.code),
                });
                return read;
            }
            if arrived.is_empty() || arrived.len() == before {
                break;
            }
        }
    }
    read
}

/// As a socket does that never waits.
fn take(arrived: &mut VecDeque<u8>, buffer: &mut [u8]) -> io::Result<usize> {
    if arrived.is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    io::Read::read(arrived, buffer)
}
