//! Channels that carry only the items with certain properties: the original's channel filters.

use std::cmp::Ordering;

use serde_json::Value;
use swampdragon_protocol::{ChannelName, InvalidName};

/// A channel for the items of one kind that pass some filters, such as `todo|done:False|title__contains:milk`.
///
/// A page subscribes to [its name](Self::name); whoever publishes an item finds the channels that want it by
/// [`matches`](Self::matches), as [`RouterCall::publish_item`](crate::RouterCall::publish_item) does. The names are the
/// original's, so that both sides may be old or new.
///
/// A filter is a property of the item, perhaps a comparison, and a value. The property of an object in the item is
/// named by way of that object: `owner__name`. The comparisons are `eq` (also without one), `contains`, `in`, `lt`,
/// `lte`, `gt` and `gte`. A property that is a list passes if one of its elements does.
///
/// ```
/// use serde_json::json;
/// use swampdragon_server::FilteredChannel;
///
/// let channel = FilteredChannel::new("todo").with("done", false).with("title__contains", "milk & honey");
/// assert_eq!(channel.name().unwrap().as_str(), "todo|done:False|title__contains:milk+%26+honey");
/// assert!(channel.matches(&json!({"id": 1, "done": false, "title": "buy milk & honey"})));
/// assert!(!channel.matches(&json!({"id": 1, "done": true, "title": "buy milk & honey"})));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilteredChannel {
    base: String,
    filters: Vec<Filter>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    /// With its comparison, as it stands in the name.
    property: String,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Contains,
    In,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl FilteredChannel {
    /// The channel of all items of the kind `base`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { base: base.to_owned(), filters: Vec::new() }
    }

    /// The same, for those only whose `property` compares to `value`. The property's name may end in a comparison.
    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.filters.push(Filter { property: property.to_owned(), value: text_of(&value.into()) });
        self.filters.sort_unstable();
        self
    }

    /// The name under which it is subscribed to and published on.
    ///
    /// # Errors
    /// The name would be longer than a channel's name may be, or have a control character.
    pub fn name(&self) -> Result<ChannelName, InvalidName> {
        let filters: Vec<_> =
            self.filters.iter().map(|Filter { property, value }| format!("{property}:{value}")).collect();
        ChannelName::parse(&format!("{}|{}", self.base, filters.join("|")))
    }

    /// Takes a name apart. `None` if a filter has no value.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('|');
        let base = parts.next().unwrap_or_default().to_owned();
        let filters = parts.filter(|part| !part.is_empty()).map(|part| {
            let (property, value) = part.split_once(':')?;
            Some(Filter { property: property.to_owned(), value: value.to_owned() })
        });
        Some(Self { base, filters: filters.collect::<Option<_>>()? })
    }

    /// Whether the channel carries this item: it has every property, and each compares.
    #[must_use]
    pub fn matches(&self, item: &Value) -> bool {
        self.filters.iter().all(|filter| filter.passes(item))
    }
}

impl Filter {
    fn passes(&self, item: &Value) -> bool {
        let (path, comparison) = match self.property.rsplit_once("__") {
            Some((path, last)) => match Comparison::parse(last) {
                Some(comparison) => (path, comparison),
                None => (self.property.as_str(), Comparison::Equal),
            },
            None => (self.property.as_str(), Comparison::Equal),
        };
        let path: Vec<_> = path.split("__").collect();
        any_at(item, &path, &|found| comparison.holds(found, &self.value))
    }
}

/// Whether what stands at `path` passes; where there are lists on the way, whether any of what stands there does.
fn any_at(item: &Value, path: &[&str], passes: &dyn Fn(&Value) -> bool) -> bool {
    match (item, path) {
        (Value::Array(elements), _) => elements.iter().any(|element| any_at(element, path, passes)),
        (_, []) => passes(item),
        (_, [name, rest @ ..]) => item.get(name).is_some_and(|inner| any_at(inner, rest, passes)),
    }
}

impl Comparison {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "contains" => Self::Contains,
            "in" => Self::In,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Compares a property with the value in a channel's name, which is quoted text whatever it stands for.
    fn holds(self, property: &Value, value: &str) -> bool {
        use Ordering::{Equal, Greater, Less};
        let order = |value: &str| compare(property, &unquoted(value));
        match self {
            Self::Contains => property.as_str().is_some_and(|text| text.contains(&unquoted(value))),
            Self::In => {
                let list = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(value);
                list.split(',').any(|element| order(element.trim()) == Some(Equal))
            }
            Self::Equal => order(value) == Some(Equal),
            Self::Less => order(value) == Some(Less),
            Self::LessOrEqual => matches!(order(value), Some(Less | Equal)),
            Self::Greater => order(value) == Some(Greater),
            Self::GreaterOrEqual => matches!(order(value), Some(Greater | Equal)),
        }
    }
}

/// How a property compares to a value; `None` if it does not, such as a number to a word.
fn compare(property: &Value, value: &str) -> Option<Ordering> {
    match property {
        Value::String(text) => Some(text.as_str().cmp(value)),
        // Whole numbers are compared as such: as floating point, large ones would run together.
        Value::Number(number) => match (number.as_i64(), value.parse::<i64>()) {
            (Some(number), Ok(value)) => Some(number.cmp(&value)),
            _ => number.as_f64()?.partial_cmp(&value.parse().ok()?),
        },
        Value::Bool(truth) => match value {
            // As Python writes them, and as JavaScript does.
            "True" | "true" | "1" => Some(truth.cmp(&true)),
            "False" | "false" | "0" => Some(truth.cmp(&false)),
            _ => None,
        },
        Value::Null => matches!(value, "None" | "null").then_some(Ordering::Equal),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as it stands in a name: text is quoted, the rest is as Python prints it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(text_of).collect();
            format!("[{}]", elements.join(","))
        }
        object @ Value::Object(_) => quoted(&object.to_string()),
    }
}

/// Percent-encoded as in HTML forms: a blank becomes `+`.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => quoted.push(char::from(byte)),
            b' ' => quoted.push('+'),
            _ => quoted.push_str(&format!("%{byte:02X}")),
        }
    }
    quoted
}

/// Undoes [`quoted`]. What is no escape stays as it is.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn each_comparison_does_what_its_name_says() {
        let item = json!({
            "id": 7, "title": "buy milk", "done": false, "price": 2.5, "due": null, "big": 9_007_199_254_740_993_i64,
            "owner": {"name": "Ann", "id": 0}, "tags": [{"name": "red"}, {"name": "blue"}], "days": [1, 2],
        });
        for (filter, passes) in [
            ("", true),
            ("id:7", true),
            ("id__eq:7", true),
            ("id:8", false),
            ("id__lt:8|id__gt:6", true),
            ("id__lt:7", false),
            ("id__lte:7|id__gte:7", true),
            ("id__in:[1, 7]", true),
            ("id__in:1,7", true),
            ("id__in:1,8", false),
            ("price__gt:2", true),
            ("big:9007199254740992", false),
            ("title:buy+milk", true),
            ("title__contains:milk", true),
            ("title__contains:beer", false),
            ("title__in:beer,buy%20milk", true),
            ("done:False", true),
            ("done:false|done:0", true),
            ("done:True", false),
            ("due:None", true),
            ("owner__name:Ann", true),
            ("owner__name__contains:An", true),
            ("owner__id:0", true),
            ("tags__name:blue", true),
            ("tags__name:green", false),
            ("days:2", true),
            ("days__gt:2", false),
            ("id:seven", false),
            ("absent:1", false),
            ("title__unheard:x", false),
        ] {
            let name = format!("todo|{filter}");
            assert_eq!(FilteredChannel::parse(&name).unwrap().matches(&item), passes, "{name}");
        }
    }

    #[test]
    fn names_are_the_originals() {
        let name = |channel: FilteredChannel| channel.name().unwrap().as_str().to_owned();
        assert_eq!(name(FilteredChannel::new("todo")), "todo|");
        let filtered = FilteredChannel::new("todo").with("user__id", 3).with("name__contains", "foo bar");
        assert_eq!(name(filtered), "todo|name__contains:foo+bar|user__id:3");
        assert_eq!(name(FilteredChannel::new("todo").with("id__in", json!([1, 2]))), "todo|id__in:[1,2]");
        assert_eq!(FilteredChannel::parse("todo|nonsense"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_found_again_by_its_own_filter(text in "[^\\p{Cc}]{0,40}") {
            let channel = FilteredChannel::new("todo").with("title", text.clone());
            let name = channel.name();
            prop_assume!(name.is_ok());
            let parsed = FilteredChannel::parse(name.unwrap().as_str()).unwrap();
            let item = json!({"title": text});
            prop_assert!(parsed.matches(&item));
        }

        #[test]
        fn no_name_makes_the_filters_panic(name in any::<String>()) {
            if let Some(channel) = FilteredChannel::parse(&name) {
                let _ = channel.matches(&json!({"a": [1, "x", null]}));
            }
        }
    }
}
