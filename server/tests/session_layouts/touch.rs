//! `POST PREFIX/touch`, which sets the app's session cookie anew.

use redis::AsyncCommands as _;
use serde_json::json;

use crate::{
    app::{App, EXPRESS, message, read, send},
    recording::Recording,
};

const TOUCH: &str = "POST /data/touch";

async fn app(recording: &Recording, more: &[&str]) -> App {
    let settings = [&["--session-cookie-max-age", "30m"], more].concat();
    let mut app = App::run(read(recording, &settings)).await;
    app.put(recording).await;
    app
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn the_same_cookie_is_set_anew_with_the_attributes_of_the_settings() {
    let recording = Recording::named(EXPRESS);
    let cookies = format!("theme=dark; {}", recording.cookie);
    for (more, attributes) in [
        (&[][..], "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800"),
        (
            &[
                "--session-cookie-path",
                "/app",
                "--session-cookie-domain",
                "example.com",
                "--session-cookie-same-site",
                "strict",
                "--session-cookie-secure=false",
            ],
            "HttpOnly; SameSite=Strict; Path=/app; Domain=example.com; Max-Age=1800",
        ),
    ] {
        let app = app(&recording, more).await;
        let origin = format!("http://{}", app.server);
        let (head, body) = app.request(TOUCH, &[("Cookie", &cookies), ("Origin", &origin)]).await;
        assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
        assert_eq!(header(&head, "set-cookie").unwrap(), format!("{}; {attributes}", recording.cookie));
        assert!(header(&head, "cache-control").unwrap().contains("no-store"), "{head}");
        assert_eq!(header(&head, "access-control-allow-credentials"), Some("true"), "{head}");
        assert_eq!(body, "");
    }
}

#[tokio::test]
async fn pages_are_told_when_to_have_it_set_anew() {
    let recording = Recording::named(EXPRESS);
    let app = app(&recording, &[]).await;
    let mut page = app.page(&recording.cookie).await;
    message(&mut page).await;
    send(&mut page, &json!({"heartbeat": "tick", "ack": true})).await;
    assert_eq!(message(&mut page).await["touch_ms"], 600_000);
}

#[tokio::test]
async fn only_the_apps_own_pages_may_and_only_for_a_session_that_lives() {
    let recording = Recording::named(EXPRESS);
    let mut app = app(&recording, &[]).await;
    let cookie = ("Cookie", recording.cookie.as_str());
    let own = format!("http://{}", app.server);
    let own = ("Origin", own.as_str());
    for (headers, status) in [
        (&[cookie][..], 403),
        (&[cookie, ("Origin", "https://evil.example")], 403),
        (&[cookie, ("Origin", "null")], 403),
        (&[own], 401),
        (&[own, ("Cookie", "connect.sid=s%3AnXklKUwm5iKSscn-Mk-4_ZI5YLPKUJmn.tampered")], 401),
    ] {
        let (head, _) = app.request(TOUCH, headers).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{headers:?}: {head}");
        assert_eq!(header(&head, "set-cookie"), None);
    }
    let (head, _) = app.request("GET /data/touch", &[cookie, own]).await;
    assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    let () = app.redis.del(&recording.key).await.unwrap();
    let (head, body) = app.request(TOUCH, &[cookie, own]).await;
    assert!(head.starts_with("HTTP/1.1 401 ") && body.contains("it has ended"), "{head}\n{body}");
    assert_eq!(header(&head, "set-cookie"), None);
}

/// A neighbouring host can set a cookie of that name for all hosts of the domain, of a session of its own.
#[tokio::test]
async fn of_several_cookies_that_differ_none_is_set_anew() {
    let recording = Recording::named(EXPRESS);
    let app = app(&recording, &[]).await;
    let own = format!("http://{}", app.server);
    let twice = format!("{0}; {0}", recording.cookie);
    let (head, _) = app.request(TOUCH, &[("Cookie", &twice), ("Origin", &own)]).await;
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    for cookies in
        [format!("{}; connect.sid=other", recording.cookie), format!("connect.sid=other; {}", recording.cookie)]
    {
        let (head, body) = app.request(TOUCH, &[("Cookie", &cookies), ("Origin", &own)]).await;
        assert!(head.starts_with("HTTP/1.1 401 ") && body.contains("several session cookies"), "{head}\n{body}");
        assert_eq!(header(&head, "set-cookie"), None);
    }
}

#[tokio::test]
async fn it_is_not_there_unless_asked_for() {
    let recording = Recording::named(EXPRESS);
    let app = App::of(&recording).await;
    let own = format!("http://{}", app.server);
    let (head, _) = app.request(TOUCH, &[("Cookie", recording.cookie.as_str()), ("Origin", &own)]).await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
}
