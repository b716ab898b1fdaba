//! When a client comes back, and when it stays away.

use crate::pair::Pair;
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
fn silence_ends_a_connection_and_the_next_begins_at_once() {
    let mut pair = Pair::open();
    pair.pass(25_000);
    pair.heartbeat_frame();
    pair.pass(39_999);
    assert!(pair.state().is_open());
    pair.pass(1);
    assert_eq!(pair.log, ["open", "close 1006, reconnecting"]);
    assert_eq!((pair.state(), pair.sockets), (State::Connecting, 2));
}

#[test]
fn a_server_that_opens_and_says_nothing_is_asked_once_in_each_silence() {
    let mut pair = Pair::open();
    for sockets in 2..20 {
        pair.pass(39_999);
        assert_eq!(pair.sockets, sockets - 1);
        pair.pass(1);
        assert_eq!(pair.sockets, sockets);
        pair.accept();
    }
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let mut pair = Pair::open();
    pair.heartbeat_frame();
    pair.pass(39_000);
    pair.close_asking(3000, 1500);
    // And a random part beside it, so that those it sent away for the same time do not come in the same moment.
    assert_eq!(pair.alarm, Some(pair.now + 1500 + 500));
    pair.random = 0;
    pair.pass(2000);
    pair.close_asking(1001, 1500);
    assert_eq!(pair.alarm, Some(pair.now + 1500));
}

#[test]
fn no_server_sends_a_page_away_for_good() {
    let mut pair = Pair::open();
    pair.close_asking(3000, u32::MAX);
    assert_eq!(pair.alarm, Some(pair.now + 30_000 + 500));
}

#[test]
fn two_long_delays_are_no_more_than_a_browsers_timer_can_bear() {
    let longest = i32::MAX as u32;
    let long = Config { reconnect_delay_ms: longest, reconnect_delay_max_ms: longest, ..Config::default() };
    let mut pair = Pair::open_with(long);
    pair.close_asking(3000, longest);
    assert_eq!(pair.alarm, Some(pair.now + u64::from(longest)));
}

#[test]
fn a_server_that_sends_each_connection_away_for_no_time_is_asked_less_and_less_often() {
    let mut pair = Pair::open();
    for delay in [501, 1001, 2001, 4001] {
        pair.close_asking(3000, 1);
        assert_eq!(pair.alarm, Some(pair.now + delay));
        pair.pass(delay);
        pair.accept();
    }
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
    pair.disconnect();
    assert_eq!(pair.log, ["open", "close 1000"]);
    pair.pass(86_400_000);
    assert_eq!((pair.state(), pair.sockets, pair.socket_exists), (State::Idle, 1, false));
}

#[test]
fn disconnect_ends_waiting_too() {
    let mut pair = Pair::open();
    pair.close(1006);
    pair.disconnect();
    pair.pass(86_400_000);
    assert_eq!((pair.state(), pair.sockets), (State::Idle, 1));
}

#[test]
fn an_abort_a_refused_origin_and_a_logout_are_final() {
    for code in [3001, 4000, 4001] {
        let mut pair = Pair::open();
        pair.close(code);
        assert_eq!(pair.log, ["open".to_owned(), format!("close {code}")]);
        pair.wake();
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
fn connecting_anew_replaces_the_connection() {
    let mut pair = Pair::open();
    pair.connect();
    assert_eq!(pair.log, ["open", "close 1000, reconnecting"]);
    assert_eq!((pair.sockets, pair.state()), (2, State::Connecting));
}
