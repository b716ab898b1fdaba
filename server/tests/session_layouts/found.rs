//! From a request to the key in Redis.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use swampdragon_protocol::InvalidSessionKey;
use swampdragon_server::session_layout::{LayoutName, NoSession, Secrets, SessionLayoutOptions};

use crate::recording::Recording;

fn found(options: &SessionLayoutOptions, cookies: &str, now: SystemTime) -> Result<String, NoSession> {
    let layout = options.layout().unwrap();
    layout.session([cookies], now).map(|session| layout.in_redis().key(&session))
}

#[test]
fn every_recorded_cookie_leads_to_the_key_that_the_framework_made() {
    for recording in Recording::all() {
        let key = found(&recording.options(), &recording.cookie, recording.at());
        assert_eq!(key.as_deref(), Ok(recording.key.as_str()), "{}", recording.name());
    }
}

#[test]
fn a_session_is_found_with_any_of_the_secrets_and_with_no_other() {
    for recording in Recording::signed() {
        // Keys of the crate cookie are binary, and base64 is text as well.
        let other = STANDARD.encode([7; 64]);
        let rotated = SessionLayoutOptions { secrets: recording.secrets_after(&[&other]), ..recording.options() };
        let key = found(&rotated, &recording.cookie, recording.at());
        assert_eq!(key.as_deref(), Ok(recording.key.as_str()), "{}", recording.name());
        let wrong = SessionLayoutOptions { secrets: Secrets::parse(&other).unwrap(), ..recording.options() };
        let refused = found(&wrong, &recording.cookie, recording.at());
        assert_eq!(refused, Err(NoSession::WrongSignature), "{}", recording.name());
    }
}

#[test]
fn of_two_cookies_the_one_counts_that_the_framework_took() {
    // Who took which was tried with each framework.
    for (layout, takes_first) in
        [("express", true), ("django", false), ("flask", true), ("phpredis", true), ("tower-sessions", false)]
    {
        let recording = Recording::all().into_iter().find(|recording| recording.layout == layout).unwrap();
        let name = recording.cookie.split_once('=').unwrap().0;
        let foreign = format!("{name}=aaaaaaaaaaaaaaaaaaaaag");
        let own = Ok(recording.key.clone());
        let first = found(&recording.options(), &format!("{}; {foreign}", recording.cookie), recording.at());
        let last = found(&recording.options(), &format!("{foreign}; {}", recording.cookie), recording.at());
        assert_eq!((first == own, last == own), (takes_first, !takes_first), "{layout}");
    }
}

#[test]
fn an_unsigned_cookie_does_not_pass_for_a_signed_one() {
    let express = Recording::named("genid with dots");
    for cookie in ["connect.sid=0b1c-x.y_z~", "connect.sid=s%3A0b1c", "connect.sid="] {
        assert_eq!(found(&express.options(), cookie, express.at()), Err(NoSession::Unsigned), "{cookie}");
    }
    let flask = Recording::named("SESSION_USE_SIGNER");
    let id = flask.key.strip_prefix("session:").unwrap();
    assert_eq!(found(&flask.options(), &format!("session={id}"), flask.at()), Err(NoSession::Unsigned));
}

#[test]
fn a_signature_counts_for_its_time_only() {
    let timed = Recording::named("TimestampSigner at 1795448000");
    let hour = Duration::from_secs(3600);
    for (now, expected) in [
        (timed.at() + hour, Ok(timed.key.clone())),
        (timed.at() + hour + Duration::from_secs(1), Err(NoSession::ExpiredSignature)),
        (timed.at() - Duration::from_secs(1), Err(NoSession::ExpiredSignature)),
    ] {
        assert_eq!(found(&timed.options(), &timed.cookie, now), expected);
    }
}

#[test]
fn ids_that_the_framework_would_not_have_made_are_refused() {
    let options = |layout| SessionLayoutOptions::new(layout);
    let now = SystemTime::now();
    for id in ["short", "aaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaQx", "session.aaaaaaaaaaaaag"] {
        // Among them one whose last bits belong to no byte.
        let refused = found(&options(LayoutName::TowerSessions), &format!("id={id}"), now);
        assert_eq!(refused, Err(NoSession::ForeignId), "{id}");
    }
    assert_eq!(found(&options(LayoutName::Django), "sessionid=seven77", now), Err(NoSession::ForeignId));
    let space = Err(NoSession::Id(InvalidSessionKey::Character { position: 1 }));
    assert_eq!(found(&options(LayoutName::Flask), "session=a%20b", now), space);
    assert_eq!(found(&options(LayoutName::Flask), "session=a:b", now), space);
    assert_eq!(found(&options(LayoutName::Flask), "session=", now), Err(NoSession::Id(InvalidSessionKey::Empty)));
    assert_eq!(found(&options(LayoutName::Flask), "a=b", now), Err(NoSession::NoCookie));
}
