//! What a heartbeat message is answered with.

use crate::pair::Pair;
use swampdragon_client::Config;

fn with_key() -> Pair {
    let mut pair = Pair::open();
    pair.client.handle_session(Some("k1".to_owned()));
    pair.take_log();
    pair
}

#[test]
fn a_tick_is_answered_with_the_key_before_the_application_hears_of_it() {
    let mut pair = with_key();
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.log, [r#"sent {"heartbeat":"tick","session":"k1"}"#, "heartbeat"]);
}

#[test]
fn without_a_key_a_tick_is_not_answered() {
    let mut pair = Pair::open();
    pair.take_log();
    pair.say(r#"{"heartbeat": "tick", "ack": true}"#);
    assert_eq!(pair.log, ["heartbeat"]);
}

#[test]
fn an_acknowledgement_is_asked_for_only_where_one_is_offered() {
    let mut pair = with_key();
    pair.say(r#"{"heartbeat": "tick", "ack": true}"#);
    assert_eq!(pair.log[0], r#"sent {"heartbeat":"tick","session":"k1","ack":true}"#);
}

#[test]
fn the_heartbeat_of_swampdragon_0_4_is_echoed_and_the_key_kept_back() {
    for message in [r#"{"heartbeat":"1"}"#, r#"{"heartbeat":1}"#] {
        let mut pair = with_key();
        pair.say(message);
        assert_eq!(pair.log, [r#"sent {"heartbeat":"1"}"#, "heartbeat"]);
    }
}

#[test]
fn the_value_of_0_4_with_an_offer_to_acknowledge_gets_the_key() {
    let mut pair = with_key();
    pair.say(r#"{"heartbeat":"1","ack":true}"#);
    assert_eq!(pair.log[0], r#"sent {"heartbeat":"1","session":"k1","ack":true}"#);
}

#[test]
fn a_key_that_was_taken_back_is_not_sent() {
    let mut pair = with_key();
    pair.client.handle_session(None);
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.log, ["heartbeat"]);
}

#[test]
fn an_unknown_value_is_the_applications_own_message() {
    let mut pair = with_key();
    pair.say(r#"{"heartbeat": "boom"}"#);
    assert_eq!(pair.log, ["message"]);
}

#[test]
fn notices_about_the_present_key_are_heard_and_others_not() {
    let mut pair = with_key();
    pair.say(r#"{"session":"k0","state":"expired"}"#);
    pair.say(r#"{"session":"k1","state":"active","ttl":1000}"#);
    assert_eq!(pair.log, [r#"session {"session":"k1","state":"active","ttl":1000}"#]);
}

#[test]
fn a_bound_session_is_kept_without_a_key_whether_the_page_has_one_or_not() {
    for mut pair in [Pair::open(), with_key()] {
        pair.take_log();
        pair.say(r#"{"heartbeat": "tick", "bound": true}"#);
        pair.say(r#"{"heartbeat": "1", "ack": true, "bound": true}"#);
        assert_eq!(
            pair.log,
            [r#"sent {"heartbeat":"tick"}"#, "heartbeat", r#"sent {"heartbeat":"1","ack":true}"#, "heartbeat"]
        );
    }
}

#[test]
fn a_visitor_who_is_away_keeps_no_bound_session_either_until_the_visitor_is_back() {
    let mut pair = Pair::open();
    pair.see(false);
    pair.say(r#"{"heartbeat": "tick", "ack": true, "bound": true}"#);
    assert!(pair.heard.is_empty());
    pair.see(true);
    assert_eq!(pair.heard, [r#"{"heartbeat":"tick","ack":true}"#]);
}

#[test]
fn notices_about_the_bound_session_are_always_heard() {
    for mut pair in [Pair::open(), with_key()] {
        pair.take_log();
        for _ in 0..2 {
            pair.say(r#"{"session":null,"state":"expired"}"#);
        }
        assert_eq!(pair.log, [r#"session {"session":null,"state":"expired"}"#; 2]);
    }
}

#[test]
fn what_has_a_state_but_no_session_is_the_applications_own_message() {
    let mut pair = Pair::open();
    pair.take_log();
    pair.say(r#"{"state":"expired"}"#);
    assert_eq!(pair.log, ["message"]);
}

#[test]
fn a_visitor_who_is_away_keeps_no_session() {
    let mut pair = with_key();
    pair.see(false);
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.log, ["heartbeat"]);
}

#[test]
fn a_visitor_who_comes_back_answers_the_latest_heartbeat_once() {
    let mut pair = with_key();
    pair.see(false);
    pair.say(r#"{"heartbeat": "tick"}"#);
    pair.say(r#"{"heartbeat": "tick", "ack": true}"#);
    pair.take_log();
    pair.see(true);
    assert_eq!(pair.take_log(), [r#"sent {"heartbeat":"tick","session":"k1","ack":true}"#]);
    pair.see(false);
    pair.see(true);
    assert!(pair.take_log().is_empty());
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.log, [r#"sent {"heartbeat":"tick","session":"k1"}"#, "heartbeat"]);
}

#[test]
fn a_heartbeat_that_was_answered_is_not_answered_again_by_whoever_comes() {
    let mut pair = with_key();
    pair.say(r#"{"heartbeat": "tick"}"#);
    pair.take_log();
    pair.see(false);
    pair.see(true);
    assert!(pair.log.is_empty());
}

#[test]
fn what_one_connection_asked_is_not_answered_on_the_next() {
    let mut pair = with_key();
    pair.see(false);
    pair.say(r#"{"heartbeat": "tick"}"#);
    pair.close(1006);
    pair.see(true);
    pair.wake();
    pair.accept();
    assert_eq!(pair.heard, Vec::<String>::new());
}

#[test]
fn the_key_of_the_moment_is_the_answer_to_what_was_asked_before() {
    let mut pair = with_key();
    pair.see(false);
    pair.say(r#"{"heartbeat": "tick"}"#);
    pair.client.handle_session(Some("k2".to_owned()));
    pair.see(true);
    assert_eq!(pair.heard, [r#"{"heartbeat":"tick","session":"k2"}"#]);
}

#[test]
fn a_visitor_who_touches_nothing_is_away_after_a_while() {
    let mut pair = Pair::open_with(Config { active_within_ms: 60_000, silence_timeout_ms: 0, ..Config::default() });
    pair.client.handle_session(Some("k1".to_owned()));
    pair.see(true);
    pair.pass(60_000);
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.heard.len(), 1);
    pair.pass(1);
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert_eq!(pair.heard.len(), 1);
    pair.see(true);
    assert_eq!(pair.heard.len(), 2);
}

#[test]
fn nobody_is_present_before_the_first_word_where_presence_is_bounded() {
    let mut pair = Pair::open_with(Config { active_within_ms: 60_000, ..Config::default() });
    pair.client.handle_session(Some("k1".to_owned()));
    pair.pass(20_000);
    pair.say(r#"{"heartbeat": "tick"}"#);
    assert!(pair.heard.is_empty());
}
