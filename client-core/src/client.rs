use alloc::vec::Vec;

use swampdragon_protocol::{ReplyState, close_code};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::subscriptions::Subscriptions;
use crate::{
    Action, AfterClose, CallFailure, Config, Event, Incoming, IncomingReply, Outgoing, PageCall, Purpose, State,
    Transport, Types, after_close, heartbeat, reconnect_delay_ms,
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
    pub fn handle_connect(&mut self, endpoint: T::Text) {
        self.drop_socket(close_code::NORMAL.code, true);
        self.failures = 0;
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
    pub fn handle_opened(&mut self, transport: Transport) {
        if self.state != State::Connecting {
            return;
        }
        self.state = State::Open { transport, heard: false };
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
        if self.state.has_socket() {
            self.lose(code, reason, random);
        }
    }

    /// The timer fired.
    pub fn handle_timer(&mut self, random: u32) {
        match self.state {
            State::Idle | State::Suspended => {}
            State::Connecting | State::Open { transport: Transport::SockJs, heard: false } => {
                self.lose(close_code::ABNORMAL.code, None, random);
            }
            State::Open { transport, .. } => {
                // It has lasted, so the next failure is the first of a new series. Counting from the opening instead
                // would let a server that closes each connection at once be asked without a pause.
                self.failures = 0;
                if transport == Transport::SockJs {
                    self.state = State::Open { transport, heard: false };
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

    fn open(&mut self) {
        if let Some(endpoint) = self.endpoint.clone() {
            self.state = State::Connecting;
            self.actions.push(Action::Open(endpoint));
            self.actions.push(Action::Arm(self.config.connect_timeout_ms));
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
        if self.state.has_socket() {
            self.end_connection(code, None, reconnecting);
        }
    }

    fn end_connection(&mut self, code: u16, reason: Option<T::Text>, reconnecting: bool) {
        // Of an end that the network brought, the socket knows already; closing it again does nothing. A server's own
        // code is not sent back, since a page may only send 1000 and 3000-4999.
        self.actions.push(Action::Close(close_code::NORMAL.code));
        self.events.push(Event::Close { code, reason, reconnecting });
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
