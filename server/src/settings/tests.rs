mod app_sessions;

use std::path::PathBuf;

use swampdragon_protocol::HeartbeatValue;

use super::*;

const NO_VARIABLES: [(&str, &str); 0] = [];

fn read<'a>(
    flags: &[&str],
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Invocation, SettingsError> {
    Loaded::read([&["swampdragon"], flags].concat(), environment)
}

fn loaded<'a>(flags: &[&str], environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Loaded {
    match read(flags, environment) {
        Ok(Invocation::Run(loaded)) => *loaded,
        Ok(other) => panic!("not run: {other:?}"),
        Err(error) => panic!("{error}"),
    }
}

fn refusal<'a>(flags: &[&str], environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    read(flags, environment).unwrap_err().to_string()
}

fn printed<'a>(flags: &[&str], environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    match read(flags, environment).unwrap() {
        Invocation::Print(text) => text,
        other => panic!("not printed: {other:?}"),
    }
}

/// A file of settings, and its path as text.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swampdragon.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// `text` is what the golden file of that name holds. After a change on purpose, run the tests with `UPDATE_GOLDEN=1`
/// and read the difference.
fn assert_golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/settings/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == text,
        "golden/{name} differs; UPDATE_GOLDEN=1 rewrites it:\n{text}"
    );
}

#[test]
fn nothing_set_gives_the_defaults() {
    let settings = loaded(&[], NO_VARIABLES).settings;
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.host, "127.0.0.1");
    assert_eq!(settings.port, 9999);
    assert_eq!(settings.prefix, "/data");
    assert_eq!(settings.session_store, "redis://127.0.0.1:6379");
    assert_eq!(settings.session_ttl, Duration::from_secs(30 * 60));
    assert_eq!(settings.heartbeat_interval, Duration::from_secs(10 * 60));
    assert_eq!(settings.heartbeat_value, HeartbeatValue::Tick);
    assert_eq!(settings.max_message_size, 131_072);
    assert!(settings.heartbeat_enabled && !settings.open_sessions && settings.allowed_origins.is_empty());
    assert_eq!(settings.session_store_options(), SessionStoreOptions::default());
}

#[test]
fn a_flag_counts_before_the_environment_that_before_the_file_that_before_the_default() {
    let (_folder, path) = file("port = 1\nsession_ttl = '1h'\ndrain_time = '1s'\n");
    let loaded =
        loaded(&["--config", &path, "--port", "3"], [("SWAMP_DRAGON_PORT", "2"), ("SWAMP_DRAGON_SESSION_TTL", "2h")]);
    assert_eq!(loaded.settings.port, 3);
    assert_eq!(loaded.settings.session_ttl, Duration::from_secs(7200));
    assert_eq!(loaded.settings.drain_time, Duration::from_secs(1));
    let source = |setting| loaded.source(setting).to_string();
    assert_eq!(source("port"), "flag --port");
    assert_eq!(source("session_ttl"), "environment SWAMP_DRAGON_SESSION_TTL");
    assert_eq!(source("drain_time"), format!("file {path}"));
    assert_eq!(source("host"), "default");
}

#[test]
fn the_environment_may_name_the_file() {
    let (_folder, path) =
        file("port = 1\nopen_sessions = true\nallowed_origins = ['https://a.example', 'https://b.example']");
    let settings = loaded(&[], [("SWAMP_DRAGON_CONFIG", path.as_str())]).settings;
    assert_eq!(settings.port, 1);
    assert!(settings.open_sessions);
    assert_eq!(settings.allowed_origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn a_flag_of_yes_or_no_needs_no_value() {
    assert!(loaded(&["--open-sessions", "--port", "1"], NO_VARIABLES).settings.open_sessions);
    assert!(!loaded(&["--heartbeat-enabled=false"], NO_VARIABLES).settings.heartbeat_enabled);
}

#[test]
fn a_list_is_given_with_commas_or_by_several_flags() {
    let expected = ["https://a.example", "http://localhost:8000"];
    let flags = ["--allowed-origins", "https://a.example", "--allowed-origins", "http://localhost:8000"];
    assert_eq!(loaded(&flags, NO_VARIABLES).settings.allowed_origins, expected);
    let variable = ("SWAMP_DRAGON_ALLOWED_ORIGINS", "https://a.example, http://localhost:8000, https://a.example");
    assert_eq!(loaded(&[], [variable]).settings.allowed_origins, expected);
}

#[test]
fn variables_of_the_original_count_in_their_own_units() {
    let settings = loaded(
        &[],
        [
            ("DRAGON_SESSION_STORE", "app.session_store.FooSessionStore"),
            ("SESSION_EXPIRATION_TIME", "45"),
            ("SWAMP_DRAGON_HEARTBEAT_ENABLED", "True"),
            ("SWAMP_DRAGON_HEARTBEAT_FREQUENCY", "1200000"),
            ("SWAMP_DRAGON_HOST", "0.0.0.0"),
            ("SWAMP_DRAGON_PORT", "80"),
        ],
    )
    .settings;
    assert_eq!(settings.session_store, "app.session_store.FooSessionStore");
    assert_eq!(settings.session_ttl, Duration::from_secs(45 * 60));
    assert_eq!(settings.heartbeat_interval, Duration::from_secs(20 * 60));
    assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 80));

    for (text, enabled) in [("True", true), ("YES", true), ("1", true), ("False", false), ("no", false), ("0", false)] {
        assert_eq!(loaded(&[], [("SWAMP_DRAGON_HEARTBEAT_ENABLED", text)]).settings.heartbeat_enabled, enabled);
    }
}

#[test]
fn an_old_and_a_new_variable_may_agree_but_not_differ() {
    let agreeing = [("SESSION_EXPIRATION_TIME", "60"), ("SWAMP_DRAGON_SESSION_TTL", "1h")];
    assert_eq!(loaded(&[], agreeing).settings.session_ttl, Duration::from_secs(3600));
    assert_eq!(
        refusal(&[], [("SESSION_EXPIRATION_TIME", "45"), ("SWAMP_DRAGON_SESSION_TTL", "1h")]),
        "session_ttl: environment SWAMP_DRAGON_SESSION_TTL gives `1h`, environment SESSION_EXPIRATION_TIME gives \
         `45m`; unset one of them"
    );
    assert_eq!(
        refusal(&[], [("DRAGON_SESSION_STORE", "redis://:one@a"), ("SWAMP_DRAGON_SESSION_STORE", "redis://:other@a")]),
        "session_store: environment SWAMP_DRAGON_SESSION_STORE gives `redis://:***@a`, environment \
         DRAGON_SESSION_STORE gives `redis://:***@a`; unset one of them"
    );
}

#[test]
fn redis_settings_make_the_address_of_the_session_store() {
    let address =
        |environment: &[(&'static str, &'static str)]| loaded(&[], environment.iter().copied()).settings.session_store;
    assert_eq!(address(&[("SWAMP_DRAGON_REDIS_HOST", "cache")]), "redis://cache:6379");
    assert_eq!(address(&[("SWAMP_DRAGON_REDIS_HOST", "::1"), ("SWAMP_DRAGON_REDIS_DB", "2")]), "redis://[::1]:6379/2");
    assert_eq!(
        address(&[("SWAMP_DRAGON_REDIS_PORT", "1"), ("SWAMP_DRAGON_REDIS_PASSWORD", "p@ss/w ö")]),
        "redis://:p%40ss%2Fw%20%C3%B6@127.0.0.1:1"
    );
    assert_eq!(
        address(&[("SWAMP_DRAGON_REDIS_SOCKET", "/run/my redis.sock"), ("SWAMP_DRAGON_REDIS_PASSWORD", "a&b")]),
        "redis+unix:///run/my%20redis.sock?db=0&pass=a%26b"
    );
    let sources = loaded(&[], [("SWAMP_DRAGON_REDIS_DB", "2"), ("SWAMP_DRAGON_REDIS_HOST", "cache")]);
    assert_eq!(sources.source("session_store").to_string(), "made of redis_host, redis_db");
}

#[test]
fn redis_settings_beside_a_session_store_are_warned_of() {
    let loaded = loaded(&["--session-store", "memory:"], [("SWAMP_DRAGON_REDIS_HOST", "cache")]);
    assert_eq!(loaded.settings.session_store, "memory:");
    assert_eq!(loaded.warnings, ["redis_host is not used, because session_store is set (flag --session-store)"]);
}

#[test]
fn a_mistyped_variable_is_warned_of() {
    let warnings = loaded(&[], [("SWAMP_DRAGON_SESION_TTL", "1h"), ("PATH", "/bin")]).warnings;
    assert_eq!(
        warnings,
        ["environment SWAMP_DRAGON_SESION_TTL is no setting; the closest is SWAMP_DRAGON_SESSION_TTL"]
    );
}

#[test]
fn a_variable_set_to_nothing_is_not_set() {
    assert_eq!(loaded(&[], [("SWAMP_DRAGON_PORT", "")]).settings.port, 9999);
}

#[test]
fn each_bad_value_is_told_with_its_place_and_what_is_allowed() {
    let duration = "a duration in d, h, m, s or ms, such as 30m, 10s or 500ms, from";
    for (flag, value, told) in [
        ("port", "99999", "gives `99999`; allowed is a port number from 0 to 65535".to_owned()),
        (
            "host",
            "127.0.0.1:80",
            "gives `127.0.0.1:80`; allowed is an IP address or a host name, such as 127.0.0.1, :: or localhost, \
             without a port"
                .to_owned(),
        ),
        (
            "prefix",
            "data/",
            "gives `data/`; allowed is a path that starts with / and does not end with it, of A-Z a-z 0-9 - . _ ~ \
             and /, such as /data"
                .to_owned(),
        ),
        (
            "prefix",
            "/",
            "gives `/`; allowed is a path that starts with / and does not end with it, of A-Z a-z 0-9 - . _ ~ and /, \
             such as /data"
                .to_owned(),
        ),
        (
            "allowed-origins",
            "https://a.example,https://b.example/",
            "gives `https://a.example,https://b.example/`; allowed is a list of origins such as https://example.com \
             or http://localhost:8000, without a path and in small letters, or * for all; `https://b.example/` is \
             neither"
                .to_owned(),
        ),
        (
            "session-ttl",
            "30",
            format!("gives `30`; allowed is {duration} 1s to 365d; a bare number does not tell its unit"),
        ),
        (
            "session-ttl",
            "0",
            format!("gives `0`; allowed is {duration} 1s to 365d; a bare number does not tell its unit"),
        ),
        ("session-ttl", "0s", format!("gives `0s`; allowed is {duration} 1s to 365d")),
        ("session-ttl", "-5m", format!("gives `-5m`; allowed is {duration} 1s to 365d")),
        ("session-ttl", "30M", format!("gives `30M`; allowed is {duration} 1s to 365d")),
        ("session-ttl", "1500us", format!("gives `1500us`; allowed is {duration} 1s to 365d")),
        ("session-ttl", "soon", format!("gives `soon`; allowed is {duration} 1s to 365d")),
        ("heartbeat-interval", "49ms", format!("gives `49ms`; allowed is {duration} 50ms to 365d")),
        ("heartbeat-frame-interval", "1ms", format!("gives `1ms`; allowed is {duration} 50ms to 1h")),
        ("refresh-gather-time", "0ms", format!("gives `0ms`; allowed is {duration} 1ms to 1s")),
        ("drain-time", "0s", format!("gives `0s`; allowed is {duration} 1ms to 1h")),
        (
            "session-key-prefix",
            "",
            "gives ``; allowed is 1 to 128 visible ASCII characters, such as swampdragon:session:".to_owned(),
        ),
        (
            "session-store",
            " redis://app:secret@cache",
            "gives ` redis://app:***@cache`; allowed is the address or the name of a session store, without spaces \
             around it"
                .to_owned(),
        ),
        (
            "redis-socket",
            "redis.sock",
            "gives `redis.sock`; allowed is the path of a Unix socket, starting with /, such as /run/redis/redis.sock"
                .to_owned(),
        ),
        (
            "trusted-proxies",
            "10.0.0.0/8,10.0.0.0/33",
            "gives `10.0.0.0/8,10.0.0.0/33`; allowed is a list of IP addresses and networks such as 192.0.2.1, \
             10.0.0.0/8 or 2001:db8::/32; `10.0.0.0/33` is neither"
                .to_owned(),
        ),
        ("proxy-header", "x-real-ip", "gives `x-real-ip`; allowed is x-forwarded-for or forwarded".to_owned()),
        ("redis-db", "-1", "gives `-1`; allowed is a whole number from 0 to 1000000".to_owned()),
        ("max-connections", "0", "gives `0`; allowed is a whole number from 1 to 10000000".to_owned()),
        (
            "max-message-size",
            "1GiB",
            "gives `1GiB`; allowed is a number of bytes, such as 4096, 128KiB or 1MiB, from 1KiB to 64MiB".to_owned(),
        ),
        (
            "max-message-size",
            "10MB",
            "gives `10MB`; allowed is a number of bytes, such as 4096, 128KiB or 1MiB, from 1KiB to 64MiB".to_owned(),
        ),
        ("heartbeat-value", "tock", "gives `tock`; allowed is tick or 1".to_owned()),
        (
            "admin-listen",
            "9998",
            "gives `9998`; allowed is a host and a port, such as 127.0.0.1:9998, [::1]:9998 or localhost:9998; port 0 \
             takes a free one"
                .to_owned(),
        ),
        ("log-format", "xml", "gives `xml`; allowed is text or json".to_owned()),
        (
            "log",
            "inof",
            "gives `inof`; allowed is a level (off, error, warn, info, debug, trace), or several by module, such as \
             info,swampdragon_server::session_store=debug"
                .to_owned(),
        ),
    ] {
        let name = flag.replace('-', "_");
        assert_eq!(refusal(&[&format!("--{flag}"), value], NO_VARIABLES), format!("{name}: flag --{flag} {told}"));
    }
    assert_eq!(
        refusal(&["--open-sessions=perhaps"], NO_VARIABLES),
        "open_sessions: flag --open-sessions gives `perhaps`; allowed is true or false (also 1 or 0, yes or no, on or \
         off)"
    );
    assert_eq!(
        refusal(&[], [("SWAMP_DRAGON_PORT", "http")]),
        "port: environment SWAMP_DRAGON_PORT gives `http`; allowed is a port number from 0 to 65535"
    );
}

#[test]
fn a_peer_that_could_not_answer_in_time_is_refused() {
    assert_eq!(
        refusal(&["--heartbeat-frame-interval=30s"], NO_VARIABLES),
        "peer_timeout is 1m 15s (default) and heartbeat_frame_interval is 30s (flag --heartbeat-frame-interval): a peer \
         would count as gone before it could answer; set peer_timeout to 1m 30s or more"
    );
    loaded(&["--heartbeat-frame-interval=30s", "--peer-timeout=90s"], NO_VARIABLES);
}

#[test]
fn useful_values_are_allowed() {
    let settings = loaded(
        &[
            "--host=::",
            "--prefix=/realtime/v1",
            "--max-message-size=4096",
            "--max-outgoing-bytes=2 MiB",
            "--session-ttl=1h 30m",
            "--heartbeat-value=1",
            "--log=warn,swampdragon_server=debug",
            "--log-format=json",
            "--static-dir=public",
            "--allowed-origins=*",
            "--trusted-proxies=192.0.2.1, 10.0.0.0/8,2001:db8::/32",
            "--proxy-header=Forwarded",
        ],
        NO_VARIABLES,
    )
    .settings;
    assert_eq!((settings.host.as_str(), settings.prefix.as_str()), ("::", "/realtime/v1"));
    assert_eq!((settings.max_message_size, settings.max_outgoing_bytes), (4096, 2 << 20));
    assert_eq!(settings.session_ttl, Duration::from_secs(90 * 60));
    assert_eq!((settings.heartbeat_value, settings.log_format), (HeartbeatValue::One, LogFormat::Json));
    assert_eq!(settings.static_dir, Some(PathBuf::from("public")));
    assert_eq!(settings.allowed_origins, ["*"]);
    let proxies: Vec<_> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/32"]);
    assert_eq!(settings.proxy_header, ProxyHeader::Forwarded);
}

#[test]
fn an_end_of_sessions_that_no_heartbeat_comes_before_is_refused() {
    assert_eq!(
        refusal(&["--session-max-age=30m"], []),
        "session_max_age is 30m (flag --session-max-age) and session_ttl is 30m (default): no heartbeat could keep a \
         session; set session_max_age above session_ttl"
    );
    assert_eq!(loaded(&["--session-max-age=12h"], []).settings.session_max_age, Some(Duration::from_secs(12 * 3600)));
}

#[test]
fn a_notice_of_the_end_is_shorter_than_a_session_and_a_tenth_of_it_unless_told_otherwise() {
    assert_eq!(
        refusal(&["--session-expiring-notice=1h"], []),
        "session_expiring_notice is 1h (flag --session-expiring-notice) and session_ttl is 30m (default): every session \
         would be about to end; set session_expiring_notice below session_ttl, or to 0s for no notice"
    );
    for (flags, seconds) in [
        (&[][..], 120),
        (&["--session-ttl=15m"][..], 90),
        (&["--session-expiring-notice=5m"][..], 300),
        (&["--session-expiring-notice=0s"][..], 0),
    ] {
        assert_eq!(loaded(flags, []).settings.expiring_notice(), Duration::from_secs(seconds));
    }
}

#[test]
fn a_heartbeat_that_would_come_too_late_is_refused() {
    let late = [("SESSION_EXPIRATION_TIME", "10")];
    assert_eq!(
        refusal(&[], late),
        "heartbeat_interval is 10m (default) and session_ttl is 10m (environment SESSION_EXPIRATION_TIME): sessions \
         would end before a heartbeat keeps them; set heartbeat_interval below session_ttl (a third of it is a good \
         choice), or turn heartbeats off with heartbeat_enabled = false"
    );
    loaded(&["--heartbeat-enabled=false"], late);
    loaded(&["--heartbeat-interval=3m"], late);
}

#[test]
fn a_token_that_nothing_asks_for_or_one_of_two_is_refused() {
    const TOKEN: &str = "0123456789abcdef";
    let variable = [("SWAMP_DRAGON_ADMIN_TOKEN", TOKEN)];
    let listen = "--admin-listen=127.0.0.1:9998";
    assert_eq!(
        refusal(&[], variable),
        "admin_token (environment SWAMP_DRAGON_ADMIN_TOKEN) is set, and admin_listen is not, so that nothing would ask \
         for the token; set admin_listen, or unset admin_token"
    );
    let refused = refusal(&["--admin-token-file=/token"], NO_VARIABLES);
    assert!(
        refused.starts_with("admin_token_file (flag --admin-token-file) is set, and admin_listen is not"),
        "{refused}"
    );
    assert_eq!(
        refusal(&[listen, "--admin-token-file=/token"], variable),
        "admin_token (environment SWAMP_DRAGON_ADMIN_TOKEN) and admin_token_file (flag --admin-token-file) are both \
         set, and there is one token; unset one"
    );
    assert_eq!(
        refusal(&[listen], [("SWAMP_DRAGON_ADMIN_TOKEN", "too-short")]),
        "admin_token: environment SWAMP_DRAGON_ADMIN_TOKEN gives 9 characters; allowed is 16 to 1024 visible ASCII \
         characters, such as `openssl rand -hex 32` makes"
    );
    let loaded = loaded(&[listen], variable);
    assert_eq!(loaded.settings.admin_token.as_ref().map(Password::expose), Some(TOKEN));
    for shown in [loaded.print_config(), format!("{loaded:?}")] {
        assert!(shown.contains("***") && !shown.contains(TOKEN), "{shown}");
    }
}

#[test]
fn certificates_for_a_connection_without_tls_are_refused() {
    let certificate = ["--redis-tls-ca-file=/ca.pem"];
    assert_eq!(
        refusal(&certificate, [("SWAMP_DRAGON_SESSION_STORE", "redis://:secret@cache")]),
        "redis_tls_ca_file (flag --redis-tls-ca-file) is set, but session_store is `redis://:***@cache`, which is not \
         encrypted; let the address begin with rediss, or unset redis_tls_ca_file"
    );
    loaded(&certificate, [("SWAMP_DRAGON_SESSION_STORE", "rediss://cache")]);
    loaded(&certificate, [("SWAMP_DRAGON_PUBSUB", "rediss+cluster://cache")]);
}

#[test]
fn a_socket_and_a_host_exclude_each_other() {
    assert_eq!(
        refusal(&["--redis-socket", "/run/redis.sock"], [("SWAMP_DRAGON_REDIS_HOST", "cache")]),
        "redis_socket (flag --redis-socket) and redis_host (environment SWAMP_DRAGON_REDIS_HOST) are both set, and \
         Redis is reached by one or the other; unset one"
    );
}

#[test]
fn faults_in_the_file_are_told_with_the_file() {
    for (text, told) in [
        ("sesion_ttl = '1h'", ": there is no setting `sesion_ttl`; the closest is `session_ttl`"),
        ("port = 1\nredis_password = 'secret\n", ", line 2: invalid literal string"),
        ("port = 1.5", "gives a value of type float; allowed is text in quotes, a whole number, true or false, as"),
        ("allowed_origins = [1]", "gives a list of something else; allowed is a list of texts in quotes"),
        ("session_ttl = 30", "gives `30`; allowed is a duration in d, h, m, s or ms"),
    ] {
        let (_folder, path) = file(text);
        let refused = refusal(&["--config", &path], NO_VARIABLES);
        assert!(refused.contains(&path) && refused.contains(told), "{text}: {refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    let error = read(&["--config", "/no/such/file.toml"], NO_VARIABLES).unwrap_err();
    assert_eq!(error.to_string(), "the file of settings /no/such/file.toml cannot be read (flag --config)");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn the_command_line_is_corrected_without_repeating_passwords() {
    let refused = refusal(&["--prot", "80"], NO_VARIABLES);
    assert!(refused.contains("a similar argument exists: '--port'"), "{refused}");
    let refused = refusal(&["redis://app:secret@cache"], NO_VARIABLES);
    assert!(refused.contains("redis://app:***@cache") && !refused.contains("secret"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let environment = [("SWAMP_DRAGON_LOG", OsString::from_vec(vec![0xff]))];
    let refused = Loaded::read(["swampdragon"], environment).unwrap_err();
    assert_eq!(refused.to_string(), "environment SWAMP_DRAGON_LOG is not valid UTF-8");
}

#[test]
fn passwords_show_nowhere() {
    let loaded = loaded(&[], [("SWAMP_DRAGON_REDIS_PASSWORD", "s3cret"), ("SWAMP_DRAGON_REDIS_HOST", "cache")]);
    assert_eq!(loaded.settings.session_store, "redis://:s3cret@cache:6379");
    assert!(!loaded.print_config().contains("s3cret"));
    assert!(!format!("{loaded:?}").contains("s3cret"));
    let loaded = self::loaded(&["--pubsub", "redis://:s3cret@cache"], NO_VARIABLES);
    assert!(!loaded.print_config().contains("s3cret"));
    assert!(!refusal(&["--pubsub", "amqp://:s3cret@cache"], NO_VARIABLES).contains("s3cret"));
}

#[test]
fn the_help_is_what_the_golden_file_says() {
    assert_golden("help.txt", &printed(&["--help"], NO_VARIABLES));
    assert_golden("help-in-short.txt", &printed(&["-h"], NO_VARIABLES));
}

#[test]
fn the_printed_settings_are_what_the_golden_file_says() {
    let environment = [
        ("SWAMP_DRAGON_REDIS_HOST", "cache"),
        ("SWAMP_DRAGON_REDIS_PASSWORD", "secret"),
        ("SESSION_EXPIRATION_TIME", "45"),
        ("SWAMP_DRAGON_SESION_TTL", "1h"),
    ];
    let flags = ["--print-config", "--port=80", "--allowed-origins=https://example.com", "--open-sessions"];
    assert_golden("print-config.toml", &printed(&flags, environment));
}

#[test]
fn a_name_with_a_line_break_sets_nothing_in_the_printed_settings() {
    let printed = printed(&["--print-config"], [("SWAMP_DRAGON_X\nport = 1\u{2}", "x")]);
    let warning = printed.lines().next().unwrap();
    assert!(warning.starts_with("# Warning: environment SWAMP_DRAGON_X?port = 1? is no setting"), "{printed}");
    let (_folder, path) = file(&printed);
    assert_eq!(loaded(&["--config", &path], NO_VARIABLES).settings.port, 9999);
}

#[test]
fn printed_settings_can_be_read_again() {
    let first = loaded(
        &[
            "--port=80",
            "--allowed-origins=https://a.example,*",
            "--trusted-proxies=192.0.2.1,2001:db8::/32",
            "--proxy-header=forwarded",
            "--max-message-size=1025",
            "--session-ttl=1h 1ms",
            "--abort-code=3001",
            "--pubsub=redis://cache",
        ],
        [("SWAMP_DRAGON_STATIC_DIR", "a \"quoted\" folder")],
    );
    let printed = first.print_config();
    let (_folder, path) = file(&printed);
    let mut again = loaded(&["--config", &path], NO_VARIABLES).settings;
    // The address is printed in full, so that the parts of it change nothing any more.
    again.session_store.clone_from(&first.settings.session_store);
    assert_eq!(again, first.settings, "{printed}");
}
