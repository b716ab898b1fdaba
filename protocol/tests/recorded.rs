//! Frames recorded from SwampDragon 0.3 and 0.4.2.2 and their own pages: each is read, and what was read is written
//! again with the same meaning.
#![cfg(feature = "json")]

use serde::Deserialize;
use serde_json::Value;
use swampdragon_protocol::{
    SockJsFrame, decode_client_frame,
    json::{decode_client_message, decode_server_message, encode_client_message, encode_server_message},
};

#[derive(Deserialize)]
struct Recorded {
    name: String,
    from: Side,
    frame: String,
    #[serde(default)]
    messages: Vec<Value>,
    close: Option<(u16, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Server,
    Client,
}

#[test]
fn recorded_frames_are_read_and_written_again() {
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    for Recorded { name, from, frame, messages, close } in recorded {
        let rewritten: Vec<Value> = match from {
            Side::Client => decode_client_frame(&frame)
                .unwrap()
                .iter()
                .map(|message| encode_client_message(&decode_client_message(message).unwrap()))
                .map(|text| serde_json::from_str(&text).unwrap())
                .collect(),
            Side::Server => match SockJsFrame::decode(&frame).unwrap() {
                simple @ (SockJsFrame::Open | SockJsFrame::Heartbeat) => {
                    assert_eq!(simple.encode(), frame, "{name}");
                    Vec::new()
                }
                SockJsFrame::Close { code, reason } => {
                    assert_eq!(Some((code, reason.to_string())), close, "{name}");
                    assert_eq!(SockJsFrame::Close { code, reason }.encode(), frame, "{name}");
                    Vec::new()
                }
                SockJsFrame::Messages(messages) => messages
                    .iter()
                    .map(|message| encode_server_message(&decode_server_message(message).unwrap()))
                    .map(|text| serde_json::from_str(&text).unwrap())
                    .collect(),
            },
        };
        assert_eq!(rewritten, messages, "{name}");
    }
}

#[test]
fn the_heartbeat_message_is_the_originals_to_the_letter() {
    let message = decode_server_message("{\"heartbeat\": \"tick\"}").unwrap();
    let frame = SockJsFrame::Messages(vec![encode_server_message(&message).into()]);
    assert_eq!(frame.encode(), "a[\"{\\\"heartbeat\\\": \\\"tick\\\"}\"]");
}
