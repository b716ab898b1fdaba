use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::{
    Error, Message,
    error::CapacityError,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::{frame_tracker::FrameTracker, short_text::take_short_texts};
use swampdragon_protocol::{CloseCode, close_code};

/// Bytes asked of the socket at once. The buffer lives only while bytes are being read.
const READ_BUFFER: usize = 4096;

/// Bytes taken from one socket before others get their turn.
const BYTES_PER_TURN: usize = 64 * 1024;

/// Reads WebSocket messages from a socket, keeping state only while a message is under way.
pub(super) struct Reading {
    context: WebSocketContext,
    tracker: FrameTracker,
}

/// What one turn of reading brought.
pub(super) struct Turn {
    /// Whole messages, in order.
    pub(super) messages: Vec<Message>,
    /// How the connection ended, if it did.
    pub(super) end: Option<End>,
    /// How many pings came.
    pub(super) pings: usize,
    /// Whether anything came.
    pub(super) heard: bool,
    /// What must be kept for the next turn: `None` between messages.
    pub(super) unfinished: Option<Reading>,
}

/// How the peer ended the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The peer sent a close frame with this code. These bytes answer it, once what came before it has been.
    Closed(u16, Vec<u8>),
    /// The stream ended without one.
    Lost,
    /// The peer sent what it may not.
    Broken(CloseCode, String),
}

/// One turn of reading what the socket has, up to a limit. `read` is the socket's, which never waits; `take` is offered
/// the texts of short frames first and says whether it dealt with them; `answer` sends pongs, for which the protocol asks.
pub(super) fn turn(
    unfinished: Option<Reading>,
    max_message_size: usize,
    read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    take: &mut dyn FnMut(&str) -> bool,
    answer: &mut dyn FnMut(&[u8]),
) -> Turn {
    if let Some(reading) = unfinished {
        return reading.turn(BYTES_PER_TURN, read, answer);
    }
    let mut buffer = [0; READ_BUFFER];
    let mut bytes_left = BYTES_PER_TURN;
    let end = loop {
        let length = buffer.len().min(bytes_left);
        if length == 0 {
            break None;
        }
        let bytes = match read(&mut buffer[..length]) {
            Ok(0) => break Some(End::Lost),
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
            Err(_) => break Some(End::Lost),
        };
        bytes_left -= bytes.len();
        let rest = take_short_texts(bytes, max_message_size, take);
        if !rest.is_empty() {
            return Turn { heard: true, ..Reading::new(rest, max_message_size).turn(bytes_left, read, answer) };
        }
    };
    Turn { messages: Vec::new(), end, pings: 0, heard: bytes_left < BYTES_PER_TURN, unfinished: None }
}

impl Reading {
    /// Begins with `read_ahead`, bytes that have been read already.
    pub(super) fn new(read_ahead: &[u8], max_message_size: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max_message_size))
            .max_frame_size(Some(max_message_size));
        let mut tracker = FrameTracker::default();
        tracker.follow(read_ahead);
        let context = if read_ahead.is_empty() {
            WebSocketContext::new(Role::Server, Some(config))
        } else {
            WebSocketContext::from_partially_read(read_ahead.to_vec(), Role::Server, Some(config))
        };
        Self { context, tracker }
    }

    fn turn(
        mut self,
        bytes_left: usize,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
        answer: &mut dyn FnMut(&[u8]),
    ) -> Turn {
        let mut messages = Vec::new();
        let mut pings = 0;
        let mut socket = Socket { read, tracker: &mut self.tracker, bytes_left, answer };
        let end = loop {
            match self.context.read(&mut socket) {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => messages.push(message),
                Ok(Message::Ping(_)) => pings += 1,
                Ok(Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    let mut echo = Vec::new();
                    let mut keep = |bytes: &[u8]| echo.extend_from_slice(bytes);
                    // What writes to a `Vec` cannot fail.
                    let _ = self.context.flush(&mut Socket { answer: &mut keep, tracker: socket.tracker, ..socket });
                    let code = frame.map_or(close_code::NORMAL.code, |frame| frame.code.into());
                    return Turn { messages, end: Some(End::Closed(code, echo)), pings, heard: true, unfinished: None };
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(end_of(error)),
            }
        };
        let heard = socket.bytes_left < bytes_left;
        let unfinished = (end.is_none() && !self.tracker.is_idle()).then_some(self);
        Turn { messages, end, pings, heard, unfinished }
    }
}

fn end_of(error: Error) -> End {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => End::Broken(
            close_code::MESSAGE_TOO_BIG,
            format!("message of {size} bytes; max_message_size is {max_size} bytes"),
        ),
        Error::Capacity(error) => End::Broken(close_code::MESSAGE_TOO_BIG, error.to_string()),
        Error::Utf8(error) => End::Broken(close_code::INVALID_PAYLOAD, error),
        Error::Protocol(error) => {
            use tokio_tungstenite::tungstenite::error::ProtocolError::{
                HandshakeIncomplete, ResetWithoutClosingHandshake,
            };
            match error {
                HandshakeIncomplete | ResetWithoutClosingHandshake => End::Lost,
                error => End::Broken(close_code::PROTOCOL_ERROR, error.to_string()),
            }
        }
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => End::Lost,
        // Errors of the handshake, of TLS or of writing: none of them comes from reading.
        Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => End::Broken(close_code::PROTOCOL_ERROR, error.to_string()),
    }
}

/// The socket as tungstenite sees it during one turn.
struct Socket<'a> {
    read: &'a mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    tracker: &'a mut FrameTracker,
    bytes_left: usize,
    answer: &'a mut dyn FnMut(&[u8]),
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.bytes_left);
        if length == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let read = (self.read)(&mut buffer[..length])?;
        self.bytes_left -= read;
        self.tracker.follow(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.answer)(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
