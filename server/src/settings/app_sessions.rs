//! What goes with `session_layout`, and what does not.

use std::time::Duration;

use super::{
    Settings, SettingsError,
    combinations::Origin,
    kind::{SameSite, duration_text},
};
use crate::session_store::redacted;

/// Checks the settings of an app's sessions against each other and against all others.
pub(super) fn check(settings: &Settings, origin: Origin<'_>) -> Result<(), SettingsError> {
    let refusal = match settings.session_layout {
        None => unused(settings, origin),
        Some(layout) => unfit(settings, &format!("session_layout is {layout}"), origin),
    };
    let refusal = refusal.or_else(|| cookie(settings, origin));
    refusal.map_or(Ok(()), |combination| Err(SettingsError::Combination(combination)))
}

/// What says how an app has its sessions, where it is not an app's that are kept.
fn unused(settings: &Settings, origin: Origin<'_>) -> Option<String> {
    let set = [
        ("session_cookie", settings.session_cookie.is_some()),
        ("session_cookie_signature", settings.session_cookie_signature.is_some()),
        ("session_cookie_secrets", settings.session_cookie_secrets.is_some()),
        ("session_cookie_secrets_file", settings.session_cookie_secrets_file.is_some()),
        ("session_redis_key", settings.session_redis_key.is_some()),
        ("session_cookie_max_age", settings.session_cookie_max_age.is_some()),
    ];
    let (name, _) = set.into_iter().find(|(_, is_set)| *is_set)?;
    Some(format!(
        "{name} is set{}, and session_layout is not: set session_layout to whose sessions they are, or unset {name}",
        origin(name)
    ))
}

/// What does not go with an app's sessions.
fn unfit(settings: &Settings, layout: &str, origin: Origin<'_>) -> Option<String> {
    let store = &settings.session_store;
    if store.starts_with("memory:") || store.starts_with("embedded:") {
        return Some(format!(
            "{layout} and session_store is `{}`{}: the app keeps its sessions in Redis; set session_store to that Redis",
            redacted(store),
            origin("session_store")
        ));
    }
    if settings.session_max_age.is_some() {
        return Some(format!(
            "{layout} and session_max_age is set{}: the app decides how long its sessions live in all; unset \
             session_max_age",
            origin("session_max_age")
        ));
    }
    if settings.open_sessions {
        return Some(format!(
            "{layout} and open_sessions is on{}: pages never hold the keys of an app's sessions; turn open_sessions off",
            origin("open_sessions")
        ));
    }
    if settings.allowed_origins.iter().any(|origin| origin == "*") {
        return Some(format!(
            "{layout} and allowed_origins is *{}: every site could connect with the session cookies of its visitors; \
             list the origins of the app's pages",
            origin("allowed_origins")
        ));
    }
    if settings.session_cookie_secrets.is_some() && settings.session_cookie_secrets_file.is_some() {
        return Some(format!(
            "session_cookie_secrets is set{} and session_cookie_secrets_file is set{}: set one of them",
            origin("session_cookie_secrets"),
            origin("session_cookie_secrets_file")
        ));
    }
    None
}

/// What a browser would not do with the cookie.
fn cookie(settings: &Settings, origin: Origin<'_>) -> Option<String> {
    if settings.session_cookie_same_site == SameSite::None && !settings.session_cookie_secure {
        return Some(format!(
            "session_cookie_same_site is none{} and session_cookie_secure is false{}: browsers refuse such a cookie; \
             set one of them otherwise",
            origin("session_cookie_same_site"),
            origin("session_cookie_secure")
        ));
    }
    let max_age = settings.session_cookie_max_age?;
    // A page touches it with the first heartbeat after a third of its time, which must leave time for another try.
    (settings.heartbeat_enabled && settings.heartbeat_interval > max_age / 3).then(|| {
        let at_most = Duration::from_millis(u64::try_from((max_age / 3).as_millis()).unwrap_or(u64::MAX));
        format!(
            "session_cookie_max_age is {}{} and heartbeat_interval is {}{}: the cookie could end before a page has it \
             set anew; set heartbeat_interval to {} or less",
            duration_text(max_age),
            origin("session_cookie_max_age"),
            duration_text(settings.heartbeat_interval),
            origin("heartbeat_interval"),
            duration_text(at_most)
        )
    })
}
