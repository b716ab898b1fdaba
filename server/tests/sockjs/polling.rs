//! One frame a request: xhr and jsonp.

use crate::{
    client::{FORM, get, poll, post, request, say, session},
    server::{echo, settings},
};

#[tokio::test]
async fn xhr_opens_sends_and_receives() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    say(server, &session, "[\"a\"]").await;
    assert_eq!(poll(server, &session).await, "a[\"a\"]");
    // Nothing in it, and nothing comes of it.
    say(server, &session, "[]").await;
    say(server, &session, "[\"b\",\"c\"]").await;
    assert_eq!(poll(server, &session).await, "a[\"b\",\"c\"]");
}

#[tokio::test]
async fn the_first_name_is_for_load_balancers_and_means_nothing_here() {
    let server = echo(settings()).await;
    let session = session("/echo");
    let elsewhere = session.replace("/000/", "/999/");
    assert_eq!(poll(server, &session).await, "o");
    say(server, &elsewhere, "[\"a\"]").await;
    assert_eq!(poll(server, &elsewhere).await, "a[\"a\"]");
}

#[tokio::test]
async fn what_a_body_says_of_its_type_does_not_matter() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let types = ["text/plain", "T", "application/json", "application/xml", "", "text/xml; charset=utf-8"];
    for content_type in types {
        let headers = format!("Content-Type: {content_type}\r\n");
        assert_eq!(request(server, &format!("POST {session}/xhr_send"), &headers, "[\"a\"]").await.status, 204);
    }
    assert_eq!(poll(server, &session).await, format!("a[{}]", ["\"a\""; 6].join(",")));
}

#[tokio::test]
async fn every_character_arrives() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(poll(server, &session).await, "o");
    let troublesome = "\u{200c}\u{200f}\u{2028}\u{202f}\u{2060}\u{206f}\u{fff0}\u{ffff}";
    say(server, &session, &format!("[\"{troublesome}\"]")).await;
    let escaped: String = troublesome.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect();
    assert_eq!(poll(server, &session).await, format!("a[\"{escaped}\"]"));
    say(server, &session, r#"["\u0000\ud83d\ude00ä\n\"\\"]"#).await;
    let frame = poll(server, &session).await;
    let [message]: [String; 1] = serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
    assert_eq!(message, "\0😀ä\n\"\\");
}

#[tokio::test]
async fn jsonp_calls_the_pages_function() {
    let server = echo(settings()).await;
    let session = session("/echo");
    let poll = async || get(server, &format!("{session}/jsonp?c=%63allback")).await.body;
    assert_eq!(poll().await, "/**/callback(\"o\");\r\n");
    let send = format!("POST {session}/jsonp_send");
    for (headers, body, echoed) in [
        (FORM, "d=%5B%22x%22%5D", "a[\\\"x\\\"]"),
        (FORM, "e=1&d=%5B%22a+b%22%5D", "a[\\\"a b\\\"]"),
        ("Content-Type: text/plain\r\n", "[\"%61bc\"]", "a[\\\"%61bc\\\"]"),
        ("", "[\"</script>\"]", "a[\\\"<\\/script>\\\"]"),
    ] {
        let answer = request(server, &send, headers, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{body}");
        assert_eq!(poll().await, format!("/**/callback(\"{echoed}\");\r\n"));
    }
    assert_eq!(request(server, &send, FORM, "d=%5B%5D").await.body, "ok");
}

#[tokio::test]
async fn a_session_may_change_its_transport() {
    let server = echo(settings()).await;
    let session = session("/echo");
    assert_eq!(post(server, &format!("{session}/xhr"), "").await.body, "o\n");
    assert_eq!(post(server, &format!("{session}/jsonp_send"), "[\"a\"]").await.body, "ok");
    assert_eq!(get(server, &format!("{session}/jsonp?c=x")).await.body, "/**/x(\"a[\\\"a\\\"]\");\r\n");
}
