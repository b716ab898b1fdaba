//! Several SockJS services on one server.

use serde_json::Value;
use swampdragon_server::{SockJsService, StartError, settings::Settings};

use crate::{
    client::{Exchange, get, poll, post, say, session},
    server::{Close, Echo, builder, run, settings},
};

#[tokio::test]
async fn each_service_has_its_own_handlers_and_options() {
    let running = run(builder(Settings { sockjs_cookie: false, ..settings() })
        .connection(|| Close)
        .sockjs(SockJsService::new("/echo", || Echo))
        .sockjs(SockJsService::new("/deep/er/echo", || Echo).websocket(false).cookie(true).response_limit(1)))
    .await;
    let server = running.address;
    for (prefix, websocket, cookie) in
        [("/data", true, None), ("/echo", true, None), ("/deep/er/echo", false, Some(()))]
    {
        let info: Value = serde_json::from_str(&get(server, &format!("{prefix}/info")).await.body).unwrap();
        assert_eq!(info["websocket"], websocket, "{prefix}");
        let session = session(prefix);
        let answer = post(server, &format!("{session}/xhr"), "").await;
        assert_eq!((answer.body.as_str(), answer.header("set-cookie").map(|_| ())), ("o\n", cookie), "{prefix}");
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
        for path in [format!("{session}/websocket"), format!("{prefix}/websocket")] {
            let answer = Exchange::begin(server, &format!("GET {path}"), upgrade, "").await;
            assert_eq!(answer.status, if websocket { 101 } else { 404 }, "{path}");
        }
    }
    let session = session("/deep/er/echo");
    let mut stream = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
    assert_eq!(stream.chunk().await.len(), 2049);
    assert_eq!(stream.chunk().await, "o\n");
    assert_eq!(stream.chunk().await, "", "one frame is more than enough");
}

#[tokio::test]
async fn one_name_is_another_session_in_each_service() {
    let running = run(builder(settings()).connection(|| Echo).sockjs(SockJsService::new("/echo", || Echo))).await;
    let (server, one) = (running.address, session("/data"));
    let other = one.replace("/data", "/echo");
    assert_eq!(poll(server, &one).await, "o");
    assert_eq!(poll(server, &other).await, "o");
    say(server, &one, "[\"one\"]").await;
    say(server, &other, "[\"other\"]").await;
    assert_eq!(poll(server, &one).await, "a[\"one\"]");
    assert_eq!(poll(server, &other).await, "a[\"other\"]");
}

#[tokio::test]
async fn services_at_impossible_prefixes_are_refused_at_start() {
    let taken = "something else is there already";
    let malformed =
        "not a path that starts with / and does not end with it, of A-Z a-z 0-9 - . _ ~ and /, such as /data";
    for (prefix, reason) in
        [("/data", taken), ("/settings.js", taken), ("", malformed), ("/a/", malformed), ("/{a}", malformed)]
    {
        let service = SockJsService::new(prefix, || Echo);
        let Err(error) = builder(settings()).sockjs(service).bind("127.0.0.1:0").await else { panic!("{prefix}") };
        assert!(matches!(error, StartError::Prefix { .. }));
        assert_eq!(error.to_string(), format!("SockJS service at `{prefix}`: {reason}"));
    }
}
