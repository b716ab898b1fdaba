use alloc::vec::Vec;

use swampdragon_protocol::{HeartbeatMessage, ReplyState, close_code};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::choice::Choice;
use crate::subscriptions::Subscriptions;
use crate::{
    Action, AfterClose, CallFailure, Config, Event, Framing, Incoming, IncomingReply, Outgoing, PageCall, Purpose,
    Remembered, State, Transports, Types, after_close, heartbeat, reconnect_delay_ms,
};

/// A raw endpoint promises to say nothing, so its silence is no sign. But a page that runs hears its timer, held back by
/// a minute at most while it is hidden; a timer this many times late is a machine that slept.
const ASLEEP: u32 = 3;

/// A browser's timer that is asked for more fires at once.
const LONGEST_TIMER_MS: u32 = i32::MAX as u32;

/// One page's connection to its server, kept for as long as the application wants it.
///
/// Inputs are the `handle_*` methods. After each, poll the actions until there are none, then one event, then the
/// actions again, until both are empty: thus a heartbeat is answered before the application hears of it.
///
/// Each `random` is uniform over all of `u32` and spreads the next reconnect attempt. Each `now` is the time of day in
/// milliseconds, modulo 2^32: a clock that goes on while the machine sleeps.
pub struct Client<T: Types> {
    config: Config,
    state: State,
    endpoint: Option<T::Text>,
    choice: Choice,
    /// Attempts since the last connection that lasted.
    failures: u32,
    /// Whether there is a network, as far as the browser knows, which is not far.
    online: bool,
    session: Option<T::Text>,
    /// Whether the visitor was here when the shell last said so, and when that was.
    present: bool,
    present_at: u32,
    /// The heartbeat message that is not answered yet, because the visitor is away.
    asked: Option<HeartbeatMessage>,
    calls: Calls<T>,
    subscriptions: Subscriptions<T>,
    channels: Channels<T>,
    actions: Vec<Action<T>>,
    events: Vec<Event<T>>,
}

impl<T: Types> Client<T> {
    /// A client that is not connected.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Idle,
            endpoint: None,
            choice: Choice::new(),
            failures: 0,
            online: true,
            session: None,
            present: config.active_within_ms == 0,
            present_at: 0,
            asked: None,
            calls: Calls::new(),
            subscriptions: Subscriptions::new(),
            channels: Channels::new(),
            actions: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Which transport works with the present endpoint, when the best one does not. Worth keeping where it outlives the
    /// client, see [`Self::handle_connect`].
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        self.choice.remembered()
    }

    /// What the shell must do next.
    pub fn poll_action(&mut self) -> Option<Action<T>> {
        pop(&mut self.actions)
    }

    /// What the application hears next. Poll when there is no action left.
    pub fn poll_event(&mut self) -> Option<Event<T>> {
        pop(&mut self.events)
    }

    /// The application stores the key of its session, or takes it back. The next heartbeat message is answered with it.
    pub fn handle_session(&mut self, key: Option<T::Text>) {
        self.session = key;
    }

    /// The visitor is here, or away: as the page's policy has it, by what is visible or by what was touched. While the
    /// visitor is away, heartbeat messages are not answered; the latest is as soon as the visitor is back.
    ///
    /// A client that is never told takes the visitor for present, unless [`Config::active_within_ms`] bounds that.
    pub fn handle_presence(&mut self, now: u32, present: bool) {
        self.present = present;
        self.present_at = now;
        self.answer_if(present);
    }

    /// The application wants a connection to this endpoint. One that exists is closed first; subscriptions stay.
    ///
    /// `remembered` is what [`Self::remembered`] was when the last connection to this endpoint opened, as far as the
    /// shell has kept it. A raw endpoint is a WebSocket and nothing else.
    pub fn handle_connect(&mut self, endpoint: T::Text, framing: Framing, remembered: Remembered) {
        self.drop_socket(close_code::NORMAL.code, true);
        self.failures = 0;
        let allowed = match framing {
            Framing::SockJs => self.config.transports,
            Framing::Raw => Transports::WEBSOCKET,
        };
        self.choice.reset(allowed, remembered);
        self.endpoint = Some(endpoint);
        self.open();
    }

    /// The application wants no connection any more. Its calls fail, its subscriptions are forgotten.
    pub fn handle_disconnect(&mut self) {
        self.drop_socket(close_code::NORMAL.code, false);
        self.stay_away();
        self.subscriptions.clear();
        self.channels.clear();
    }

    /// The page is being hidden away, perhaps for good (`pagehide`), or frozen: no message will reach it, no timer fire.
    pub fn handle_suspend(&mut self) {
        if self.state != State::Idle {
            self.drop_socket(close_code::GOING_AWAY.code, true);
            self.actions.push(Action::Disarm);
            self.state = State::Suspended;
        }
    }

    /// The page is back, visible, or on another network: what waits for its next attempt tries now, and a connection
    /// that slept with its machine for too long is opened anew.
    ///
    /// `online` is what the browser says of the network. Without one there is nothing to try now.
    pub fn handle_wake(&mut self, now: u32, online: bool) {
        self.online = online;
        match self.state {
            State::Suspended => self.open(),
            State::Waiting if online => self.open(),
            _ => self.reopen_if_silent(now),
        }
    }

    /// The connection is open: the SockJS open frame came, or the raw socket opened.
    pub fn handle_opened(&mut self, now: u32, framing: Framing) {
        if self.state != State::Connecting {
            return;
        }
        self.state = State::Open { framing, heard_at: now };
        self.choice.succeeded();
        self.watch(self.config.silence_timeout_ms);
        self.events.push(Event::Open);
        while let Some(call) = self.calls.take_queued() {
            self.transmit(call);
        }
    }

    /// The application has heard [`Event::Open`]. Subscriptions that it did not renew itself are restored now.
    pub fn handle_open_delivered(&mut self) {
        if !self.state.is_open() {
            return;
        }
        while let Some(restored) = self.subscriptions.next_to_restore() {
            self.actions.push(Action::Send(Outgoing::Request(restored.request)));
            self.await_reply(restored.callback_name, Purpose::Subscribe(restored.subject), None);
        }
    }

    /// Anything came from the server; a heartbeat frame does nothing else.
    pub fn handle_heard(&mut self, now: u32) {
        if let State::Open { heard_at, .. } = &mut self.state {
            *heard_at = now;
        }
    }

    /// A message came.
    pub fn handle_message(&mut self, now: u32, incoming: Incoming<T>, message: T::Payload) {
        if !self.state.is_open() {
            return;
        }
        self.handle_heard(now);
        let event = match incoming {
            Incoming::Heartbeat(heartbeat) => {
                self.asked = Some(heartbeat);
                self.answer_if(self.is_present(now));
                Event::Heartbeat(message)
            }
            Incoming::Reply(reply) => self.settle(reply, message),
            Incoming::Publication(remote) => {
                Event::Publication { local_channels: self.channels.local_names(&remote), message }
            }
            Incoming::Session { key, settles } => {
                let logout = key.as_ref().filter(|_| settles).and_then(|key| self.calls.take_answered(key));
                // A notice about a key that the page has given up in the meantime would only mislead.
                if logout.is_none() && key.is_some() && self.session != key {
                    return;
                }
                Event::Session { logout: logout.and_then(|pending| pending.handle), message }
            }
            Incoming::Other => Event::Message(message),
        };
        self.events.push(event);
    }

    /// The connection has ended: a SockJS close frame, the socket's own end, a socket that did not open, or a server
    /// that does not tell about its SockJS service.
    ///
    /// `retry_after_ms` is how long the server asks to be left alone, see [`swampdragon_protocol::retry_after`]; 0 when
    /// it does not.
    pub fn handle_closed(&mut self, code: u16, reason: Option<T::Text>, retry_after_ms: u32, random: u32) {
        let connecting = self.state == State::Connecting;
        // A server that says why has been reached, and would say the same over any other transport.
        if connecting && code < close_code::GO_AWAY.code && self.choice.go_on() {
            // The application hears of a failure when there is nothing else to try.
            self.open_next();
        } else if self.state.has_socket() {
            self.lose(code, reason, retry_after_ms, random);
        }
    }

    /// The server has told about its SockJS service: whether it offers a WebSocket, and how long the answer took, in
    /// milliseconds.
    pub fn handle_info(&mut self, websocket: bool, round_trip_ms: u32) {
        if self.state == State::Connecting && self.choice.informed(websocket, round_trip_ms) {
            self.open_next();
        }
    }

    /// The timer fired, however late: browsers hold the timers of hidden pages back, and a machine that sleeps all.
    pub fn handle_timer(&mut self, now: u32, random: u32) {
        match self.state {
            State::Idle | State::Suspended => {}
            State::Connecting => self.handle_closed(close_code::ABNORMAL.code, None, 0, random),
            State::Open { .. } => {
                // It has lasted, so the next failure is the first of a new series. Counting from the opening instead
                // would let a server that closes each connection at once be asked without a pause.
                self.failures = 0;
                self.reopen_if_silent(now);
            }
            State::Waiting => self.open(),
        }
    }

    /// The application calls a router.
    pub fn handle_call(&mut self, call: PageCall<T>) {
        match self.state {
            State::Open { .. } => self.transmit(call),
            State::Idle => self.fail(call.handle, CallFailure::NotConnected),
            State::Connecting | State::Waiting | State::Suspended => {
                if self.calls.queued() < self.config.max_queued_calls {
                    self.calls.queue(call);
                } else {
                    self.fail(call.handle, CallFailure::QueueFull);
                }
            }
        }
    }

    /// The application sends a message of its own making. It is dropped unless the connection is open.
    pub fn handle_send(&mut self, request: T::Request) {
        if self.state.is_open() {
            self.actions.push(Action::Send(Outgoing::Request(request)));
        }
    }

    fn is_present(&self, now: u32) -> bool {
        let within = self.config.active_within_ms;
        self.present && (within == 0 || now.wrapping_sub(self.present_at) <= within)
    }

    fn answer_if(&mut self, present: bool) {
        if present
            && let Some(heartbeat) = self.asked.take()
            && let Some(reply) = heartbeat::answer(heartbeat, self.session.as_ref())
        {
            self.actions.push(Action::Send(Outgoing::HeartbeatReply(reply)));
        }
    }

    fn open(&mut self) {
        self.choice.begin(self.config.connect_timeout_ms);
        self.state = State::Connecting;
        self.open_chosen();
    }

    fn open_next(&mut self) {
        self.actions.push(Action::Close(close_code::NORMAL.code));
        self.open_chosen();
    }

    fn open_chosen(&mut self) {
        if let Some(endpoint) = self.endpoint.clone() {
            self.actions.push(Action::Open { endpoint, transport: self.choice.tried() });
            self.actions.push(Action::Arm(self.choice.patience_ms(self.config.connect_timeout_ms)));
        }
    }

    /// Opens a connection anew that must be dead by the clock, and otherwise goes on watching it.
    fn reopen_if_silent(&mut self, now: u32) {
        let limit = self.config.silence_timeout_ms;
        let State::Open { framing, heard_at } = &mut self.state else { return };
        // A clock that was set back meanwhile makes it negative, as if something had been heard now.
        let silent = (now.wrapping_sub(*heard_at) as i32).max(0) as u32;
        if *framing == Framing::SockJs && silent < limit {
            self.watch(limit - silent);
        } else if *framing == Framing::Raw && silent < limit.saturating_mul(ASLEEP) {
            *heard_at = now;
            self.watch(limit);
        } else if limit > 0 {
            // At once: connections fall silent at different times, and none does so twice within the limit.
            self.end_connection(close_code::ABNORMAL.code, None, true);
            self.open();
        }
    }

    fn watch(&mut self, milliseconds: u32) {
        self.actions.push(match milliseconds {
            0 => Action::Disarm,
            milliseconds => Action::Arm(milliseconds),
        });
    }

    fn transmit(&mut self, call: PageCall<T>) {
        let PageCall { request, callback_name, purpose, handle } = call;
        match &purpose {
            Purpose::Ordinary => {}
            Purpose::Subscribe(subject) => {
                let limit = self.config.max_subscriptions;
                if !self.subscriptions.keep(subject, &callback_name, &request, limit) {
                    self.fail(handle, CallFailure::TooManySubscriptions);
                    return;
                }
            }
            Purpose::Unsubscribe(subject) => self.subscriptions.forget(subject),
        }
        self.actions.push(Action::Send(Outgoing::Request(request)));
        self.await_reply(callback_name, purpose, Some(handle));
    }

    fn await_reply(&mut self, callback_name: T::Text, purpose: Purpose<T>, handle: Option<T::Handle>) {
        let given_up = self.calls.sent(callback_name, purpose, handle, self.config.max_pending_calls);
        if let Some(handle) = given_up.and_then(|pending| pending.handle) {
            self.fail(handle, CallFailure::Unanswered);
        }
    }

    fn settle(&mut self, reply: IncomingReply<T>, message: T::Payload) -> Event<T> {
        let pending = reply.callback_name.as_ref().and_then(|name| self.calls.take_answered(name));
        let succeeded = reply.state == ReplyState::Success;
        let unsubscribes = matches!(&pending, Some(pending) if matches!(pending.purpose, Purpose::Unsubscribe(_)));
        if let Some(channels) = reply.channel_data.as_ref().filter(|_| succeeded) {
            if unsubscribes {
                self.channels.remove(channels);
            } else {
                self.channels.add(channels);
            }
        }
        match pending {
            // The application has heard of this subscription when it made it.
            Some(pending) if pending.handle.is_none() && succeeded => Event::Message(message),
            Some(pending) => {
                if let (Purpose::Subscribe(subject), false) = (&pending.purpose, succeeded) {
                    self.subscriptions.forget(subject);
                }
                Event::Reply { handle: pending.handle, state: reply.state, message }
            }
            None => Event::Reply { handle: None, state: reply.state, message },
        }
    }

    /// The connection is lost against the application's will.
    fn lose(&mut self, code: u16, reason: Option<T::Text>, retry_after_ms: u32, random: u32) {
        let reconnecting = after_close(code) == AfterClose::Reconnect;
        self.end_connection(code, reason, reconnecting);
        if reconnecting {
            let Config { reconnect_delay_ms: base, reconnect_delay_max_ms: max, .. } = self.config;
            // Without a network an attempt says nothing about the server. Some are made all the same, as rarely as can
            // be, since browsers are wrong about networks.
            let delay = reconnect_delay_ms(self.failures, if self.online { base } else { max }, max, random);
            // No server can send a page away for longer than it would stay by itself.
            self.actions.push(Action::Arm(retry_after_ms.min(max).saturating_add(delay).min(LONGEST_TIMER_MS)));
            self.failures = self.failures.saturating_add(u32::from(self.online));
            self.state = State::Waiting;
        } else {
            self.stay_away();
        }
    }

    fn drop_socket(&mut self, code: u16, reconnecting: bool) {
        if self.state.has_socket() {
            self.end_connection(code, None, reconnecting);
        }
    }

    fn end_connection(&mut self, code: u16, reason: Option<T::Text>, reconnecting: bool) {
        // Of an end that the network brought, the socket knows already; closing it again does nothing. A server's own
        // code is not sent back, since a page may only send 1000 and 3000-4999.
        self.actions.push(Action::Close(close_code::NORMAL.code));
        self.events.push(Event::Close { code, reason, reconnecting });
        // The server that asked is gone, and the next one asks by itself.
        self.asked = None;
        self.subscriptions.lost();
        // Names of subscriptions that nobody restores are void; those of the others are needed as soon as they are sent.
        if self.subscriptions.is_empty() {
            self.channels.clear();
        }
        while let Some(handle) = self.calls.take_lost(false) {
            self.fail(handle, CallFailure::ConnectionLost);
        }
    }

    fn stay_away(&mut self) {
        self.actions.push(Action::Disarm);
        self.state = State::Idle;
        while let Some(handle) = self.calls.take_lost(true) {
            self.fail(handle, CallFailure::NotConnected);
        }
    }

    fn fail(&mut self, handle: T::Handle, reason: CallFailure) {
        self.events.push(Event::CallFailed { handle, reason });
    }
}

/// Takes the first element. The lists hold what one input caused, so moving the rest costs less than a ring buffer's
/// code would weigh.
fn pop<E>(list: &mut Vec<E>) -> Option<E> {
    (!list.is_empty()).then(|| list.remove(0))
}
