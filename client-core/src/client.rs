use alloc::vec::Vec;

use swampdragon_protocol::{ReplyState, close_code};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::choice::{AfterTry, Choice};
use crate::subscriptions::Subscriptions;
use crate::{
    Action, AfterClose, CallFailure, Config, Event, Framing, Incoming, IncomingReply, Outgoing, PageCall, Purpose,
    Remembered, State, Transport, Transports, Types, after_close, heartbeat, reconnect_delay_ms,
};

/// One page's connection to its server, kept for as long as the application wants it.
///
/// Inputs are the `handle_*` methods. After each, poll the actions until there are none, then one event, then the
/// actions again, until both are empty: thus a heartbeat is answered before the application hears of it.
///
/// Each `random` is uniform over all of `u32` and spreads the next reconnect attempt.
pub struct Client<T: Types> {
    config: Config,
    state: State,
    endpoint: Option<T::Text>,
    choice: Choice,
    /// Attempts since the last connection that lasted.
    failures: u32,
    session: Option<T::Text>,
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
            session: None,
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

    /// The application wants a connection to this endpoint. One that exists is closed first; subscriptions stay.
    ///
    /// `remembered` is what [`Action::Remember`] last said of this endpoint, if the shell has kept it since another
    /// client was there; within its own life the client knows better. A raw endpoint is a WebSocket and nothing else.
    pub fn handle_connect(&mut self, endpoint: T::Text, framing: Framing, remembered: Remembered) {
        self.drop_socket(close_code::NORMAL.code, true);
        self.failures = 0;
        if self.endpoint.as_ref() != Some(&endpoint) {
            let allowed = match framing {
                Framing::SockJs => self.config.transports,
                Framing::Raw => Transports::WEBSOCKET,
            };
            self.choice.reset(allowed, remembered);
        }
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

    /// The page is being hidden away, perhaps for good (`pagehide`).
    pub fn handle_suspend(&mut self) {
        if self.state != State::Idle {
            self.drop_socket(close_code::GOING_AWAY.code, true);
            self.actions.push(Action::Disarm);
            self.state = State::Suspended;
        }
    }

    /// The page is back, visible or online again: what waits for its next attempt tries now.
    pub fn handle_wake(&mut self) {
        if matches!(self.state, State::Waiting | State::Suspended) {
            self.open();
        }
    }

    /// The connection is open: the SockJS open frame came, or the raw socket opened.
    pub fn handle_opened(&mut self, framing: Framing) {
        if self.state != State::Connecting {
            return;
        }
        self.state = State::Open { framing, heard: false };
        self.choose(Choice::succeeded);
        self.watch();
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
    pub fn handle_heard(&mut self) {
        if let State::Open { heard, .. } = &mut self.state {
            *heard = true;
        }
    }

    /// A message came.
    pub fn handle_message(&mut self, incoming: Incoming<T>, message: T::Payload) {
        if !self.state.is_open() {
            return;
        }
        self.handle_heard();
        let event = match incoming {
            Incoming::Heartbeat(heartbeat) => {
                if let Some(reply) = heartbeat::answer(heartbeat, self.session.as_ref()) {
                    self.actions.push(Action::Send(Outgoing::HeartbeatReply(reply)));
                }
                Event::Heartbeat(message)
            }
            Incoming::Reply(reply) => self.settle(reply, message),
            Incoming::Publication(remote) => {
                Event::Publication { local_channels: self.channels.local_names(&remote), message }
            }
            // A notice about a key that the page has given up in the meantime would only mislead.
            Incoming::Session(key) if self.session.as_ref() != Some(&key) => return,
            Incoming::Session(_) => Event::Session(message),
            Incoming::Other => Event::Message(message),
        };
        self.events.push(event);
    }

    /// The connection has ended: a SockJS close frame, the socket's own end, or a socket that did not open.
    pub fn handle_closed(&mut self, code: u16, reason: Option<T::Text>, random: u32) {
        match self.state {
            // A server that says why has been reached, and would say the same over any other transport.
            State::Connecting if code < close_code::GO_AWAY.code => self.fail_try(code, reason, random),
            state if state.has_socket() => self.lose(code, reason, random),
            _ => {}
        }
    }

    /// The server has told about its SockJS service: whether it offers a WebSocket, and how long the answer took, in
    /// milliseconds.
    pub fn handle_info(&mut self, websocket: bool, round_trip_ms: u32, random: u32) {
        if self.state == State::Asking {
            let next = self.choose(|choice| choice.informed(websocket, round_trip_ms));
            self.go_on(next, close_code::ABNORMAL.code, None, random);
        }
    }

    /// The server has not told about its SockJS service: it is not there, or another one is.
    pub fn handle_no_info(&mut self, random: u32) {
        if self.state == State::Asking {
            self.lose(close_code::ABNORMAL.code, None, random);
        }
    }

    /// The timer fired.
    pub fn handle_timer(&mut self, random: u32) {
        match self.state {
            State::Idle | State::Suspended => {}
            State::Connecting => self.fail_try(close_code::ABNORMAL.code, None, random),
            State::Asking | State::Open { framing: Framing::SockJs, heard: false } => {
                self.lose(close_code::ABNORMAL.code, None, random);
            }
            State::Open { framing, .. } => {
                // It has lasted, so the next failure is the first of a new series. Counting from the opening instead
                // would let a server that closes each connection at once be asked without a pause.
                self.failures = 0;
                if framing == Framing::SockJs {
                    self.state = State::Open { framing, heard: false };
                    self.watch();
                }
            }
            State::Waiting => self.open(),
        }
    }

    /// The application calls a router.
    pub fn handle_call(&mut self, call: PageCall<T>) {
        match self.state {
            State::Open { .. } => self.transmit(call),
            State::Idle => self.fail(call.handle, CallFailure::NotConnected),
            State::Connecting | State::Asking | State::Waiting | State::Suspended => {
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

    fn open(&mut self) {
        let transport = self.choice.begin();
        self.open_over(transport);
    }

    fn open_over(&mut self, transport: Transport) {
        if let Some(endpoint) = self.endpoint.clone() {
            self.state = State::Connecting;
            self.actions.push(Action::Open { endpoint, transport });
            self.actions.push(Action::Arm(self.choice.patience_ms(self.config.connect_timeout_ms)));
        }
    }

    /// A socket did not open. The application hears of that when there is nothing else to try.
    fn fail_try(&mut self, code: u16, reason: Option<T::Text>, random: u32) {
        let next = self.choice.failed();
        self.go_on(next, code, reason, random);
    }

    fn go_on(&mut self, next: AfterTry, code: u16, reason: Option<T::Text>, random: u32) {
        match (next, self.endpoint.clone()) {
            (AfterTry::AskInfo, Some(endpoint)) => {
                self.close_socket(close_code::NORMAL.code);
                self.state = State::Asking;
                self.actions.push(Action::AskInfo(endpoint));
                self.actions.push(Action::Arm(self.config.connect_timeout_ms));
            }
            (AfterTry::Try(transport), _) => {
                self.close_socket(close_code::NORMAL.code);
                self.open_over(transport);
            }
            _ => self.lose(code, reason, random),
        }
    }

    /// Takes a step in the choice of transports; what is then remembered otherwise than before goes to the shell.
    fn choose<R>(&mut self, step: impl FnOnce(&mut Choice) -> R) -> R {
        let before = self.choice.remembered();
        let result = step(&mut self.choice);
        if self.choice.remembered() != before {
            self.actions.push(Action::Remember(self.choice.remembered()));
        }
        result
    }

    fn close_socket(&mut self, code: u16) {
        if self.state.has_socket() {
            self.actions.push(Action::Close(code));
        }
    }

    fn watch(&mut self) {
        self.actions.push(match self.config.silence_timeout_ms {
            0 => Action::Disarm,
            silence => Action::Arm(silence),
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
    fn lose(&mut self, code: u16, reason: Option<T::Text>, random: u32) {
        let reconnecting = after_close(code) == AfterClose::Reconnect;
        self.end_connection(code, reason, reconnecting);
        if reconnecting {
            let Config { reconnect_delay_ms: base, reconnect_delay_max_ms: max, .. } = self.config;
            self.actions.push(Action::Arm(reconnect_delay_ms(self.failures, base, max, random)));
            self.failures = self.failures.saturating_add(1);
            self.state = State::Waiting;
        } else {
            self.stay_away();
        }
    }

    fn drop_socket(&mut self, code: u16, reconnecting: bool) {
        if self.state.is_trying_or_open() {
            self.end_connection(code, None, reconnecting);
        }
    }

    fn end_connection(&mut self, code: u16, reason: Option<T::Text>, reconnecting: bool) {
        // Of an end that the network brought, the socket knows already; closing it again does nothing. A server's own
        // code is not sent back, since a page may only send 1000 and 3000-4999.
        self.close_socket(close_code::NORMAL.code);
        self.events.push(Event::Close { code, reason, reconnecting });
        self.subscriptions.lost();
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
