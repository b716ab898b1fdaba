//! The WebSocket protocol, case by case: what the public conformance suite sends to a server that echoes, and what it
//! expects. Numbers are that suite's, and of RFC 6455.

use std::net::SocketAddr;

use async_trait::async_trait;
use swampdragon_server::{
    Connection, ConnectionHandler, Message, Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};

use crate::bare_websocket::{BINARY, BareWebSocket, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, TEXT, frame};

/// Sends everything back as it came.
struct Echo;

#[async_trait]
impl ConnectionHandler for Echo {
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        connection.send_text(message.text());
    }

    async fn on_binary(&mut self, connection: &Connection, bytes: &[u8]) {
        connection.send_binary(bytes);
    }
}

const MIB: usize = 1 << 20;

async fn run() -> SocketAddr {
    let settings = Settings {
        heartbeat_enabled: false,
        max_message_size: 16 * MIB,
        max_outgoing_bytes: 64 * MIB,
        max_messages_per_second: 0,
        ..Settings::default()
    };
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().settings(settings).session_store(store).connection(|| Echo);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run_until(std::future::pending()));
    address
}

async fn open() -> BareWebSocket {
    BareWebSocket::open(run().await, "/data/websocket").await
}

/// How a case ends.
#[derive(Clone, Copy)]
enum End {
    /// The connection goes on: a close is answered with the same code.
    Open,
    /// The server has closed, with this code if it says one.
    Closed(Option<u16>),
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

/// Sends the bytes, by default at once and then one by one, and expects these frames and this end.
async fn case(name: &str, sent: &[Vec<u8>], expected: &[Frame], end: End) {
    let server = run().await;
    let bytes = sent.concat();
    let chops: &[usize] = if bytes.len() > 4096 { &[usize::MAX] } else { &[usize::MAX, 1] };
    for &chop in chops {
        let mut socket = BareWebSocket::open(server, "/data/websocket").await;
        for part in bytes.chunks(chop.min(bytes.len().max(1))) {
            socket.send(part).await;
            if chop == 1 {
                tokio::task::yield_now().await;
            }
        }
        for expected in expected {
            let seen = socket.next().await;
            assert_eq!(seen.as_ref(), Some(expected), "{name}, in pieces of {chop}");
        }
        match end {
            End::Open => {
                socket.send_frame(FIN | CLOSE, &close(1000, b"bye")).await;
                assert_eq!(socket.next().await, Some(Frame(FIN | CLOSE, close(1000, b"bye"))), "{name}");
            }
            End::Closed(code) => {
                let Some(Frame(first, payload)) = socket.next().await else { panic!("{name}: no close frame") };
                let seen = payload.first_chunk().copied().map(u16::from_be_bytes);
                assert_eq!((first, seen), (FIN | CLOSE, code), "{name}, in pieces of {chop}");
            }
        }
        assert_eq!(socket.next().await, None, "{name}: the connection ends");
    }
}

fn echoed(opcode: u8, payload: &[u8]) -> Frame {
    Frame(FIN | opcode, payload.to_vec())
}

#[tokio::test]
async fn messages_of_every_length_come_back_1_1_and_1_2() {
    for length in [0, 1, 125, 126, 127, 128, 65535, 65536] {
        for (opcode, byte) in [(TEXT, b'*'), (BINARY, 0xfe)] {
            let payload = vec![byte; length];
            let name = format!("opcode {opcode}, {length} bytes");
            case(&name, &[frame(FIN | opcode, &payload)], &[echoed(opcode, &payload)], End::Open).await;
        }
    }
}

#[tokio::test]
async fn pings_are_answered_and_pongs_are_not_2() {
    for payload in [&b""[..], b"Hello, world!", &[0x00, 0xff, 0xfe, 0xfd], &[0xfe; 125]] {
        case("2.1-2.4", &[frame(FIN | PING, payload)], &[echoed(PONG, payload)], End::Open).await;
    }
    case("2.5", &[frame(FIN | PING, &[0xfe; 126])], &[], End::Closed(Some(1002))).await;
    case("2.7", &[frame(FIN | PONG, b"")], &[], End::Open).await;
    let pong_first = [frame(FIN | PONG, b"unsolicited"), frame(FIN | PING, b"ping")];
    case("2.9", &pong_first, &[echoed(PONG, b"ping")], End::Open).await;
    let ten: Vec<_> = (0..10_u8).map(|number| frame(FIN | PING, &[number])).collect();
    let answers: Vec<_> = (0..10_u8).map(|number| echoed(PONG, &[number])).collect();
    case("2.10", &ten, &answers, End::Open).await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes_end_the_connection_3_and_4() {
    let hello = frame(FIN | TEXT, b"Hello, world!");
    for reserved in [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] {
        for opcode in [TEXT, BINARY, PING, CLOSE] {
            let name = format!("bits {reserved:x}, opcode {opcode}");
            let bad = frame(FIN | reserved | opcode, b"");
            case(&name, std::slice::from_ref(&bad), &[], End::Closed(Some(1002))).await;
            case(&name, &[hello.clone(), bad], &[echoed(TEXT, b"Hello, world!")], End::Closed(Some(1002))).await;
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in [&b""[..], b"payload"] {
            let bad = frame(FIN | opcode, payload);
            let name = format!("opcode {opcode}");
            case(&name, std::slice::from_ref(&bad), &[], End::Closed(Some(1002))).await;
            case(&name, &[hello.clone(), bad], &[echoed(TEXT, b"Hello, world!")], End::Closed(Some(1002))).await;
        }
    }
}

#[tokio::test]
async fn fragments_make_one_message_and_nothing_else_does_5() {
    let ping = || frame(FIN | PING, b"ping");
    let pong = || echoed(PONG, b"ping");
    let first = || frame(TEXT, b"frag1");
    let last = || frame(FIN | CONTINUATION, b"frag2");
    let whole = || echoed(TEXT, b"frag1frag2");
    let wrong = End::Closed(Some(1002));
    case("5.1", &[frame(PING, b"ping"), last()], &[], wrong).await;
    case("5.2", &[frame(PONG, b"pong"), last()], &[], wrong).await;
    case("5.3", &[first(), last()], &[whole()], End::Open).await;
    case("5.6", &[first(), ping(), last()], &[pong(), whole()], End::Open).await;
    case("5.9", &[frame(FIN | CONTINUATION, b"alone"), frame(FIN | TEXT, b"x")], &[], wrong).await;
    case("5.12", &[frame(CONTINUATION, b"alone"), frame(FIN | TEXT, b"x")], &[], wrong).await;
    case(
        "5.15",
        &[first(), last(), frame(CONTINUATION, b"x"), frame(FIN | TEXT, b"x")],
        &[whole()],
        End::Closed(Some(1002)),
    )
    .await;
    case("5.16", &[frame(CONTINUATION, b"f1"), frame(TEXT, b"f2"), frame(FIN | CONTINUATION, b"f3")], &[], wrong).await;
    case("5.18", &[first(), frame(FIN | TEXT, b"frag2")], &[], wrong).await;
    let many = [
        frame(TEXT, b"1"),
        frame(CONTINUATION, b"2"),
        ping(),
        frame(CONTINUATION, b"3"),
        frame(CONTINUATION, b"4"),
        ping(),
        frame(FIN | CONTINUATION, b"5"),
    ];
    case("5.19", &many, &[pong(), pong(), echoed(TEXT, b"12345")], End::Open).await;
    let empty = [frame(TEXT, b""), frame(CONTINUATION, b""), frame(FIN | CONTINUATION, b"")];
    case("6.1.2", &empty, &[echoed(TEXT, b"")], End::Open).await;
    let middle = [frame(TEXT, b""), frame(CONTINUATION, b"middle"), frame(FIN | CONTINUATION, b"")];
    case("6.1.3", &middle, &[echoed(TEXT, b"middle")], End::Open).await;
}

#[tokio::test]
async fn text_is_utf8_wherever_it_is_cut_6() {
    let kosme = "κόσμε";
    for text in [
        "Hello-µ@ßöäüàá-UTF-8!!",
        kosme,
        "\0",
        "\u{80}",
        "\u{800}",
        "\u{10000}",
        "\u{7f}",
        "\u{7ff}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{d7ff}\u{e000}\u{fffd}",
        "\u{fffe}\u{1fffe}\u{10fffe}",
    ] {
        let bytes = text.as_bytes();
        case(text, &[frame(FIN | TEXT, bytes)], &[echoed(TEXT, bytes)], End::Open).await;
        // Each byte in a frame of its own.
        let mut fragments = vec![frame(TEXT, b"")];
        fragments.extend(bytes.iter().map(|byte| frame(CONTINUATION, &[*byte])));
        fragments.push(frame(FIN | CONTINUATION, b""));
        case(text, &fragments, &[echoed(TEXT, bytes)], End::Open).await;
    }
    let surrogate = [kosme.as_bytes(), b"\xed\xa0\x80edited"].concat();
    for (name, bytes) in [
        ("6.3.1", surrogate.as_slice()),
        ("6.6.1", b"\xce"),
        ("6.6.3", b"\xce\xba\xe1"),
        ("6.8.1", b"\xf8\x88\x80\x80\x80"),
        ("6.8.2", b"\xfc\x84\x80\x80\x80\x80"),
        ("6.10.1", b"\xf7\xbf\xbf\xbf"),
        ("6.11.5", b"\xf4\x90\x80\x80"),
        ("6.12.1", b"\x80"),
        ("6.12.2", b"\xbf"),
        ("6.14.1", b"\xc0"),
        ("6.14.6", b"\xf0\x80"),
        ("6.16.1", b"\xfe"),
        ("6.16.3", b"\xfe\xfe\xff\xff"),
        ("6.17.1", b"\xc0\xaf"),
        ("6.17.3", b"\xf0\x80\x80\xaf"),
        ("6.19.1", b"\xc0\x80"),
        ("6.20.1", b"\xed\xa0\x80"),
        ("6.21.1", b"\xed\xa0\x80\xed\xb0\x80"),
    ] {
        case(name, &[frame(FIN | TEXT, bytes)], &[], End::Closed(Some(1007))).await;
        let (first, rest) = bytes.split_at(1);
        let fragments = [frame(TEXT, first), frame(FIN | CONTINUATION, rest)];
        case(name, &fragments, &[], End::Closed(Some(1007))).await;
    }
}

#[tokio::test]
async fn text_that_can_be_none_any_more_is_not_waited_for_6_4() {
    let mut socket = open().await;
    socket.send_frame(TEXT, "κόσμε".as_bytes()).await;
    socket.send_frame(CONTINUATION, b"\xf4\x90\x80\x80").await;
    // The last fragment never comes.
    let Some(Frame(first, payload)) = socket.next().await else { panic!("no close frame") };
    assert_eq!((first, payload.first_chunk()), (FIN | CLOSE, Some(&1007_u16.to_be_bytes())));
}

#[tokio::test]
async fn after_a_close_frame_nothing_is_answered_7_1() {
    let bye = || frame(FIN | CLOSE, &close(1000, b"bye"));
    let hello = || frame(FIN | TEXT, b"Hello World!");
    let echo = || echoed(TEXT, b"Hello World!");
    let closed = End::Closed(Some(1000));
    case("7.1.1", &[hello(), bye()], &[echo()], closed).await;
    case("7.1.2", &[bye(), bye()], &[], closed).await;
    case("7.1.3", &[bye(), frame(FIN | PING, b"")], &[], closed).await;
    case("7.1.4", &[bye(), hello()], &[], closed).await;
    case("7.1.5", &[frame(TEXT, b"frag1"), bye(), frame(FIN | CONTINUATION, b"frag2")], &[], closed).await;
    let long = vec![b'B'; 256 * 1024];
    let sent = [frame(FIN | TEXT, &long), bye(), frame(FIN | PING, b"")];
    case("7.1.6", &sent, &[echoed(TEXT, &long)], closed).await;
}

#[tokio::test]
async fn a_close_frame_is_answered_as_it_deserves_7_3_to_7_13() {
    let case = |name: String, payload: Vec<u8>, answer: Option<u16>| async move {
        case(&name, &[frame(FIN | CLOSE, &payload)], &[], End::Closed(answer)).await;
    };
    case("7.3.1".into(), Vec::new(), None).await;
    case("7.3.2".into(), b"a".to_vec(), Some(1002)).await;
    case("7.3.3".into(), close(1000, b""), Some(1000)).await;
    case("7.3.5".into(), close(1000, &[b'*'; 123]), Some(1000)).await;
    case("7.3.6".into(), close(1000, &[b'*'; 124]), Some(1002)).await;
    case("7.5.1".into(), close(1000, b"\xce\xba\xed\xa0\x80"), Some(1007)).await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        case(format!("7.7, {code}"), close(code, b""), Some(code)).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535] {
        case(format!("7.9 and 7.13, {code}"), close(code, b""), Some(1002)).await;
    }
}

#[tokio::test]
async fn messages_up_to_16_mib_come_back_9_and_10() {
    let mut socket = open().await;
    for (opcode, byte) in [(TEXT, b'*'), (BINARY, 0xfe)] {
        for length in [MIB, 16 * MIB] {
            let payload = vec![byte; length];
            socket.send_frame(FIN | opcode, &payload).await;
            assert_eq!(socket.next().await.unwrap().1.len(), length, "9.1 and 9.2");
        }
        let payload = vec![byte; 4 * MIB];
        for size in [64, 4096, MIB] {
            let mut bytes = Vec::new();
            for (number, part) in payload.chunks(size).enumerate() {
                let fin = if (number + 1) * size >= payload.len() { FIN } else { 0 };
                bytes.extend(frame(fin | if number == 0 { opcode } else { CONTINUATION }, part));
            }
            socket.send(&bytes).await;
            let Frame(first, echoed) = socket.next().await.unwrap();
            assert!(first == FIN | opcode && echoed == payload, "9.3 and 9.4, fragments of {size}");
        }
    }
    let payload = vec![b'*'; MIB];
    for chop in [64, 128, 2048] {
        for part in frame(FIN | TEXT, &payload).chunks(chop) {
            socket.send(part).await;
        }
        assert_eq!(socket.next().await.unwrap().1.len(), MIB, "9.5, pieces of {chop}");
    }
}

#[tokio::test]
async fn compression_is_declined_without_a_word_12_and_13() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits\r\n";
    let mut socket = BareWebSocket::open_with(run().await, "/data/websocket", offer).await;
    assert!(!socket.head.contains("sec-websocket-extensions"), "{}", socket.head);
    socket.send_frame(FIN | TEXT, b"plain").await;
    assert_eq!(socket.next().await, Some(echoed(TEXT, b"plain")));
    // What comes compressed nevertheless is refused.
    socket.send_frame(FIN | 0x40 | TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00").await;
    let Some(Frame(first, payload)) = socket.next().await else { panic!("no close frame") };
    assert_eq!((first, payload.first_chunk()), (FIN | CLOSE, Some(&1002_u16.to_be_bytes())));
}

#[tokio::test]
async fn frames_without_a_mask_end_the_connection() {
    let mut socket = open().await;
    socket.send(b"\x81\x05Hello").await;
    let Some(Frame(first, payload)) = socket.next().await else { panic!("no close frame") };
    assert_eq!((first, payload.first_chunk()), (FIN | CLOSE, Some(&1002_u16.to_be_bytes())));
}
