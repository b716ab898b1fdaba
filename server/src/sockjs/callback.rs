use super::refusal::Refusal;

/// The longest name of a callback, in characters, as in SockJS's own server.
const MAX_LENGTH: usize = 32;

/// The name of a page's function, safe to stand in a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Callback(String);

impl Callback {
    /// Takes the name from a URL's query, where clients call it `c`.
    pub(super) fn from_query(query: Option<&str>) -> Result<Self, Refusal> {
        let (_, name) = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(key, value)| (key == "c" || key == "callback") && !value.is_empty())
            .ok_or(Refusal::NoCallback)?;
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.len() > MAX_LENGTH || !name.bytes().all(is_safe) {
            return Err(Refusal::Callback);
        }
        Ok(Self(name.into_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A frame as a string in a script, which may stand in a page.
pub(super) fn script_string(frame: &str) -> String {
    // Frames have no line separators, the one thing in which JSON and JavaScript strings differ; a string always has a
    // JSON form. `</script>` would end the script.
    serde_json::to_string(frame).unwrap_or_default().replace("</", "<\\/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_name_and_nothing_else() {
        for query in ["c=%63allback", "callback=callback", "t=1&c=callback"] {
            assert_eq!(Callback::from_query(Some(query)).unwrap().as_str(), "callback");
        }
        for query in [None, Some(""), Some("c="), Some("d=x")] {
            assert_eq!(Callback::from_query(query), Err(Refusal::NoCallback), "{query:?}");
        }
        let long = format!("c={}", "x".repeat(33));
        for query in ["c=%20", "c=*", "c=abc(", "c=abc%28", "c=a%00", "c=%C3%A4", "c=a;alert(1)", "c=%ff", &long] {
            assert_eq!(Callback::from_query(Some(query)), Err(Refusal::Callback), "{query}");
        }
    }

    #[test]
    fn no_message_ends_the_script_that_it_stands_in() {
        assert_eq!(script_string(r#"a["</script>\n"]"#), r#""a[\"<\/script>\\n\"]""#);
    }
}
