//! What the server sends and accepts, frame by frame: the exchanges recorded from SwampDragon 0.3, and the faults that
//! it must not have.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::peer::{Peer, Seen};
use serde_json::{Value, json};
use swampdragon_server::{
    CallError, NoArgs, Router, RouterCall, Server, ServerBuilder, Verbs,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::sync::oneshot;

/// Runs a server in this process; it ends with the returned sender.
async fn run(builder: ServerBuilder) -> (SocketAddr, oneshot::Sender<()>) {
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    (address, stop)
}

fn server() -> ServerBuilder {
    Server::builder().session_store(MemorySessionStore::new(&SessionStoreOptions::default())).router(Demo)
}

struct Demo;

impl Demo {
    async fn echo(self: Arc<Self>, call: RouterCall, args: Value) -> Result<(), CallError> {
        call.send(&args)
    }

    async fn fail(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        Err(CallError::Refused(json!({ "name": ["missing"] })))
    }

    async fn private(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        Err(CallError::LoginRequired)
    }

    async fn break_down(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        Err(CallError::failed("the router's work failed"))
    }
}

impl Router for Demo {
    fn route(&self) -> &str {
        "demo"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new()
            .on("echo", Self::echo)
            .on("fail", Self::fail)
            .on("private", Self::private)
            .on("break", Self::break_down)
    }
}

/// A SockJS frame with one message.
fn frame(message: &Value) -> String {
    json!([message.to_string()]).to_string()
}

/// The one message of a SockJS frame, which holds it as a string.
fn message(frame: &str) -> Value {
    let [message]: [String; 1] = serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
    serde_json::from_str(&message).unwrap()
}

#[tokio::test]
async fn calls_are_answered_as_recorded() {
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::sockjs(address).await;
    for (verb, args, data, state) in [
        ("echo", json!({"a": 1}), json!({"a": 1}), "success"),
        ("echo", Value::Null, json!({}), "success"),
        ("fail", json!({}), json!({"name": ["missing"]}), "error"),
        ("private", json!({}), Value::Null, "login_required"),
    ] {
        peer.send(&frame(&json!({"route": "demo", "verb": verb, "args": args, "callbackname": "cb_0"}))).await;
        let expected = json!({
            "data": data,
            "context": {"client_callback_name": "cb_0", "verb": verb, "state": state}
        });
        assert_eq!(message(&peer.text().await), expected);
    }
    peer.send(&frame(&json!({"route": "demo", "verb": "echo"}))).await;
    let context = json!({"client_callback_name": null, "verb": "echo", "state": "success"});
    assert_eq!(message(&peer.text().await), json!({"data": {}, "context": context}));
}

#[tokio::test]
async fn every_form_of_client_frame_that_the_originals_took_is_taken() {
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::sockjs(address).await;
    let call = json!({"route": "demo", "verb": "echo", "args": {"a": 1}});
    peer.send("").await;
    peer.send("[]").await;
    for form in [frame(&call), json!(call.to_string()).to_string(), call.to_string(), json!([call]).to_string()] {
        peer.send(&form).await;
        assert_eq!(message(&peer.text().await)["data"], json!({"a": 1}), "{form}");
    }
    use futures_util::SinkExt;
    peer.0.send(tokio_tungstenite::tungstenite::Message::binary(frame(&call))).await.unwrap();
    assert_eq!(message(&peer.text().await)["data"], json!({"a": 1}));
    peer.send(&json!([call.to_string(), call.to_string()]).to_string()).await;
    assert_eq!(message(&peer.text().await), message(&peer.text().await));
}

#[tokio::test]
async fn a_message_that_no_router_takes_ends_the_connection_with_3000() {
    let (address, _stop) = run(server()).await;
    for message in [
        json!({"route": "nowhere", "verb": "echo"}),
        json!({"route": "demo", "verb": "unheard_of"}),
        json!({"route": "demo", "verb": "break"}),
        json!({"route": "demo"}),
        json!("hello"),
        json!({"heartbeat": "boom", "session": "key"}),
        json!({"heartbeat": "tick", "session": 12}),
    ] {
        let mut peer = Peer::sockjs(address).await;
        peer.send(&frame(&message)).await;
        assert_eq!(peer.rest().await, [Seen::Text("c[3000,\"Go away!\"]".into()), Seen::Close(None)], "{message}");
    }
    for frame in ["[\"hello\"]", "[null]", "[1]"] {
        let mut peer = Peer::sockjs(address).await;
        peer.send(frame).await;
        assert_eq!(peer.rest().await, [Seen::Text("c[3000,\"Go away!\"]".into()), Seen::Close(None)], "{frame}");
    }
}

#[tokio::test]
async fn a_frame_that_is_not_json_ends_the_connection_and_says_why() {
    let (address, _stop) = run(server()).await;
    for frame in ["[\"a", "hello", "{"] {
        let mut peer = Peer::sockjs(address).await;
        peer.send(frame).await;
        let close = Seen::Close(Some((1007, "not a JSON array of messages".into())));
        assert_eq!(peer.rest().await, [close], "{frame}");
    }
}

#[tokio::test]
async fn an_oversized_message_ends_the_connection_and_says_what_is_allowed() {
    let settings = Settings { max_message_size: 1000, ..Settings::default() };
    let (address, _stop) = run(server().settings(settings)).await;
    let mut peer = Peer::sockjs(address).await;
    peer.send(&frame(&json!({"route": "demo", "verb": "echo", "args": {"a": "x".repeat(900)}}))).await;
    assert_eq!(message(&peer.text().await)["data"]["a"].as_str().unwrap().len(), 900);
    peer.send(&"x".repeat(1001)).await;
    let close = Seen::Close(Some((1009, "message of 1001 bytes; max_message_size is 1000 bytes".into())));
    assert_eq!(peer.rest().await, [close]);
}

#[tokio::test]
async fn a_message_in_many_pieces_arrives_whole() {
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::sockjs(address).await;
    let long = "é".repeat(60_000);
    peer.send(&frame(&json!({"route": "demo", "verb": "echo", "args": {"long": long}}))).await;
    assert_eq!(message(&peer.text().await)["data"]["long"], json!(long));

    // Byte by byte, past tungstenite, with a ping between two fragments of one message.
    use tokio::io::AsyncWriteExt;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Control, Data, OpCode},
    };
    let text = frame(&json!({"route": "demo", "verb": "echo", "args": {"a": 1}}));
    let (first, second) = text.split_at(20);
    let mut bytes = Vec::new();
    for (payload, opcode, last) in [
        (first, OpCode::Data(Data::Text), false),
        ("ping", OpCode::Control(Control::Ping), true),
        (second, OpCode::Data(Data::Continue), true),
    ] {
        let mut frame = Frame::message(payload.to_owned(), OpCode::Data(Data::Text), last);
        frame.header_mut().opcode = opcode;
        frame.header_mut().mask = Some([0, 0, 0, 0]);
        frame.format(&mut bytes).unwrap();
    }
    let socket = peer.0.get_mut();
    socket.set_nodelay(true).unwrap();
    for byte in bytes {
        socket.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(message(&peer.text().await)["data"], json!({"a": 1}));
}

#[tokio::test]
async fn the_raw_endpoint_carries_messages_without_frames() {
    let (address, _stop) = run(server().heartbeat_interval(Duration::from_millis(50))).await;
    let mut peer = Peer::raw(address).await;
    assert_eq!(peer.text().await, "{\"heartbeat\": \"tick\"}");
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::raw(address).await;
    peer.send(&json!({"route": "demo", "verb": "echo", "args": {"a": 1}, "callbackname": "cb_0"}).to_string()).await;
    let context = json!({"client_callback_name": "cb_0", "verb": "echo", "state": "success"});
    let reply: Value = serde_json::from_str(&peer.text().await).unwrap();
    assert_eq!(reply, json!({"data": {"a": 1}, "context": context}));
    peer.send("hello").await;
    assert_eq!(peer.rest().await, [Seen::Close(Some((3000, "Go away!".into())))]);
}

#[tokio::test]
async fn a_binary_frame_is_taken_for_text_if_it_is_one() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let (address, _stop) = run(server()).await;
    let call = json!({"route": "demo", "verb": "echo", "args": {"a": 1}});
    let mut raw = Peer::raw(address).await;
    raw.0.send(Message::binary(call.to_string())).await.unwrap();
    let reply: Value = serde_json::from_str(&raw.text().await).unwrap();
    assert_eq!(reply["data"], json!({"a": 1}));
    let mut sockjs = Peer::sockjs(address).await;
    sockjs.0.send(Message::binary(frame(&call))).await.unwrap();
    assert_eq!(message(&sockjs.text().await)["data"], json!({"a": 1}));
    for mut peer in [raw, sockjs] {
        peer.0.send(Message::binary(&b"\xff"[..])).await.unwrap();
        assert_eq!(peer.rest().await, [Seen::Close(Some((1007, "binary frame is not UTF-8 text".into())))]);
    }
}

#[tokio::test]
async fn the_peers_own_close_is_echoed_with_its_code() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::sockjs(address).await;
    let close = CloseFrame { code: 4321.into(), reason: "done".into() };
    peer.0.send(Message::Close(Some(close))).await.unwrap();
    let Seen::Close(Some((code, _))) = peer.next().await else { panic!("no close frame") };
    assert_eq!(code, 4321);
    assert_eq!(peer.next().await, Seen::End);
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_and_not_listened_to() {
    let (address, _stop) = run(server()).await;
    let path = "/data/000/abc/websocket";
    let mut stranger = Peer::connect_from(address, path, Some("https://evil.example")).await;
    let refused = [Seen::Text("o".into()), Seen::Text("c[4000,\"Invalid origin\"]".into()), Seen::Close(None)];
    assert_eq!(stranger.rest().await, refused);

    let mut own = Peer::connect_from(address, path, Some(&format!("http://{address}"))).await;
    assert_eq!(own.text().await, "o");
    own.send(&frame(&json!({"route": "demo", "verb": "echo"}))).await;
    assert_eq!(message(&own.text().await)["data"], json!({}));

    let settings = Settings { allowed_origins: vec!["https://friend.example".into()], ..Settings::default() };
    let (address, _stop) = run(server().settings(settings)).await;
    let mut friend = Peer::connect_from(address, path, Some("https://friend.example")).await;
    assert_eq!(friend.text().await, "o");
    friend.send(&frame(&json!({"route": "demo", "verb": "echo"}))).await;
    assert_eq!(message(&friend.text().await)["data"], json!({}));
}

#[tokio::test]
async fn a_heartbeat_reply_is_acknowledged_to_peers_that_ask() {
    let settings = Settings { open_sessions: true, ..Settings::default() };
    let (address, _stop) = run(server().settings(settings)).await;
    let mut peer = Peer::sockjs(address).await;
    peer.send(&frame(&json!({"route": "session", "verb": "save_get_key", "args": {"value": {"user": 7}}}))).await;
    let key = message(&peer.text().await)["data"]["key"].as_str().unwrap().to_owned();
    peer.send(&frame(&json!({"heartbeat": "tick", "session": key, "ack": true}))).await;
    let notice = message(&peer.text().await);
    assert_eq!((&notice["session"], &notice["state"]), (&json!(key), &json!("active")));
    assert!(notice["ttl"].as_u64().unwrap() > 1_799_000, "{notice}");

    peer.send(&frame(&json!({"heartbeat": "tick", "session": "nobody", "ack": true}))).await;
    assert_eq!(message(&peer.text().await), json!({"session": "nobody", "state": "expired"}));

    peer.send(&frame(&json!({"heartbeat": "tick", "session": "a b", "ack": true}))).await;
    let reason = "session key has a character at position 1 that is not allowed; A-Z a-z 0-9 _ . ~ - are";
    assert_eq!(message(&peer.text().await), json!({"session": "a b", "state": "refused", "reason": reason}));
}

#[tokio::test]
async fn the_session_route_keeps_values_and_is_off_by_default() {
    let (address, _stop) = run(server()).await;
    let mut peer = Peer::sockjs(address).await;
    peer.send(&frame(&json!({"route": "session", "verb": "save_get_key", "args": {"value": 1}}))).await;
    assert_eq!(peer.next().await, Seen::Text("c[3000,\"Go away!\"]".into()));

    let settings = Settings { open_sessions: true, ..Settings::default() };
    let (address, _stop) = run(server().settings(settings)).await;
    let mut peer = Peer::sockjs(address).await;
    let mut call = async |verb: &str, args: Value| {
        peer.send(&frame(&json!({"route": "session", "verb": verb, "args": args}))).await;
        let reply = message(&peer.text().await);
        (reply["context"]["state"].as_str().unwrap().to_owned(), reply["data"].clone())
    };
    let (_, data) = call("save_get_key", json!({"value": {"user": 7}})).await;
    let key = json!({"key": data["key"]});
    assert_eq!(call("get", key.clone()).await, ("success".into(), json!({"value": {"user": 7}})));
    assert_eq!(call("lifetime", key.clone()).await.1["state"], json!("active"));
    assert_eq!(call("delete", key.clone()).await.1, json!({"deleted": true}));
    assert_eq!(call("get", key.clone()).await.1, json!({"value": null}));
    assert_eq!(call("lifetime", key).await.1, json!({"state": "expired"}));
    let error = json!({"error": "session key is empty"});
    assert_eq!(call("get", json!({"key": ""})).await, ("error".into(), error));
    let (state, data) = call("get", json!({})).await;
    assert_eq!(
        (state.as_str(), data["error"].as_str().unwrap()),
        ("error", "args: missing field `key` at line 1 column 2")
    );
}
