use super::{LayoutName, signature::InvalidSecret};

/// Why sessions cannot be found with the settings given. Each names the settings to look at, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A layout of one's own leaves out what a framework's would have told.
    #[error("session_layout is custom, and {setting} is not set; give {allowed}")]
    Incomplete {
        /// The setting that is missing.
        setting: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// No browser would send a cookie of that name.
    #[error("session_cookie is `{given}`; allowed is the name of a cookie: letters, digits and !#$%&'*+-.^_`|~")]
    CookieName {
        /// The name given.
        given: String,
    },
    /// Signed cookies, and nothing to verify them with.
    #[error(
        "session_layout {layout} has signed cookies, and there are no secrets; set session_cookie_secrets_file to a \
         file with the app's secret, or session_cookie_signature to none if its cookies are not signed"
    )]
    NoSecrets {
        /// The layout.
        layout: LayoutName,
    },
    /// Secrets, and cookies that would be believed without them.
    #[error(
        "there are session cookie secrets, and session_layout {layout} has unsigned cookies; set \
         session_cookie_signature to how the app signs them, or give no secrets"
    )]
    SecretsUnused {
        /// The layout.
        layout: LayoutName,
    },
    /// A secret of another kind than the signature needs.
    #[error("secret {number} for session cookies is not what the app signs them with; allowed is {allowed}")]
    Secret {
        /// Which of the secrets, from 1.
        number: usize,
        /// What it may be.
        allowed: InvalidSecret,
    },
    /// Clients could name any key in Redis.
    #[error(
        "session_redis_key is {{id}} alone, and session cookies are not signed: clients could have any key refreshed; \
         write what stands before the id in Redis, as in `sess:{{id}}`"
    )]
    KeyWithoutPrefix,
}
