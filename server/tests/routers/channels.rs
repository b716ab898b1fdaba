//! Subscribing, publishing, and that nothing of it stays behind.

use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    protocol::ChannelName,
    settings::Settings,
    testing::{TestConnection, TestServer},
};

use crate::notes::Notes;

async fn server() -> TestServer {
    TestServer::new(Server::builder().router(Notes::default())).await.unwrap()
}

async fn call(page: &TestConnection, verb: &str, args: Value) -> Value {
    page.call("notes", verb, args).await;
    page.received().remove(0)
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

#[tokio::test]
async fn a_page_gets_what_is_published_on_its_channels() {
    let server = server().await;
    let (page, other) = (server.connect().await, server.connect().await);
    let answer = call(&page, "subscribe", json!({"channel": "mine", "done": false})).await;
    let context = json!({"client_callback_name": "callback", "verb": "subscribe", "state": "success"});
    let channels = json!({"local_channel": "mine", "remote_channels": ["note|done:False"]});
    assert_eq!(answer, json!({"data": "subscribed", "channel_data": channels, "context": context}));

    call(&other, "create", json!({"text": "milk"})).await;
    call(&other, "create", json!({"text": "bread", "done": true})).await;
    let milk = json!({"id": 0, "text": "milk", "done": false});
    assert_eq!(page.received(), [json!({"data": milk, "action": "created", "channel": "note|done:False"})]);
    assert!(other.received().is_empty());

    let answer = call(&page, "unsubscribe", json!({"channel": "mine", "done": false})).await;
    assert_eq!((&answer["data"], &answer["channel_data"]), (&json!("unsubscribed"), &channels));
    call(&other, "create", json!({"text": "eggs"})).await;
    assert!(page.received().is_empty());
    assert_eq!(page.closed(), None);
}

#[tokio::test]
async fn an_item_that_no_longer_belongs_to_a_channel_is_deleted_there() {
    let server = server().await;
    let (open, all, ann) = (server.connect().await, server.connect().await, server.connect().await);
    call(&open, "subscribe", json!({"channel": "open", "done": false, "text": "m"})).await;
    call(&all, "subscribe", json!({"channel": "all"})).await;
    ann.connection().log_in("Ann".to_owned());
    call(&ann, "create", json!({"text": "milk"})).await;
    call(&ann, "finish", json!({"id": 0})).await;
    let seen = |page: &TestConnection| -> Vec<_> {
        let publications = page.received();
        publications.iter().map(|seen| (seen["action"].clone(), seen["data"]["done"].clone())).collect()
    };
    assert_eq!(seen(&open), [(json!("created"), json!(false)), (json!("deleted"), json!(false))]);
    assert_eq!(seen(&all), [(json!("created"), json!(false)), (json!("updated"), json!(true))]);
}

#[tokio::test]
async fn a_remote_channel_lasts_as_long_as_one_local_name_for_it() {
    let server = server().await;
    let page = server.connect().await;
    call(&page, "subscribe", json!({"channel": "first"})).await;
    call(&page, "subscribe", json!({"channel": "second"})).await;
    call(&page, "subscribe", json!({"channel": "second"})).await;
    assert_eq!(page.connection().subscription_count(), 2);
    let publisher = server.publisher();
    publisher.publish(&channel("note|"), "created", &1).await.unwrap();
    assert_eq!(page.received().len(), 1, "once, whatever the number of names");
    call(&page, "unsubscribe", json!({"channel": "first"})).await;
    call(&page, "unsubscribe", json!({"channel": "never heard of"})).await;
    publisher.publish(&channel("note|"), "created", &1).await.unwrap();
    assert_eq!(page.received().len(), 1);
    call(&page, "unsubscribe", json!({"channel": "second"})).await;
    publisher.publish(&channel("note|"), "created", &1).await.unwrap();
    assert!(page.received().is_empty());
}

#[tokio::test]
async fn subscriptions_end_with_the_connection() {
    let server = server().await;
    let (page, other) = (server.connect().await, server.connect().await);
    call(&page, "subscribe", json!({"channel": "mine"})).await;
    call(&other, "subscribe", json!({"channel": "theirs"})).await;
    let connection = page.connection().clone();
    assert_eq!(server.subscribers().channels("note"), [channel("note|")]);
    page.close().await;
    other.close().await;
    assert!(server.subscribers().channels("note").is_empty());
    assert_eq!(connection.subscription_count(), 0);
}

#[tokio::test]
async fn subscriptions_are_bounded_and_so_are_names() {
    let settings = Settings { max_subscriptions: 2, ..Settings::default() };
    let builder = Server::builder().settings(settings).router(Notes::default());
    let server = TestServer::new(builder).await.unwrap();
    let page = server.connect().await;
    for text in ["a", "b"] {
        let answer = call(&page, "subscribe", json!({"channel": "mine", "text": text})).await;
        assert_eq!(answer["data"], json!("subscribed"));
    }
    let error = |text: &str| json!({ "error": text });
    let answer = call(&page, "subscribe", json!({"channel": "mine", "text": "c"})).await;
    assert_eq!(answer["data"], error("too many subscriptions on one connection: max_subscriptions is 2"));
    // The same again is none more, and one less makes room.
    assert_eq!(call(&page, "subscribe", json!({"channel": "mine", "text": "a"})).await["data"], json!("subscribed"));
    call(&page, "unsubscribe", json!({"channel": "mine", "text": "a"})).await;
    assert_eq!(call(&page, "subscribe", json!({"channel": "mine", "text": "c"})).await["data"], json!("subscribed"));

    let long = "x".repeat(300);
    let answer = call(&page, "unsubscribe", json!({"channel": long})).await;
    assert_eq!(answer["data"], error("channel: name has 300 bytes; at most 256 are allowed"));
    let answer = call(&page, "subscribe", json!({"channel": "mine", "text": long})).await;
    assert_eq!(answer["context"]["state"], json!("error"));
    assert_eq!(call(&page, "subscribe", json!({})).await["data"], error("args: missing field `channel`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_comes_at_the_same_time_nothing_stays_behind() {
    let server = std::sync::Arc::new(server().await);
    let mut pages = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let server = std::sync::Arc::clone(&server);
        pages.spawn(async move {
            let page = server.connect().await;
            for round in 0..10 {
                let text = ((number + round) % 3).to_string();
                page.call("notes", "subscribe", json!({"channel": "mine", "text": text})).await;
                server.publisher().publish(&channel("note|text__contains:1"), "created", &1).await.unwrap();
                if number % 2 == 0 {
                    page.call("notes", "unsubscribe", json!({"channel": "mine", "text": text})).await;
                    tokio::task::yield_now().await;
                }
            }
            // A handle that outlives its connection gets nothing any more.
            let connection = page.connection().clone();
            page.close().await;
            connection.log_in(number);
            connection.keep_session("late".parse().unwrap());
            connection
        });
    }
    let late = pages.join_all().await;
    assert!(server.subscribers().channels("note").is_empty());
    for connection in late {
        assert_eq!((connection.is_logged_in(), connection.kept_sessions().len()), (false, 0));
    }
    // Numbers are used again; what belonged to one connection never shows with the next.
    let next = server.connect().await;
    assert_eq!((next.connection().is_logged_in(), next.connection().subscription_count()), (false, 0));
}
