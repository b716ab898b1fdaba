//! What a call leads to.

use serde_json::{Value, json};
use swampdragon_server::{
    Server, StartError,
    protocol::{ChannelName, close_code},
    pubsub::{PubSub, PubSubError},
    testing::{TestConnection, TestServer},
};

use crate::notes::Notes;

async fn server() -> TestServer {
    TestServer::new(Server::builder().router(Notes::default())).await.unwrap()
}

/// Calls and takes the one answer.
async fn ask(page: &TestConnection, verb: &str, args: Value) -> Value {
    page.call("notes", verb, args).await;
    let mut answers = page.received();
    assert_eq!(answers.len(), 1, "{verb}: {answers:?}");
    answers.remove(0)
}

async fn create(page: &TestConnection, text: &str) {
    ask(page, "create", json!({"text": text})).await;
}

#[tokio::test]
async fn an_answer_says_which_call_it_answers_and_how_it_went() {
    let (server, page) = with_page().await;
    let answer = ask(&page, "create", json!({"text": "milk"})).await;
    let context = json!({"client_callback_name": "callback", "verb": "create", "state": "success"});
    assert_eq!(answer, json!({"data": {"id": 0, "text": "milk", "done": false}, "context": context}));
    let answer = ask(&page, "get_single", json!({"id": 7})).await;
    let context = json!({"client_callback_name": "callback", "verb": "get_single", "state": "error"});
    assert_eq!(answer, json!({"data": {"id": ["there is no such note"]}, "context": context}));
    drop(server);
}

async fn with_page() -> (TestServer, TestConnection) {
    let server = server().await;
    let page = server.connect().await;
    (server, page)
}

#[tokio::test]
async fn a_method_answers_as_often_as_it_likes() {
    let (_server, page) = with_page().await;
    page.call("notes", "twice", json!({})).await;
    let data: Vec<_> = page.received().iter().map(|answer| answer["data"].clone()).collect();
    assert_eq!(data, [1, 2]);
    page.call("notes", "nothing", json!({})).await;
    assert!(page.received().is_empty());
    assert_eq!(page.closed(), None);
}

#[tokio::test]
async fn excluded_verbs_get_no_answer_even_if_there_is_a_method_for_them() {
    let (_server, page) = with_page().await;
    page.call("notes", "got_list", json!({})).await;
    page.call("notes", "delete", json!({})).await;
    assert!(page.received().is_empty());
    assert_eq!(page.closed(), None);
}

#[tokio::test]
async fn what_no_router_takes_and_what_breaks_ends_the_connection() {
    for (route, verb) in [("nowhere", "get_list"), ("notes", "unheard_of"), ("notes", "break")] {
        let (_server, page) = with_page().await;
        page.call(route, verb, json!({})).await;
        assert_eq!(page.closed(), Some(close_code::GO_AWAY), "{route}.{verb}");
        page.call("notes", "get_list", json!({})).await;
        assert!(page.received().is_empty(), "a closed connection still answers");
    }
}

#[tokio::test]
async fn wrong_args_are_told_and_end_nothing() {
    let (_server, page) = with_page().await;
    for (args, told) in [
        (json!({}), "args: missing field `id` at line 1 column 2"),
        (json!({"id": "x"}), "args: invalid type: string \"x\", expected usize at line 1 column 9"),
        (json!([1]), "args: not an object"),
        (json!(1), "args: not an object"),
    ] {
        let answer = ask(&page, "get_single", args).await;
        assert_eq!((&answer["context"]["state"], &answer["data"]), (&json!("error"), &json!({"error": told})));
    }
}

#[tokio::test]
async fn absent_args_and_null_are_an_empty_object() {
    let (_server, page) = with_page().await;
    assert_eq!(ask(&page, "echo", Value::Null).await["data"], json!({}));
    page.send(r#"{"route": "notes", "verb": "echo"}"#).await;
    let answers = page.received();
    assert_eq!(answers[0]["data"], json!({}));
    assert_eq!(answers[0]["context"]["client_callback_name"], Value::Null);
}

#[tokio::test]
async fn large_numbers_in_args_reach_a_method_that_pages_as_they_came() {
    let (_server, page) = with_page().await;
    page.send(r#"{"route":"notes","verb":"echo","args":{"n": 18446744073709551615, "_page": 1}}"#).await;
    let answer = page.received().remove(0);
    assert_eq!(answer["data"], json!({"n": 18_446_744_073_709_551_615_u64}));
    assert_eq!(answer["context"]["page"], json!(1));
}

#[tokio::test]
async fn a_guarded_verb_is_open_to_those_who_logged_in_only() {
    let (_server, page) = with_page().await;
    create(&page, "milk").await;
    let answer = ask(&page, "finish", json!({"id": 0})).await;
    let context = json!({"client_callback_name": "callback", "verb": "finish", "state": "login_required"});
    assert_eq!(answer, json!({"data": null, "context": context}));

    page.connection().log_in("Ann".to_owned());
    assert_eq!(page.connection().user::<String>().as_deref().map(String::as_str), Some("Ann"));
    assert!(page.connection().user::<u32>().is_none());
    let answer = ask(&page, "finish", json!({"id": 0})).await;
    assert_eq!(answer["data"]["done"], json!(true));
    assert_eq!(answer["context"]["client_context"], json!({"by": "Ann"}));

    page.connection().log_out();
    assert_eq!(ask(&page, "finish", json!({"id": 0})).await["context"]["state"], json!("login_required"));
}

#[tokio::test]
async fn what_a_router_says_beside_the_data_stands_in_the_context_of_successes() {
    let (_server, page) = with_page().await;
    create(&page, "milk").await;
    assert_eq!(ask(&page, "get_single", json!({"id": 0})).await["context"]["client_context"], json!({"of": "notes"}));
    assert_eq!(ask(&page, "get_single", json!({"id": 1})).await["context"].get("client_context"), None);
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let (_server, page) = with_page().await;
    for text in ["one", "two", "three"] {
        create(&page, text).await;
    }
    let first = ask(&page, "get_list", json!({})).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    assert_eq!(first["context"].get("page"), None);
    let stands = |page, next, previous| json!({"page": page, "page_count": 2, "has_next": next, "has_previous": previous, "page_size": 2, "item_count": 3});
    assert_eq!(first["context"]["client_context"], json!({"page": stands(1, true, false)}));
    let second = ask(&page, "get_list", json!({"_page": "2"})).await;
    assert_eq!(second["data"][0]["text"], json!("three"));
    assert_eq!(second["context"]["page"], json!("2"));
    assert_eq!(second["context"]["client_context"], json!({"page": stands(2, false, true)}));
    for none in [json!(3), json!(0), json!(-1), json!("x"), json!({})] {
        let answer = ask(&page, "get_list", json!({"_page": none})).await;
        assert_eq!(answer["data"], json!({"error": "_page: there is no such page"}));
    }
}

#[tokio::test]
async fn a_route_belongs_to_one_router_and_has_a_name() {
    let twice = Server::builder().router(Notes::default()).router(Notes::default());
    assert!(matches!(TestServer::new(twice).await, Err(StartError::RouteTaken(_))));
    struct Nameless;
    impl swampdragon_server::Router for Nameless {
        fn route(&self) -> &str {
            ""
        }
        fn verbs() -> swampdragon_server::Verbs<Self> {
            swampdragon_server::Verbs::new()
        }
    }
    let Err(error) = TestServer::new(Server::builder().router(Nameless)).await else { panic!("no error") };
    assert_eq!(error.to_string(), "`` is no route: name is empty");
}

#[tokio::test]
async fn when_other_nodes_cannot_be_reached_the_page_is_told_and_stays() {
    struct Away;
    #[async_trait::async_trait]
    impl PubSub for Away {
        async fn publish(&self, _: &ChannelName, _: &str) -> Result<(), PubSubError> {
            Err(PubSubError::unavailable("away"))
        }
        async fn channels(&self, _: &str) -> Result<Vec<ChannelName>, PubSubError> {
            Err(PubSubError::unavailable("away"))
        }
    }
    let server = TestServer::new(Server::builder().router(Notes::default()).pub_sub(|_| Away)).await.unwrap();
    let page = server.connect().await;
    page.call("notes", "create", json!({"text": "milk"})).await;
    let answers = page.received();
    assert_eq!(answers[1]["data"], json!({"error": "the server cannot do this just now"}));
    assert_eq!(page.closed(), None);
}
