//! When a client comes back, and when it stays away.

use crate::pair::Pair;
use proptest::prelude::*;
use swampdragon_client::{AfterClose, Config, Framing, State, after_close};

#[test]
fn a_lost_connection_is_opened_again_after_a_delay() {
    let mut pair = Pair::open();
    pair.close(1006);
    assert_eq!(pair.log, ["open", "close 1006, reconnecting"]);
    assert_eq!(pair.state(), State::Waiting);
    pair.pass(499);
    assert_eq!(pair.sockets, 1);
    pair.pass(1);
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
    pair.accept();
    assert_eq!(pair.log.last().unwrap(), "open");
}

#[test]
fn delays_double_up_to_the_cap_and_never_end() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    let mut delays = Vec::new();
    for _ in 0..9 {
        pair.close(1006);
        delays.push(pair.alarm.unwrap() - pair.now);
        pair.pass(30_000);
    }
    // Nothing answers within the cap, so some attempts end by themselves; the delays between grow all the same.
    assert_eq!(delays.first(), Some(&500));
    assert!(delays.is_sorted());
    assert_eq!(delays.last(), Some(&30_000));
    for _ in 0..1000 {
        pair.close(1006);
        pair.pass(60_000);
    }
    assert_ne!(pair.state(), State::Idle);
}

#[test]
fn an_attempt_that_does_not_open_in_time_is_given_up() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.pass(9_999);
    assert_eq!(pair.state(), State::Connecting);
    pair.pass(1);
    assert_eq!((pair.state(), pair.socket_exists), (State::Waiting, false));
    assert_eq!(pair.log, ["close 1006, reconnecting"]);
}

#[test]
fn a_server_that_closes_each_connection_at_once_is_asked_less_and_less_often() {
    let mut pair = Pair::open();
    let mut delays = Vec::new();
    for _ in 0..6 {
        pair.close(3000);
        let delay = pair.alarm.unwrap() - pair.now;
        delays.push(delay);
        pair.pass(delay);
        pair.accept();
    }
    assert_eq!(delays, [500, 1000, 2000, 4000, 8000, 16_000]);
}

#[test]
fn a_connection_that_lasted_starts_a_new_series_of_delays() {
    for framing in [Framing::SockJs, Framing::Raw] {
        let mut pair = Pair::open();
        for _ in 0..5 {
            pair.close(1006);
            let delay = pair.alarm.unwrap() - pair.now;
            pair.pass(delay);
            pair.accept_over(framing);
        }
        pair.heartbeat_frame();
        pair.pass(40_000);
        pair.close(1006);
        assert_eq!(pair.alarm, Some(pair.now + 500));
    }
}

#[test]
fn silence_is_noticed_within_twice_the_limit() {
    let mut pair = Pair::open();
    pair.heartbeat_frame();
    pair.pass(40_000);
    assert!(pair.state().is_open());
    pair.pass(40_000);
    assert_eq!(pair.log, ["open", "close 1006, reconnecting"]);
    assert!(!pair.state().is_open());
}

#[test]
fn heartbeat_frames_keep_a_connection_for_days() {
    let mut pair = Pair::open();
    for _ in 0..10_000 {
        pair.pass(25_000);
        pair.heartbeat_frame();
    }
    assert_eq!((pair.sockets, pair.log.len()), (1, 1));
}

#[test]
fn a_raw_connection_may_be_silent() {
    let mut pair = Pair::new(Config::default());
    pair.connect();
    pair.accept_over(Framing::Raw);
    pair.pass(86_400_000);
    assert!(pair.state().is_open());
}

#[test]
fn silence_may_be_allowed() {
    let mut pair = Pair::open_with(Config { silence_timeout_ms: 0, ..Config::default() });
    pair.pass(86_400_000);
    assert!(pair.state().is_open());
    assert_eq!(pair.alarm, None);
}

#[test]
fn disconnect_is_final() {
    let mut pair = Pair::open();
    pair.client.handle_disconnect();
    pair.drain();
    assert_eq!(pair.log, ["open", "close 1000"]);
    pair.pass(86_400_000);
    assert_eq!((pair.state(), pair.sockets, pair.socket_exists), (State::Idle, 1, false));
}

#[test]
fn disconnect_ends_waiting_too() {
    let mut pair = Pair::open();
    pair.close(1006);
    pair.client.handle_disconnect();
    pair.drain();
    pair.pass(86_400_000);
    assert_eq!((pair.state(), pair.sockets), (State::Idle, 1));
}

#[test]
fn an_abort_a_refused_origin_and_a_logout_are_final() {
    for code in [3001, 4000, 4001] {
        let mut pair = Pair::open();
        pair.close(code);
        assert_eq!(pair.log, ["open".to_owned(), format!("close {code}")]);
        pair.client.handle_wake();
        pair.drain();
        pair.pass(86_400_000);
        assert_eq!((pair.state(), pair.sockets), (State::Idle, 1));
    }
}

#[test]
fn no_other_close_code_is_final() {
    let staying: Vec<u16> = (0..=u16::MAX).filter(|code| after_close(*code) == AfterClose::Stay).collect();
    assert_eq!(staying, [3001, 4000, 4001]);
}

#[test]
fn a_page_that_comes_back_does_not_wait() {
    let mut pair = Pair::open();
    pair.close(1006);
    pair.client.handle_wake();
    pair.drain();
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
    pair.client.handle_wake();
    pair.drain();
    assert_eq!(pair.sockets, 2);
}

#[test]
fn a_hidden_page_lets_go_and_reconnects_when_it_is_shown() {
    let mut pair = Pair::open();
    pair.client.handle_suspend();
    pair.drain();
    assert_eq!(pair.log, ["open", "close 1001, reconnecting"]);
    pair.pass(86_400_000);
    assert_eq!((pair.sockets, pair.state()), (1, State::Suspended));
    pair.client.handle_wake();
    pair.drain();
    assert_eq!(pair.sockets, 2);
}

#[test]
fn a_page_that_never_connected_does_not_connect_when_it_is_shown() {
    let mut pair = Pair::new(Config::default());
    pair.client.handle_suspend();
    pair.client.handle_wake();
    pair.drain();
    assert_eq!(pair.sockets, 0);
}

#[test]
fn connecting_anew_replaces_the_connection() {
    let mut pair = Pair::open();
    pair.connect();
    assert_eq!(pair.log, ["open", "close 1000, reconnecting"]);
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
}

proptest! {
    /// Whatever happens in whatever order: at most one socket, a timer whenever the client waits for something, and
    /// every call settled once the application disconnects. The harness checks the sockets.
    #[test]
    fn no_order_of_events_leaves_anything_hanging(steps in prop::collection::vec(0u8..12, 0..60), random: u32) {
        let mut pair = Pair::new(Config { max_queued_calls: 3, max_pending_calls: 3, ..Config::default() });
        pair.random = random;
        let mut calls = 0;
        for step in steps {
            match step {
                0 => pair.connect(),
                1 if pair.socket_exists => pair.accept(),
                2 => pair.close(1006),
                3 => pair.close(3001),
                4 => pair.pass(7_000),
                5 => pair.pass(50_000),
                6 => { pair.client.handle_suspend(); pair.drain() }
                7 => { pair.client.handle_wake(); pair.drain() }
                8 => calls = pair.call("echo"),
                9 => calls = pair.subscribe("s"),
                10 if pair.socket_exists && calls > 0 => pair.reply(calls, "success"),
                11 => pair.heartbeat_frame(),
                _ => {}
            }
            let waits = matches!(pair.state(), State::Connecting | State::Waiting)
                || matches!(pair.state(), State::Open { framing: Framing::SockJs, .. });
            prop_assert_eq!(waits, pair.alarm.is_some());
            prop_assert_eq!(pair.state().has_socket(), pair.socket_exists);
        }
        pair.client.handle_disconnect();
        pair.drain();
        for handle in 1..=calls {
            let settled = pair.log.iter().filter(|line| {
                line.starts_with(&format!("reply {handle} ")) || line.starts_with(&format!("failed {handle} "))
            }).count();
            prop_assert_eq!(settled, 1, "call {} of {:?}", handle, pair.log);
        }
    }
}
