use swampdragon_client::classify;
use swampdragon_protocol::json::{
    decode_client_message, decode_server_message, encode_client_message, encode_server_message,
};

use crate::text;

/// What a server reads: a message that is written again means the same.
pub(crate) fn from_client(input: &[u8]) {
    let Ok(message) = decode_client_message(text(input)) else { return };
    let written = encode_client_message(&message);
    let Ok(again) = decode_client_message(&written) else { panic!("{written} is no message any more") };
    assert_eq!(encode_client_message(&again), written);
}

/// What a page reads: the same, and the client knows what kind of message it is.
pub(crate) fn from_server(input: &[u8]) {
    let classified = classify(text(input)).is_ok();
    let Ok(message) = decode_server_message(text(input)) else { return };
    assert!(classified, "a message that the client cannot tell");
    let written = encode_server_message(&message);
    let Ok(again) = decode_server_message(&written) else { panic!("{written} is no message any more") };
    assert_eq!(encode_server_message(&again), written);
}
