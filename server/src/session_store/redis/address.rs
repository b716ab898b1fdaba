use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::ConnectRedisError;
use crate::session_store::redacted;

/// Takes apart the address of one Redis server.
///
/// `redis://[USER][:PASSWORD]@HOST[:PORT][/DB]` and `redis+unix:///PATH[?db=DB&user=USER&pass=PASSWORD]`, as the
/// redis crate reads them. What it would pass over (an unknown parameter, a fragment) is an error here.
pub(crate) fn parse(address: &str) -> Result<ConnectionInfo, ConnectRedisError> {
    let refuse = |problem: String| ConnectRedisError::Address { address: redacted(address), problem };

    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let parameters: &[&str] = match scheme {
        "redis" => &["protocol"],
        "redis+unix" => &["db", "user", "pass", "protocol"],
        "rediss" => return Err(refuse("this build has no TLS; use redis:// or redis+unix://".to_owned())),
        "redis+sentinel" => return Err(refuse("Redis Sentinel is not supported yet by this version".to_owned())),
        "redis+cluster" => return Err(refuse("Redis Cluster is not supported yet by this version".to_owned())),
        _ => return Err(refuse("it must start with redis:// or redis+unix://".to_owned())),
    };

    let url = ::redis::parse_redis_url(address)
        .ok_or_else(|| refuse("it is not a URL; escape special characters in a password as %XX".to_owned()))?;
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| !parameters.contains(&name.as_ref())) {
        return Err(refuse(format!("it has no parameter `{name}`; there are {}", parameters.join(", "))));
    }
    if url.fragment().is_some() {
        return Err(refuse("it must not have a part after `#`; write a `#` in a password as %23".to_owned()));
    }
    // The crate's description of the fault is fixed text or a protocol number: no secret is in it.
    url.into_connection_info().map_err(|error| refuse(error.to_string()))
}

/// The server in words, for errors: `127.0.0.1:6379`, or the socket's path.
pub(super) fn describe(server: &ConnectionAddr) -> String {
    server.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> String {
        parse(address).unwrap_err().to_string()
    }

    #[test]
    fn a_full_address_is_understood() {
        let info = parse("redis://app:p%40ss@cache:6380/3").unwrap();
        assert_eq!(describe(info.addr()), "cache:6380");
        assert_eq!(info.redis_settings().username(), Some("app"));
        assert_eq!(info.redis_settings().password(), Some("p@ss"));
        assert_eq!(info.redis_settings().db(), 3);
    }

    #[test]
    fn a_socket_has_its_database_and_password_in_parameters() {
        let info = parse("redis+unix:///run/redis/redis.sock?db=2&pass=secret").unwrap();
        assert_eq!(describe(info.addr()), "/run/redis/redis.sock");
        assert_eq!(info.redis_settings().password(), Some("secret"));
        assert_eq!(info.redis_settings().db(), 2);
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        for (address, refused) in [
            (
                "rediss://app:secret@cache",
                "`rediss://app:***@cache` is no address for the Redis session store: this build has no TLS; use \
                 redis:// or redis+unix://",
            ),
            (
                "redis+sentinel://a,b/mymaster",
                "`redis+sentinel://a,b/mymaster` is no address for the Redis session store: Redis Sentinel is not \
                 supported yet by this version",
            ),
            (
                "redis+cluster://a,b",
                "`redis+cluster://a,b` is no address for the Redis session store: Redis Cluster is not supported yet \
                 by this version",
            ),
            (
                "http://cache",
                "`http://cache` is no address for the Redis session store: it must start with redis:// or \
                 redis+unix://",
            ),
            (
                "redis://:pa/ss@cache",
                "`redis://:***@cache` is no address for the Redis session store: it is not a URL; escape special \
                 characters in a password as %XX",
            ),
            (
                "redis://cache/one",
                "`redis://cache/one` is no address for the Redis session store: Invalid database number - \
                 InvalidClientConfig",
            ),
            (
                "redis+unix:///s?database=1",
                "`redis+unix:///s?database=1` is no address for the Redis session store: it has no parameter \
                 `database`; there are db, user, pass, protocol",
            ),
        ] {
            assert_eq!(refusal(address), refused);
        }
    }
}
