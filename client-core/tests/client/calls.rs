//! Calls are answered, or fail for a reason; none hangs.

use crate::pair::Pair;
use swampdragon_client::Config;

#[test]
fn a_reply_settles_its_call() {
    let mut pair = Pair::open();
    let first = pair.call("echo");
    let second = pair.call("echo");
    pair.take_log();
    pair.reply(second, "success");
    pair.reply(first, "error");
    assert_eq!(pair.log, ["reply 2 success", "reply 1 error"]);
}

#[test]
fn a_second_reply_settles_nothing() {
    let mut pair = Pair::open();
    let call = pair.call("echo");
    pair.reply(call, "success");
    pair.take_log();
    pair.reply(call, "success");
    assert_eq!(pair.log, ["reply success"]);
}

#[test]
fn login_required_is_told_apart() {
    let mut pair = Pair::open();
    let call = pair.call("echo");
    pair.reply(call, "login_required");
    assert_eq!(pair.log.last().unwrap(), "reply 1 login_required");
}

#[test]
fn calls_wait_while_connecting_and_keep_their_order() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.call("first");
    pair.call("second");
    assert!(pair.log.is_empty());
    pair.accept();
    assert!(pair.heard[0].contains("first") && pair.heard[1].contains("second"));
}

#[test]
fn waiting_calls_outlive_a_failed_attempt() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.call("echo");
    pair.close(1006);
    pair.pass(500);
    pair.accept();
    assert_eq!(pair.heard_calls("echo"), 1);
}

#[test]
fn calls_fail_at_once_without_a_connection() {
    let mut pair = Pair::new(Config::default());
    pair.call("echo");
    assert_eq!(pair.log, ["failed 1 not connected"]);
}

#[test]
fn one_call_too_many_in_the_queue_fails_at_once() {
    let mut pair = Pair::new(Config { max_queued_calls: 2, ..Config::default() });
    pair.connect();
    for _ in 0..3 {
        pair.call("echo");
    }
    assert_eq!(pair.log, ["failed 3 queue full"]);
    pair.accept();
    assert_eq!(pair.heard_calls("echo"), 2);
}

#[test]
fn sent_calls_fail_when_the_connection_is_lost_and_are_not_sent_again() {
    let mut pair = Pair::open();
    pair.call("echo");
    pair.take_log();
    pair.close(1006);
    assert_eq!(pair.log, ["close 1006, reconnecting", "failed 1 connection lost"]);
    pair.pass(500);
    pair.accept();
    assert_eq!(pair.heard_calls("echo"), 0);
}

#[test]
fn disconnect_fails_what_waits() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.call("echo");
    pair.disconnect();
    assert_eq!(pair.log, ["close 1000", "failed 1 not connected"]);
}

#[test]
fn calls_that_a_server_never_answers_give_way_to_new_ones() {
    let mut pair = Pair::open_with(Config { max_pending_calls: 2, ..Config::default() });
    for _ in 0..3 {
        pair.call("unanswered");
    }
    assert_eq!(pair.log.last().unwrap(), "failed 1 unanswered");
    pair.reply(3, "success");
    assert_eq!(pair.log.last().unwrap(), "reply 3 success");
}

#[test]
fn messages_after_the_end_are_not_heard() {
    let mut pair = Pair::open();
    pair.disconnect();
    pair.take_log();
    pair.socket_exists = true;
    pair.say(r#"{"data":1,"channel":"news"}"#);
    assert!(pair.log.is_empty());
}
