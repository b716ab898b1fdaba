use crate::SessionKey;

/// A heartbeat reply in the very letters in which clients send it.
///
/// Most of what a server hears is these, and read by their letters they cost it little. Any other spelling of a reply is
/// none of these and no fault: [`decode_client_message`](crate::json::decode_client_message) reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainReply {
    /// Which session to keep; `None` is the connection's own.
    pub session: Option<SessionKey>,
    /// Asks for a [`SessionNotice`](crate::SessionNotice).
    pub ack: bool,
}

/// The letters between which a reply says something.
struct Spelling {
    start: &'static str,
    session: &'static str,
    session_end: &'static str,
    ack: &'static str,
    end: &'static str,
}

const MESSAGE: Spelling = Spelling {
    start: r#"{"heartbeat":"tick""#,
    session: r#","session":""#,
    session_end: r#"""#,
    ack: r#","ack":true"#,
    end: "}",
};

const FRAME: Spelling = Spelling {
    start: r#"["{\"heartbeat\":\"tick\""#,
    session: r#",\"session\":\""#,
    session_end: r#"\""#,
    ack: r#",\"ack\":true"#,
    end: r#"}"]"#,
};

impl PlainReply {
    /// Reads a message.
    #[must_use]
    pub fn of_message(text: &str) -> Option<Self> {
        MESSAGE.read(text)
    }

    /// Reads what a client sends in one frame of a SockJS transport, if it is one reply alone.
    #[must_use]
    pub fn of_frame(text: &str) -> Option<Self> {
        FRAME.read(text)
    }
}

impl Spelling {
    fn read(&self, text: &str) -> Option<PlainReply> {
        let said = text.strip_prefix(self.start)?.strip_suffix(self.end)?;
        let (session, rest) = match said.strip_prefix(self.session) {
            Some(session) => {
                // No letter of a key is either of these, or written in another way in JSON.
                let end = session.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
                let (session, rest) = session.split_at(end);
                (Some(SessionKey::parse(session).ok()?), rest.strip_prefix(self.session_end)?)
            }
            None => (None, said),
        };
        let ack = rest == self.ack;
        (ack || rest.is_empty()).then_some(PlainReply { session, ack })
    }
}

#[cfg(feature = "json")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ClientMessage, HeartbeatReply, HeartbeatValue,
        json::{Json, decode_client_message, encode_client_message},
    };
    use proptest::prelude::*;
    use std::{string::String, vec};

    /// As clients do.
    fn written(session: Option<&str>, ack: bool) -> String {
        encode_client_message(&ClientMessage::HeartbeatReply(HeartbeatReply {
            value: HeartbeatValue::Tick,
            session: session.map(Into::into),
            ack,
        }))
    }

    fn in_frame(message: &str) -> String {
        serde_json::to_string(&vec![message]).unwrap()
    }

    #[test]
    fn what_is_spelt_otherwise_is_left_to_the_decoder() {
        for message in [
            r#"{"heartbeat": "tick"}"#,
            r#"{"heartbeat":"1","session":"abc"}"#,
            r#"{"heartbeat":"tick","session":"a b"}"#,
            r#"{"heartbeat":"tick","session":""}"#,
            r#"{"heartbeat":"tick","session":"abc","ack":false}"#,
            r#"{"heartbeat":"tick","session":"abc"}}"#,
            r#"{"heartbeat":"tick","session":"abc"},{}"#,
            r#"{"heartbeat":"tick","ack":true,"session":"abc"}"#,
            r#"{"heartbeat":"tick","session":null}"#,
            "",
        ] {
            assert_eq!(PlainReply::of_message(message), None, "{message}");
            assert_eq!(PlainReply::of_frame(&in_frame(message)), None, "{message}");
        }
        let reply = written(Some("abc"), true);
        let two = serde_json::to_string(&vec![&reply, &reply]).unwrap();
        assert_eq!(PlainReply::of_frame(&two), None);
        assert_eq!(PlainReply::of_frame(&reply), None);
        assert_eq!(PlainReply::of_message(&in_frame(&reply)), None);
    }

    proptest! {
        #[test]
        fn what_clients_write_is_read(session in prop::option::of("[A-Za-z0-9_.~-]{1,128}"), ack: bool) {
            let message = written(session.as_deref(), ack);
            let key = session.as_deref().map(|it| SessionKey::parse(it).unwrap());
            let reply = Some(PlainReply { session: key, ack });
            prop_assert_eq!(PlainReply::of_message(&message), reply.clone());
            prop_assert_eq!(PlainReply::of_frame(&in_frame(&message)), reply);
        }

        #[test]
        fn it_reads_nothing_that_the_decoder_reads_otherwise(text in r#"\{"heartbeat":"tick"(,"session":"[a-z"\\]{0,3}")?(,"ack":true)?\}.?"#) {
            if let Some(PlainReply { session, ack }) = PlainReply::of_message(&text) {
                let Ok(ClientMessage::<Json>::HeartbeatReply(decoded)) = decode_client_message(&text) else {
                    return Err(TestCaseError::fail(text));
                };
                prop_assert_eq!(decoded.session.as_deref(), session.as_ref().map(SessionKey::as_str));
                prop_assert_eq!(decoded.ack, ack);
            }
        }
    }
}
