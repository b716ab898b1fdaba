//! Whatever happens, in whatever order, some things hold. The harness checks some itself: one socket at a time, and
//! nothing sent into none.

use std::collections::{BTreeMap, BTreeSet};

use crate::pair::Pair;
use proptest::prelude::*;
use swampdragon_client::{Config, Framing, State};

const KEY: &str = "k1";
const DELAY_MS: u64 = 500;
const LONGEST_DELAY_MS: u64 = 30_000;

/// What may happen next. What cannot happen in the state that the client is in then, does not.
#[derive(Debug, Clone)]
enum Step {
    Connect,
    Disconnect,
    Rebind,
    Accept {
        framing: Framing,
    },
    Close {
        code: u16,
        retry_after_ms: u32,
    },
    Pass {
        milliseconds: u64,
    },
    Sleep {
        milliseconds: u64,
        timer_fires: bool,
    },
    /// A timer that was not disarmed in time.
    StrayTimer,
    Suspend,
    Wake {
        online: bool,
    },
    See {
        present: bool,
    },
    Key {
        known: bool,
    },
    Heartbeat {
        bound: bool,
    },
    HeartbeatFrame,
    Notice {
        bound: bool,
        state: &'static str,
    },
    LogOut,
    Call,
    Subscribe {
        subject: u8,
    },
    Unsubscribe {
        subject: u8,
    },
    /// The server answers one of the calls that it has heard, perhaps once more.
    Reply {
        which: prop::sample::Index,
        state: &'static str,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let close = (
        prop_oneof![3 => Just(1006u16), 2 => Just(3000), 1 => Just(1001), 1 => prop::sample::select(vec![3001, 4000, 4001])],
        prop_oneof![2 => Just(0u32), 1 => 0..100_000u32, 1 => any::<u32>()],
    );
    let step = prop_oneof![
        3 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Rebind),
        8 => Just(Step::Accept { framing: Framing::SockJs }),
        1 => Just(Step::Accept { framing: Framing::Raw }),
        4 => close.prop_map(|(code, retry_after_ms)| Step::Close { code, retry_after_ms }),
        3 => (0..60_000u64).prop_map(|milliseconds| Step::Pass { milliseconds }),
        2 => (0..200_000u64, any::<bool>()).prop_map(|(milliseconds, timer_fires)| Step::Sleep { milliseconds, timer_fires }),
        1 => Just(Step::StrayTimer),
        1 => Just(Step::Suspend),
        4 => prop::bool::weighted(0.8).prop_map(|online| Step::Wake { online }),
        3 => any::<bool>().prop_map(|present| Step::See { present }),
        2 => any::<bool>().prop_map(|known| Step::Key { known }),
        4 => any::<bool>().prop_map(|bound| Step::Heartbeat { bound }),
        1 => Just(Step::HeartbeatFrame),
        1 => (any::<bool>(), prop::sample::select(vec!["active", "expired", "refused"]))
            .prop_map(|(bound, state)| Step::Notice { bound, state }),
        1 => Just(Step::LogOut),
        2 => Just(Step::Call),
        3 => (0..3u8).prop_map(|subject| Step::Subscribe { subject }),
        2 => (0..3u8).prop_map(|subject| Step::Unsubscribe { subject }),
        3 => (any::<prop::sample::Index>(), prop::sample::select(vec!["success", "error"]))
            .prop_map(|(which, state)| Step::Reply { which, state }),
    ];
    prop::collection::vec(step, 0..80)
}

/// The client, and what must be true of it.
struct World {
    pair: Pair,
    active_within_ms: u64,
    /// Whether the application wants a connection, and the server has not sent it away.
    wanted: bool,
    /// Whether the application wants one.
    called_for: bool,
    online: bool,
    /// Where the log of the present connection and its successors begins.
    connected_at: usize,
    has_key: bool,
    present: bool,
    present_at: Option<u64>,
    /// Whether a heartbeat waits for the visitor, and that is one of a bound session.
    asked: Option<bool>,
    /// How many answers must have been sent so far.
    answers: usize,
    calls: u32,
    /// The subjects to restore, and the call that is restored.
    live: BTreeMap<u8, u32>,
    /// What the calls do to subscriptions: the subject, and whether they subscribe.
    purposes: BTreeMap<u32, (u8, bool)>,
    queued: Vec<u32>,
    /// The calls that the server has not answered, of the present connection.
    unanswered: Vec<u32>,
}

impl World {
    fn new(active_within_ms: u32, random: u32) -> Self {
        let mut pair = Pair::new(Config { active_within_ms, ..Config::default() });
        pair.random = random;
        Self {
            pair,
            active_within_ms: active_within_ms.into(),
            wanted: false,
            called_for: false,
            online: true,
            connected_at: 0,
            has_key: false,
            present: true,
            present_at: None,
            asked: None,
            answers: 0,
            calls: 0,
            live: BTreeMap::new(),
            purposes: BTreeMap::new(),
            queued: Vec::new(),
            unanswered: Vec::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.pair.state().is_open()
    }

    fn happen(&mut self, step: Step) {
        let before = (self.pair.sockets, self.pair.state());
        let was_wanted = self.wanted;
        match step {
            Step::Connect => {
                self.wanted = true;
                self.called_for = true;
                self.pair.connect();
                self.connected_at = self.pair.log.len();
            }
            Step::Disconnect => {
                self.wanted = false;
                self.called_for = false;
                self.live.clear();
                self.pair.disconnect();
            }
            Step::Rebind => {
                self.wanted = self.called_for;
                self.pair.rebind();
                let connects = self.called_for && before.1 != State::Suspended;
                assert_eq!(self.pair.sockets, before.0 + u32::from(connects));
                assert!(!connects || self.pair.state() == State::Connecting);
            }
            Step::Accept { framing } if self.pair.state() == State::Connecting => self.accept(framing),
            Step::Close { code, retry_after_ms } => self.close(code, retry_after_ms),
            Step::Pass { milliseconds } => self.pair.pass(milliseconds),
            Step::Sleep { milliseconds, timer_fires } => {
                self.pair.sleep(milliseconds);
                if timer_fires {
                    self.pair.fire_late_timer();
                }
            }
            Step::StrayTimer if self.pair.alarm.is_none() => self.pair.fire_stray_timer(),
            Step::Suspend => self.pair.suspend(),
            Step::Wake { online } => {
                self.online = online;
                if online {
                    self.pair.wake();
                } else {
                    self.pair.go_offline();
                }
                assert!(
                    !self.wanted || !online || before.1 != State::Waiting || self.pair.state() == State::Connecting
                );
            }
            Step::See { present } => self.see(present),
            Step::Key { known } => {
                self.has_key = known;
                self.pair.client.handle_session(known.then(|| KEY.to_owned()));
            }
            Step::Heartbeat { bound } if self.is_open() => self.heartbeat(bound),
            Step::HeartbeatFrame if self.is_open() => self.pair.heartbeat_frame(),
            Step::Notice { bound, state } if self.is_open() => self.notice(bound, state),
            Step::LogOut => {
                self.calls = self.pair.log_out(KEY);
            }
            Step::Call => self.call("echo", None),
            Step::Subscribe { subject } => self.call("subscribe", Some((subject, true))),
            Step::Unsubscribe { subject } => self.call("unsubscribe", Some((subject, false))),
            Step::Reply { which, state } if self.is_open() && self.calls > 0 => {
                self.reply(which.index(self.calls as usize) as u32 + 1, state);
            }
            _ => {}
        }
        self.follow(before, was_wanted);
    }

    /// What the server hears first on a new connection.
    fn accept(&mut self, framing: Framing) {
        self.pair.accept_over(framing);
        let mut renewed = BTreeSet::new();
        let mut expected = 0;
        for call in std::mem::take(&mut self.queued) {
            self.unanswered.push(call);
            match self.purposes.get(&call) {
                Some((subject, true)) => {
                    self.live.insert(*subject, call);
                    renewed.insert(*subject);
                    expected += 1;
                }
                Some((subject, false)) => drop(self.live.remove(subject)),
                None => {}
            }
        }
        let restored: Vec<u32> =
            self.live.iter().filter(|(subject, _)| !renewed.contains(subject)).map(|(_, call)| *call).collect();
        expected += restored.len();
        self.unanswered.extend(restored);
        assert_eq!(self.pair.heard_calls("subscribe"), expected, "each subscription once: {:?}", self.pair.heard);
    }

    fn close(&mut self, code: u16, retry_after_ms: u32) {
        let had_socket = self.pair.socket_exists;
        let is_first = !self.pair.log[self.connected_at..].iter().any(|line| line.starts_with("close"));
        self.pair.close_asking(code, retry_after_ms);
        if !had_socket {
            return;
        }
        if [3001, 4000, 4001].contains(&code) {
            self.wanted = false;
            return;
        }
        assert_eq!(self.pair.state(), State::Waiting);
        let asked = u64::from(retry_after_ms).min(LONGEST_DELAY_MS);
        let longest = if self.online && is_first { DELAY_MS } else { LONGEST_DELAY_MS };
        let delay = self.pair.alarm.expect("the next attempt") - self.pair.now;
        assert!((asked..=asked + longest).contains(&delay), "waits {delay} ms");
    }

    fn see(&mut self, present: bool) {
        self.present = present;
        self.present_at = Some(self.pair.now);
        if present && let Some(bound) = self.asked.take() {
            self.answers += usize::from(bound || self.has_key);
        }
        self.pair.see(present);
    }

    fn heartbeat(&mut self, bound: bool) {
        let within =
            self.active_within_ms == 0 || self.present_at.is_some_and(|at| self.pair.now - at <= self.active_within_ms);
        self.asked = (!(self.present && within)).then_some(bound);
        self.answers += usize::from((bound || self.has_key) && self.asked.is_none());
        let heard = self.pair.heard.len();
        self.pair.say(if bound { r#"{"heartbeat": "tick", "bound": true}"# } else { r#"{"heartbeat": "tick"}"# });
        assert!(self.pair.heard[heard..].iter().all(|answer| answer.contains(KEY) != bound), "{:?}", self.pair.heard);
    }

    fn notice(&mut self, bound: bool, state: &str) {
        let session = if bound { "null".to_owned() } else { format!(r#""{KEY}""#) };
        let notice = format!(r#"{{"session":{session},"state":"{state}"}}"#);
        self.pair.say(&notice);
        assert!(!bound || self.pair.log.last() == Some(&format!("session {notice}")), "{:?}", self.pair.log);
    }

    fn call(&mut self, verb: &str, purpose: Option<(u8, bool)>) {
        let state = self.pair.state();
        self.calls = match purpose {
            None => self.pair.call(verb),
            Some((subject, true)) => self.pair.subscribe(&subject.to_string()),
            Some((subject, false)) => self.pair.unsubscribe(&subject.to_string()),
        };
        if let Some(purpose) = purpose {
            self.purposes.insert(self.calls, purpose);
        }
        match (state, purpose) {
            (State::Idle, _) => return,
            (State::Open { .. }, Some((subject, true))) => drop(self.live.insert(subject, self.calls)),
            (State::Open { .. }, Some((subject, false))) => drop(self.live.remove(&subject)),
            _ => {}
        }
        if state.is_open() { &mut self.unanswered } else { &mut self.queued }.push(self.calls);
    }

    fn reply(&mut self, call: u32, state: &str) {
        self.pair.reply(call, state);
        let Some(position) = self.unanswered.iter().position(|known| *known == call) else { return };
        self.unanswered.remove(position);
        if let (Some((subject, true)), "error") = (self.purposes.get(&call), state) {
            self.live.remove(subject);
        }
    }

    /// What is true after each step.
    fn follow(&mut self, (sockets, state): (u32, State), was_wanted: bool) {
        let pair = &self.pair;
        assert_eq!(pair.state().has_socket(), pair.socket_exists);
        let armed = match pair.state() {
            State::Idle | State::Suspended => false,
            State::Connecting | State::Waiting | State::Open { .. } => true,
        };
        assert_eq!(pair.alarm.is_some(), armed, "a timer exactly when there is something to wait for");
        if !self.wanted {
            assert_eq!(pair.state(), State::Idle, "whoever left stays away");
            assert!(was_wanted || pair.sockets == sockets);
            self.queued.clear();
        }
        if pair.sockets != sockets || !pair.state().is_open() && state.is_open() {
            self.asked = None;
            for call in std::mem::take(&mut self.unanswered) {
                assert_eq!(settlements(pair, call), 1, "call {call} ends with its connection: {:?}", pair.log);
            }
        }
        let answers = pair.log.iter().filter(|line| line.starts_with(r#"sent {"heartbeat""#)).count();
        assert_eq!(answers, self.answers, "each heartbeat once, for who is here: {:?}", pair.log);
    }
}

/// How often a call has been settled.
fn settlements(pair: &Pair, call: u32) -> usize {
    let begins = ["reply", "failed", "logout"].map(|word| format!("{word} {call} "));
    pair.log.iter().filter(|line| begins.iter().any(|begin| line.starts_with(begin))).count()
}

proptest! {
    #[test]
    fn one_connection_at_a_time_each_answer_once_and_an_end_that_is_an_end(
        steps in steps(),
        random: u32,
        active_within_ms in prop_oneof![Just(0u32), Just(30_000)],
    ) {
        let mut world = World::new(active_within_ms, random);
        for step in steps {
            world.happen(step);
        }
        world.happen(Step::Disconnect);
        for call in 1..=world.calls {
            prop_assert_eq!(settlements(&world.pair, call), 1, "call {} of {:?}", call, world.pair.log);
        }
    }

    #[test]
    fn each_call_is_settled_once_however_few_are_allowed(steps in steps(), random: u32, allowed in 0..4usize) {
        let mut pair = Pair::new(Config {
            max_queued_calls: allowed,
            max_pending_calls: allowed,
            max_subscriptions: allowed,
            ..Config::default()
        });
        pair.random = random;
        let mut calls = 0;
        for step in steps {
            match step {
                Step::Connect => pair.connect(),
                Step::Disconnect => pair.disconnect(),
                Step::Rebind => pair.rebind(),
                Step::Accept { framing } if pair.state() == State::Connecting => pair.accept_over(framing),
                Step::Close { code, retry_after_ms } => pair.close_asking(code, retry_after_ms),
                Step::Pass { milliseconds } => pair.pass(milliseconds),
                Step::Suspend => pair.suspend(),
                Step::Wake { .. } => pair.wake(),
                Step::LogOut => calls = pair.log_out(KEY),
                Step::Call => calls = pair.call("echo"),
                Step::Subscribe { subject } => calls = pair.subscribe(&subject.to_string()),
                Step::Unsubscribe { subject } => calls = pair.unsubscribe(&subject.to_string()),
                Step::Reply { which, state } if pair.state().is_open() && calls > 0 => {
                    pair.reply(which.index(calls as usize) as u32 + 1, state);
                }
                _ => {}
            }
        }
        pair.disconnect();
        for call in 1..=calls {
            prop_assert_eq!(settlements(&pair, call), 1, "call {} of {:?}", call, pair.log);
        }
    }
}
