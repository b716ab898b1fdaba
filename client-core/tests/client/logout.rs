//! How a logout is settled.

use crate::pair::Pair;
use swampdragon_client::State;

fn with_key() -> Pair {
    let mut pair = Pair::open();
    pair.client.handle_session(Some("k1".to_owned()));
    pair.take_log();
    pair
}

#[test]
fn the_notice_that_the_session_is_gone_settles_it() {
    let mut pair = with_key();
    let logout = pair.log_out("k1");
    pair.say(r#"{"session":"k1","state":"expired","reason":"logged out"}"#);
    assert_eq!(
        pair.log,
        [
            r#"sent {"session":"k1","logout":true}"#.to_owned(),
            format!(r#"logout {logout} {{"session":"k1","state":"expired","reason":"logged out"}}"#)
        ]
    );
}

#[test]
fn so_does_a_refusal() {
    let mut pair = with_key();
    let logout = pair.log_out("k1");
    pair.take_log();
    pair.say(r#"{"session":"k1","state":"refused","reason":"the store is away"}"#);
    assert!(pair.log[0].starts_with(&format!("logout {logout} ")));
}

#[test]
fn other_notices_do_not() {
    let mut pair = with_key();
    pair.log_out("k1");
    pair.take_log();
    for notice in [
        r#"{"session":"k1","state":"active","ttl":1000}"#,
        r#"{"session":"k1","state":"expiring","ttl":10}"#,
        r#"{"session":"k1","state":"persistent"}"#,
        r#"{"session":null,"state":"expired"}"#,
        r#"{"session":"k2","state":"expired"}"#,
    ] {
        pair.say(notice);
    }
    assert_eq!(pair.log.len(), 4, "{:?}", pair.log);
    assert!(pair.log.iter().all(|line| line.starts_with("session ")));
}

#[test]
fn a_page_that_has_another_key_by_then_hears_of_it_all_the_same() {
    let mut pair = with_key();
    let logout = pair.log_out("k1");
    pair.client.handle_session(Some("k2".to_owned()));
    pair.take_log();
    pair.say(r#"{"session":"k1","state":"expired"}"#);
    pair.say(r#"{"session":"k1","state":"expired"}"#);
    assert_eq!(pair.log, [format!(r#"logout {logout} {{"session":"k1","state":"expired"}}"#)]);
}

#[test]
fn it_waits_for_the_connection_and_fails_with_it() {
    let mut pair = with_key();
    pair.close(1006);
    let logout = pair.log_out("k1");
    pair.wake();
    pair.accept();
    assert_eq!(pair.heard, [r#"{"session":"k1","logout":true}"#]);
    pair.close(1006);
    assert_eq!(pair.log.last().unwrap(), &format!("failed {logout} connection lost"));
}

#[test]
fn a_page_that_is_told_of_it_stays_away_until_it_connects() {
    let mut pair = with_key();
    pair.close(4001);
    pair.wake();
    assert_eq!((pair.state(), pair.log.last().unwrap().as_str()), (State::Idle, "close 4001"));
    pair.connect();
    assert_eq!(pair.sockets, 2);
}
