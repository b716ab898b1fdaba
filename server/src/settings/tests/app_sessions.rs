//! Settings of the sessions of an app.

use super::*;

#[test]
fn what_does_not_go_with_an_apps_sessions_is_refused() {
    let refused =
        |more: &[&str]| refusal(&[&["--session-layout=django", "--session-ttl=30m"], more].concat(), NO_VARIABLES);
    let embedded = refused(&["--session-store=embedded:x"]);
    assert!(embedded.starts_with("session_layout is django and session_store is `embedded:x` (flag"), "{embedded}");
    let max_age = refused(&["--session-max-age=12h"]);
    assert!(max_age.ends_with("the app decides how long its sessions live in all; unset session_max_age"), "{max_age}");
    let open = refused(&["--open-sessions"]);
    assert!(open.ends_with("pages never hold the keys of an app's sessions; turn open_sessions off"), "{open}");
    let origins = refused(&["--allowed-origins=*"]);
    assert!(origins.ends_with("list the origins of the app's pages"), "{origins}");
    let secrets = refused(&["--session-cookie-secrets=hunter2", "--session-cookie-secrets-file=/x"]);
    assert!(secrets.ends_with("(flag --session-cookie-secrets-file): set one of them"), "{secrets}");
    assert!(!secrets.contains("hunter2"), "{secrets}");
    let cookie = refused(&["--session-cookie-same-site=none", "--session-cookie-secure=false"]);
    assert!(cookie.ends_with("browsers refuse such a cookie; set one of them otherwise"), "{cookie}");
    assert_eq!(
        refused(&["--session-cookie-max-age=15m"]),
        "session_cookie_max_age is 15m (flag --session-cookie-max-age) and heartbeat_interval is 10m (default): the \
         cookie could end before a page has it set anew; set heartbeat_interval to 5m or less"
    );
}

#[test]
fn settings_of_an_apps_sessions_mean_nothing_without_its_layout() {
    for flag in [
        "--session-cookie=sid",
        "--session-cookie-signature=none",
        "--session-cookie-secrets=x",
        "--session-cookie-secrets-file=/x",
        "--session-redis-key=sess:{id}",
        "--session-cookie-max-age=30m",
    ] {
        let refused = refusal(&[flag], NO_VARIABLES);
        assert!(
            refused.contains("and session_layout is not: set session_layout to whose sessions they are"),
            "{refused}"
        );
    }
}

#[test]
fn the_secrets_of_session_cookies_are_read_from_their_file_and_told_nowhere() {
    let (_folder, secrets) = file("new\nold\n");
    let express = ["--session-layout=express", "--session-cookie-secrets-file", &secrets];
    let settings = loaded(&express, NO_VARIABLES).settings;
    assert_eq!(settings.session_layout().unwrap().unwrap().cookie(), "connect.sid");
    let wrong = |more: &[&str]| {
        let settings = loaded(&[&["--session-layout=express"], more].concat(), NO_VARIABLES).settings;
        let error = settings.session_layout().unwrap_err();
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    };
    let missing = wrong(&["--session-cookie-secrets-file=/no/such/file"]);
    assert!(
        missing.starts_with("session_cookie_secrets_file: the secrets in /no/such/file cannot be read: "),
        "{missing}"
    );
    let none = wrong(&[]);
    assert!(none.contains("session_layout express has signed cookies, and there are no secrets"), "{none}");
}
