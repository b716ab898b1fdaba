//! What a refresh does to what the frameworks put into Redis.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use serde_json::Value;
use swampdragon_protocol::SessionKey;
use swampdragon_server::session_store::{Lifetime, RedisSessionStore, SessionStore as _};
use tokio::time::{sleep, timeout};

use crate::{recording::Recording, redis_server::RedisServer};

/// What a session has left when it is refreshed.
const LEFT: Duration = Duration::from_secs(5);

/// What a slow machine may take between two steps.
const PATIENCE: Duration = Duration::from_secs(60);

async fn redis() -> (RedisServer, MultiplexedConnection) {
    let server = RedisServer::start();
    let connection = connect(&server).await;
    (server, connection)
}

async fn connect(server: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn session(recording: &Recording) -> SessionKey {
    recording.layout().session([&recording.cookie], recording.at()).unwrap()
}

/// Refreshes a session, or says why that is refused.
async fn refresh(store: &RedisSessionStore, session: &SessionKey) -> Result<Lifetime, String> {
    store.refresh_key_timeout(session).await.map_err(|error| error.source().unwrap().to_string())
}

async fn put(redis: &mut MultiplexedConnection, key: &str, value: &[u8], ttl: Duration) {
    let () = redis.pset_ex(key, value, u64::try_from(ttl.as_millis()).unwrap()).await.unwrap();
}

/// Whether the key has this long, less what the test took.
async fn assert_left(redis: &mut MultiplexedConnection, key: &str, expected: Duration, name: &str) {
    let left = Duration::from_millis(redis.pttl::<_, i64>(key).await.unwrap().try_into().unwrap());
    assert!(left <= expected && left + PATIENCE > expected, "{name}: {left:?} instead of {expected:?}");
}

#[tokio::test]
async fn a_session_gets_the_time_that_its_framework_gave_it() {
    let (server, mut redis) = redis().await;
    for recording in Recording::stored() {
        let (name, session) = (recording.name(), session(&recording));
        put(&mut redis, &recording.key, &recording.value(), LEFT).await;
        let refreshed = refresh(&recording.store(&server.url()).await, &session).await;
        if recording.is_empty {
            assert_eq!(refreshed, Ok(Lifetime::Missing), "{name}");
            assert_left(&mut redis, &recording.key, LEFT, &name).await;
        } else if recording.ends_at_a_date {
            assert!(matches!(refreshed, Ok(Lifetime::Expires(left)) if left <= LEFT), "{name}");
            assert_left(&mut redis, &recording.key, LEFT, &name).await;
        } else {
            assert_eq!(refreshed, Ok(Lifetime::Expires(recording.ttl())), "{name}");
            assert_left(&mut redis, &recording.key, recording.ttl(), &name).await;
        }
        if recording.layout != "express" {
            assert_eq!(redis.get::<_, Vec<u8>>(&recording.key).await.unwrap(), recording.value(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_refresh_never_shortens_and_makes_nothing() {
    let (server, mut redis) = redis().await;
    let long = Duration::from_secs(400 * 365 * 24 * 3600);
    for recording in Recording::stored().into_iter().filter(|recording| !recording.is_empty) {
        let (name, store, session) = (recording.name(), recording.store(&server.url()).await, session(&recording));
        assert_eq!(refresh(&store, &session).await, Ok(Lifetime::Missing), "{name}");
        assert!(!redis.exists::<_, bool>(&recording.key).await.unwrap(), "{name}");

        let () = redis.set(&recording.key, recording.value()).await.unwrap();
        let refreshed = refresh(&store, &session).await;
        assert_eq!(refreshed, Ok(Lifetime::Persistent), "{name}");
        assert_eq!(redis.ttl::<_, i64>(&recording.key).await.unwrap(), -1, "{name}");
        assert_eq!(redis.get::<_, Vec<u8>>(&recording.key).await.unwrap(), recording.value(), "{name}");

        put(&mut redis, &recording.key, &recording.value(), long).await;
        refresh(&store, &session).await.unwrap();
        assert_left(&mut redis, &recording.key, long, &name).await;
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_sessions() {
    let (server, mut redis) = redis().await;
    let recording = Recording::stored().into_iter().find(|recording| recording.layout == "flask").unwrap();
    let (store, layout) = (recording.store(&server.url()).await, recording.layout());
    let sessions: Vec<SessionKey> =
        (0..2500).map(|number| SessionKey::parse(&format!("session-{number}")).unwrap()).collect();
    for session in sessions.iter().step_by(3) {
        put(&mut redis, &layout.in_redis().key(session), b"\x80", LEFT).await;
    }
    let refreshed = store.refresh_key_timeouts(&sessions).await.unwrap();
    assert_eq!(refreshed.len(), sessions.len());
    for (number, refreshed) in refreshed.into_iter().enumerate() {
        let expected = if number % 3 == 0 { Lifetime::Expires(Duration::from_secs(1800)) } else { Lifetime::Missing };
        assert_eq!(refreshed.unwrap(), expected, "{number}");
    }
}

#[tokio::test]
async fn a_redis_that_started_anew_is_taught_again() {
    let (mut server, _) = redis().await;
    let recording = Recording::stored().into_iter().find(|recording| recording.layout == "django").unwrap();
    let (store, session) = (recording.store(&server.url()).await, session(&recording));
    refresh(&store, &session).await.unwrap();
    server.restart();
    let mut redis = connect(&server).await;
    put(&mut redis, &recording.key, &recording.value(), PATIENCE).await;
    let refreshed = timeout(PATIENCE, async {
        loop {
            // The first finds the connection lost, and perhaps the next ones that there is no new one yet.
            if let Ok(lifetime) = refresh(&store, &session).await {
                return lifetime;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert_eq!(refreshed.await, Ok(Lifetime::Expires(recording.ttl())));
}

#[tokio::test]
async fn what_is_no_session_of_the_layout_is_left_alone() {
    let (server, mut redis) = redis().await;
    for (layout, values) in [
        (
            "express",
            &[
                &b""[..],
                b"{",
                b"[]",
                b"{}",
                b"null",
                br#"{"cookie":1}"#,
                br#"{"cookie":{"expires":"soon","originalMaxAge":5}}"#,
            ][..],
        ),
        (
            "django",
            &[
                b"",
                b"{}",
                b"7",
                b"\x80\x05\x8c\x0f_session_expiry\x94",
                b"\x80\x05X\x0f\0\0\0_session_expiry\x94K\x07",
                b"\x80\x05\x8c\x0f_session_expiry\x94\x8a\xff",
                b"\x80\x05_session_expiry",
                b"\x80\x05\x8c\x0f_session_expiry\x94M\x01",
            ],
        ),
    ] {
        let recording = Recording::stored().into_iter().find(|recording| recording.layout == layout).unwrap();
        let (store, session) = (recording.store(&server.url()).await, session(&recording));
        for value in values {
            let name = format!("{layout}: {}", value.escape_ascii());
            put(&mut redis, &recording.key, value, LEFT).await;
            let refused = refresh(&store, &session).await.unwrap_err();
            assert!(refused.contains("see session_layout and session_redis_key"), "{name}: {refused}");
            assert_eq!(redis.get::<_, Vec<u8>>(&recording.key).await.unwrap(), *value, "{name}");
            assert_left(&mut redis, &recording.key, LEFT, &name).await;
        }
        let () = redis.del(&recording.key).await.unwrap();
        let () = redis.hset(&recording.key, "user", "errol").await.unwrap();
        let () = redis.expire(&recording.key, 5).await.unwrap();
        assert!(refresh(&store, &session).await.is_err(), "{layout}");
    }
}

#[tokio::test]
async fn the_time_in_an_express_session_moves_along_and_nothing_else_changes() {
    let (server, mut redis) = redis().await;
    for recording in Recording::stored().into_iter().filter(|recording| recording.layout == "express") {
        let (name, before) = (recording.name(), String::from_utf8(recording.value()).unwrap());
        put(&mut redis, &recording.key, before.as_bytes(), LEFT).await;
        refresh(&recording.store(&server.url()).await, &session(&recording)).await.unwrap();
        let after: String = redis.get(&recording.key).await.unwrap();
        let (old, new) = (expires(&before), expires(&after));
        if before.contains(r#""originalMaxAge":null"#) {
            assert_eq!((old, after), (None, before), "{name}");
            continue;
        }
        let (old, new) = (old.unwrap(), new.unwrap());
        let end = humantime::parse_rfc3339(&new).unwrap();
        let left = end.duration_since(SystemTime::now()).unwrap();
        assert!(left <= recording.ttl() && left + PATIENCE > recording.ttl(), "{name}: {left:?} until {new}");
        // Whatever else is in the session is what it was, to the byte: all but one place.
        let at = (0..before.len()).find(|&at| before.as_bytes()[at] != after.as_bytes()[at]).unwrap();
        let from = before[..=at].rfind('"').unwrap() + 1;
        assert_eq!(before[..from].to_owned() + &new + &before[from + old.len()..], after, "{name}");
    }
}

fn expires(session: &str) -> Option<String> {
    let session: Value = serde_json::from_str(session).unwrap();
    session["cookie"]["expires"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn times_in_express_sessions_are_right_on_every_day_of_a_century() {
    let (server, mut redis) = redis().await;
    let recording = Recording::stored().into_iter().find(|recording| recording.of == "maxAge of 30 minutes").unwrap();
    let (store, session) = (recording.store(&server.url()).await, session(&recording));
    for days in (1..36_500).step_by(29).chain([36_524]) {
        let age = days * 86_400_000_u64 + 1;
        let value = format!(r#"{{"cookie":{{"originalMaxAge":{age},"expires":"2026-01-01T00:00:00.000Z"}}}}"#);
        put(&mut redis, &recording.key, value.as_bytes(), LEFT).await;
        refresh(&store, &session).await.unwrap();
        let new = expires(&redis.get::<_, String>(&recording.key).await.unwrap()).unwrap();
        let end = SystemTime::now() + Duration::from_millis(age);
        let off = end.duration_since(humantime::parse_rfc3339(&new).unwrap()).unwrap();
        assert!(off < PATIENCE, "{days} days: {new} is {off:?} off");
    }
}

#[tokio::test]
async fn an_express_session_that_ends_at_a_date_ends_then() {
    let (server, mut redis) = redis().await;
    let recording = Recording::stored().into_iter().find(|recording| recording.of == "maxAge of 30 minutes").unwrap();
    let value = br#"{"cookie":{"originalMaxAge":null,"expires":"2099-01-01T00:00:00.000Z"}}"#;
    put(&mut redis, &recording.key, value, LEFT).await;
    let refreshed = refresh(&recording.store(&server.url()).await, &session(&recording)).await;
    assert!(matches!(refreshed, Ok(Lifetime::Expires(left)) if left <= LEFT), "{refreshed:?}");
}
