//! Cookies that no app has set.

use std::time::SystemTime;

use proptest::{prelude::*, sample::select};
use swampdragon_server::session_layout::{Choice, cookie_value};

use crate::recording::Recording;

/// What is in a signed cookie, and what changes its meaning.
const CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:+/=%";

fn tampered(cookie: &str, at: usize, with: char, how: u8) -> String {
    let mut characters: Vec<char> = cookie.chars().collect();
    let at = at % characters.len();
    match how % 3 {
        0 => characters[at] = with,
        1 => characters.insert(at, with),
        _ => drop(characters.remove(at)),
    }
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn a_tampered_cookie_never_verifies(
        recording in select(Recording::signed()),
        at: usize,
        with in select(CHARACTERS.chars().collect::<Vec<_>>()),
        how: u8,
    ) {
        let name = recording.cookie.split_once('=').unwrap().0;
        let tampered = tampered(&recording.cookie, at, with, how);
        let value = |cookie: &str| cookie_value([cookie], name, Choice::First);
        // An escape can be written in two ways, and means the same then.
        prop_assume!(value(&tampered) != value(&recording.cookie));
        let session = recording.layout().session([&tampered], recording.at());
        prop_assert!(session.is_err(), "{tampered}");
    }

    #[test]
    fn no_header_does_harm(
        recording in select(Recording::all()),
        before in prop::collection::vec(any::<u8>(), 0..40),
        value in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let name = recording.cookie.split_once('=').unwrap().0;
        let mut header = before;
        header.extend(format!("; {name}=").bytes());
        header.extend(value);
        if let Ok(session) = recording.layout().session([&header], SystemTime::now()) {
            // Only where nothing is signed can a session be named at all, and then only behind the prefix.
            prop_assert!(recording.secrets.is_empty());
            let prefix = recording.key.split_at(recording.key.rfind(':').map_or(0, |at| at + 1)).0;
            prop_assert!(recording.layout().in_redis().key(&session).starts_with(prefix));
        }
    }

    #[test]
    fn text_that_nearly_is_a_signed_cookie_does_no_harm(
        recording in select(Recording::signed()),
        value in "(s:|s%3A)?[a-zA-Z0-9_-]{0,60}[.=]{0,2}[a-zA-Z0-9+/_-]{0,60}[.=]{0,2}[a-zA-Z0-9+/é%-]{0,60}",
    ) {
        let name = recording.cookie.split_once('=').unwrap().0;
        let header = format!("{name}={value}");
        prop_assert!(recording.layout().session([header], SystemTime::now()).is_err());
    }
}
