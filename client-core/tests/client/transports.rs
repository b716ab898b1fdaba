//! What a client tries, in which order and for how long, and what it remembers of that.

use crate::pair::Pair;
use proptest::prelude::*;
use swampdragon_client::Transport::{WebSocket, XhrPolling, XhrStreaming};
use swampdragon_client::{Config, Framing, Remembered, State, Transport, Transports};

fn pair_over(transports: Transports) -> Pair {
    Pair::new(Config { transports, ..Config::default() })
}

/// A page that has just called `connect`, and may use everything.
fn connecting() -> Pair {
    let mut pair = pair_over(Transports::ALL);
    pair.connect();
    pair
}

/// The present try fails at once.
fn refuse(pair: &mut Pair, expected: Transport) {
    assert_eq!((pair.transport, pair.socket_exists), (expected, true));
    pair.close(1006);
}

/// What the client tries in a network that lets nothing through, until it gives the attempt up.
fn tries(pair: &mut Pair, websocket: bool) -> Vec<Transport> {
    let mut tried = vec![];
    while pair.state() != State::Waiting {
        if pair.asking {
            pair.inform(websocket, 50);
        } else {
            tried.push(pair.transport);
            pair.close(1006);
        }
    }
    tried
}

/// A page behind a proxy that blocks WebSockets, connected all the same.
fn open_by_streaming(websocket_offered: bool) -> Pair {
    let mut pair = connecting();
    refuse(&mut pair, WebSocket);
    pair.inform(websocket_offered, 50);
    if websocket_offered {
        refuse(&mut pair, WebSocket);
    }
    assert_eq!(pair.transport, XhrStreaming);
    pair.accept();
    pair
}

/// Loses the connection and waits for the next attempt.
fn come_back(pair: &mut Pair) {
    pair.close(1006);
    pair.wake();
}

#[test]
fn a_websocket_that_opens_costs_no_question() {
    let mut pair = connecting();
    assert_eq!((pair.transport, pair.asking), (WebSocket, false));
    pair.accept();
    assert_eq!((pair.sockets, pair.asking, pair.remembered), (1, false, Remembered::NOTHING));
}

#[test]
fn a_server_that_is_not_there_is_asked_once_and_the_backoff_goes_on() {
    let mut pair = connecting();
    for failures in 0..4 {
        refuse(&mut pair, WebSocket);
        assert!(pair.asking);
        pair.inform_nothing();
        assert_eq!(pair.log.len(), failures + 1, "one close event for each attempt");
        assert_eq!(pair.alarm, Some(pair.now + (500 << failures)));
        pair.pass(500 << failures);
    }
}

#[test]
fn a_question_without_an_answer_ends_with_the_attempt() {
    let mut pair = connecting();
    refuse(&mut pair, WebSocket);
    pair.pass(10_000);
    assert_eq!((pair.state(), pair.log.len()), (State::Waiting, 1));
    pair.inform(true, 10_001);
    assert_eq!(pair.state(), State::Waiting, "an answer that comes too late opens nothing");
}

#[test]
fn transports_are_tried_from_the_best_down_and_the_page_hears_of_the_end_alone() {
    let mut pair = connecting();
    assert_eq!(tries(&mut pair, true), [WebSocket, WebSocket, XhrStreaming, XhrPolling]);
    assert_eq!(pair.log, ["close 1006, reconnecting"]);
    assert_eq!(pair.remembered, Remembered::NOTHING);
}

#[test]
fn a_server_without_websockets_is_not_asked_for_one_again() {
    let mut pair = connecting();
    assert_eq!(tries(&mut pair, false), [WebSocket, XhrStreaming, XhrPolling]);
}

#[test]
fn only_what_is_allowed_is_tried() {
    for (bits, expected) in [
        (0b001, vec![WebSocket]),
        (0b010, vec![XhrStreaming]),
        (0b101, vec![WebSocket, WebSocket, XhrPolling]),
        (0b110, vec![XhrStreaming, XhrStreaming, XhrPolling]),
        (0b1000_0001, vec![WebSocket]),
    ] {
        let mut pair = pair_over(Transports::from_bits(bits));
        pair.connect();
        assert_eq!(tries(&mut pair, true), expected, "{bits:b}");
    }
}

#[test]
fn a_raw_endpoint_is_a_websocket_and_nothing_else() {
    let mut pair = pair_over(Transports::ALL);
    pair.connect_to("wss://example.com/data/websocket", Framing::Raw);
    assert_eq!(tries(&mut pair, true), [WebSocket]);
    // The endpoint decides, not its predecessor.
    pair.connect();
    assert_eq!(tries(&mut pair, true), [WebSocket, WebSocket, XhrStreaming, XhrPolling]);
}

#[test]
fn a_try_is_timed_by_the_round_trip() {
    let mut pair = connecting();
    pair.pass(4_999);
    assert!(!pair.asking);
    pair.pass(1);
    assert!(pair.asking, "a WebSocket gets half of the time");
    pair.inform(true, 400);
    for expected in [WebSocket, XhrStreaming] {
        assert_eq!(pair.transport, expected);
        assert_eq!(pair.alarm, Some(pair.now + 3_200), "two timeouts of four round trips");
        pair.pass(3_200);
    }
    assert_eq!((pair.transport, pair.alarm), (XhrPolling, Some(pair.now + 10_000)), "nothing else is left to try");
    pair.pass(10_000);
    assert_eq!((pair.state(), pair.socket_exists), (State::Waiting, false));
}

#[test]
fn a_try_never_takes_longer_than_a_connection_may() {
    let mut pair = connecting();
    refuse(&mut pair, WebSocket);
    pair.inform(true, 9_000);
    assert_eq!(pair.alarm, Some(pair.now + 10_000));
}

#[test]
fn a_server_that_says_why_it_closes_is_not_asked_by_other_ways() {
    for (code, expected) in [(3000, State::Waiting), (3001, State::Idle), (4000, State::Idle)] {
        let mut pair = connecting();
        pair.close(code);
        assert_eq!((pair.state(), pair.asking), (expected, false), "{code}");
    }
}

#[test]
fn what_worked_is_remembered_for_ten_connections() {
    let mut pair = open_by_streaming(true);
    for _ in 0..10 {
        come_back(&mut pair);
        assert_eq!(pair.transport, XhrStreaming);
        pair.accept();
    }
    come_back(&mut pair);
    assert_eq!(pair.transport, WebSocket, "it gets its chance again");
    pair.accept();
    assert_eq!(pair.remembered, Remembered::NOTHING);
}

#[test]
fn a_server_without_websockets_is_believed_for_longer() {
    let mut pair = open_by_streaming(false);
    for _ in 0..100 {
        come_back(&mut pair);
        assert_eq!(pair.transport, XhrStreaming);
        pair.accept();
    }
}

#[test]
fn the_next_page_starts_with_what_worked_in_the_last() {
    let mut pair = connecting();
    pair.remembered = open_by_streaming(true).remembered;
    pair.connect_to("wss://example.com/another", Framing::SockJs);
    assert_eq!(pair.transport, XhrStreaming);
}

#[test]
fn what_is_remembered_but_not_allowed_is_not_tried() {
    let mut pair = pair_over(Transports::from_bits(0b101));
    pair.remembered = open_by_streaming(true).remembered;
    pair.connect();
    assert_eq!(pair.transport, WebSocket);
}

#[test]
fn what_does_not_work_any_more_is_forgotten_once_the_server_is_known_to_be_there() {
    let mut pair = open_by_streaming(true);
    let before = pair.remembered;
    come_back(&mut pair);
    refuse(&mut pair, XhrStreaming);
    pair.inform_nothing();
    assert_eq!(pair.client.remembered(), before, "a server that restarts proves nothing");
    pair.wake();
    refuse(&mut pair, XhrStreaming);
    pair.inform(true, 50);
    assert_eq!((pair.transport, pair.client.remembered()), (WebSocket, Remembered::NOTHING));
}

#[test]
fn a_page_that_is_hidden_or_leaves_during_the_question_is_left_alone() {
    let mut pair = connecting();
    refuse(&mut pair, WebSocket);
    pair.suspend();
    pair.inform(true, 50);
    assert_eq!((pair.state(), pair.socket_exists), (State::Suspended, false));
    pair.wake();
    refuse(&mut pair, WebSocket);
    pair.disconnect();
    pair.inform(true, 50);
    assert_eq!((pair.state(), pair.socket_exists), (State::Idle, false));
    assert_eq!(pair.log, ["close 1001, reconnecting", "close 1000"]);
}

#[test]
fn calls_wait_through_all_tries() {
    let mut pair = connecting();
    refuse(&mut pair, WebSocket);
    let handle = pair.call("echo");
    pair.inform(false, 50);
    pair.accept();
    assert!(pair.log.iter().any(|line| line.starts_with("sent ")));
    pair.reply(handle, "success");
    assert_eq!(pair.log.last().unwrap(), "reply 1 success");
}

proptest! {
    /// Whatever happens in whatever order, and whatever a shell has kept: only allowed transports, one socket at most
    /// (the harness checks), a timer whenever the client waits, every call settled in the end.
    #[test]
    fn no_order_of_failures_leaves_anything_hanging(
        steps in prop::collection::vec((0u8..10, 0u32..20_000), 0..80),
        bits in 1u32..8,
        kept: u32,
    ) {
        let mut pair = pair_over(Transports::from_bits(bits));
        pair.remembered = Remembered::from_number(kept);
        let mut calls = 0;
        for (step, number) in steps {
            match step {
                0 => pair.connect(),
                1 | 2 if pair.socket_exists && !pair.asking => pair.accept(),
                3 | 4 => pair.close(1006),
                5 => pair.inform(number % 2 == 0, number),
                6 => pair.inform_nothing(),
                7 => { pair.suspend(); pair.wake(); }
                8 => calls = pair.call("echo"),
                _ => pair.pass(number.into()),
            }
            prop_assert!(!pair.socket_exists || pair.asking || bits >> pair.transport as u32 & 1 == 1);
            let idle = pair.state() == State::Idle;
            prop_assert_eq!(!idle, pair.alarm.is_some());
            prop_assert_eq!(pair.state().has_socket(), pair.socket_exists);
        }
        pair.disconnect();
        let settled = pair.log.iter().filter(|line| line.starts_with("failed ")).count();
        prop_assert_eq!(settled, calls as usize);
    }
}
