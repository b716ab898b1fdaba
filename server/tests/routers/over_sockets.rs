//! Publications over real sockets.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    protocol::{ChannelName, HeartbeatValue, MessageForm},
    pubsub::Publisher,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::time::timeout;

use crate::{
    notes::Notes,
    peer::{Peer, Seen},
};

async fn run(settings: Settings) -> (SocketAddr, Publisher) {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let builder = Server::builder().settings(settings).session_store(store).router(Notes::default());
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let (address, publisher) = (server.local_addr().unwrap(), server.publisher());
    tokio::spawn(server.run_until(std::future::pending()));
    (address, publisher)
}

/// The one message of a SockJS frame, which holds it as a string.
fn message(frame: &str) -> Value {
    let [message]: [String; 1] = serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
    serde_json::from_str(&message).unwrap()
}

async fn subscribe(peer: &mut Peer) {
    let call = json!({"route": "notes", "verb": "subscribe", "args": {"channel": "mine"}, "callbackname": "cb_0"});
    peer.send(&json!([call.to_string()]).to_string()).await;
    assert_eq!(message(&peer.text().await)["data"], json!("subscribed"));
}

#[tokio::test]
async fn a_publication_is_a_string_in_a_frame_and_bare_on_a_raw_socket() {
    let (address, publisher) = run(Settings::default()).await;
    let mut sockjs = Peer::sockjs(address).await;
    subscribe(&mut sockjs).await;
    let mut raw = Peer::raw(address).await;
    raw.send(&json!({"route": "notes", "verb": "subscribe", "args": {"channel": "mine"}}).to_string()).await;
    raw.text().await;
    publisher.publish(&ChannelName::parse("note|").unwrap(), "created", &json!({"id": 1})).await.unwrap();
    let expected = json!({"data": {"id": 1}, "action": "created", "channel": "note|"});
    assert_eq!(message(&sockjs.text().await), expected);
    assert_eq!(serde_json::from_str::<Value>(&raw.text().await).unwrap(), expected);
}

#[tokio::test]
async fn where_messages_are_objects_publications_are_strings_all_the_same() {
    let settings =
        Settings { message_form: MessageForm::Object, heartbeat_value: HeartbeatValue::One, ..Settings::default() };
    let (address, publisher) = run(settings).await;
    let mut page = Peer::sockjs(address).await;
    let call = json!({"route": "notes", "verb": "subscribe", "args": {"channel": "local"}, "callbackname": "cb_3"});
    page.send(&json!([call.to_string()]).to_string()).await;
    let answer: Value = serde_json::from_str(page.text().await.strip_prefix('a').unwrap()).unwrap();
    let channels = json!({"local_channel": "local", "remote_channels": ["note|"], "action": "subscribe"});
    let context = json!({"client_callback_name": "cb_3", "verb": "subscribe", "state": "success"});
    assert_eq!(answer, json!([{"data": "subscribed", "channel_data": channels, "context": context}]));
    publisher.publish(&ChannelName::parse("note|").unwrap(), "created", &json!({"id": 1})).await.unwrap();
    assert_eq!(message(&page.text().await)["data"], json!({"id": 1}));
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_holds_nobody_up_and_is_let_go() {
    let close_timeout = Duration::from_secs(60);
    let settings = Settings { max_outgoing_bytes: 64 * 1024, close_timeout, ..Settings::default() };
    let (address, publisher) = run(settings).await;
    let mut slow = Peer::sockjs(address).await;
    subscribe(&mut slow).await;
    let mut reader = Peer::sockjs(address).await;
    subscribe(&mut reader).await;
    let channel = ChannelName::parse("note|").unwrap();
    let text = "x".repeat(64 * 1024);
    // Some 13 MB: more than the sockets in between take.
    for number in 0..200 {
        publisher.publish(&channel, "created", &json!({"number": number, "text": text})).await.unwrap();
        let seen = timeout(Duration::from_secs(20), reader.text()).await.expect("the reader is held up");
        assert_eq!(message(&seen)["data"]["number"], json!(number));
    }
    let seen = slow.rest().await;
    let [publications @ .., told, Seen::Close(None)] = &seen[..] else { panic!("{:?}", seen.last()) };
    assert_eq!(*told, Seen::Text("c[4008,\"Reading too slowly\"]".into()));
    assert!(publications.len() < 200);
}
