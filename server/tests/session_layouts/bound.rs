//! Connections that keep the session of an app, which the cookie of their request names.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde_json::{Value, json};
use swampdragon_server::protocol::SessionKey;

use crate::{
    app::{App, DJANGO, EXPRESS, LEFT, message, read, send},
    log::Log,
    recording::Recording,
};

fn answer() -> Value {
    json!({"heartbeat": "tick", "ack": true})
}

#[tokio::test]
async fn a_page_keeps_the_session_of_its_cookie_and_never_hears_its_id() {
    for of in [EXPRESS, DJANGO] {
        let recording = Recording::named(of);
        let mut app = App::of(&recording).await;
        let mut page = app.page(&recording.cookie).await;
        assert_eq!(message(&mut page).await, json!({"heartbeat": "tick", "ack": true, "bound": true}));
        send(&mut page, &answer()).await;
        assert_eq!(message(&mut page).await, json!({"session": null, "state": "active", "ttl": 1_800_000}));
        assert!(app.left(&recording.key).await > LEFT * 2, "{of}");
    }
}

#[tokio::test]
async fn a_page_without_a_websocket_keeps_the_session_of_the_cookie_that_it_opened_with() {
    let recording = Recording::named(EXPRESS);
    let mut app = App::of(&recording).await;
    let (cookie, origin) = (("Cookie", recording.cookie.as_str()), format!("http://{}", app.server));
    let origin = ("Origin", origin.as_str());
    let poll = "POST /data/000/polled/xhr";
    assert!(app.request(poll, &[cookie, origin]).await.1.contains('o'));
    let (_, heartbeat) = app.request(poll, &[cookie, origin]).await;
    assert!(heartbeat.contains(r#"\"bound\": true"#), "{heartbeat}");
    let mut sending = tokio::net::TcpStream::connect(app.server).await.unwrap();
    let body = serde_json::to_string(&[answer().to_string()]).unwrap();
    let head = format!("Host: {}\r\nOrigin: {}\r\nContent-Length: {}", app.server, origin.1, body.len());
    let request = format!("POST /data/000/polled/xhr_send HTTP/1.1\r\n{head}\r\n\r\n{body}");
    tokio::io::AsyncWriteExt::write_all(&mut sending, request.as_bytes()).await.unwrap();
    let (_, notice) = app.request(poll, &[origin]).await;
    assert!(notice.contains(r#"\"session\":null,\"state\":\"active\""#), "{notice}");
    assert!(app.left(&recording.key).await > LEFT * 2);
}

#[tokio::test]
async fn without_a_cookie_that_counts_a_connection_has_no_session() {
    let recording = Recording::named(EXPRESS);
    let mut app = App::of(&recording).await;
    let tampered = recording.cookie.replace("nXk", "nXX");
    for cookie in ["", "theme=dark", &tampered, "connect.sid=nXklKUwm5iKSscn-Mk-4_ZI5YLPKUJmn"] {
        let mut page = app.page(cookie).await;
        assert_eq!(message(&mut page).await, json!({"heartbeat": "tick", "ack": true}), "{cookie}");
        send(&mut page, &answer()).await;
        // Answered in order: by then the heartbeat has had no effect.
        send(&mut page, &json!({"heartbeat": "tick", "session": "mine", "ack": true})).await;
        assert_eq!(message(&mut page).await["state"], "refused", "{cookie}");
    }
    assert!(app.left(&recording.key).await <= LEFT);
}

#[tokio::test]
async fn no_page_can_name_a_session_nor_end_one() {
    let recording = Recording::named(EXPRESS);
    let mut app = App::of(&recording).await;
    let id = recording.key.strip_prefix("sess:").unwrap().to_owned();
    let mut others = Vec::new();
    for key in ["sess:other", "swampdragon:session:other", "other", ":1:django.contrib.sessions.cacheother"] {
        let () = app.redis.set_ex(key, "{}", 60).await.unwrap();
        others.push(key);
    }
    let mut page = app.page(&recording.cookie).await;
    message(&mut page).await;
    for session in [id.as_str(), "other", "sess:other", "", "*"] {
        for name in
            [json!({"heartbeat": "tick", "session": session, "ack": true}), json!({"logout": true, "session": session})]
        {
            send(&mut page, &name).await;
            let notice = message(&mut page).await;
            assert_eq!(notice["state"], "refused", "{session}");
            assert_eq!(notice["session"], session);
        }
    }
    assert!(app.left(&recording.key).await <= LEFT);
    for key in others {
        let left = app.left(key).await;
        assert!(left <= Duration::from_secs(60) && !left.is_zero(), "{key}: {left:?}");
    }
}

#[tokio::test]
async fn a_session_that_the_app_has_ended_is_told_of_and_stays_ended() {
    let recording = Recording::named(DJANGO);
    let mut app = App::of(&recording).await;
    let mut page = app.page(&recording.cookie).await;
    message(&mut page).await;
    let () = app.redis.del(&recording.key).await.unwrap();
    send(&mut page, &answer()).await;
    assert_eq!(message(&mut page).await, json!({"session": null, "state": "expired"}));
    assert!(!app.redis.exists::<_, bool>(&recording.key).await.unwrap());
}

#[tokio::test]
async fn a_backend_that_revokes_a_session_closes_its_pages() {
    let recording = Recording::named(EXPRESS);
    let mut app = App::of(&recording).await;
    let mut page = app.page(&recording.cookie).await;
    let mut other = app.page("").await;
    message(&mut page).await;
    let id = SessionKey::parse(recording.key.strip_prefix("sess:").unwrap()).unwrap();
    assert!(app.sessions.log_out(&id).await.unwrap());
    assert_eq!(page.text().await, r#"c[4001,"Logged out"]"#);
    assert!(!app.redis.exists::<_, bool>(&recording.key).await.unwrap());
    assert_eq!(message(&mut other).await, json!({"heartbeat": "tick", "ack": true}));
}

#[tokio::test]
async fn a_page_of_another_site_gets_no_session_of_its_visitor() {
    let recording = Recording::named(DJANGO);
    let mut app = App::of(&recording).await;
    let headers = [("Cookie", recording.cookie.as_str()), ("Origin", "https://evil.example")];
    let mut page = crate::peer::Peer::connect_with(app.server, "/data/000/abc/websocket", &headers).await;
    assert_eq!([page.text().await, page.text().await], ["o", r#"c[4000,"Invalid origin"]"#]);
    page.rest().await;
    // A script element says nothing of its page, but browsers say that it is another's.
    let script = "GET /data/000/abc/jsonp?c=x";
    let (head, _) = app.request(script, &[headers[0], ("Sec-Fetch-Site", "cross-site")]).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(app.left(&recording.key).await <= LEFT);
}

/// What is wrong with the settings, what the app has in Redis, the cookie, and what the log then says.
async fn warned(more: &[&str], recording: &Recording, value: &[u8], cookie: &str, parts: &[&str]) {
    let log = Log::default();
    let _logging = log.begin();
    let mut app = App::run(read(recording, more)).await;
    let () = app.redis.pset_ex(&recording.key, value, 60_000).await.unwrap();
    let mut page = app.page(cookie).await;
    message(&mut page).await;
    send(&mut page, &answer()).await;
    let line = log.line(parts).await;
    assert!(line.contains("WARN") || line.contains("ERROR"), "{line}");
    let id = cookie.split_once('=').unwrap().1.trim_start_matches("s%3A");
    assert!(!log.text().contains(&id[..12]), "an id is told");
    assert!(app.left(&recording.key).await <= LEFT, "{parts:?}");
    assert_eq!(app.redis.get::<_, Vec<u8>>(&recording.key).await.unwrap(), value);
}

#[tokio::test]
async fn what_is_set_wrongly_is_warned_of_with_the_setting_to_look_at() {
    let (express, django) = (Recording::named(EXPRESS), Recording::named(DJANGO));
    let mut wrong_secret = express.clone();
    wrong_secret.secrets = vec!["another secret".to_owned()];
    let (value, cookie) = (express.value(), express.cookie.as_str());
    let parts = ["session_cookie_secrets_file", "signed with none of the secrets"];
    warned(&[], &wrong_secret, &value, cookie, &parts).await;
    // A prefix that is not the app's.
    let parts = ["session_redis_key", "no such session in Redis"];
    warned(&["--session-redis-key", "app:{id}"], &express, &value, cookie, &parts).await;
    // Whose value it is, the script finds out.
    let parts = ["the session store refused", "none of this layout's; see session_layout and session_redis_key"];
    warned(&[], &django, br#"{"cookie":{}}"#, &django.cookie, &parts).await;
    // A signed cookie where none is expected.
    let parts = ["session_cookie_signature", "has no session id in it"];
    let signed = "sessionid=jn54mouv8flyqqhxvcxx7zs0lcoigobc:1abcde:c2lnbmF0dXJl";
    warned(&[], &django, &django.value(), signed, &parts).await;
}

#[tokio::test]
async fn an_expired_signature_is_warned_of() {
    let timed = Recording::named("TimestampSigner at 1795448000");
    let log = Log::default();
    let _logging = log.begin();
    let options = timed.options();
    let (signature, key) = (options.signature.unwrap().to_string(), options.redis_key.unwrap().to_string());
    let more = [
        "--session-cookie",
        &options.cookie.unwrap(),
        "--session-cookie-signature",
        &signature,
        "--session-redis-key",
        &key,
    ];
    let app = App::run(read(&timed, &more)).await;
    let mut page = app.page(&timed.cookie).await;
    assert_eq!(message(&mut page).await, json!({"heartbeat": "tick", "ack": true}));
    log.line(&["WARN", "session_cookie_signature", "signature has expired"]).await;
}
