use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use super::{ConnectRedisError, RedisTls, sentinels::Sentinels};
use crate::session_store::redacted;

/// The port of a sentinel unless its address has one. Other servers' is the redis crate's business: 6379.
const SENTINEL_PORT: u16 = 26379;

/// The addresses of Redis that there are, as an operator writes them.
pub(crate) const FORMS: &str = "redis://HOST:PORT, rediss://HOST:PORT, redis+unix://PATH, \
                                redis+sentinel://HOST:PORT,HOST:PORT/MASTER, redis+cluster://HOST:PORT,HOST:PORT";

/// Whether `setting` is an address of Redis, right or wrong.
pub(crate) fn is_redis(setting: &str) -> bool {
    let scheme = setting.split_once(':').map_or("", |(scheme, _)| scheme);
    matches!(
        scheme,
        "redis" | "rediss" | "redis+unix" | "redis+sentinel" | "rediss+sentinel" | "redis+cluster" | "rediss+cluster"
    )
}

/// What an address leads to.
#[derive(Debug)]
pub(crate) enum Servers {
    /// One server.
    One(Box<ConnectionInfo>),
    /// The master of the moment, which sentinels know.
    Sentinels(Box<Sentinels>),
    /// The nodes of a cluster, some of which are named, and how to log in to any of them.
    Cluster { seeds: Vec<ConnectionInfo>, login: Box<ConnectionInfo> },
}

/// Takes an address apart, as [`RedisSessionStore::connect`](super::RedisSessionStore::connect) describes it. Each
/// server in it is read by the redis crate. What the crate would pass over (an unknown parameter, a fragment) is an
/// error here.
pub(crate) fn parse(address: &str, tls: &RedisTls) -> Result<Servers, ConnectRedisError> {
    let refuse = |problem: String| ConnectRedisError::Address { address: redacted(address), problem };
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    match scheme {
        "redis" | "rediss" => {
            let server = one(address, &["protocol"]).map_err(refuse)?;
            Ok(Servers::One(Box::new(tls.secure(server)?)))
        }
        "redis+unix" => {
            let server = one(address, &["db", "user", "pass", "protocol"]).map_err(refuse)?;
            Ok(Servers::One(Box::new(server)))
        }
        "redis+sentinel" | "rediss+sentinel" => {
            let several = Several::split(rest).map_err(refuse)?;
            sentinels(&several, single_scheme(scheme), tls).map_err(|fault| fault.into_error(refuse))
        }
        "redis+cluster" | "rediss+cluster" => {
            let several = Several::split(rest).map_err(refuse)?;
            cluster(&several, single_scheme(scheme), tls).map_err(|fault| fault.into_error(refuse))
        }
        _ => Err(refuse(format!("there are {FORMS}"))),
    }
}

/// Why an address is refused: in words that get the address put before them, or for another reason than the address.
enum Fault {
    Problem(String),
    Other(ConnectRedisError),
}

impl Fault {
    fn into_error(self, refuse: impl FnOnce(String) -> ConnectRedisError) -> ConnectRedisError {
        match self {
            Self::Problem(problem) => refuse(problem),
            Self::Other(error) => error,
        }
    }
}

impl From<String> for Fault {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<ConnectRedisError> for Fault {
    fn from(error: ConnectRedisError) -> Self {
        Self::Other(error)
    }
}

fn single_scheme(scheme: &str) -> &'static str {
    if scheme.starts_with("rediss") { "rediss" } else { "redis" }
}

fn one(address: &str, parameters: &[&str]) -> Result<ConnectionInfo, String> {
    let url = ::redis::parse_redis_url(address)
        .ok_or_else(|| "it is not a URL; escape special characters in a password as %XX".to_owned())?;
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| !parameters.contains(&name.as_ref())) {
        return Err(no_parameter(&name, parameters));
    }
    if url.fragment().is_some() {
        return Err("it must not have a part after `#`; write a `#` in a password as %23".to_owned());
    }
    // The crate's description of the fault is fixed text or a protocol number: no secret is in it.
    url.into_connection_info().map_err(|error| error.to_string())
}

fn no_parameter(name: &str, parameters: &[&str]) -> String {
    format!("it has no parameter `{name}`; there are {}", parameters.join(", "))
}

/// The parts of an address with several hosts, which is no URL to a URL parser.
struct Several<'a> {
    /// `USER:PASSWORD@`, or nothing.
    user: &'a str,
    hosts: Vec<&'a str>,
    /// What stands between the slashes behind the hosts.
    path: Vec<&'a str>,
    query: &'a str,
}

impl<'a> Several<'a> {
    fn split(rest: &'a str) -> Result<Self, String> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A `/` or a `?` in the password has cut it in two; its other half must not be taken for a path.
        if path.contains('@') || query.contains('@') || query.contains('#') {
            return Err("it is not a URL; escape special characters in a password as %XX".to_owned());
        }
        let (user, hosts) = match authority.rfind('@') {
            Some(at) => authority.split_at(at + 1),
            None => ("", authority),
        };
        let hosts: Vec<_> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return Err("it needs at least one HOST:PORT, and several stand with one comma between them".to_owned());
        }
        let path = path.split('/').filter(|part| !part.is_empty()).collect();
        Ok(Self { user, hosts, path, query })
    }

    /// The values of the parameters `names`.
    fn parameters<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N], String> {
        let mut values = [const { None }; N];
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            match names.iter().position(|known| *known == name).and_then(|index| values.get_mut(index)) {
                Some(place) => *place = Some(value.into_owned()),
                None if names.is_empty() => return Err(format!("it has no parameters, and so no `{name}`")),
                None => return Err(no_parameter(&name, &names)),
            }
        }
        Ok(values)
    }
}

fn sentinels(several: &Several<'_>, scheme: &str, tls: &RedisTls) -> Result<Servers, Fault> {
    let (master, db) = match several.path[..] {
        [master] => (master, "0"),
        [master, db] => (master, db),
        _ => return Err(Fault::Problem("behind the sentinels stands /MASTER or /MASTER/DB".to_owned())),
    };
    let [user, password] = several.parameters(["sentinel_user", "sentinel_pass"])?;
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = user {
        login = login.set_username(user);
    }
    if let Some(password) = password {
        login = login.set_password(password);
    }
    let mut sentinels = Vec::with_capacity(several.hosts.len());
    for host in &several.hosts {
        let has_port = host.rsplit_once(']').map_or(*host, |(_, port)| port).contains(':');
        let port = if has_port { String::new() } else { format!(":{SENTINEL_PORT}") };
        let sentinel = one(&format!("{scheme}://{host}{port}"), &[])?;
        sentinels.push(tls.secure(sentinel)?.set_redis_settings(login.clone()));
    }
    let login = login_anywhere(several, scheme, db, tls)?;
    Ok(Servers::Sentinels(Box::new(Sentinels::new(sentinels, master.to_owned(), login))))
}

fn cluster(several: &Several<'_>, scheme: &str, tls: &RedisTls) -> Result<Servers, Fault> {
    if !several.path.is_empty() {
        return Err(Fault::Problem(
            "a cluster has no databases to choose from: nothing stands behind its nodes".to_owned(),
        ));
    }
    let [] = several.parameters([])?;
    let login = Box::new(login_anywhere(several, scheme, "0", tls)?);
    let mut seeds = Vec::with_capacity(several.hosts.len());
    for host in &several.hosts {
        let node = one(&format!("{scheme}://{}{host}", several.user), &[])?;
        seeds.push(tls.secure(node)?);
    }
    Ok(Servers::Cluster { seeds, login })
}

/// How to log in to a server whose address is not known yet.
fn login_anywhere(several: &Several<'_>, scheme: &str, db: &str, tls: &RedisTls) -> Result<ConnectionInfo, Fault> {
    Ok(tls.secure(one(&format!("{scheme}://{}localhost/{db}", several.user), &[])?)?)
}

impl Servers {
    /// Where they are, for errors and logs: `127.0.0.1:6379`, the socket's path, or how they are found.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::One(server) => server.addr().to_string(),
            Self::Sentinels(sentinels) => sentinels.describe(),
            Self::Cluster { seeds, .. } => list(seeds),
        }
    }
}

/// Their hosts and ports.
pub(super) fn list(servers: &[ConnectionInfo]) -> String {
    servers.iter().map(|server| server.addr().to_string()).collect::<Vec<_>>().join(", ")
}

/// The same way to log in, elsewhere.
pub(super) fn at(server: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let address = match server.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host.to_owned(), port),
    };
    server.clone().set_addr(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(address: &str) -> Servers {
        parse(address, &RedisTls::default()).unwrap()
    }

    fn refusal(address: &str) -> String {
        parse(address, &RedisTls::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_full_address_is_understood() {
        let Servers::One(server) = servers("redis://app:p%40ss@cache:6380/3") else { panic!() };
        assert_eq!(server.addr().to_string(), "cache:6380");
        assert_eq!(server.redis_settings().username(), Some("app"));
        assert_eq!(server.redis_settings().password(), Some("p@ss"));
        assert_eq!(server.redis_settings().db(), 3);
    }

    #[test]
    fn a_socket_has_its_database_and_password_in_parameters() {
        let Servers::One(server) = servers("redis+unix:///run/redis/redis.sock?db=2&pass=secret") else { panic!() };
        assert_eq!(server.addr().to_string(), "/run/redis/redis.sock");
        assert_eq!(server.redis_settings().password(), Some("secret"));
        assert_eq!(server.redis_settings().db(), 2);
    }

    #[test]
    fn tls_always_looks_at_the_certificate() {
        let Servers::One(server) = servers("rediss://cache") else { panic!() };
        assert!(matches!(server.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
        assert!(
            refusal("rediss://cache/#insecure")
                .ends_with("it must not have a part after `#`; write a `#` in a password as %23")
        );
    }

    #[test]
    fn sentinels_and_the_master_have_logins_of_their_own() {
        let address = "rediss+sentinel://app:p%2Css@a,[::1],b:5000/mine/3?sentinel_pass=other%2C";
        let Servers::Sentinels(sentinels) = servers(address) else { panic!() };
        assert_eq!(sentinels.describe(), "mine by the sentinels a:26379, ::1:26379, b:5000");
        let shown = format!("{sentinels:?}");
        assert!(!shown.contains("ss@") && !shown.contains("other"), "{shown}");
    }

    #[test]
    fn a_cluster_is_some_of_its_nodes() {
        let Servers::Cluster { seeds, login } = servers("redis+cluster://:pass@a,b:7000") else { panic!() };
        assert_eq!(list(&seeds), "a:6379, b:7000");
        assert!(seeds.iter().all(|seed| seed.redis_settings().password() == Some("pass")));
        let elsewhere = at(&login, "c", 7001);
        assert_eq!(elsewhere.addr().to_string(), "c:7001");
        assert_eq!(elsewhere.redis_settings().password(), Some("pass"));
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        for (address, refused) in [
            (
                "http://cache",
                "`http://cache` is no address for the Redis session store: there are redis://HOST:PORT, \
                 rediss://HOST:PORT, redis+unix://PATH, redis+sentinel://HOST:PORT,HOST:PORT/MASTER, \
                 redis+cluster://HOST:PORT,HOST:PORT",
            ),
            (
                "redis://:pa/ss@cache",
                "`redis://:***@cache` is no address for the Redis session store: it is not a URL; escape special \
                 characters in a password as %XX",
            ),
            (
                "redis+cluster://:pa/ss@a,b",
                "`redis+cluster://:***@a,b` is no address for the Redis session store: it is not a URL; escape \
                 special characters in a password as %XX",
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
            (
                "redis+sentinel://a,b",
                "`redis+sentinel://a,b` is no address for the Redis session store: behind the sentinels stands \
                 /MASTER or /MASTER/DB",
            ),
            (
                "redis+sentinel://a/m?password=secret",
                "`redis+sentinel://a/m?password=***` is no address for the Redis session store: it has no parameter \
                 `password`; there are sentinel_user, sentinel_pass",
            ),
            (
                "redis+cluster://a,,b",
                "`redis+cluster://a,,b` is no address for the Redis session store: it needs at least one HOST:PORT, \
                 and several stand with one comma between them",
            ),
            (
                "redis+cluster://a/1",
                "`redis+cluster://a/1` is no address for the Redis session store: a cluster has no databases to \
                 choose from: nothing stands behind its nodes",
            ),
        ] {
            assert_eq!(refusal(address), refused);
        }
    }
}
