use std::time::Duration;

use swampdragon_protocol::{ChannelName, RouteName, SessionKey, retry_after, with_retry_after};

use crate::text;

/// Names are what their rules say, and a session key stands whole in no log.
pub(crate) fn check(input: &[u8]) {
    let text = text(input);
    match SessionKey::parse(text) {
        Ok(key) => {
            assert_eq!(key.as_str(), text);
            assert!(text.len() <= SessionKey::MAX_LENGTH);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte)));
            let logged = format!("{key:?}");
            assert!(logged.len() < "SessionKey(….…)".len() + 4, "{logged}");
        }
        Err(error) => {
            // What is said of a text is the same whatever its letters are: nothing of it is repeated.
            let masked: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { 'x' } else { c }).collect();
            assert_eq!(SessionKey::parse(&masked), Err(error));
        }
    }
    let printable = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
    assert_eq!(RouteName::parse(text).is_ok(), printable);
    assert_eq!(ChannelName::parse(text).is_ok(), printable);

    let delay = Duration::from_millis(text.len() as u64);
    assert_eq!(retry_after(&with_retry_after(text, delay)), Some(delay));
    if let Some(delay) = retry_after(text) {
        assert_eq!(retry_after(&with_retry_after("", delay)), Some(delay));
    }
}
