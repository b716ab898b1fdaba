//! What values a setting may have: how they are read from text, and how they are shown.

mod choice;
mod cookie;
mod networks;
mod number;
mod origins;
mod text;
mod time;

pub(super) use self::{
    choice::{AbortCode, Flag, HeartbeatValueName, LogFormatName, MessageFormName, ProxyHeaderName},
    cookie::{CookieDomain, CookieName, CookiePath, Layout, RedisKey, SameSiteName, Signature},
    networks::Networks,
    number::{Bytes, Count, Count16, Port},
    origins::{Origins, WebOrigin},
    text::{
        Carrier, File, Folder, Host, KeyPrefix, ListenAddress, LogFilter, PasswordText, Prefix, ScriptAddress, Socket,
        Store, Token,
    },
    time::{Time, duration_text},
};
pub use self::{
    choice::{LogFormat, ProxyHeader},
    cookie::SameSite,
    text::Password,
};

/// One kind of value.
pub(super) trait Kind {
    type Value: PartialEq;

    /// What stands for the value in `--help`.
    const PLACEHOLDER: &'static str;

    /// Whether a flag alone, without a value, means `true`.
    const IS_FLAG: bool = false;

    /// Whether there may be several, separated by commas, or in a list.
    const IS_LIST: bool = false;

    /// Reads a value; the error says what is allowed, to follow the words "allowed is".
    fn parse(text: &str) -> Result<Self::Value, String>;

    /// The value as a TOML file would have it, without secrets; `None` if there is none.
    fn toml(value: &Self::Value) -> Option<String>;

    /// What was given, for an error. Kinds that may hold secrets hide them.
    fn shown(text: &str) -> String {
        format!("`{text}`")
    }
}

/// A value that need not be there. The empty text is none.
pub(super) struct Optional<K>(std::marker::PhantomData<K>);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    const PLACEHOLDER: &'static str = K::PLACEHOLDER;

    fn parse(text: &str) -> Result<Self::Value, String> {
        if text.is_empty() { Ok(None) } else { K::parse(text).map(Some) }
    }

    fn toml(value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(K::toml)
    }

    fn shown(text: &str) -> String {
        K::shown(text)
    }
}

/// Text in quotes, as TOML reads it.
fn quoted(text: &str) -> Option<String> {
    Some(toml::Value::from(text).to_string())
}
