//! Many frames a response: xhr_streaming, eventsource and htmlfile.

use std::net::SocketAddr;

use swampdragon_server::settings::Settings;

use crate::{
    client::{Exchange, poll, say, session},
    server::{echo, settings},
};

/// A transport: its request below the session's URL, how its response begins, and the form of its frames.
type Transport = (&'static str, fn(&str) -> bool, fn(&str) -> String);

const TRANSPORTS: [Transport; 3] = [
    ("POST xhr_streaming", |prelude| prelude == "h".repeat(2048) + "\n", |frame| format!("{frame}\n")),
    ("GET eventsource", |prelude| prelude == "\r\n", |frame| format!("data: {frame}\r\n\r\n")),
    (
        "GET htmlfile?c=%63allback",
        |prelude| {
            prelude.len() > 1024
                && prelude.starts_with("<!doctype html>\n<html><head>\n")
                && prelude.contains("\n    var c = parent.callback;\n    c.start();\n")
                && prelude.trim_end().ends_with("</script>")
        },
        |frame| format!("<script>\np({});\n</script>\r\n", serde_json::to_string(frame).unwrap().replace("</", "<\\/")),
    ),
];

async fn begin(server: SocketAddr, session: &str, (transport, is_prelude, _): Transport) -> Exchange {
    let (method, path) = transport.split_once(' ').unwrap();
    let mut stream = Exchange::begin(server, &format!("{method} {session}/{path}"), "", "").await;
    assert_eq!((stream.status, stream.header("content-length")), (200, None));
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    let prelude = stream.chunk().await;
    assert!(is_prelude(&prelude), "{transport}: {prelude:?}");
    stream
}

#[tokio::test]
async fn every_frame_is_a_chunk_of_its_own() {
    let server = echo(settings()).await;
    for transport in TRANSPORTS {
        let (session, wrap) = (session("/echo"), transport.2);
        let mut stream = begin(server, &session, transport).await;
        assert_eq!(stream.chunk().await, wrap("o"));
        for message in ["[\"x\"]", r#"["  \u0000\n\r "]"#, r#"["</script>"]"#] {
            say(server, &session, message).await;
            assert_eq!(stream.chunk().await, wrap(&format!("a{message}")), "{}", transport.0);
        }
    }
}

#[tokio::test]
async fn a_response_ends_when_it_has_carried_enough_and_the_session_goes_on() {
    let server = echo(Settings { sockjs_response_limit: 4096, ..settings() }).await;
    for transport in TRANSPORTS {
        let (session, wrap) = (session("/echo"), transport.2);
        let mut stream = begin(server, &session, transport).await;
        assert_eq!(stream.chunk().await, wrap("o"));
        let message = format!("[\"{}\"]", "x".repeat(128));
        let mut carried = wrap("o").len();
        while carried < 4096 {
            say(server, &session, &message).await;
            let chunk = stream.chunk().await;
            assert_eq!(chunk, wrap(&format!("a{message}")));
            carried += chunk.len();
        }
        assert_eq!(stream.chunk().await, "", "{}", transport.0);
        // What comes between two responses is not lost.
        say(server, &session, "[\"between\"]").await;
        let mut again = begin(server, &session, transport).await;
        assert_eq!(again.chunk().await, wrap("a[\"between\"]"));
    }
}

#[tokio::test]
async fn a_closed_session_says_so_and_ends_the_response() {
    let server = echo(settings()).await;
    for transport in TRANSPORTS {
        let (session, wrap) = (session("/close"), transport.2);
        let mut stream = begin(server, &session, transport).await;
        assert_eq!(stream.chunk().await, wrap("o"));
        for _ in 0..2 {
            assert_eq!(stream.chunk().await, wrap("c[3000,\"Go away!\"]"), "{}", transport.0);
            assert_eq!(stream.chunk().await, "");
            stream = begin(server, &session, transport).await;
        }
    }
}

#[tokio::test]
async fn heartbeat_frames_reach_whoever_receives() {
    let interval = std::time::Duration::from_millis(100);
    let server = echo(Settings { heartbeat_frame_interval: interval, ..settings() }).await;
    for transport in TRANSPORTS {
        let (session, wrap) = (session("/echo"), transport.2);
        let mut stream = begin(server, &session, transport).await;
        assert_eq!(stream.chunk().await, wrap("o"));
        assert_eq!(stream.chunk().await, wrap("h"), "{}", transport.0);
        assert_eq!(stream.chunk().await, wrap("h"), "{}", transport.0);
    }
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    assert_eq!(poll(server, &session).await, "h");
}
