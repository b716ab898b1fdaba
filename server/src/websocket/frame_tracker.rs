use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// The longest header of a WebSocket frame, in bytes (RFC 6455, section 5.2).
const MAX_HEADER: usize = 14;

/// Follows the frames in a stream of bytes and tells when none is under way.
///
/// Between frames, and outside a fragmented message, a WebSocket connection has no state worth keeping. tungstenite
/// does not say when that is so; this does, by reading the headers that pass.
#[derive(Debug, Default)]
pub(super) struct FrameTracker {
    /// The beginning of a header that has not come whole.
    header: [u8; MAX_HEADER],
    header_length: usize,
    /// How much of the current frame's payload is still to come, in bytes.
    payload_left: u64,
    /// A fragmented message has begun and not ended.
    fragmented: bool,
}

impl FrameTracker {
    /// Nothing is under way: what has been read so far is whole messages.
    pub(super) fn is_idle(&self) -> bool {
        self.header_length == 0 && self.payload_left == 0 && !self.fragmented
    }

    /// Follows the next bytes of the stream. Bytes that break the protocol are left to tungstenite to refuse.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let taken = usize::try_from(self.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.payload_left -= taken as u64;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = bytes.len().min(MAX_HEADER - self.header_length);
            self.header[self.header_length..self.header_length + taken].copy_from_slice(&bytes[..taken]);
            let known = self.header_length + taken;
            let mut cursor = Cursor::new(&self.header[..known]);
            match FrameHeader::parse(&mut cursor) {
                Ok(Some((header, payload))) => {
                    // The header ends at the cursor; what was copied past it is payload and is looked at again.
                    let header_bytes = usize::try_from(cursor.position()).unwrap_or(known);
                    bytes = &bytes[header_bytes.saturating_sub(self.header_length)..];
                    self.header_length = 0;
                    self.payload_left = payload;
                    if let OpCode::Data(Data::Text | Data::Binary | Data::Continue) = header.opcode {
                        self.fragmented = !header.is_final;
                    }
                }
                Ok(None) => {
                    self.header_length = known;
                    return;
                }
                // tungstenite ends the connection over this header.
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;

    fn frame(payload: usize, opcode: OpCode, is_final: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut frame = Frame::message(vec![b'x'; payload], OpCode::Data(Data::Text), is_final);
        frame.header_mut().opcode = opcode;
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        frame.format(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn idle_exactly_at_the_end_of_each_message_however_the_bytes_are_cut() {
        for payload in [0, 1, 125, 126, 70_000] {
            let bytes = frame(payload, OpCode::Data(Data::Text), true);
            for chunk in [1, 2, 3, 13, 14, 15, 4096] {
                let mut tracker = FrameTracker::default();
                let mut read = 0;
                for part in bytes.chunks(chunk) {
                    assert_eq!(tracker.is_idle(), read == 0);
                    tracker.follow(part);
                    read += part.len();
                }
                assert!(tracker.is_idle(), "payload {payload}, chunks of {chunk}");
            }
        }
    }

    #[test]
    fn a_ping_inside_a_fragmented_message_does_not_end_it() {
        use tokio_tungstenite::tungstenite::protocol::frame::coding::Control;
        let mut tracker = FrameTracker::default();
        tracker.follow(&frame(3, OpCode::Data(Data::Text), false));
        assert!(!tracker.is_idle());
        tracker.follow(&frame(3, OpCode::Control(Control::Ping), true));
        assert!(!tracker.is_idle());
        tracker.follow(&frame(3, OpCode::Data(Data::Continue), true));
        assert!(tracker.is_idle());
    }
}
