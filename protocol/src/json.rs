//! Messages as JSON text, read and written by serde_json.

use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    format,
    string::String,
    vec::Vec,
};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{
    Call, ChannelAction, ChannelData, ClientMessage, HeartbeatMessage, HeartbeatReply, HeartbeatValue, Publication,
    Reply, ReplyState, ServerMessage, SessionNotice, SessionState, Wire,
};

/// Messages made of JSON text: a payload is kept as it came, and parsed by whoever wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json;

impl Wire for Json {
    type Text = String;
    type Payload = Box<RawValue>;
}

/// Why a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedMessage {
    /// Not JSON.
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A field of the wrong type.
    Field {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// An object without the fields of any message.
    UnknownShape,
    /// `heartbeat` is neither `"tick"` nor `"1"` nor `1`.
    HeartbeatValue,
}

impl fmt::Display for MalformedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column } => write!(f, "not a message: no JSON at line {line} column {column}"),
            Self::Field { line, column } => {
                write!(f, "not a message: a field of the wrong type at line {line} column {column}")
            }
            Self::UnknownShape => f.write_str("not a message: no field tells what it is"),
            Self::HeartbeatValue => f.write_str("`heartbeat` is neither \"tick\" nor \"1\""),
        }
    }
}

impl core::error::Error for MalformedMessage {}

impl From<serde_json::Error> for MalformedMessage {
    // Without the error's own words: they quote what was sent, which may be a session key.
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_data() { Self::Field { line, column } } else { Self::Json { line, column } }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// An object that a page sends. What it is, its fields tell.
#[derive(Default, Serialize, Deserialize)]
struct ClientObject<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    heartbeat: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    ack: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    logout: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    args: Option<&'a RawValue>,
    #[serde(rename = "callbackname", skip_serializing_if = "Option::is_none")]
    callback_name: Option<Cow<'a, str>>,
}

/// Reads a message that a page sent.
///
/// A message with a `route` is a call, whatever else it mentions; one with a `heartbeat` is a heartbeat reply; one that
/// has `"logout": true` and a `session` ends that session.
///
/// # Errors
/// Says why the text is neither.
pub fn decode_client_message(text: &str) -> Result<ClientMessage<Json>, MalformedMessage> {
    let object: ClientObject<'_> = from_object(text)?;
    match (object.route, object.heartbeat) {
        (Some(route), _) => Ok(ClientMessage::Call(Call {
            route: route.into_owned(),
            verb: object.verb.unwrap_or_default().into_owned(),
            args: object.args.map(ToOwned::to_owned),
            callback_name: object.callback_name.map(Cow::into_owned),
        })),
        (None, Some(value)) => Ok(ClientMessage::HeartbeatReply(HeartbeatReply {
            value: heartbeat_value(value)?,
            session: object.session.map(Cow::into_owned),
            ack: object.ack,
        })),
        (None, None) => match object.session {
            Some(session) if object.logout => Ok(ClientMessage::Logout(session.into_owned())),
            _ => Err(MalformedMessage::UnknownShape),
        },
    }
}

/// Parses an object. serde would also read a struct from an array, which no peer means.
fn from_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, MalformedMessage> {
    if !text.trim_start().starts_with('{') {
        return Err(MalformedMessage::UnknownShape);
    }
    Ok(serde_json::from_str(text)?)
}

fn heartbeat_value(raw: &RawValue) -> Result<HeartbeatValue, MalformedMessage> {
    match raw.get() {
        "\"tick\"" => Ok(HeartbeatValue::Tick),
        "\"1\"" | "1" => Ok(HeartbeatValue::One),
        _ => Err(MalformedMessage::HeartbeatValue),
    }
}

/// Writes a message of a page.
#[must_use]
pub fn encode_client_message(message: &ClientMessage<Json>) -> String {
    let value;
    let object = match message {
        ClientMessage::Call(call) => ClientObject {
            route: Some(call.route.as_str().into()),
            verb: Some(call.verb.as_str().into()),
            args: call.args.as_deref(),
            callback_name: call.callback_name.as_deref().map(Cow::Borrowed),
            ..ClientObject::default()
        },
        ClientMessage::HeartbeatReply(reply) => {
            value = raw_string(reply.value.as_str());
            ClientObject {
                heartbeat: Some(&value),
                session: reply.session.as_deref().map(Cow::Borrowed),
                ack: reply.ack,
                ..ClientObject::default()
            }
        }
        ClientMessage::Logout(session) => {
            ClientObject { logout: true, session: Some(session.as_str().into()), ..ClientObject::default() }
        }
    };
    to_json(&object)
}

/// An object that a server sends. What it is, its fields tell.
#[derive(Deserialize)]
struct ServerObject<'a> {
    #[serde(borrow)]
    heartbeat: Option<&'a RawValue>,
    #[serde(default)]
    ack: bool,
    #[serde(default)]
    bound: bool,
    #[serde(borrow)]
    context: Option<ContextObject<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    channel_data: Option<ChannelDataObject<'a>>,
    channel: Option<Cow<'a, str>>,
    action: Option<Cow<'a, str>>,
    /// `null` names the bound session; only what has no such field at all is no session notice.
    #[serde(default, deserialize_with = "present")]
    session: Option<Option<Cow<'a, str>>>,
    state: Option<Cow<'a, str>>,
    ttl: Option<u64>,
    reason: Option<Cow<'a, str>>,
    touch_ms: Option<u64>,
}

/// Reads a field that is there, be it `null`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<T>, D::Error> {
    T::deserialize(field).map(Some)
}

#[derive(Serialize, Deserialize)]
struct ContextObject<'a> {
    client_callback_name: Option<Cow<'a, str>>,
    verb: Option<Cow<'a, str>>,
    state: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    page: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    client_context: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct ChannelDataObject<'a> {
    local_channel: Cow<'a, str>,
    remote_channels: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Cow<'a, str>>,
}

/// Reads a message that a server sent.
///
/// # Errors
/// Says why the text is none.
pub fn decode_server_message(text: &str) -> Result<ServerMessage<Json>, MalformedMessage> {
    let object: ServerObject<'_> = from_object(text)?;
    if let Some(value) = object.heartbeat {
        let value = heartbeat_value(value)?;
        return Ok(ServerMessage::Heartbeat(HeartbeatMessage { value, ack: object.ack, bound: object.bound }));
    }
    if let Some(context) = object.context {
        let action = object.channel_data.as_ref().and_then(|channels| channels.action.as_deref());
        return Ok(ServerMessage::Reply(Reply {
            data: object.data.map(ToOwned::to_owned),
            callback_name: context.client_callback_name.map(Cow::into_owned),
            verb: context.verb.map(Cow::into_owned),
            state: reply_state(&context.state).ok_or(MalformedMessage::UnknownShape)?,
            channel_action: action.and_then(channel_action),
            page: context.page.map(ToOwned::to_owned),
            client_context: context.client_context.map(ToOwned::to_owned),
            channel_data: object.channel_data.map(|channels| ChannelData {
                local_channel: channels.local_channel.into_owned(),
                remote_channels: channels.remote_channels.into_iter().map(Cow::into_owned).collect(),
            }),
        }));
    }
    if let Some(channel) = object.channel {
        return Ok(ServerMessage::Publication(Publication {
            data: object.data.map_or_else(null, ToOwned::to_owned),
            action: object.action.map(Cow::into_owned),
            channel: channel.into_owned(),
        }));
    }
    match (object.session, object.state) {
        (Some(session), Some(state)) => Ok(ServerMessage::Session(SessionNotice {
            session: session.map(Cow::into_owned),
            state: session_state(&state).ok_or(MalformedMessage::UnknownShape)?,
            ttl_ms: object.ttl,
            reason: object.reason.map(Cow::into_owned),
            touch_ms: object.touch_ms,
        })),
        _ => Err(MalformedMessage::UnknownShape),
    }
}

fn reply_state(text: &str) -> Option<ReplyState> {
    [ReplyState::Success, ReplyState::Error, ReplyState::LoginRequired].into_iter().find(|state| state.as_str() == text)
}

fn channel_action(text: &str) -> Option<ChannelAction> {
    [ChannelAction::Subscribe, ChannelAction::Unsubscribe].into_iter().find(|action| action.as_str() == text)
}

fn session_state(text: &str) -> Option<SessionState> {
    use SessionState::{Active, Expired, Expiring, Persistent, Refused, Unsupported};
    [Active, Expiring, Expired, Persistent, Unsupported, Refused].into_iter().find(|state| state.as_str() == text)
}

#[derive(Serialize)]
struct ReplyObject<'a> {
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<ChannelDataObject<'a>>,
    context: ContextObject<'a>,
}

#[derive(Serialize)]
struct PublicationObject<'a> {
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    channel: &'a str,
}

#[derive(Serialize)]
struct SessionObject<'a> {
    session: Option<&'a str>,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    touch_ms: Option<u64>,
}

/// Writes a message of a server.
#[must_use]
pub fn encode_server_message(message: &ServerMessage<Json>) -> String {
    match message {
        // To the letter what the original sends, which put a space after each colon and comma.
        ServerMessage::Heartbeat(HeartbeatMessage { value, ack, bound }) => {
            let ack = if *ack { ", \"ack\": true" } else { "" };
            let bound = if *bound { ", \"bound\": true" } else { "" };
            format!("{{\"heartbeat\": \"{value}\"{ack}{bound}}}")
        }
        ServerMessage::Reply(reply) => to_json(&ReplyObject {
            data: reply.data.as_deref(),
            channel_data: reply.channel_data.as_ref().map(|channels| ChannelDataObject {
                local_channel: channels.local_channel.as_str().into(),
                remote_channels: channels.remote_channels.iter().map(|name| name.as_str().into()).collect(),
                action: reply.channel_action.map(|action| action.as_str().into()),
            }),
            context: ContextObject {
                client_callback_name: reply.callback_name.as_deref().map(Cow::Borrowed),
                verb: reply.verb.as_deref().map(Cow::Borrowed),
                state: reply.state.as_str().into(),
                page: reply.page.as_deref(),
                client_context: reply.client_context.as_deref(),
            },
        }),
        ServerMessage::Publication(publication) => to_json(&PublicationObject {
            data: &publication.data,
            action: publication.action.as_deref(),
            channel: &publication.channel,
        }),
        ServerMessage::Session(notice) => to_json(&SessionObject {
            session: notice.session.as_deref(),
            state: notice.state.as_str(),
            ttl: notice.ttl_ms,
            reason: notice.reason.as_deref(),
            touch_ms: notice.touch_ms,
        }),
    }
}

/// Any value as an unparsed payload.
///
/// # Errors
/// When the value has no JSON form, such as a map whose keys are not strings.
pub fn to_payload<T: Serialize>(value: &T) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(value)
}

fn to_json<T: Serialize>(object: &T) -> String {
    // Structs of strings, numbers and JSON that was parsed before: no key or value serde_json could refuse.
    serde_json::to_string(object).unwrap_or_default()
}

fn raw_string(text: &str) -> Box<RawValue> {
    to_payload(&text).unwrap_or_else(|_| null())
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn a_call_that_mentions_a_heartbeat_is_still_a_call() {
        let text = r#"{"route":"notes","verb":"add","args":{"heartbeat":"tick"},"heartbeat":"tick","session":"k"}"#;
        assert!(matches!(decode_client_message(text), Ok(ClientMessage::Call(_))));
    }

    #[test]
    fn what_is_neither_call_nor_reply_is_refused() {
        for text in ["", "null", "1", "[]", "\"hello\"", "{}", r#"{"verb":"x"}"#, r#"{"session":"k"}"#] {
            assert!(decode_client_message(text).is_err(), "{text}");
        }
        let wrong_value = decode_client_message(r#"{"heartbeat":"boom","session":"k"}"#).unwrap_err();
        assert_eq!(wrong_value.to_string(), "`heartbeat` is neither \"tick\" nor \"1\"");
        assert!(decode_client_message(r#"{"heartbeat":"tick","session":12}"#).is_err());
    }

    #[test]
    fn a_logout_names_its_session() {
        let text = encode_client_message(&ClientMessage::Logout("k".to_owned()));
        assert_eq!(text, r#"{"session":"k","logout":true}"#);
        assert!(matches!(decode_client_message(&text), Ok(ClientMessage::Logout(key)) if key == "k"));
        for text in [r#"{"logout":true}"#, r#"{"logout":false,"session":"k"}"#, r#"{"logout":"yes","session":"k"}"#] {
            assert!(decode_client_message(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_heartbeat_message_says_what_it_offers_and_nothing_else() {
        for (ack, bound, text) in [
            (false, false, r#"{"heartbeat": "tick"}"#),
            (true, false, r#"{"heartbeat": "tick", "ack": true}"#),
            (false, true, r#"{"heartbeat": "tick", "bound": true}"#),
            (true, true, r#"{"heartbeat": "tick", "ack": true, "bound": true}"#),
        ] {
            let message = HeartbeatMessage { value: HeartbeatValue::Tick, ack, bound };
            assert_eq!(encode_server_message(&ServerMessage::Heartbeat(message)), text);
            assert!(matches!(decode_server_message(text), Ok(ServerMessage::Heartbeat(read)) if read == message));
        }
    }

    fn notice(text: &str) -> SessionNotice<Json> {
        let Ok(ServerMessage::Session(notice)) = decode_server_message(text) else { panic!("no notice: {text}") };
        notice
    }

    #[test]
    fn a_notice_names_its_session_or_means_the_bound_one() {
        for (text, session, ttl_ms, touch_ms) in [
            (r#"{"session":"k","state":"active","ttl":1000}"#, Some("k"), Some(1000), None),
            (r#"{"session":null,"state":"active","ttl":1000,"touch_ms":500}"#, None, Some(1000), Some(500)),
            (r#"{"session":null,"state":"expired"}"#, None, None, None),
        ] {
            let notice = notice(text);
            assert_eq!((notice.session.as_deref(), notice.ttl_ms, notice.touch_ms), (session, ttl_ms, touch_ms));
            assert_eq!(encode_server_message(&ServerMessage::Session(notice)), text);
        }
    }

    #[test]
    fn what_says_nothing_of_a_session_is_no_notice_of_the_bound_one() {
        for text in [r#"{"state":"active"}"#, r#"{"state":"expired","ttl":1}"#, r#"{"session":null}"#] {
            assert_eq!(decode_server_message(text).unwrap_err(), MalformedMessage::UnknownShape, "{text}");
        }
        // The application's own word, as it was where a session is named.
        assert_eq!(
            decode_server_message(r#"{"session":null,"state":"idle"}"#).unwrap_err(),
            MalformedMessage::UnknownShape
        );
        for session in ["12", "false", "{}"] {
            let text = format!(r#"{{"session":{session},"state":"active"}}"#);
            assert!(matches!(decode_server_message(&text).unwrap_err(), MalformedMessage::Field { .. }), "{text}");
        }
    }

    #[test]
    fn payloads_cross_untouched() {
        let text = r#"{"route":"demo","verb":"echo","args":{"big": 12345678901234567890123, "a" :1.0}}"#;
        let Ok(ClientMessage::Call(call)) = decode_client_message(text) else { panic!("no call") };
        assert_eq!(call.args.unwrap().get(), r#"{"big": 12345678901234567890123, "a" :1.0}"#);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoders_panic(text in any::<String>()) {
            let _ = decode_client_message(&text);
            let _ = decode_server_message(&text);
        }

        #[test]
        fn a_call_survives_the_wire(route in any::<String>(), verb in any::<String>(), name in any::<Option<String>>()) {
            let call = Call::<Json> { route, verb, args: None, callback_name: name };
            let text = encode_client_message(&ClientMessage::Call(call.clone()));
            let Ok(ClientMessage::Call(read)) = decode_client_message(&text) else { panic!("{text}") };
            prop_assert_eq!((read.route, read.verb, read.callback_name), (call.route, call.verb, call.callback_name));
        }
    }
}
