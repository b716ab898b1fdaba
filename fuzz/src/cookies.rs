use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use swampdragon_protocol::SessionKey;
use swampdragon_server::session_layout::{
    Choice, LayoutName, NoSession, Secrets, SessionLayout, SessionLayoutOptions, cookie_value,
};

/// When the cookie with a time in it was signed.
const NOW: Duration = Duration::from_secs(1_795_448_000);

/// The master key of the crate cookie's jars, in base64.
const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

/// Cookies that anybody can make: whose sessions, the cookie's name, and what stands before the id in Redis.
const UNSIGNED: [(LayoutName, &str, &str); 4] = [
    (LayoutName::Django, "sessionid", ":1:django.contrib.sessions.cache"),
    (LayoutName::Flask, "session", "session:"),
    (LayoutName::PhpRedis, "PHPSESSID", "PHPREDIS_SESSION:"),
    (LayoutName::TowerSessions, "id", ""),
];

/// Cookies that only whoever has the secret can make.
struct Signed {
    layout: LayoutName,
    cookie: &'static str,
    signature: &'static str,
    secret: &'static str,
    /// What was signed with the secret; the cookies are in the corpus.
    ids: &'static [&'static str],
}

const SIGNED: [Signed; 6] = [
    Signed {
        layout: LayoutName::Express,
        cookie: "connect.sid",
        signature: "express",
        secret: "keyboard cat",
        ids: &["nXklKUwm5iKSscn-Mk-4_ZI5YLPKUJmn", "0b1c-x.y_z~"],
    },
    Signed {
        layout: LayoutName::Flask,
        cookie: "session",
        signature: "flask-session",
        secret: "flask secret",
        ids: &["nkdeXZWHUFxTD1r-0jai7iWJ9mAL0dre_u2gHJgFgsA"],
    },
    Signed {
        layout: LayoutName::TowerSessions,
        cookie: "id",
        signature: "cookie-rs-signed",
        secret: MASTER,
        ids: &["Gff9nj80KaZfNSt8ahX60A"],
    },
    Signed {
        layout: LayoutName::TowerSessions,
        cookie: "id",
        signature: "cookie-rs-private",
        secret: MASTER,
        ids: &["0uPtDZN4q3nJp78yAIjoIw"],
    },
    Signed {
        layout: LayoutName::Custom,
        cookie: "sid",
        signature: "itsdangerous:my:salt",
        secret: "secret one",
        // To this signer the other one's time is part of what was signed.
        ids: &["user-7f3a", "user-7f3a.awRcwA"],
    },
    Signed {
        layout: LayoutName::Custom,
        cookie: "sid",
        signature: "itsdangerous-timed:1h:my:salt",
        secret: "secret one",
        ids: &["user-7f3a"],
    },
];

/// Whatever a request's cookies are, they name no key but one behind the layout's prefix; and where cookies are signed,
/// no session but one that the app has signed.
///
/// Each line is a `Cookie` header.
pub(crate) fn check(input: &[u8]) {
    static OPEN: LazyLock<Vec<SessionLayout>> = LazyLock::new(|| UNSIGNED.iter().map(open).collect());
    static CLOSED: LazyLock<Vec<SessionLayout>> = LazyLock::new(|| SIGNED.iter().map(Signed::layout).collect());

    let headers = || input.split(|byte| *byte == b'\n');
    let now = SystemTime::UNIX_EPOCH + NOW;
    for ((_, cookie, prefix), layout) in UNSIGNED.iter().zip(OPEN.iter()) {
        let Ok(session) = layout.session(headers(), now) else { continue };
        let key = layout.in_redis().key(&session);
        assert_eq!(key.strip_prefix(prefix), Some(session.as_str()));
        let values = [Choice::First, Choice::Last].map(|choice| cookie_value(headers(), cookie, choice));
        assert!(values.iter().any(|value| value.as_deref() == Ok(session.as_str())), "{key} is in no cookie");
        set_anew_names_the_same(layout, headers(), &session);
    }
    for (signed, layout) in SIGNED.iter().zip(CLOSED.iter()) {
        let Ok(session) = layout.session(headers(), now) else { continue };
        assert!(signed.ids.contains(&session.as_str()), "{} was not signed ({})", session.as_str(), signed.signature);
        set_anew_names_the_same(layout, headers(), &session);
    }
}

/// A cookie that is set anew is one that the browser can send, and names the same session.
fn set_anew_names_the_same<'a>(
    layout: &SessionLayout,
    headers: impl IntoIterator<Item = &'a [u8]> + Clone,
    session: &SessionKey,
) {
    let named = match layout.session_and_cookie(headers, SystemTime::UNIX_EPOCH + NOW) {
        Err(NoSession::Several) => return,
        named => named,
    };
    let (again, value) = named.expect("the request has a session");
    assert_eq!(again, *session);
    let header = format!("{}={value}", layout.cookie());
    assert!(!header.contains([';', ',', ' ', '\r', '\n']), "{header}");
    assert_eq!(layout.session([header], SystemTime::UNIX_EPOCH + NOW).as_ref(), Ok(session));
}

fn options(layout: LayoutName) -> SessionLayoutOptions {
    SessionLayoutOptions::new(layout)
}

fn open((name, ..): &(LayoutName, &str, &str)) -> SessionLayout {
    options(*name).layout().expect("a framework's layout is complete")
}

impl Signed {
    fn layout(&self) -> SessionLayout {
        let options = SessionLayoutOptions {
            cookie: Some(self.cookie.to_owned()),
            signature: Some(self.signature.parse().expect("a signature")),
            secrets: Secrets::parse(self.secret).expect("a secret"),
            redis_key: Some("app:{id}".parse().expect("a key")),
            ..options(self.layout)
        };
        options.layout().expect("nothing is missing")
    }
}
