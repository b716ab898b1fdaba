//! What a page goes through while it is connected: put away and brought back, frozen, asleep, without a network.

use crate::pair::Pair;
use swampdragon_client::{Config, Framing, State};

fn open_raw() -> Pair {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.accept_over(Framing::Raw);
    pair
}

#[test]
fn a_page_that_comes_back_does_not_wait() {
    let mut pair = Pair::open();
    pair.close(1006);
    pair.wake();
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
    pair.wake();
    assert_eq!(pair.sockets, 2);
}

#[test]
fn a_hidden_page_lets_go_and_reconnects_when_it_is_shown() {
    let mut pair = Pair::open();
    pair.suspend();
    assert_eq!(pair.log, ["open", "close 1001, reconnecting"]);
    pair.pass(86_400_000);
    assert_eq!((pair.sockets, pair.state()), (1, State::Suspended));
    pair.wake();
    assert_eq!(pair.sockets, 2);
}

#[test]
fn a_page_that_never_connected_does_not_connect_when_it_is_shown() {
    let mut pair = Pair::new(Config::default());
    pair.suspend();
    pair.wake();
    assert_eq!(pair.sockets, 0);
}

#[test]
fn a_connection_that_slept_is_opened_anew_as_soon_as_the_page_wakes() {
    let mut pair = Pair::open();
    pair.pass(20_000);
    pair.heartbeat_frame();
    pair.sleep(7_200_000);
    pair.wake();
    assert_eq!(pair.log, ["open", "close 1006, reconnecting"]);
    assert_eq!((pair.state(), pair.sockets), (State::Connecting, 2));
}

#[test]
fn a_timer_that_slept_opens_the_connection_anew_too() {
    for mut pair in [Pair::open(), open_raw()] {
        pair.sleep(7_200_000);
        pair.fire_late_timer();
        assert_eq!((pair.state(), pair.sockets), (State::Connecting, 2));
    }
}

#[test]
fn a_nap_shorter_than_the_silence_allowed_changes_nothing() {
    for mut pair in [Pair::open(), open_raw()] {
        pair.sleep(39_000);
        pair.wake();
        assert!(pair.state().is_open());
        assert_eq!(pair.sockets, 1);
    }
}

#[test]
fn a_nap_does_not_lengthen_the_silence_allowed() {
    let mut pair = Pair::open();
    pair.sleep(39_000);
    pair.wake();
    pair.pass(1_000);
    assert_eq!(pair.sockets, 2);
}

#[test]
fn timers_held_back_to_once_a_minute_cost_no_connection() {
    let mut sockjs = Pair::open();
    let mut raw = open_raw();
    for _ in 0..60 {
        for _ in 0..4 {
            sockjs.sleep(25_000);
            sockjs.heartbeat_frame();
        }
        sockjs.fire_late_timer();
        raw.sleep(100_000);
        raw.fire_late_timer();
    }
    assert_eq!((sockjs.sockets, raw.sockets), (1, 1));
}

#[test]
fn a_clock_that_is_set_back_costs_no_connection() {
    let mut pair = Pair::open();
    pair.pass(30_000);
    pair.heartbeat_frame();
    pair.now -= 20_000;
    pair.wake();
    assert!(pair.state().is_open());
    // And a silent one is still noticed.
    pair.pass(60_000);
    assert_eq!(pair.sockets, 2);
}

#[test]
fn where_silence_is_allowed_so_is_sleep() {
    let mut pair = Pair::open_with(Config { silence_timeout_ms: 0, ..Config::default() });
    pair.sleep(86_400_000);
    pair.wake();
    assert_eq!((pair.sockets, pair.alarm), (1, None));
}

#[test]
fn without_a_network_attempts_are_rare_and_count_for_nothing() {
    let mut pair = Pair::open();
    pair.go_offline();
    assert!(pair.state().is_open(), "the browser's word alone ends no connection");
    for _ in 0..5 {
        pair.close(1006);
        assert_eq!(pair.alarm, Some(pair.now + 30_000));
        pair.go_offline();
        assert_eq!(pair.state(), State::Waiting);
        pair.pass(30_000);
        assert_eq!(pair.state(), State::Connecting, "nor is it believed for good");
    }
    pair.close(1006);
    pair.wake();
    assert_eq!(pair.state(), State::Connecting);
    pair.close(1006);
    assert_eq!(pair.alarm, Some(pair.now + 500), "as after the first failure");
}

#[test]
fn a_page_shown_without_a_network_tries_all_the_same() {
    let mut pair = Pair::open();
    pair.suspend();
    pair.go_offline();
    assert_eq!(pair.state(), State::Connecting);
}
