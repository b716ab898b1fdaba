use std::fmt::Write;

use super::{Password, Settings, SettingsError, Source, layers::Layers};

/// The settings that make up the address of a Redis server.
const PARTS: [&str; 5] = ["redis_host", "redis_port", "redis_db", "redis_password", "redis_socket"];

/// Makes the session store's address of the `redis_` settings, if any of them is set and the session store is not.
/// The warning, if there is one, says that they count for nothing.
pub(super) fn complete(layers: &mut Layers) -> Result<Option<String>, SettingsError> {
    let set = layers.set_by_someone(&PARTS);
    if set.is_empty() {
        return Ok(None);
    }
    if *layers.source("session_store") != Source::Default {
        let source = layers.source("session_store");
        return Ok(Some(format!("{} not used, because session_store is set ({source})", are(&set))));
    }
    if set.contains(&"redis_socket")
        && let Some(other) = set.iter().find(|name| matches!(**name, "redis_host" | "redis_port"))
    {
        return Err(SettingsError::Combination(format!(
            "redis_socket ({}) and {other} ({}) are both set, and Redis is reached by one or the other; unset one",
            layers.source("redis_socket"),
            layers.source(other)
        )));
    }
    let settings = Settings::read(&*layers)?;
    layers.set("session_store", address(&settings), Source::Settings(set));
    Ok(None)
}

fn are(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

fn address(settings: &Settings) -> String {
    let password = settings.redis_password.as_ref().map(Password::expose);
    let db = settings.redis_db;
    if let Some(socket) = &settings.redis_socket {
        let mut address = format!("redis+unix://{}?db={db}", escaped(&socket.to_string_lossy(), b"/"));
        if let Some(password) = password {
            address.push_str(&format!("&pass={}", escaped(password, b"")));
        }
        return address;
    }
    let user = password.map(|password| format!(":{}@", escaped(password, b""))).unwrap_or_default();
    let host = &settings.redis_host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let db = if db == 0 { String::new() } else { format!("/{db}") };
    format!("redis://{user}{host}:{}{db}", settings.redis_port)
}

/// `text` with everything escaped that could mean something in a URL, except `kept`.
fn escaped(text: &str, kept: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
