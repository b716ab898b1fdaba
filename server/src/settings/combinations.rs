use std::time::Duration;

use super::{Settings, SettingsError, app_sessions, kind::duration_text};
use crate::session_store::redacted;

/// Says where a setting was given, if anywhere, in words that follow its value.
pub(super) type Origin<'a> = &'a dyn Fn(&str) -> String;

/// Checks the settings that do not go together, each allowed by itself.
pub(super) fn check(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    check_heartbeats(settings, origin)?;
    check_peer_timeout(settings, origin)?;
    check_max_age(settings, origin)?;
    check_expiring_notice(settings, origin)?;
    check_admin_token(settings, origin)?;
    check_tls(settings, origin)?;
    app_sessions::check(settings, origin)
}

/// A heartbeat that comes when the session is over cannot save it.
fn check_heartbeats(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let (interval, ttl) = (settings.heartbeat_interval, settings.session_ttl);
    if !settings.heartbeat_enabled || interval < ttl {
        return Ok(());
    }
    let with_origin = |name: &str, time: Duration| format!("{name} is {}{}", duration_text(time), origin(name));
    Err(SettingsError::Combination(format!(
        "{} and {}: sessions would end before a heartbeat keeps them; set heartbeat_interval below session_ttl (a third \
         of it is a good choice), or turn heartbeats off with heartbeat_enabled = false",
        with_origin("heartbeat_interval", interval),
        with_origin("session_ttl", ttl)
    )))
}

/// Pings go with heartbeat frames, so a silent peer is asked and has answered within two intervals, and what it sent
/// last may be one interval older.
fn check_peer_timeout(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let (timeout, interval) = (settings.peer_timeout, settings.heartbeat_frame_interval);
    if timeout >= interval * 3 {
        return Ok(());
    }
    Err(SettingsError::Combination(format!(
        "peer_timeout is {}{} and heartbeat_frame_interval is {}{}: a peer would count as gone before it could answer; \
         set peer_timeout to {} or more",
        duration_text(timeout),
        origin("peer_timeout"),
        duration_text(interval),
        origin("heartbeat_frame_interval"),
        duration_text(interval * 3)
    )))
}

/// No heartbeat could keep a session beyond its first TTL.
fn check_max_age(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let ttl = settings.session_ttl;
    match settings.session_max_age {
        Some(max_age) if max_age <= ttl => Err(SettingsError::Combination(format!(
            "session_max_age is {}{} and session_ttl is {}{}: no heartbeat could keep a session; set session_max_age \
             above session_ttl",
            duration_text(max_age),
            origin("session_max_age"),
            duration_text(ttl),
            origin("session_ttl")
        ))),
        _ => Ok(()),
    }
}

/// A page would be told of the end of its session whenever that is refreshed.
fn check_expiring_notice(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let ttl = settings.session_ttl;
    match settings.session_expiring_notice {
        Some(notice) if notice >= ttl => Err(SettingsError::Combination(format!(
            "session_expiring_notice is {}{} and session_ttl is {}{}: every session would be about to end; set \
             session_expiring_notice below session_ttl, or to 0s for no notice",
            duration_text(notice),
            origin("session_expiring_notice"),
            duration_text(ttl),
            origin("session_ttl")
        ))),
        _ => Ok(()),
    }
}

/// One token, and a listener that asks for it.
fn check_admin_token(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let (token, file) = (settings.admin_token.is_some(), settings.admin_token_file.is_some());
    if token && file {
        return Err(SettingsError::Combination(format!(
            "admin_token{} and admin_token_file{} are both set, and there is one token; unset one",
            origin("admin_token"),
            origin("admin_token_file")
        )));
    }
    if settings.admin_listen.is_some() || !(token || file) {
        return Ok(());
    }
    let name = if token { "admin_token" } else { "admin_token_file" };
    Err(SettingsError::Combination(format!(
        "{name}{} is set, and admin_listen is not, so that nothing would ask for the token; set admin_listen, or unset \
         {name}",
        origin(name)
    )))
}

/// Whoever names certificates means to be encrypted.
fn check_tls(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let files = [
        ("redis_tls_ca_file", &settings.redis_tls_ca_file),
        ("redis_tls_cert_file", &settings.redis_tls_cert_file),
        ("redis_tls_key_file", &settings.redis_tls_key_file),
    ];
    let Some((name, _)) = files.into_iter().find(|(_, file)| file.is_some()) else { return Ok(()) };
    let mut addresses = settings.pubsub.iter().chain([&settings.session_store]);
    if addresses.any(|address| address.starts_with("rediss")) {
        return Ok(());
    }
    Err(SettingsError::Combination(format!(
        "{name}{} is set, but session_store is `{}`, which is not encrypted; let the address begin with rediss, or \
         unset {name}",
        origin(name),
        redacted(&settings.session_store)
    )))
}
