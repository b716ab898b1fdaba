use ::redis::RedisResult;
use swampdragon_protocol::SessionKey;

use super::link::Link;

/// How many keys Redis looks at in one go: some 0.3 ms, in which it does nothing else.
const KEYS_AT_ONCE: u32 = 1000;

/// Sessions whose keys begin with `prefix`, among those that stand behind `key_prefix`.
pub(super) struct Question<'a> {
    pub(super) key_prefix: &'a str,
    pub(super) prefix: &'a str,
}

impl Question<'_> {
    /// How many of them the server has. Goes through all its keys, whatever their prefix; those that it moves in its
    /// tables meanwhile may be counted twice.
    pub(super) async fn ask(&self, link: &Link) -> RedisResult<u64> {
        let pattern = format!("{}{}*", literally(self.key_prefix), literally(self.prefix));
        let (mut cursor, mut count) = (0, 0);
        loop {
            let mut command = ::redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(KEYS_AT_ONCE);
            let (next, keys): (u64, Vec<Vec<u8>>) = ::redis::from_redis_value(link.ask(&command).await?)?;
            count += keys.iter().filter(|key| self.is_session(key)).count() as u64;
            if next == 0 {
                return Ok(count);
            }
            cursor = next;
        }
    }

    /// Beside sessions may stand what is none: when they end, or another program's longer keys.
    fn is_session(&self, key: &[u8]) -> bool {
        let rest = key.strip_prefix(self.key_prefix.as_bytes());
        rest.and_then(|rest| str::from_utf8(rest).ok()).is_some_and(|rest| SessionKey::parse(rest).is_ok())
    }
}

/// A pattern that this text matches and no other.
fn literally(text: &str) -> String {
    text.chars()
        .flat_map(|c| matches!(c, '*' | '?' | '[' | ']' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}
