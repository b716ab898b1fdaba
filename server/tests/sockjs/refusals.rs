//! What the server refuses, with exact words; the session it is about goes on.

use std::{net::Ipv4Addr, time::Duration};

use swampdragon_server::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    client::{self, Exchange, FORM, connect_from, get, poll, post, request, say, session},
    server::{Echo, builder, echo, run, settings},
};

const TEXT: Option<&str> = Some("text/plain; charset=UTF-8");

#[tokio::test]
async fn a_payload_that_is_none_is_refused_in_sockjs_words() {
    let server = echo(Settings { max_message_size: 1024, ..settings() }).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let too_long = format!("[\"{}\"]", "x".repeat(1024));
    let too_long_form = format!("d={}", too_long.replace('"', "%22"));
    let far_too_long = "x".repeat(4096);
    let too_long_text = "Too long: max_message_size is 1024 bytes.";
    for (transport, headers, body, status, text) in [
        ("xhr_send", "", "", 500, "Payload expected."),
        ("xhr_send", "", " \n", 500, "Payload expected."),
        ("xhr_send", "", "[\"x", 500, "Broken JSON encoding."),
        ("xhr_send", "", "hello", 500, "Broken JSON encoding."),
        ("xhr_send", "", "[\"a\",]", 500, "Broken JSON encoding."),
        ("xhr_send", "", &too_long, 413, too_long_text),
        ("jsonp_send", "", "", 500, "Payload expected."),
        ("jsonp_send", "", "[\"x", 500, "Broken JSON encoding."),
        ("jsonp_send", "", &too_long, 413, too_long_text),
        ("jsonp_send", FORM, "", 500, "Payload expected."),
        ("jsonp_send", FORM, "d=", 500, "Payload expected."),
        ("jsonp_send", FORM, "p=p", 500, "Payload expected."),
        ("jsonp_send", FORM, "d=%5B%22x", 500, "Broken JSON encoding."),
        ("jsonp_send", FORM, "d=%FF", 500, "Broken JSON encoding."),
        ("jsonp_send", FORM, &too_long_form, 413, too_long_text),
        ("jsonp_send", FORM, &far_too_long, 413, too_long_text),
    ] {
        let answer = request(server, &format!("POST {session}/{transport}"), headers, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, text), "{transport}: {body}");
        assert_eq!(answer.header("content-type"), TEXT);
    }
    say(server, &session, "[\"still here\"]").await;
    assert_eq!(poll(server, &session).await, "a[\"still here\"]");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let mut socket = connect_from(Ipv4Addr::LOCALHOST, server).await;
    let head = format!("POST {session}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(b"\"\xff\xfe\"").await.unwrap();
    let answer = Exchange::answered(socket).await.rest().await;
    assert_eq!((answer.status, answer.body.as_str()), (500, "Broken JSON encoding."));
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let server = echo(Settings { max_message_size: 1024, ..settings() }).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let mut socket = connect_from(Ipv4Addr::LOCALHOST, server).await;
    let head = format!("POST {session}/xhr_send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(format!("401\r\n{}\r\n", "x".repeat(0x401)).as_bytes()).await.unwrap();
    let answer = Exchange::answered(socket).await.rest().await;
    assert_eq!((answer.status, answer.body.as_str()), (413, "Too long: max_message_size is 1024 bytes."));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = echo(Settings { handshake_timeout: Duration::from_millis(100), ..settings() }).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let mut socket = connect_from(Ipv4Addr::LOCALHOST, server).await;
    let head = format!("POST {session}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[\"a");
    socket.write_all(head.as_bytes()).await.unwrap();
    let answer = Exchange::answered(socket).await.rest().await;
    assert_eq!((answer.status, answer.body.as_str()), (408, "The request took too long to come (handshake_timeout)."));
    // Nor does it keep the next one from its turn.
    say(server, &session, "[\"a\"]").await;
}

#[tokio::test]
async fn sending_to_no_session_is_not_found() {
    let server = echo(settings()).await;
    for transport in ["xhr_send", "jsonp_send"] {
        let answer = post(server, &format!("{}/{transport}", session("/echo")), "[\"x\"]").await;
        let text = "There is no such session; a receiving request opens one.";
        assert_eq!((answer.status, answer.body.as_str(), answer.header("content-type")), (404, text, TEXT));
    }
}

#[tokio::test]
async fn a_callback_that_is_no_name_is_refused() {
    let running = run(builder(settings())).await;
    let server = running.address;
    let too_long = format!("?c={}", "x".repeat(33));
    for transport in ["jsonp", "htmlfile"] {
        for (query, text) in [
            ("", "\"callback\" parameter required"),
            ("?c=", "\"callback\" parameter required"),
            ("?c=%20", "invalid \"callback\" parameter"),
            ("?c=*", "invalid \"callback\" parameter"),
            ("?c=abc(", "invalid \"callback\" parameter"),
            ("?c=abc%28", "invalid \"callback\" parameter"),
            (&too_long, "invalid \"callback\" parameter"),
        ] {
            let answer = get(server, &format!("/data/a/a/{transport}{query}")).await;
            assert_eq!((answer.status, answer.body.as_str()), (500, text), "{transport}{query}");
        }
    }
    assert_eq!((running.connections)(), 0, "no session has been opened");
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_and_cannot_read_why() {
    let allowed = Settings { allowed_origins: vec!["https://app.example".into()], ..settings() };
    let running = run(builder(allowed)).await;
    let server = running.address;
    let refusal = "Pages of this origin may not connect (allowed_origins).";
    for transport in [
        "POST xhr",
        "POST xhr_streaming",
        "GET eventsource",
        "GET htmlfile?c=x",
        "GET jsonp?c=x",
        "POST xhr_send",
        "POST jsonp_send",
    ] {
        let (method, path) = transport.split_once(' ').unwrap();
        let line = |session: &str| format!("{method} {session}/{path}");
        for headers in [
            "Origin: https://evil.example\r\n",
            "Origin: null\r\n",
            "Referer: https://evil.example/page\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
        ] {
            let answer = request(server, &line(&session("/data")), headers, "[]").await;
            assert_eq!((answer.status, answer.body.as_str()), (403, refusal), "{transport}, {headers}");
            for name in ["access-control-allow-origin", "access-control-allow-credentials", "set-cookie"] {
                assert_eq!(answer.header(name), None, "{transport}, {headers}");
            }
        }
        assert_eq!((running.connections)(), 0);
    }
    for headers in [
        "",
        "Origin: https://app.example\r\n",
        "Origin: http://example.com\r\n",
        "Referer: https://app.example/page\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
    ] {
        let answer = request(server, &format!("POST {}/xhr", session("/data")), headers, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "o\n"), "{headers}");
        let origin = headers.trim_end().strip_prefix("Origin: ");
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{headers}");
    }
    let preflight = request(server, "OPTIONS /data/a/a/xhr", "Origin: https://evil.example\r\n", "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn only_pages_that_may_connect_may_hold_ours_in_a_frame() {
    let settings = Settings {
        allowed_origins: vec!["https://app.example".into()],
        sockjs_client_url: Some("/sockjs.js".into()),
        ..settings()
    };
    let running = run(builder(settings)).await;
    let server = running.address;
    for path in ["/data/iframe.html".to_owned(), format!("{}/htmlfile?c=x", session("/data"))] {
        let answer = Exchange::begin(server, &format!("GET {path}"), "", "").await;
        let policy = answer.header("content-security-policy");
        assert_eq!((answer.status, policy), (200, Some("frame-ancestors 'self' https://app.example")), "{path}");
    }
}

#[tokio::test]
async fn a_session_serves_the_address_that_opened_it_and_no_other() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let refusal = "This session belongs to another address (sockjs_same_address).";
    for (line, body) in [
        (format!("POST {session}/xhr"), ""),
        (format!("POST {session}/xhr_streaming"), ""),
        (format!("GET {session}/eventsource"), ""),
        (format!("GET {session}/htmlfile?c=x"), ""),
        (format!("GET {session}/jsonp?c=x"), ""),
        (format!("POST {session}/xhr_send"), "[\"forged\"]"),
        (format!("POST {session}/jsonp_send"), "[\"forged\"]"),
    ] {
        let mut socket = connect_from(elsewhere, server).await;
        client::send(&mut socket, &line, "", body).await;
        let answer = Exchange::answered(socket).await.rest().await;
        assert_eq!((answer.status, answer.body.as_str()), (403, refusal), "{line}");
    }
    say(server, &session, "[\"own\"]").await;
    assert_eq!(poll(server, &session).await, "a[\"own\"]");

    let anywhere = echo(Settings { sockjs_same_address: false, ..settings() }).await;
    assert_eq!(poll(anywhere, &session).await, "o");
    let mut socket = connect_from(elsewhere, anywhere).await;
    client::send(&mut socket, &format!("POST {session}/xhr_send"), "", "[\"a\"]").await;
    assert_eq!(Exchange::answered(socket).await.status, 204);
}

#[tokio::test]
async fn sessions_count_as_connections_and_no_more_are_opened_than_allowed() {
    let running = run(builder(Settings { max_connections: 2, ..settings() }).connection(|| Echo)).await;
    let (server, first) = (running.address, session("/data"));
    // One connection for all requests, since those count as well.
    let mut socket = Some(connect_from(Ipv4Addr::LOCALHOST, server).await);
    let mut ask = async |line: &str, headers: &str, body: &str| {
        let mut open = socket.take().unwrap();
        client::send(&mut open, line, headers, body).await;
        let (answer, open) = Exchange::answered(open).await.rest_and_socket().await;
        socket = Some(open);
        (answer.status, answer.body)
    };
    for id in [&first, &session("/data")] {
        assert_eq!(ask(&format!("POST {id}/xhr"), "", "").await, (200, "o\n".to_owned()));
    }
    let full = (503, "The server is full: max_connections is 2.".to_owned());
    assert_eq!(ask(&format!("POST {}/xhr", session("/data")), "", "").await, full);
    let upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\n";
    assert_eq!(ask("GET /data/websocket", upgrade, "").await, full);
    assert_eq!(ask(&format!("POST {first}/xhr_send"), "", "[\"a\"]").await.0, 204);
    assert_eq!(ask(&format!("POST {first}/xhr"), "", "").await, (200, "a[\"a\"]\n".to_owned()));
}

#[tokio::test]
async fn what_is_no_http_ends_its_own_connection_only() {
    let server = echo(settings()).await;
    let mut socket = connect_from(Ipv4Addr::LOCALHOST, server).await;
    socket.write_all(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(poll(server, &session("/echo")).await, "o");
}
