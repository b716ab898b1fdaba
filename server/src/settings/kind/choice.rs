use std::fmt;

use swampdragon_protocol::{CloseCode, HeartbeatValue, MessageForm, close_code};

use super::{Kind, quoted};

/// Yes or no. Read in every spelling that Python settings were written in.
pub(in crate::settings) struct Flag;

impl Kind for Flag {
    type Value = bool;

    const PLACEHOLDER: &'static str = "BOOL";
    const IS_FLAG: bool = true;

    fn parse(text: &str) -> Result<bool, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err("true or false (also 1 or 0, yes or no, on or off)".to_owned()),
        }
    }

    fn toml(value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// `tick` or `1`.
pub(in crate::settings) struct HeartbeatValueName;

impl Kind for HeartbeatValueName {
    type Value = HeartbeatValue;

    const PLACEHOLDER: &'static str = "VALUE";

    fn parse(text: &str) -> Result<HeartbeatValue, String> {
        text.parse().map_err(|_| "tick or 1".to_owned())
    }

    fn toml(value: &HeartbeatValue) -> Option<String> {
        quoted(value.as_str())
    }
}

/// `3000` or `3001`.
pub(in crate::settings) struct AbortCode;

impl Kind for AbortCode {
    type Value = CloseCode;

    const PLACEHOLDER: &'static str = "CODE";

    fn parse(text: &str) -> Result<CloseCode, String> {
        [close_code::GO_AWAY, close_code::CONNECTION_ABORTED]
            .into_iter()
            .find(|code| code.code.to_string() == text)
            .ok_or_else(|| "3000 or 3001".to_owned())
    }

    fn toml(value: &CloseCode) -> Option<String> {
        Some(value.code.to_string())
    }
}

/// `string` or `object`.
pub(in crate::settings) struct MessageFormName;

impl Kind for MessageFormName {
    type Value = MessageForm;

    const PLACEHOLDER: &'static str = "FORM";

    fn parse(text: &str) -> Result<MessageForm, String> {
        match text {
            "string" => Ok(MessageForm::String),
            "object" => Ok(MessageForm::Object),
            _ => Err("string or object".to_owned()),
        }
    }

    fn toml(value: &MessageForm) -> Option<String> {
        quoted(match value {
            MessageForm::String => "string",
            MessageForm::Object => "object",
        })
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people: time, level, place and message on one line.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// `text` or `json`.
pub(in crate::settings) struct LogFormatName;

impl Kind for LogFormatName {
    type Value = LogFormat;

    const PLACEHOLDER: &'static str = "FORMAT";

    fn parse(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("text or json".to_owned()),
        }
    }

    fn toml(value: &LogFormat) -> Option<String> {
        quoted(&value.to_string())
    }
}

/// The header in which proxies say whose request they bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`: addresses, the nearest last.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same, and more, in one header.
    Forwarded,
}

impl ProxyHeader {
    /// Its name, in small letters.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl fmt::Display for ProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `x-forwarded-for` or `forwarded`.
pub(in crate::settings) struct ProxyHeaderName;

impl Kind for ProxyHeaderName {
    type Value = ProxyHeader;

    const PLACEHOLDER: &'static str = "HEADER";

    fn parse(text: &str) -> Result<ProxyHeader, String> {
        let known = [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded];
        let named = known.into_iter().find(|header| header.name().eq_ignore_ascii_case(text));
        named.ok_or_else(|| "x-forwarded-for or forwarded".to_owned())
    }

    fn toml(value: &ProxyHeader) -> Option<String> {
        quoted(value.name())
    }
}
