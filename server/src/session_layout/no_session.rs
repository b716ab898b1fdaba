use swampdragon_protocol::InvalidSessionKey;

/// Why a request has no session. Neither the cookie nor a secret is in it: both may go to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// Nobody is logged in, or the cookie has another name or path (setting `session_cookie`).
    #[error("there is no session cookie")]
    NoCookie,
    /// No browser keeps cookies of that length.
    #[error("the session cookie is too long")]
    TooLong,
    /// Its escapes do not make up text.
    #[error("the session cookie is malformed")]
    Malformed,
    /// There are several that differ, where only one would do.
    #[error("there are several session cookies, which differ")]
    Several,
    /// The layout has signed cookies, and this one has no signature (setting `session_cookie_signature`).
    #[error("the session cookie is not signed")]
    Unsigned,
    /// The cookie was tampered with, or signed with none of the secrets (setting `session_cookie_secrets_file`).
    #[error("the session cookie is signed with none of the secrets")]
    WrongSignature,
    /// The signature was made too long ago, or in the future.
    #[error("the session cookie's signature has expired")]
    ExpiredSignature,
    /// The cookie has an id that no session can have.
    #[error("the session cookie has no session id in it: {0}")]
    Id(InvalidSessionKey),
    /// The cookie has an id that is none of this layout's (setting `session_layout`).
    #[error("the session cookie has no session id of this layout in it")]
    ForeignId,
}

impl NoSession {
    /// The setting to look at if the app would know this session.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::NoCookie | Self::TooLong | Self::Malformed | Self::Several => "session_cookie",
            Self::Unsigned | Self::ExpiredSignature => "session_cookie_signature",
            Self::WrongSignature => "session_cookie_secrets_file",
            // A signature in it is the most likely reason.
            Self::Id(_) => "session_cookie_signature",
            Self::ForeignId => "session_layout",
        }
    }
}
