use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::refusal::Refusal;
use crate::{
    admin::{AT_ONCE, State},
    refusals::Limit,
    settings::Password,
};

/// Places that requests of a backend never take: a store that hangs must not make the server look dead to probes.
const FOR_PROBES: usize = 8;

/// Who may use the backend's part of the listener.
pub(in crate::admin) struct Guard {
    /// Of the token. Digests are of one length, and comparing them tells nothing of how far a guess was right.
    digest: [u8; 32],
    room: Semaphore,
}

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Right,
    Wrong,
    Nothing,
}

impl Guard {
    pub(in crate::admin) fn new(token: &Password) -> Self {
        Self { digest: Sha256::digest(token.expose()).into(), room: Semaphore::new(AT_ONCE - FOR_PROBES) }
    }

    /// Looks for `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
    fn look_at(&self, headers: &HeaderMap) -> Shown {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (given.next(), given.next()) else { return Shown::Nothing };
        let mut words = only.as_bytes().splitn(2, |byte| *byte == b' ');
        match (words.next(), words.next()) {
            (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case(b"Bearer") => {
                let digest: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
                if bool::from(digest.ct_eq(&self.digest)) { Shown::Right } else { Shown::Wrong }
            }
            _ => Shown::Nothing,
        }
    }
}

/// Lets a request in that shows the token and comes from a program that is no browser.
pub(super) async fn guard(
    Extract(state): Extract<Arc<State>>,
    Extension(peer): Extension<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(guard) = &state.guard else {
        let why = "the backend API is off; set admin_token or admin_token_file to turn it on";
        return Refusal::new(StatusCode::NOT_FOUND, why).into_response();
    };
    let Some(service) = state.service.get() else {
        return Refusal::later("the server is starting").into_response();
    };
    // A page could know the token, by its backend's mistake. Not even then is it served.
    if request.headers().contains_key(header::ORIGIN) || request.headers().contains_key(SEC_FETCH_SITE) {
        service.refusals.note(Limit::AdminToken, format_args!("{peer} asks /sessions from within a browser"));
        let why = "this is for backends; requests of browsers (Origin, Sec-Fetch-Site) are refused";
        return Refusal::new(StatusCode::FORBIDDEN, why).into_response();
    }
    let (why, challenge) = match guard.look_at(request.headers()) {
        Shown::Right => {
            let Ok(_place) = guard.room.try_acquire() else {
                return Refusal::later("too many requests at once").into_response();
            };
            request.extensions_mut().insert(Arc::clone(service));
            let mut response = next.run(request).await;
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
        Shown::Wrong => ("the token is wrong", r#"Bearer realm="sessions", error="invalid_token""#),
        Shown::Nothing => ("there is no token", r#"Bearer realm="sessions""#),
    };
    service.refusals.note(Limit::AdminToken, format_args!("{peer} asks /sessions, and {why}"));
    let why = format!("{why}; send the one of admin_token as `Authorization: Bearer TOKEN`");
    let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
    (challenge, Refusal::new(StatusCode::UNAUTHORIZED, why)).into_response()
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(authorization: &[&'static str]) -> Shown {
        let guard = Guard::new(&Password::new("0123456789abcdef"));
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        guard.look_at(&headers)
    }

    #[test]
    fn one_token_opens() {
        assert_eq!(shown(&["Bearer 0123456789abcdef"]), Shown::Right);
        assert_eq!(shown(&["bearer  0123456789abcdef"]), Shown::Right);
        for wrong in ["Bearer 0123456789abcdee", "Bearer 0123456789abcdef0", "Bearer 0123456789ABCDEF", "Bearer "] {
            assert_eq!(shown(&[wrong]), Shown::Wrong, "{wrong}");
        }
        for nothing in ["", "Bearer", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer:0123456789abcdef"] {
            assert_eq!(shown(&[nothing]), Shown::Nothing, "{nothing}");
        }
        assert_eq!(shown(&[]), Shown::Nothing);
        // Which of two counts may depend on who reads them.
        assert_eq!(shown(&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]), Shown::Nothing);
    }
}
