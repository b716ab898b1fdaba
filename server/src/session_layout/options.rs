use super::{
    Choice, CookieSignature, KeyTemplate, LayoutError, LayoutName, RedisLayout, RefreshRule, Secrets, SessionLayout,
    signature::Verifier,
};

/// What the settings say of an app's sessions. Each field has the setting's name that its errors give.
///
/// ```
/// use std::time::SystemTime;
/// use swampdragon_server::session_layout::{LayoutName, SessionLayoutOptions};
///
/// let options = SessionLayoutOptions::new(LayoutName::Django);
/// let layout = options.layout()?;
/// let session = layout.session(["theme=dark; sessionid=03kl02kxvufkefea893j3pl5yq05eq7y"], SystemTime::now())?;
/// assert_eq!(layout.in_redis().key(&session), ":1:django.contrib.sessions.cache03kl02kxvufkefea893j3pl5yq05eq7y");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLayoutOptions {
    /// `session_layout`: whose sessions they are.
    pub layout: LayoutName,
    /// `session_cookie`: the name of the cookie; the framework's own if there is none.
    pub cookie: Option<String>,
    /// `session_cookie_signature`: how the cookie is signed; as the framework does if there is none.
    pub signature: Option<CookieSignature>,
    /// `session_cookie_secrets_file`, or the variable: what the cookie is signed with.
    pub secrets: Secrets,
    /// `session_redis_key`: the key in Redis; the framework's own if there is none.
    pub redis_key: Option<KeyTemplate>,
}

impl SessionLayoutOptions {
    /// The layout as its framework has it by default.
    #[must_use]
    pub fn new(layout: LayoutName) -> Self {
        Self { layout, cookie: None, signature: None, secrets: Secrets::none(), redis_key: None }
    }

    /// The layout.
    ///
    /// # Errors
    /// A setting is missing or contradicts another; the error names it.
    pub fn layout(&self) -> Result<SessionLayout, LayoutError> {
        let (name, preset) = (self.layout, self.layout.preset());
        let cookie = self.cookie.clone().or(preset.as_ref().map(|preset| preset.cookie.to_owned()));
        let cookie = cookie.ok_or(LayoutError::Incomplete {
            setting: "session_cookie",
            allowed: "the name of the cookie that has the session's id",
        })?;
        if cookie.is_empty() || !cookie.bytes().all(is_token) {
            return Err(LayoutError::CookieName { given: cookie });
        }
        let signature = self.signature.clone().or(preset.as_ref().map(|preset| preset.signature.clone()));
        let signature = signature.ok_or(LayoutError::Incomplete {
            setting: "session_cookie_signature",
            allowed: "how it is signed, or none",
        })?;
        let key = match (&self.redis_key, &preset) {
            (Some(given), _) => given.clone(),
            (None, Some(preset)) => preset.key.parse().expect("every preset is a template, which a test makes sure of"),
            (None, None) => {
                return Err(LayoutError::Incomplete {
                    setting: "session_redis_key",
                    allowed: "the key in Redis with {id} in it, such as sess:{id}",
                });
            }
        };

        let is_signed = signature != CookieSignature::None;
        match (is_signed, self.secrets.is_empty()) {
            (true, true) => return Err(LayoutError::NoSecrets { layout: name }),
            (false, false) => return Err(LayoutError::SecretsUnused { layout: name }),
            _ => {}
        }
        // The ids of tower-sessions have a form by which no other key is likely named.
        if key.is_bare() && !is_signed && name != LayoutName::TowerSessions {
            return Err(LayoutError::KeyWithoutPrefix);
        }
        Ok(SessionLayout {
            name,
            cookie,
            choice: preset.as_ref().map_or(Choice::First, |preset| preset.choice),
            verifier: Verifier::new(&signature, &self.secrets)?,
            in_redis: RedisLayout::new(key, preset.map_or(RefreshRule::TimeToLive, |preset| preset.rule)),
        })
    }
}

/// What the name of a cookie is made of (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(layout: &str) -> SessionLayoutOptions {
        SessionLayoutOptions::new(layout.parse().unwrap())
    }

    fn refusal(options: &SessionLayoutOptions) -> String {
        options.layout().unwrap_err().to_string()
    }

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(text).unwrap()
    }

    #[test]
    fn every_framework_is_complete_by_its_name() {
        for layout in ["django", "flask", "phpredis", "tower-sessions"] {
            options(layout).layout().unwrap();
        }
        SessionLayoutOptions { secrets: secrets("keyboard cat"), ..options("express") }.layout().unwrap();
    }

    #[test]
    fn a_layout_of_ones_own_says_what_it_lacks() {
        let mut custom = options("custom");
        for setting in ["session_cookie", "session_cookie_signature", "session_redis_key"] {
            let refused = refusal(&custom);
            assert!(
                refused.starts_with(&format!("session_layout is custom, and {setting} is not set; give")),
                "{refused}"
            );
            match setting {
                "session_cookie" => custom.cookie = Some("sid".into()),
                "session_cookie_signature" => custom.signature = Some(CookieSignature::None),
                _ => custom.redis_key = Some("app:{id}".parse().unwrap()),
            }
        }
        custom.layout().unwrap();
    }

    #[test]
    fn signatures_and_secrets_go_together() {
        let refused = refusal(&options("express"));
        assert!(refused.contains("session_layout express has signed cookies, and there are no secrets"), "{refused}");
        let refused = refusal(&SessionLayoutOptions { secrets: secrets("s"), ..options("django") });
        assert!(refused.contains("session_layout django has unsigned cookies"), "{refused}");
        let signed = SessionLayoutOptions {
            signature: Some(CookieSignature::CookieRsSigned),
            secrets: secrets("hunter2"),
            ..options("tower-sessions")
        };
        let refused = refusal(&signed);
        assert!(refused.starts_with("secret 1 for session cookies is not what the app signs them with"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn clients_cannot_be_given_all_keys() {
        for layout in ["django", "flask", "phpredis"] {
            let open = SessionLayoutOptions { redis_key: Some("{id}".parse().unwrap()), ..options(layout) };
            assert_eq!(open.layout().unwrap_err(), LayoutError::KeyWithoutPrefix);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for name in ["", "a b", "a=b", "a;b", "né"] {
            let options = SessionLayoutOptions { cookie: Some(name.into()), ..options("flask") };
            assert_eq!(options.layout().unwrap_err(), LayoutError::CookieName { given: name.into() });
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let options = SessionLayoutOptions { secrets: secrets("hunter2"), ..options("express") };
        let shown = format!("{options:?} {:?}", options.layout().unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
