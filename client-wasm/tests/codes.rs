//! The page's object and the WebAssembly speak in the same numbers.

use swampdragon_protocol::close_code;
use swampdragon_wasm::{Command, Delivery};

#[test]
fn javascript_has_the_same_numbers() {
    let script = include_str!("../../js/src/codes.js");
    let numbers: Vec<(&str, u32)> = script
        .lines()
        .filter_map(|line| line.strip_prefix("export const ")?.strip_suffix(';')?.split_once(" = "))
        .map(|(name, number)| (name, number.parse().unwrap()))
        .collect();
    assert_eq!(
        numbers,
        [
            ("CONNECT_SOCKJS", Command::ConnectSockJs as u32),
            ("CONNECT_RAW", Command::ConnectRaw as u32),
            ("DISCONNECT", Command::Disconnect as u32),
            ("CALL", Command::Call as u32),
            ("SUBSCRIBE", Command::Subscribe as u32),
            ("UNSUBSCRIBE", Command::Unsubscribe as u32),
            ("SEND", Command::Send as u32),
            ("SESSION_KEY", Command::Session as u32),
            ("SUSPEND", Command::Suspend as u32),
            ("WAKE", Command::Wake as u32),
            ("INFO", Command::Info as u32),
            ("PRESENCE", Command::Presence as u32),
            ("REBIND", Command::Rebind as u32),
            ("OPEN", Delivery::Open as u32),
            ("CLOSE", Delivery::Close as u32),
            ("MESSAGE", Delivery::Message as u32),
            ("HEARTBEAT", Delivery::Heartbeat as u32),
            ("REPLY", Delivery::Reply as u32),
            ("PUBLICATION", Delivery::Publication as u32),
            ("SESSION_NOTICE", Delivery::Session as u32),
            ("CALL_FAILED", Delivery::CallFailed as u32),
            ("OPEN_SOCKET", Delivery::OpenSocket as u32),
            ("LOGGED_OUT", u32::from(close_code::LOGGED_OUT.code)),
        ]
    );
}

#[test]
fn every_command_is_known_by_its_number() {
    for number in 0..=14 {
        assert_eq!(Command::from_number(number).map(|command| command as u32), Some(number));
    }
    assert_eq!(Command::from_number(15), None);
}
