use swampdragon_protocol::{MessageForm, SockJsFrame, decode_client_frame, encode_elements};

use crate::text;

/// What a page reads: a frame that is written again is the same frame, in one line.
pub(crate) fn from_server(input: &[u8]) {
    let Ok(frame) = SockJsFrame::decode(text(input)) else { return };
    let written = frame.encode();
    assert_eq!(SockJsFrame::decode(&written).as_ref(), Ok(&frame));
    // Streaming transports end frames with a line break.
    assert!(!written.contains(['\r', '\n']), "{written:?}");
}

/// What a server reads: the messages are those that the frame holds, and pass through a server's own frame unchanged.
pub(crate) fn from_client(input: &[u8]) {
    let Ok(messages) = decode_client_frame(text(input)) else { return };
    let longest = messages.iter().map(|message| message.len()).max().unwrap_or(0);
    assert!(longest <= input.len(), "a message of {longest} bytes from a frame of {}", input.len());
    let written = encode_elements(messages.iter().map(|message| MessageForm::String.element(message)));
    assert_eq!(SockJsFrame::decode(&written), Ok(SockJsFrame::Messages(messages)));
}
