//! SockJS 0.3 frames: what a server sends on every SockJS transport.

#[cfg(feature = "json")]
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
#[cfg(feature = "json")]
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
#[cfg(feature = "json")]
use serde_json::value::RawValue;

/// Which frame a text is, told by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// `o`: the SockJS session is open.
    Open,
    /// `h`: a heartbeat frame, which asks for nothing.
    Heartbeat,
    /// `a`: an array of messages follows.
    Messages,
    /// `m`: one message follows. No server sends it today; SockJS clients read it.
    Message,
    /// `c`: code and reason follow; the SockJS session is over.
    Close,
}

impl FrameKind {
    /// The kind that begins with this character, given as its Unicode code point (what `charCodeAt` gives a browser).
    #[must_use]
    pub const fn of(first: u32) -> Option<Self> {
        match first {
            0x6f => Some(Self::Open),
            0x68 => Some(Self::Heartbeat),
            0x61 => Some(Self::Messages),
            0x6d => Some(Self::Message),
            0x63 => Some(Self::Close),
            _ => None,
        }
    }
}

/// One SockJS frame with its messages as JSON text.
#[cfg(feature = "json")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SockJsFrame<'a> {
    /// `o`
    Open,
    /// `h`
    Heartbeat,
    /// `a[...]` or `m...`: messages, each the JSON text of one message.
    Messages(Vec<Cow<'a, str>>),
    /// `c[code,"reason"]`
    Close {
        /// The close code.
        code: u16,
        /// Its text.
        reason: Cow<'a, str>,
    },
}

/// The text is not what its direction of a SockJS transport carries.
#[cfg(feature = "json")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedFrame {
    /// A server's frame begins with `o`, `h`, `a[`, `m` or `c[`.
    Server,
    /// A client's frame is a JSON array of messages.
    Client,
}

#[cfg(feature = "json")]
impl core::fmt::Display for MalformedFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Server => "not a SockJS frame: one begins with o, h, a[, m or c[",
            Self::Client => "not a JSON array of messages",
        })
    }
}

#[cfg(feature = "json")]
impl core::error::Error for MalformedFrame {}

#[cfg(feature = "json")]
impl<'a> SockJsFrame<'a> {
    /// Reads a frame that a server sent.
    ///
    /// Messages may stand in it as strings, as SockJS has it, or as objects, as SwampDragon 0.4 sends them.
    ///
    /// # Errors
    /// [`MalformedFrame`] when the text is no frame.
    pub fn decode(text: &'a str) -> Result<Self, MalformedFrame> {
        let kind = text.chars().next().and_then(|first| FrameKind::of(first.into())).ok_or(MalformedFrame::Server)?;
        let body = text.get(1..).ok_or(MalformedFrame::Server)?;
        match kind {
            FrameKind::Open if body.is_empty() => Ok(Self::Open),
            FrameKind::Heartbeat if body.is_empty() => Ok(Self::Heartbeat),
            FrameKind::Open | FrameKind::Heartbeat => Err(MalformedFrame::Server),
            FrameKind::Messages => message_list(body).map(Self::Messages).ok_or(MalformedFrame::Server),
            FrameKind::Message => {
                let raw: &RawValue = serde_json::from_str(body).map_err(|_| MalformedFrame::Server)?;
                message_text(raw).map(|message| Self::Messages([message].into())).ok_or(MalformedFrame::Server)
            }
            FrameKind::Close => {
                let (code, reason) = serde_json::from_str(body).map_err(|_| MalformedFrame::Server)?;
                Ok(Self::Close { code, reason: Cow::Owned(reason) })
            }
        }
    }

    /// Writes the frame. Each message goes in as a JSON string.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Open => "o".to_string(),
            Self::Heartbeat => "h".to_string(),
            Self::Messages(messages) => encode_elements(messages.iter().map(|message| quote(message))),
            Self::Close { code, reason } => format!("c[{code},{}]", quote(reason)),
        }
    }
}

/// How a message stands in an `a[...]` frame.
#[cfg(feature = "json")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MessageForm {
    /// As a JSON string, which is SockJS's own form and that of SwampDragon 0.1 to 0.3.
    #[default]
    String,
    /// As the JSON value itself, the form of all that SwampDragon 0.4 sends but its publications.
    Object,
}

#[cfg(feature = "json")]
impl MessageForm {
    /// The message as an element of the frame's array; see [`encode_elements`].
    ///
    /// It has no line breaks, with which frames end on some transports. A text that is not JSON stands as a string in
    /// either form.
    #[must_use]
    pub fn element(self, message: &str) -> String {
        match self {
            // Between the parts of a JSON text a space is as good as a line break; inside a string neither may stand.
            Self::Object if serde_json::from_str::<&RawValue>(message).is_ok() => {
                escaped(message.trim().replace(['\r', '\n'], " "))
            }
            Self::String | Self::Object => quote(message),
        }
    }
}

/// Writes an `a[...]` frame of elements that [`MessageForm::element`] has made.
#[cfg(feature = "json")]
#[must_use]
pub fn encode_elements(elements: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut frame = String::from("a[");
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            frame.push(',');
        }
        frame.push_str(element.as_ref());
    }
    frame.push(']');
    frame
}

/// The text as a JSON string.
///
/// serde_json leaves characters past ASCII as they are, but some proxies and browsers change a few of them under way;
/// SockJS (0.3.4, "Unicode") has those sent as escapes.
#[cfg(feature = "json")]
fn quote(text: &str) -> String {
    // A string always has a JSON form.
    escaped(serde_json::to_string(text).unwrap_or_default())
}

/// JSON text with those characters as escapes. Outside strings JSON has none of them.
#[cfg(feature = "json")]
fn escaped(quoted: String) -> String {
    if !quoted.chars().any(must_be_escaped) {
        return quoted;
    }
    let mut escaped = String::with_capacity(quoted.len() + 16);
    for character in quoted.chars() {
        if must_be_escaped(character) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(feature = "json")]
fn must_be_escaped(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{604}' | '\u{70f}' | '\u{17b4}' | '\u{17b5}'
        | '\u{200c}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff0}'..='\u{ffff}')
}

/// Reads what a client sends in one frame of a SockJS transport: the JSON texts of its messages.
///
/// SockJS clients send an array of strings. The originals also took a bare string, an object and an array of objects,
/// and ignored an empty frame; so does this.
///
/// # Errors
/// [`MalformedFrame`] when the text is not JSON, or is none of these.
#[cfg(feature = "json")]
pub fn decode_client_frame(text: &str) -> Result<Vec<Cow<'_, str>>, MalformedFrame> {
    match text.trim_start().bytes().next() {
        None => Ok(Vec::new()),
        Some(b'[') => message_list(text).ok_or(MalformedFrame::Client),
        Some(_) => {
            let raw: &RawValue = serde_json::from_str(text).map_err(|_| MalformedFrame::Client)?;
            message_text(raw).map(|message| [message].into()).ok_or(MalformedFrame::Client)
        }
    }
}

#[cfg(feature = "json")]
fn message_list(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let list: MessageList<'_> = serde_json::from_str(text).ok()?;
    Some(list.0)
}

/// The messages of an array, read one after the other into the list where they stay.
#[cfg(feature = "json")]
struct MessageList<'a>(Vec<Cow<'a, str>>);

#[cfg(feature = "json")]
impl<'de> Deserialize<'de> for MessageList<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = MessageList<'de>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an array of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let mut messages = Vec::with_capacity(1);
                while let Some(raw) = elements.next_element::<&RawValue>()? {
                    messages.push(message_text(raw).ok_or_else(|| A::Error::custom("no message"))?);
                }
                Ok(MessageList(messages))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// A message's JSON text: what a string holds, or any other value as it stands.
#[cfg(feature = "json")]
fn message_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let Some(quoted) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Some(Cow::Borrowed(text));
    };
    match unescaped(quoted) {
        Some(message) => Some(message),
        None => serde_json::from_str(text).map(Cow::Owned).ok(),
    }
}

/// What stands between the quotes of a JSON string, unless it has escapes that are no character themselves.
///
/// serde_json reads those too, but into memory that it enlarges at every escape; and a message that is JSON itself has
/// escapes everywhere.
#[cfg(feature = "json")]
fn unescaped(quoted: &str) -> Option<Cow<'_, str>> {
    let Some(first) = quoted.find('\\') else { return Some(Cow::Borrowed(quoted)) };
    let mut text = String::with_capacity(quoted.len());
    let (before, mut rest) = quoted.split_at(first);
    text.push_str(before);
    while let Some(escape) = rest.strip_prefix('\\') {
        let character = escape.chars().next().filter(|it| matches!(it, '"' | '\\' | '/'))?;
        text.push(character);
        rest = escape.get(character.len_utf8()..)?;
        let next = rest.find('\\').unwrap_or(rest.len());
        text.push_str(rest.get(..next)?);
        rest = rest.get(next..)?;
    }
    Some(Cow::Owned(text))
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn frame_kinds_are_told_by_their_first_character() {
        for (text, kind) in [
            ('o', FrameKind::Open),
            ('h', FrameKind::Heartbeat),
            ('a', FrameKind::Messages),
            ('m', FrameKind::Message),
            ('c', FrameKind::Close),
        ] {
            assert_eq!(FrameKind::of(text.into()), Some(kind));
        }
        assert_eq!(FrameKind::of('x'.into()), None);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for text in ["", "x", "oo", "h ", "a", "a{}", "a[", "c", "c[]", "c[3000]", "c[\"3000\",\"x\"]", "m", "é"] {
            assert_eq!(SockJsFrame::decode(text), Err(MalformedFrame::Server), "{text:?}");
        }
    }

    #[test]
    fn a_single_message_frame_is_read() {
        assert_eq!(SockJsFrame::decode(r#"m"{}""#), Ok(SockJsFrame::Messages(vec!["{}".into()])));
    }

    #[test]
    fn a_message_stands_as_a_string_or_as_itself() {
        for (form, message, element) in [
            (MessageForm::String, "{\"a\": 1}", r#""{\"a\": 1}""#),
            (MessageForm::Object, "{\"a\": 1}", r#"{"a": 1}"#),
            (MessageForm::Object, " {\"a\":\r\n1}\n", r#"{"a":  1}"#),
            (MessageForm::Object, "[\"\u{2028}\"]", r#"["\u2028"]"#),
            (MessageForm::Object, "no JSON", r#""no JSON""#),
            (MessageForm::Object, "", r#""""#),
        ] {
            assert_eq!(form.element(message), element);
        }
        assert_eq!(encode_elements(["1", "\"2\""]), "a[1,\"2\"]");
    }

    #[test]
    fn characters_that_are_changed_under_way_are_escaped() {
        let frame = SockJsFrame::Messages(vec!["\u{2028}\u{fffe}é".into()]);
        assert_eq!(frame.encode(), "a[\"\\u2028\\ufffeé\"]");
    }

    proptest! {
        #[test]
        fn every_frame_survives_the_wire(messages in prop::collection::vec(any::<String>(), 0..4), code in any::<u16>(), reason in any::<String>()) {
            let messages = SockJsFrame::Messages(messages.into_iter().map(Cow::Owned).collect());
            let text = messages.encode();
            prop_assert_eq!(SockJsFrame::decode(&text), Ok(messages));
            let close = SockJsFrame::Close { code, reason: Cow::Owned(reason) };
            let text = close.encode();
            prop_assert_eq!(SockJsFrame::decode(&text), Ok(close));
        }

        #[test]
        fn a_message_is_what_serde_json_says(texts in prop::collection::vec("(?:[a-z\"\\\\/\n\u{1}\u{2028}é]|.){0,12}", 0..4)) {
            let frame = serde_json::to_string(&texts).unwrap();
            let read: Vec<String> = serde_json::from_str(&frame).unwrap();
            prop_assert_eq!(decode_client_frame(&frame).unwrap(), read);
        }

        #[test]
        fn no_text_makes_the_decoders_panic(text in any::<String>()) {
            let _ = SockJsFrame::decode(&text);
            let _ = decode_client_frame(&text);
        }
    }
}
