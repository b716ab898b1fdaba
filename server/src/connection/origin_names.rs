use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};

/// Origins told apart. Those beyond are `other`: a client that is no browser can name as many as it likes.
const MOST: usize = 256;

/// The longest origin that is kept, in bytes: scheme, a host name of 253, port.
const LONGEST: usize = 270;

/// The origins of the pages that have connected, each kept once: a connection has two bytes for it, which logs need
/// and nothing else.
#[derive(Default)]
pub(crate) struct OriginNames(Mutex<Vec<Arc<str>>>);

/// An origin's place in [`OriginNames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OriginName(u16);

impl OriginName {
    /// The client sent none: it is no browser.
    pub(crate) const NONE: Self = Self(u16::MAX);
    /// One that is not kept.
    const OTHER: Self = Self(u16::MAX - 1);
}

impl OriginNames {
    /// The place of the origin that a request comes from.
    pub(crate) fn of(&self, headers: &HeaderMap) -> OriginName {
        self.place(headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("other")))
    }

    /// Finds or makes the place of an origin.
    fn place(&self, origin: Option<&str>) -> OriginName {
        let Some(origin) = origin else { return OriginName::NONE };
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = names.iter().position(|name| **name == *origin).or_else(|| {
            let room = names.len() < MOST && origin.len() <= LONGEST;
            room.then(|| {
                names.push(origin.into());
                names.len() - 1
            })
        });
        place.and_then(|place| u16::try_from(place).ok()).map_or(OriginName::OTHER, OriginName)
    }

    /// The origin at a place; `None` for a client that sent none.
    pub(crate) fn name(&self, place: OriginName) -> Option<Arc<str>> {
        match place {
            OriginName::NONE => None,
            OriginName::OTHER => Some("other".into()),
            OriginName(place) => self.0.lock().unwrap_or_else(PoisonError::into_inner).get(usize::from(place)).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_once_and_their_number_is_bounded() {
        let names = OriginNames::default();
        let first = names.place(Some("https://a.example"));
        for number in 0..2 * MOST {
            names.place(Some(&format!("https://{number}.example")));
        }
        assert_eq!(names.place(Some("https://a.example")), first);
        assert_eq!(names.name(first).as_deref(), Some("https://a.example"));
        assert_eq!(names.place(None), OriginName::NONE);
        assert_eq!(names.name(OriginName::NONE), None);
        assert_eq!(names.name(names.place(Some("https://late.example"))).as_deref(), Some("other"));
        assert_eq!(names.name(names.place(Some(&"x".repeat(300)))).as_deref(), Some("other"));
        assert_eq!(names.0.lock().unwrap().len(), MOST);
    }
}
