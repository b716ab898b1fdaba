use std::{
    borrow::Cow,
    io::ErrorKind,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use swampdragon_protocol::{CloseCode, MessageForm, SockJsFrame, close_code, encode_elements};
use tokio_tungstenite::tungstenite::protocol::frame::{
    CloseFrame, Frame,
    coding::{Data, OpCode},
};

use super::outgoing::{Outgoing, Sent};
use crate::{admission::AddressKey, connection::OriginName, stream::Stream};

/// What travels in the text frames of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// SockJS frames, messages inside.
    SockJs,
    /// Each text frame is one message.
    Raw,
}

/// Something to send, ready for the socket: encoded once, sent to as many peers as there are.
#[derive(Debug, Clone)]
pub(crate) struct WireFrame {
    sockjs: Bytes,
    raw: Bytes,
    /// The message as an element of a SockJS frame; the heartbeat frame has none.
    element: Option<String>,
    /// The length of the message, with which the raw frame ends.
    message_length: usize,
}

impl WireFrame {
    /// One message.
    pub(crate) fn message(text: &str, form: MessageForm) -> Self {
        let element = form.element(text);
        Self {
            sockjs: text_frame(encode_elements([&element])).into(),
            raw: text_frame(text.to_owned()).into(),
            element: Some(element),
            message_length: text.len(),
        }
    }

    /// What a SockJS frame of several messages has of this one; `None` for the heartbeat frame.
    pub(crate) fn element(&self) -> Option<&str> {
        self.element.as_deref()
    }

    /// The message itself; `None` for the heartbeat frame.
    pub(crate) fn message_text(&self) -> Option<&str> {
        let start = self.raw.len().checked_sub(self.message_length)?;
        str::from_utf8(self.raw.get(start..)?).ok().filter(|_| self.element.is_some())
    }

    /// The heartbeat frame. A raw WebSocket has none; a ping serves it as well.
    pub(crate) fn heartbeat() -> Self {
        let frame = text_frame(SockJsFrame::Heartbeat.encode());
        Self { sockjs: frame.into(), raw: ping().into(), element: None, message_length: 0 }
    }

    /// The heartbeat frame and a ping: SockJS clients do not answer the one, their browsers do the other.
    pub(crate) fn heartbeat_and_ping() -> Self {
        let frames = [text_frame(SockJsFrame::Heartbeat.encode()), ping()].concat();
        Self { sockjs: frames.into(), ..Self::heartbeat() }
    }
}

fn text_frame(text: String) -> Vec<u8> {
    encoded(Frame::message(text, OpCode::Data(Data::Text), true))
}

fn ping() -> Vec<u8> {
    encoded(Frame::ping(Bytes::new()))
}

fn encoded(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing to a `Vec` cannot fail.
    let _ = frame.format(&mut bytes);
    bytes
}

/// One WebSocket, from the side that sends.
#[derive(Debug)]
pub(crate) struct Link {
    stream: Stream,
    outgoing: Outgoing,
    framing: Framing,
    origin: OriginName,
    /// With which code it was closed, by whichever side came first; 0 while it is open.
    close_code: AtomicU16,
    client: AddressKey,
}

/// How much and how long a peer may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendLimits {
    /// What may wait for a socket that is full, in bytes.
    pub(crate) max_outgoing_bytes: usize,
    /// How long a peer may take to answer a close frame.
    pub(crate) close_timeout: Duration,
}

/// Leads from whatever holds a [`Link`] to the link, so that tasks can keep the holder alive.
pub(crate) trait HasLink: Send + Sync + 'static {
    /// `None` where there is no WebSocket behind it; what is sent by way of it goes nowhere then.
    fn link(&self) -> Option<&Link>;

    /// The peer has shown that it is there.
    fn heard(&self);

    /// What waits for the peer would exceed its limit.
    fn reads_too_slowly(&self);
}

impl Link {
    pub(crate) fn new(stream: Stream, framing: Framing, client: AddressKey, origin: OriginName) -> Self {
        Self { stream, outgoing: Outgoing::new(), framing, origin, close_code: AtomicU16::new(0), client }
    }

    /// Whom the connection counts for.
    pub(crate) fn client(&self) -> AddressKey {
        self.client
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    pub(crate) fn origin(&self) -> OriginName {
        self.origin
    }

    /// Where its peer is, if the system still tells.
    pub(crate) fn peer_address(&self) -> Option<IpAddr> {
        self.stream.socket().peer_addr().ok().map(|address| address.ip().to_canonical())
    }

    /// Remembers with which code the connection closes. The first one counts: what the other side answers says less.
    pub(crate) fn note_close_code(&self, code: u16) {
        // Fails when there is one already.
        let _ = self.close_code.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn close_code(&self) -> Option<u16> {
        Some(self.close_code.load(Ordering::Relaxed)).filter(|&code| code != 0)
    }

    /// Whether messages may still be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.outgoing.is_open()
    }

    pub(crate) fn abort(&self) {
        self.outgoing.abort(&self.stream);
    }

    /// Sends the SockJS open frame; a raw WebSocket has none.
    pub(crate) fn send_open(holder: &Arc<impl HasLink>, limits: SendLimits) {
        if holder.link().is_some_and(|link| link.framing == Framing::SockJs) {
            Self::send_bytes(holder, &text_frame(SockJsFrame::Open.encode()), limits);
        }
    }

    pub(crate) fn send_message(holder: &Arc<impl HasLink>, text: &str, form: MessageForm, limits: SendLimits) -> bool {
        let Some(link) = holder.link() else { return false };
        let bytes = match link.framing {
            Framing::SockJs => text_frame(encode_elements([form.element(text)])),
            Framing::Raw => text_frame(text.to_owned()),
        };
        Self::send_bytes(holder, &bytes, limits)
    }

    pub(crate) fn send_binary(holder: &Arc<impl HasLink>, bytes: &[u8], limits: SendLimits) {
        let frame = encoded(Frame::message(bytes.to_vec(), OpCode::Data(Data::Binary), true));
        Self::send_bytes(holder, &frame, limits);
    }

    pub(crate) fn send_frame(holder: &Arc<impl HasLink>, frame: &WireFrame, limits: SendLimits) -> bool {
        let Some(link) = holder.link() else { return false };
        let bytes = match link.framing {
            Framing::SockJs => &frame.sockjs,
            Framing::Raw => &frame.raw,
        };
        Self::send_bytes(holder, bytes, limits)
    }

    /// Says whether the bytes are on their way.
    pub(crate) fn send_bytes(holder: &Arc<impl HasLink>, bytes: &[u8], limits: SendLimits) -> bool {
        let Some(link) = holder.link() else { return false };
        match link.outgoing.send(&link.stream, bytes, limits.max_outgoing_bytes) {
            Sent::Accepted => true,
            Sent::QueueBegan => {
                Self::spawn_drain(holder);
                true
            }
            Sent::Refused => false,
            Sent::Overflowed => {
                holder.reads_too_slowly();
                Self::close(holder, close_code::SLOW_READER, close_code::SLOW_READER.reason, limits);
                false
            }
        }
    }

    /// Ends the connection in the transport's own way: with SockJS a close frame and then WebSocket's without a code,
    /// as the original does; without SockJS, WebSocket's with the code.
    pub(crate) fn close(holder: &Arc<impl HasLink>, code: CloseCode, reason: &str, limits: SendLimits) {
        let Some(link) = holder.link() else { return };
        let bytes = match link.framing {
            Framing::SockJs => {
                let close = SockJsFrame::Close { code: code.code, reason: Cow::Borrowed(reason) };
                let mut bytes = text_frame(close.encode());
                bytes.extend(encoded(Frame::close(None)));
                bytes
            }
            Framing::Raw => websocket_close(code, reason),
        };
        Self::send_last(holder, &bytes, code, limits);
    }

    /// Ends the connection below SockJS, over a fault in what the peer sent: a WebSocket close frame that says what was
    /// wrong.
    pub(crate) fn fail(holder: &Arc<impl HasLink>, code: CloseCode, reason: &str, limits: SendLimits) {
        Self::send_last(holder, &websocket_close(code, reason), code, limits);
    }

    fn send_last(holder: &Arc<impl HasLink>, bytes: &[u8], code: CloseCode, limits: SendLimits) {
        let Some(link) = holder.link().filter(|link| link.is_open()) else { return };
        link.note_close_code(code.code);
        if link.outgoing.send_last(&link.stream, bytes) == Sent::QueueBegan {
            Self::spawn_drain(holder);
        }
        Self::abort_after(holder, limits.close_timeout);
    }

    /// The peer has closed: nothing more is sent but what is queued, and that not for long.
    pub(crate) fn end(holder: &Arc<impl HasLink>, limits: SendLimits) {
        if holder.link().is_some_and(|link| link.outgoing.end()) {
            Self::abort_after(holder, limits.close_timeout);
        }
    }

    /// Reads and drops what the peer still sends, until it has closed or the time is up. Closing a socket with unread
    /// bytes resets it, and the peer might then never see the close frame that says what was wrong.
    pub(crate) async fn linger(&self, limits: SendLimits) {
        self.outgoing.finish(&self.stream);
        let mut dropped = [0; 1024];
        let emptied = async {
            loop {
                match self.stream.try_read(&mut dropped) {
                    Ok(0) => return,
                    Ok(_) => tokio::task::consume_budget().await,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if self.stream.readable().await.is_err() {
                            return;
                        }
                    }
                    Err(_) => return,
                }
            }
        };
        // Out of time is as good as emptied: the socket closes either way.
        let _ = tokio::time::timeout(limits.close_timeout, emptied).await;
    }

    /// Gives the peer time to close from its side. Holds nothing of the connection meanwhile.
    fn abort_after(holder: &Arc<impl HasLink>, timeout: Duration) {
        let holder = Arc::downgrade(holder);
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            if let Some(link) = holder.upgrade().as_ref().and_then(|holder| holder.link()) {
                link.abort();
            }
        });
    }

    fn spawn_drain(holder: &Arc<impl HasLink>) {
        let holder = Arc::clone(holder);
        tokio::spawn(async move {
            if let Some(link) = holder.link() {
                link.outgoing.drain(&link.stream, || holder.heard()).await;
            }
        });
    }
}

/// A control frame holds at most 125 bytes, two of them the code (RFC 6455, section 5.5).
const MAX_CLOSE_REASON: usize = 123;

fn websocket_close(code: CloseCode, reason: &str) -> Vec<u8> {
    let mut end = reason.len().min(MAX_CLOSE_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason[..end].to_owned();
    encoded(Frame::close(Some(CloseFrame { code: code.code.into(), reason: reason.into() })))
}
