//! How a connection is made anew because the page's cookies have changed.

use crate::pair::Pair;
use swampdragon_client::{Config, State, Transport, Transports};

#[test]
fn an_open_connection_is_closed_and_made_anew_at_once() {
    let mut pair = Pair::open();
    pair.take_log();
    pair.rebind();
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
    pair.accept();
    assert_eq!(pair.log, ["close 1000, reconnecting", "open"]);
}

#[test]
fn what_was_asked_subscribed_and_queued_fares_as_at_any_reconnect() {
    let mut pair = Pair::open();
    let subscribed = pair.subscribe("news");
    pair.reply(subscribed, "success");
    let unanswered = pair.call("echo");
    pair.rebind();
    assert_eq!(pair.log.last().unwrap(), &format!("failed {unanswered} connection lost"));
    let queued = pair.call("echo");
    pair.accept();
    assert_eq!((pair.heard_calls("subscribe"), pair.heard_calls("echo")), (1, 1));
    pair.reply(queued, "success");
    assert!(pair.log.last().unwrap().starts_with(&format!("reply {queued} ")), "{:?}", pair.log);
}

#[test]
fn an_attempt_that_may_have_gone_out_with_the_old_cookie_is_begun_anew() {
    let mut pair = Pair::new(Config { transports: Transports::from_bits(0b111), ..Config::default() });
    pair.connect();
    pair.close(1006);
    pair.inform(false, 1);
    assert_eq!(pair.transport, Transport::XhrStreaming);
    pair.rebind();
    assert_eq!((pair.transport, pair.state()), (Transport::WebSocket, State::Connecting));
    pair.accept();
    assert!(pair.state().is_open());
}

#[test]
fn a_client_that_waits_for_its_next_attempt_makes_it_now() {
    let mut pair = Pair::open();
    pair.close(1006);
    assert_eq!(pair.state(), State::Waiting);
    pair.rebind();
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
    assert_eq!(pair.log, ["open", "close 1006, reconnecting"], "there was no connection to close");
}

#[test]
fn it_is_no_failure_and_mends_none() {
    let mut pair = Pair::open();
    for _ in 0..5 {
        pair.rebind();
    }
    pair.close(1006);
    assert_eq!(pair.alarm, Some(pair.now + 500), "the first failure");
    pair.rebind();
    pair.close(1006);
    assert_eq!(pair.alarm, Some(pair.now + 1000), "the second");
}

#[test]
fn a_page_that_the_server_sent_away_comes_back_with_its_new_cookie() {
    for code in [4001, 3001, 4000] {
        let mut pair = Pair::open();
        pair.close(code);
        assert_eq!(pair.state(), State::Idle);
        pair.rebind();
        pair.accept();
        assert!(pair.state().is_open());
    }
}

#[test]
fn a_hidden_page_connects_when_it_comes_back() {
    let mut pair = Pair::open();
    pair.suspend();
    pair.rebind();
    assert_eq!((pair.sockets, pair.state()), (1, State::Suspended));
    pair.wake();
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
}

#[test]
fn whoever_wants_no_connection_gets_none() {
    let mut pair = Pair::new(Config::default());
    pair.rebind();
    assert_eq!(pair.sockets, 0);
    pair.connect();
    pair.accept();
    pair.disconnect();
    pair.rebind();
    assert_eq!((pair.sockets, pair.state()), (1, State::Idle));
}
