//! Channels, and subscriptions that outlive their connection.

use crate::pair::Pair;
use swampdragon_client::Config;

fn reconnect(pair: &mut Pair) {
    pair.close(1006);
    let attempt = pair.alarm.expect("the client waits for its next attempt");
    pair.pass(attempt - pair.now);
    pair.accept();
}

#[test]
fn publications_carry_all_local_names_of_their_channel() {
    let mut pair = Pair::open();
    let first = pair.subscribe("a");
    pair.reply_channels(first, "front", &["news", "sport"]);
    let second = pair.subscribe("b");
    pair.reply_channels(second, "back", &["news"]);
    pair.say(r#"{"data":1,"channel":"news"}"#);
    pair.say(r#"{"data":1,"channel":"sport"}"#);
    pair.say(r#"{"data":1,"channel":"weather"}"#);
    assert_eq!(pair.log[pair.log.len() - 3..], ["publication front back", "publication front", "publication "]);
}

#[test]
fn a_channel_subscribed_twice_is_named_once() {
    let mut pair = Pair::open();
    for _ in 0..2 {
        let call = pair.subscribe("a");
        pair.reply_channels(call, "front", &["news"]);
    }
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert_eq!(pair.log.last().unwrap(), "publication front");
}

#[test]
fn subscriptions_are_restored_without_the_application_hearing_of_it() {
    let mut pair = Pair::open();
    let call = pair.subscribe("a");
    pair.reply_channels(call, "front", &["news"]);
    reconnect(&mut pair);
    assert_eq!(pair.heard_calls("subscribe"), 1);
    pair.take_log();
    pair.reply_channels(call, "front", &["news"]);
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert_eq!(pair.log, ["message", "publication front"]);
}

#[test]
fn subscriptions_do_not_multiply_over_many_connections() {
    let mut pair = Pair::open();
    pair.subscribe("a");
    pair.subscribe("a");
    for _ in 0..10 {
        reconnect(&mut pair);
        assert_eq!(pair.heard_calls("subscribe"), 1);
    }
}

#[test]
fn what_the_application_renews_while_it_hears_of_the_opening_is_not_sent_again() {
    let mut pair = Pair::open();
    pair.subscribe("a");
    pair.subscribe("b");
    pair.close(1006);
    // Queued before the opening, which the client cannot tell from subscribing in it.
    pair.subscribe("a");
    pair.pass(500);
    pair.accept();
    assert_eq!(pair.heard_calls("subscribe"), 2);
}

#[test]
fn what_was_unsubscribed_is_not_restored() {
    let mut pair = Pair::open();
    let call = pair.subscribe("a");
    pair.reply_channels(call, "front", &["news"]);
    let call = pair.unsubscribe("a");
    pair.reply_channels(call, "front", &["news"]);
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert_eq!(pair.log.last().unwrap(), "publication ");
    reconnect(&mut pair);
    assert!(pair.heard.is_empty());
}

#[test]
fn a_refused_subscription_is_not_restored() {
    let mut pair = Pair::open();
    let call = pair.subscribe("a");
    pair.reply(call, "login_required");
    reconnect(&mut pair);
    assert!(pair.heard.is_empty());
}

#[test]
fn the_application_hears_when_a_subscription_cannot_be_restored() {
    let mut pair = Pair::open();
    let call = pair.subscribe("a");
    pair.reply_channels(call, "front", &["news"]);
    reconnect(&mut pair);
    pair.reply(call, "login_required");
    assert_eq!(pair.log.last().unwrap(), "reply login_required");
    reconnect(&mut pair);
    assert!(pair.heard.is_empty());
}

#[test]
fn names_of_a_subscription_that_nobody_restores_end_with_its_connection() {
    let mut pair = Pair::open();
    let call = pair.call("a");
    pair.reply_channels(call, "front", &["news"]);
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert_eq!(pair.log.last().unwrap(), "publication front");
    reconnect(&mut pair);
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert_eq!(pair.log.last().unwrap(), "publication ");
}

#[test]
fn disconnect_forgets_subscriptions() {
    let mut pair = Pair::open();
    pair.subscribe("a");
    pair.disconnect();
    pair.connect();
    pair.accept();
    assert!(pair.heard.is_empty());
}

#[test]
fn one_subscription_too_many_fails_and_is_not_sent() {
    let mut pair = Pair::open_with(Config { max_subscriptions: 1, ..Config::default() });
    pair.subscribe("a");
    pair.subscribe("b");
    assert_eq!(pair.log.last().unwrap(), "failed 2 too many subscriptions");
    assert_eq!(pair.heard_calls("subscribe"), 1);
}
