use std::{fmt, io, str::FromStr};

use sha2::{Digest as _, Sha256};
use swampdragon_protocol::SessionKey;

/// How a session id becomes the key in Redis: text with `{id}` in it, or with `{id:sha256}` for apps that keep the
/// SHA-256 of the id instead, in hex digits.
///
/// Other braces are text, as in `{app}:sess:{id}` for Redis Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    before: Box<str>,
    id: IdForm,
    after: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdForm {
    AsGiven,
    Sha256,
}

impl IdForm {
    const ALL: [Self; 2] = [Self::AsGiven, Self::Sha256];

    fn placeholder(self) -> &'static str {
        match self {
            Self::AsGiven => "{id}",
            Self::Sha256 => "{id:sha256}",
        }
    }
}

/// The longest template, in bytes.
const MAX_LENGTH: usize = 256;

impl KeyTemplate {
    /// The key of a session.
    #[must_use]
    pub fn key(&self, id: &SessionKey) -> String {
        let mut key = Vec::new();
        self.write(id.as_str(), &mut key).expect("memory takes everything");
        String::from_utf8(key).expect("it is made of text")
    }

    /// The id as it is, behind a prefix that may be longer than people write.
    pub(crate) fn behind(prefix: &str) -> Self {
        Self { before: prefix.into(), id: IdForm::AsGiven, after: "".into() }
    }

    /// Writes the key of a session, or of what stands beside sessions and is called by a name that no session has.
    pub(crate) fn write(&self, id: &str, out: &mut impl io::Write) -> io::Result<()> {
        let Self { before, id: form, after } = self;
        out.write_all(before.as_bytes())?;
        match form {
            IdForm::AsGiven => out.write_all(id.as_bytes())?,
            IdForm::Sha256 => write!(out, "{:x}", Sha256::digest(id))?,
        }
        out.write_all(after.as_bytes())
    }

    /// Whether whoever chooses the id chooses the whole key: a client could then name any key there is.
    pub(super) fn is_bare(&self) -> bool {
        self.id == IdForm::AsGiven && self.before.is_empty() && self.after.is_empty()
    }
}

impl FromStr for KeyTemplate {
    type Err = InvalidKeyTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidKeyTemplate> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidKeyTemplate);
        }
        let places =
            IdForm::ALL.into_iter().flat_map(|id| text.match_indices(id.placeholder()).map(move |at| (id, at)));
        let mut places = places.filter_map(|(id, (at, placeholder))| {
            Some((id, text.get(..at)?, text.get(at.checked_add(placeholder.len())?..)?))
        });
        match (places.next(), places.next()) {
            (Some((id, before, after)), None) => Ok(Self { before: before.into(), id, after: after.into() }),
            _ => Err(InvalidKeyTemplate),
        }
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.before, self.id.placeholder(), self.after)
    }
}

/// A text is no [`KeyTemplate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text with {{id}} or {{id:sha256}} in it once, such as `sess:{{id}}`, of at most {MAX_LENGTH} characters")]
pub struct InvalidKeyTemplate;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(template: &str) -> String {
        template.parse::<KeyTemplate>().unwrap().key(&SessionKey::parse("abc").unwrap())
    }

    #[test]
    fn the_id_stands_where_the_template_says() {
        assert_eq!(key("sess:{id}"), "sess:abc");
        assert_eq!(key("{app}:{id}:session"), "{app}:abc:session");
        assert_eq!(key("{id}"), "abc");
        let hashed = "2::ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(key("2::{id:sha256}"), hashed);
    }

    #[test]
    fn a_template_without_a_place_for_the_id_is_refused() {
        for text in ["", "sess:", "sess:id", "{id}{id}", "{id}{id:sha256}", "{id:md5}", "{ID}"] {
            assert_eq!(text.parse::<KeyTemplate>(), Err(InvalidKeyTemplate), "{text}");
        }
        assert_eq!(format!("{}{{id}}", "a".repeat(253)).parse::<KeyTemplate>(), Err(InvalidKeyTemplate));
    }

    #[test]
    fn a_template_is_shown_as_it_was_given() {
        for text in ["sess:{id}", "2::{id:sha256}.x"] {
            assert_eq!(text.parse::<KeyTemplate>().unwrap().to_string(), text);
        }
    }
}
