use swampdragon_protocol::{
    Call, ClientMessage, HeartbeatValue, InvalidSessionKey, PlainReply, SessionKey,
    json::{Json, MalformedMessage, decode_client_message},
};

/// A message from a page that is no heartbeat reply.
#[derive(Debug)]
pub struct Message<'a> {
    text: &'a str,
    call: Result<Call<Json>, MalformedMessage>,
}

impl<'a> Message<'a> {
    /// The message as it came, which is JSON if the peer kept to the protocol.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The message as a call of a router.
    ///
    /// # Errors
    /// Says why it is none.
    pub fn call(&self) -> Result<&Call<Json>, &MalformedMessage> {
        self.call.as_ref()
    }

    pub(crate) fn into_call(self) -> Result<Call<Json>, MalformedMessage> {
        self.call
    }
}

/// A page's answer to a heartbeat message.
#[derive(Debug, Clone)]
pub struct HeartbeatReply {
    /// Which value it answers.
    pub value: HeartbeatValue,
    /// The session to keep. `None` from pages that keep none, and from those of SwampDragon 0.2-0.4, which name none;
    /// an error when what was sent is no session key.
    pub session: Option<Result<SessionKey, InvalidSessionKey>>,
    /// The page asks to be told what became of the session.
    pub ack: bool,
    /// What was sent as `session`, for the answer to a reply that is refused.
    pub(crate) session_text: Option<String>,
}

impl From<PlainReply> for HeartbeatReply {
    fn from(PlainReply { session, ack }: PlainReply) -> Self {
        // Its text is asked for only if it is no key, or none that may be named.
        Self { value: HeartbeatValue::Tick, session: session.map(Ok), ack, session_text: None }
    }
}

/// A page's wish to end a session.
#[derive(Debug, Clone)]
pub struct LogoutRequest {
    /// Which session; an error when what was sent is no session key.
    pub session: Result<SessionKey, InvalidSessionKey>,
    /// What was sent as `session`, for the answer.
    pub(crate) session_text: String,
}

/// A message sorted: what the hooks of a [`ConnectionHandler`](super::ConnectionHandler) take.
pub(super) enum Sorted<'a> {
    HeartbeatReply(HeartbeatReply),
    Logout(LogoutRequest),
    Message(Message<'a>),
}

pub(super) fn sort(text: &str) -> Sorted<'_> {
    match decode_client_message(text) {
        Ok(ClientMessage::HeartbeatReply(reply)) => Sorted::HeartbeatReply(HeartbeatReply {
            value: reply.value,
            session: reply.session.as_deref().map(SessionKey::parse),
            ack: reply.ack,
            session_text: reply.session,
        }),
        Ok(ClientMessage::Call(call)) => Sorted::Message(Message { text, call: Ok(call) }),
        Ok(ClientMessage::Logout(session)) => {
            Sorted::Logout(LogoutRequest { session: SessionKey::parse(&session), session_text: session })
        }
        Err(error) => Sorted::Message(Message { text, call: Err(error) }),
    }
}
