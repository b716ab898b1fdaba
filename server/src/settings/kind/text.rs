use std::{fmt, path::PathBuf};

use tracing_subscriber::EnvFilter;

use super::{Kind, quoted};
use crate::session_store::{REDIS_FORMS, is_redis_address, redacted};

/// A secret of the operator. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a secret for what it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself. Keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// A password; anything goes.
pub(in crate::settings) struct PasswordText;

impl Kind for PasswordText {
    type Value = Password;

    const PLACEHOLDER: &'static str = "PASSWORD";

    fn parse(text: &str) -> Result<Password, String> {
        Ok(Password(text.to_owned()))
    }

    fn toml(_: &Password) -> Option<String> {
        quoted("***")
    }

    fn shown(_: &str) -> String {
        "`***`".to_owned()
    }
}

/// What programs show to be let in: long enough that nobody guesses it, and fit to stand in a header.
pub(in crate::settings) struct Token;

impl Kind for Token {
    type Value = Password;

    const PLACEHOLDER: &'static str = "TOKEN";

    fn parse(text: &str) -> Result<Password, String> {
        if (16..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Password(text.to_owned()))
        } else {
            Err("16 to 1024 visible ASCII characters, such as `openssl rand -hex 32` makes".to_owned())
        }
    }

    fn toml(value: &Password) -> Option<String> {
        PasswordText::toml(value)
    }

    fn shown(text: &str) -> String {
        let (all, unfit) = (text.chars().count(), text.chars().filter(|c| !c.is_ascii_graphic()).count());
        let which = if unfit == 0 { String::new() } else { format!(", of which {unfit} cannot be used") };
        format!("{all} characters{which}")
    }
}

/// An IP address or a host name.
pub(in crate::settings) struct Host;

impl Kind for Host {
    type Value = String;

    const PLACEHOLDER: &'static str = "HOST";

    fn parse(text: &str) -> Result<String, String> {
        let is_name = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        if is_name || text.parse::<std::net::IpAddr>().is_ok() {
            Ok(text.to_owned())
        } else {
            Err("an IP address or a host name, such as 127.0.0.1, :: or localhost, without a port".to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// Where to listen: host and port.
pub(in crate::settings) struct ListenAddress;

impl Kind for ListenAddress {
    type Value = String;

    const PLACEHOLDER: &'static str = "HOST:PORT";

    fn parse(text: &str) -> Result<String, String> {
        let is_address = text.rsplit_once(':').is_some_and(|(host, port)| {
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            // An IPv6 address without brackets could not be told from its port.
            (!host.contains(':') || text.starts_with('[')) && Host::parse(host).is_ok() && port.parse::<u16>().is_ok()
        });
        if is_address {
            Ok(text.to_owned())
        } else {
            Err("a host and a port, such as 127.0.0.1:9998, [::1]:9998 or localhost:9998; port 0 takes a free one"
                .to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// The path of the SockJS endpoint.
pub(in crate::settings) struct Prefix;

impl Kind for Prefix {
    type Value = String;

    const PLACEHOLDER: &'static str = "PATH";

    fn parse(text: &str) -> Result<String, String> {
        let segments = text.strip_prefix('/').map(|path| path.split('/'));
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if segments.is_some_and(|mut segments| segments.all(is_segment)) {
            Ok(text.to_owned())
        } else {
            Err("a path that starts with / and does not end with it, of A-Z a-z 0-9 - . _ ~ and /, such as /data"
                .to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// The address of a script, as it may stand in a page between quotes.
pub(in crate::settings) struct ScriptAddress;

impl Kind for ScriptAddress {
    type Value = String;

    const PLACEHOLDER: &'static str = "URL";

    fn parse(text: &str) -> Result<String, String> {
        let is_address = ["/", "http://", "https://"].iter().any(|start| text.starts_with(start));
        if is_address && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>&\\".contains(&byte)) {
            Ok(text.to_owned())
        } else {
            Err("an address that starts with http://, https:// or /, of visible characters without quotes, < > & or \\"
                .to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// A folder of this machine. Whether it exists is found out when it is used.
pub(in crate::settings) struct Folder;

impl Kind for Folder {
    type Value = PathBuf;

    const PLACEHOLDER: &'static str = "FOLDER";

    fn parse(text: &str) -> Result<PathBuf, String> {
        Ok(PathBuf::from(text))
    }

    fn toml(value: &PathBuf) -> Option<String> {
        quoted(&value.to_string_lossy())
    }
}

/// A file of this machine. Whether it can be read is found out when it is used.
pub(in crate::settings) struct File;

impl Kind for File {
    type Value = PathBuf;

    const PLACEHOLDER: &'static str = "FILE";

    fn parse(text: &str) -> Result<PathBuf, String> {
        Ok(PathBuf::from(text))
    }

    fn toml(value: &PathBuf) -> Option<String> {
        quoted(&value.to_string_lossy())
    }
}

/// A Unix socket.
pub(in crate::settings) struct Socket;

impl Kind for Socket {
    type Value = PathBuf;

    const PLACEHOLDER: &'static str = "PATH";

    fn parse(text: &str) -> Result<PathBuf, String> {
        if text.starts_with('/') {
            Ok(PathBuf::from(text))
        } else {
            Err("the path of a Unix socket, starting with /, such as /run/redis/redis.sock".to_owned())
        }
    }

    fn toml(value: &PathBuf) -> Option<String> {
        quoted(&value.to_string_lossy())
    }
}

/// What the session store registry can open; it alone knows what that is.
pub(in crate::settings) struct Store;

impl Kind for Store {
    type Value = String;

    const PLACEHOLDER: &'static str = "STORE";

    fn parse(text: &str) -> Result<String, String> {
        if text.is_empty() || text.trim() != text {
            return Err("the address or the name of a session store, without spaces around it".to_owned());
        }
        Ok(text.to_owned())
    }

    fn toml(value: &String) -> Option<String> {
        quoted(&redacted(value))
    }

    fn shown(text: &str) -> String {
        format!("`{}`", redacted(text))
    }
}

/// How publications are carried.
pub(in crate::settings) struct Carrier;

impl Kind for Carrier {
    type Value = String;

    const PLACEHOLDER: &'static str = "ADDRESS";

    fn parse(text: &str) -> Result<String, String> {
        if text == "local:" || is_redis_address(text) {
            Ok(text.to_owned())
        } else {
            Err(format!("local:, {REDIS_FORMS}"))
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(&redacted(value))
    }

    fn shown(text: &str) -> String {
        format!("`{}`", redacted(text))
    }
}

/// What stands before each session key in Redis. Not empty: a page must not be able to name any key there is.
pub(in crate::settings) struct KeyPrefix;

impl Kind for KeyPrefix {
    type Value = String;

    const PLACEHOLDER: &'static str = "PREFIX";

    fn parse(text: &str) -> Result<String, String> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(text.to_owned())
        } else {
            Err("1 to 128 visible ASCII characters, such as swampdragon:session:".to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// Which log lines are written: levels, and levels by module.
pub(in crate::settings) struct LogFilter;

impl Kind for LogFilter {
    type Value = String;

    const PLACEHOLDER: &'static str = "FILTER";

    fn parse(text: &str) -> Result<String, String> {
        // The filter's own parser takes any word for the name of a module: a mistyped level would silence the log.
        let is_level = |level: &str| {
            ["off", "error", "warn", "info", "debug", "trace"].iter().any(|known| level.eq_ignore_ascii_case(known))
        };
        let directives_end_in_levels = text.split(',').all(|directive| {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            is_level(level.trim())
        });
        if directives_end_in_levels && EnvFilter::builder().parse(text).is_ok() {
            Ok(text.to_owned())
        } else {
            Err("a level (off, error, warn, info, debug, trace), or several by module, such as \
                 info,swampdragon_server::session_store=debug"
                .to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}
