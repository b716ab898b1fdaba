//! What an app's own backend does with sessions, by HTTP on the listener for operators.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    protocol::SessionKey,
    session_store::{Lifetime, MemorySessionStore, SessionStore, SessionStoreError, SessionStoreOptions},
    settings::Settings,
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    peer::{Peer, Seen},
    server::{Running, TOKEN, get, request, run, server, settings, settings_for_backends},
};

const DOCUMENT: &str = include_str!("../../../docs/backend.md");

async fn backend() -> Running {
    run(server().settings(settings_for_backends())).await
}

/// A request that shows the token: its status, head and body.
async fn ask(address: SocketAddr, line: &str, body: &[u8]) -> (u16, String, String) {
    let (head, body) = request(address, line, &format!("Authorization: Bearer {TOKEN}\r\n"), body).await;
    let status = head.split(' ').nth(1).unwrap();
    let documented = DOCUMENT.lines().any(|line| line.starts_with(&format!("| {status} | ")));
    assert!(status.starts_with('2') || documented, "docs/backend.md does not tell of {status}");
    (status.parse().unwrap(), head.to_ascii_lowercase(), body)
}

/// The same, where status and body are of interest.
async fn answer(address: SocketAddr, line: &str, body: &[u8]) -> (u16, Value) {
    let (status, _, body) = ask(address, line, body).await;
    (status, if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() })
}

fn error(sentence: &str) -> Value {
    json!({ "error": sentence })
}

#[tokio::test]
async fn a_session_is_made_read_replaced_and_deleted() {
    let running = backend().await;
    let admin = running.admin;
    let (status, head, body) = ask(admin, "POST /sessions", b"{\"user\":7}").await;
    let made: Value = serde_json::from_str(&body).unwrap();
    let key = made["session"].as_str().unwrap();
    assert_eq!((status, key.len(), &made["ttl_ms"]), (201, 32, &json!(1_800_000)));
    assert!(head.contains(&format!("location: /sessions/{key}\r\n")), "{head}");
    // Nobody on the way may keep it.
    assert!(head.contains("cache-control: no-store"), "{head}");

    let path = format!("/sessions/{key}");
    let (status, head, body) = ask(admin, &format!("GET {path}"), b"").await;
    assert_eq!((status, body.as_str()), (200, "{\"user\":7}"));
    assert!(head.contains("content-type: application/octet-stream"), "{head}");
    let left: u64 = head.split("session-ttl-ms: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert!((1_700_000..=1_800_000).contains(&left), "{head}");

    assert_eq!(answer(admin, &format!("PUT {path}"), b"other").await, (204, Value::Null));
    assert_eq!(ask(admin, &format!("GET {path}"), b"").await.2, "other");
    assert_eq!(answer(admin, &format!("DELETE {path}"), b"").await, (204, Value::Null));
    let gone = (404, error("there is no such session"));
    assert_eq!(answer(admin, &format!("DELETE {path}"), b"").await, gone);
    assert_eq!(answer(admin, &format!("GET {path}"), b"").await, gone);
}

#[tokio::test]
async fn a_backend_may_choose_keys_and_have_them_counted() {
    let running = backend().await;
    let admin = running.admin;
    for key in ["ab-1", "ab.2", "a~3"] {
        assert_eq!(answer(admin, &format!("PUT /sessions/{key}"), b"").await.0, 204);
    }
    for (query, count) in [("", 3), ("?prefix=", 3), ("?prefix=ab", 2), ("?prefix=ab%2d", 1), ("?prefix=c", 0)] {
        assert_eq!(answer(admin, &format!("GET /sessions{query}"), b"").await, (200, json!({ "count": count })));
    }
    // A misspelt question would be answered with the number of all.
    for query in ["?prefx=ab", "?prefix=a&prefix=b"] {
        let told = "the one parameter is `prefix`, with what keys begin with; without it all are counted";
        assert_eq!(answer(admin, &format!("GET /sessions{query}"), b"").await, (400, error(told)));
    }
    let told = "no session's key begins so: session key has a character at position 0 that is not allowed; A-Z a-z 0-9 \
                _ . ~ - are";
    assert_eq!(answer(admin, "GET /sessions?prefix=*", b"").await, (400, error(told)));
}

#[tokio::test]
async fn a_revoked_session_closes_its_pages_and_a_deleted_one_does_not() {
    let settings = Settings { min_refresh_interval: Duration::ZERO, ..settings_for_backends() };
    let running = run(server().settings(settings)).await;
    let mut page = Peer::raw(running.pages).await;
    for (session, line, told) in [
        ("mine", "DELETE /sessions/mine", (204, Value::Null)),
        ("mine", "POST /sessions/mine/revoke", (200, json!({ "existed": true }))),
    ] {
        assert_eq!(answer(running.admin, &format!("PUT /sessions/{session}"), b"").await.0, 204);
        page.send(&json!({ "heartbeat": "tick", "session": session, "ack": true }).to_string()).await;
        while !matches!(page.next().await, Seen::Text(text) if text.contains("active")) {}
        assert_eq!(answer(running.admin, line, b"").await, told);
    }
    let close = page.next().await;
    assert!(matches!(&close, Seen::Close(Some((4001, _)))), "{close:?}");
    let again = answer(running.admin, "POST /sessions/mine/revoke", b"").await;
    assert_eq!(again, (200, json!({ "existed": false })));
    assert_eq!(running.number("swampdragon_logouts_total{outcome=\"done\"}").await, 2.0);
}

#[tokio::test]
async fn without_a_token_in_the_settings_there_is_nothing() {
    let running = run(server()).await;
    for line in ["GET /sessions", "POST /sessions", "GET /sessions/a", "DELETE /sessions/a/b/c"] {
        let told = error("the backend API is off; set admin_token or admin_token_file to turn it on");
        assert_eq!(answer(running.admin, line, b"").await, (404, told), "{line}");
    }
    // And never where pages are.
    let running = backend().await;
    assert_eq!(ask(running.pages, "GET /sessions", b"").await.0, 404);
}

#[tokio::test]
async fn whoever_does_not_show_the_token_is_refused_and_counted() {
    let running = backend().await;
    let nothing = (r#"www-authenticate: bearer realm="sessions""#, "there is no token");
    let wrong = (r#"www-authenticate: bearer realm="sessions", error="invalid_token""#, "the token is wrong");
    let cases = [
        (String::new(), nothing),
        (format!("Authorization: Basic {TOKEN}\r\n"), nothing),
        (format!("X-Token: {TOKEN}\r\n"), nothing),
        ("Authorization: Bearer another-token-than-that\r\n".to_owned(), wrong),
        (format!("Authorization: Bearer {TOKEN}x\r\n"), wrong),
    ];
    for line in ["GET /sessions", "POST /sessions", "GET /sessions/a", "POST /sessions/a/revoke", "GET /sessions/a/b/c"]
    {
        for (headers, (challenge, told)) in &cases {
            let (head, body) = request(running.admin, line, headers, b"").await;
            assert!(head.starts_with("HTTP/1.1 401 "), "{line} {headers}: {head}");
            let head = head.to_ascii_lowercase();
            assert!(head.lines().any(|line| line == *challenge), "{head}");
            let told = format!("{told}; send the one of admin_token as `Authorization: Bearer TOKEN`");
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), error(&told));
        }
    }
    let series = "swampdragon_refused_total{limit=\"admin_token\"}";
    assert_eq!(running.number(series).await, 25.0);
    // What needs none still needs none.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(get(running.admin, path).await.0.starts_with("HTTP/1.1 200 "), "{path}");
    }
}

#[tokio::test]
async fn browsers_are_refused_even_with_the_token() {
    let running = backend().await;
    let admin = running.admin;
    for header in ["Origin: https://app.example", "Origin: null", "Sec-Fetch-Site: same-origin"] {
        let headers = format!("Authorization: Bearer {TOKEN}\r\n{header}\r\n");
        for line in ["POST /sessions", "OPTIONS /sessions"] {
            let (head, body) = request(admin, line, &headers, b"value").await;
            assert!(head.starts_with("HTTP/1.1 403 "), "{header}: {head}");
            assert!(!head.to_ascii_lowercase().contains("access-control"), "{head}");
            assert!(body.contains("requests of browsers"), "{body}");
        }
    }
    assert_eq!(answer(admin, "GET /sessions", b"").await, (200, json!({ "count": 0 })));
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_paths_lead_nowhere_else() {
    let running = backend().await;
    let admin = running.admin;
    let long = "k".repeat(500);
    for (key, told) in [
        ("..%2f..%2fmetrics", "session key has a character at position 2 that is not allowed; A-Z a-z 0-9 _ . ~ - are"),
        ("a%00", "session key has a character at position 1 that is not allowed; A-Z a-z 0-9 _ . ~ - are"),
        ("%ff", "what stands for the session key is no UTF-8"),
        (&long, "session key has 500 characters; at most 128 are allowed"),
    ] {
        for line in
            [format!("GET /sessions/{key}"), format!("PUT /sessions/{key}"), format!("POST /sessions/{key}/revoke")]
        {
            assert_eq!(answer(admin, &line, b"").await, (400, error(told)), "{line}");
        }
    }
    for path in ["/sessions/a/b", "/sessions/%2e%2e/metrics", "/sessions/../healthz"] {
        let told = "there is nothing at this path; docs/backend.md has all";
        assert_eq!(answer(admin, &format!("GET {path}"), b"").await, (404, error(told)), "{path}");
    }
    let (status, head, body) = ask(admin, "PATCH /sessions/a", b"").await;
    assert_eq!((status, body.contains("not by this method")), (405, true));
    assert!(head.contains("allow: get,head,put,delete"), "{head}");
}

#[tokio::test]
async fn a_value_may_be_as_long_as_the_setting_says_and_no_longer() {
    let settings = Settings { max_session_value: 1000, ..settings_for_backends() };
    let running = run(server().settings(settings)).await;
    let told = (413, error("the value is longer than max_session_value, which is 1000 bytes"));
    for line in ["POST /sessions", "PUT /sessions/a"] {
        assert!(ask(running.admin, line, &[0; 1000]).await.0 < 300);
        assert_eq!(answer(running.admin, line, &[0; 1001]).await, told);
        assert_eq!(answer(running.admin, line, &[0; 200_000]).await, told);
    }
    assert_eq!(answer(running.admin, "GET /sessions", b"").await.1["count"], 2);
    assert_eq!(running.number("swampdragon_refused_total{limit=\"max_session_value\"}").await, 4.0);
}

/// A store with one fault, whichever is asked of it.
struct Faulty(Fault);

type Fault = fn() -> SessionStoreError;

#[async_trait]
impl SessionStore for Faulty {
    async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
        Err((self.0)())
    }

    async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn each_fault_of_a_store_has_its_status_and_the_stores_own_words() {
    let faults: [(Fault, u16, &str); 4] = [
        (
            || SessionStoreError::unavailable("connection refused"),
            503,
            "the session store cannot be reached: connection refused",
        ),
        (|| SessionStoreError::full("2 are enough"), 507, "the session store is full: 2 are enough"),
        (|| SessionStoreError::forbidden("these sessions are express's"), 409, "these sessions are express's"),
        (|| SessionStoreError::failed("WRONGTYPE"), 500, "the session store refused: WRONGTYPE"),
    ];
    for (fault, status, told) in faults {
        let running = run(Server::builder().settings(settings_for_backends()).session_store(Faulty(fault))).await;
        for line in ["POST /sessions", "PUT /sessions/a", "GET /sessions/a"] {
            let (given, head, body) = ask(running.admin, line, b"").await;
            assert_eq!((given, serde_json::from_str::<Value>(&body).unwrap()), (status, error(told)), "{line}");
            assert_eq!(head.contains("retry-after: 1\r\n"), status == 503, "{head}");
        }
        let failures = if status == 409 { 0.0 } else { 3.0 };
        assert_eq!(running.number("swampdragon_session_store_errors_total").await, failures, "{told}");
        for (line, operation) in
            [("DELETE /sessions/a", "delete"), ("POST /sessions/a/revoke", "delete"), ("GET /sessions", "count")]
        {
            let told = format!("the session store does not support `{operation}`");
            assert_eq!(answer(running.admin, line, b"").await, (501, error(&told)));
        }
    }
}

#[tokio::test]
async fn a_memory_store_that_is_full_refuses_one_more() {
    let options = SessionStoreOptions { max_sessions: 1, ..SessionStoreOptions::default() };
    let store = MemorySessionStore::new(&options);
    let running = run(Server::builder().settings(settings_for_backends()).session_store(store)).await;
    let admin = running.admin;
    assert_eq!(answer(admin, "PUT /sessions/a", b"").await.0, 204);
    let told = "the session store is full: the session store holds 1 sessions and may hold no more (setting \
                `max_stored_sessions`)";
    assert_eq!(answer(admin, "PUT /sessions/b", b"").await, (507, error(told)));
}

/// A store that hangs as if for ever, and says when it has been asked.
struct Hanging(Arc<Semaphore>);

#[async_trait]
impl SessionStore for Hanging {
    async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        self.0.add_permits(1);
        std::future::pending().await
    }

    async fn lifetime(&self, _: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        Ok(Lifetime::Persistent)
    }
}

#[tokio::test]
async fn a_store_that_hangs_takes_neither_the_backends_time_nor_the_probes_places() {
    let asked = Arc::new(Semaphore::new(0));
    let store = Hanging(Arc::clone(&asked));
    let running = run(Server::builder().settings(settings_for_backends()).session_store(store)).await;
    let started = Instant::now();
    let mut waiting: JoinSet<_> = (0..24).map(|_| answer(running.admin, "GET /sessions/a", b"")).collect();
    let _all = asked.acquire_many(24).await.unwrap();
    assert_eq!(answer(running.admin, "PUT /sessions/a", b"").await, (503, error("too many requests at once")));
    assert!(get(running.admin, "/healthz").await.0.starts_with("HTTP/1.1 200 "));
    assert!(waiting.try_join_next().is_none(), "one was answered before all were asked");
    let told = error("the session store has not done it within 5s; it may yet do so");
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap(), (503, told.clone()));
    }
    assert!(started.elapsed() >= Duration::from_secs(5));
    assert!(DOCUMENT.contains("longer than 5 s, or there are more than 24 requests at once"));
    assert_eq!(answer(running.admin, "PUT /sessions/a", b"").await.0, 204);
}

#[tokio::test]
async fn a_token_may_stand_in_a_file_and_a_wrong_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let settings = Settings { admin_token_file: Some(file.clone()), ..settings() };
    let refused = server().settings(settings.clone()).bind("127.0.0.1:0").await.err().expect("it starts");
    assert_eq!(refused.to_string(), format!("admin_token_file is `{}`, which cannot be read", file.display()));
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let running = run(server().settings(settings)).await;
    let admin = running.admin;
    assert_eq!(answer(admin, "GET /sessions", b"").await, (200, json!({ "count": 0 })));
}
