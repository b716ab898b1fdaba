//! What a heartbeat message is answered with.

use crate::pair::Pair;

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
