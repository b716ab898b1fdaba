//! What grew between two sets of sizes.

use std::collections::BTreeMap;

/// Bytes by name, such as `section code`. The first word is the group, of which downloads have none.
pub(crate) type Sizes = BTreeMap<String, usize>;

/// How many names of a group are worth telling.
const TOLD: usize = 10;

/// By how much something has changed since it was saved; nothing when it has not, or was not there.
pub(crate) fn change(name: &str, present: usize, saved: &Sizes) -> String {
    match saved.get(name).map(|before| difference(present, *before)) {
        None | Some(0) => String::new(),
        Some(change) => format!("{change:+}"),
    }
}

/// What grew, in lines: for each group, given by the start of its names and a title, what grew most first.
pub(crate) fn grown(groups: &[(&str, &str)], present: &Sizes, saved: &Sizes) -> String {
    let lines = groups.iter().filter_map(|(start, title)| {
        let mut grown: Vec<(i64, String)> = present
            .iter()
            .filter_map(|(name, size)| {
                let (short, before) = (name.strip_prefix(start)?, saved.get(name));
                let change = difference(*size, before.copied().unwrap_or(0));
                (change > 0)
                    .then(|| (change, format!("{short} {change:+}{}", if before.is_none() { " (new)" } else { "" })))
            })
            .collect();
        grown.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
        let more = grown.len().saturating_sub(TOLD);
        let mut told: Vec<String> = grown.into_iter().take(TOLD).map(|(_, line)| line).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        (!told.is_empty()).then(|| format!("{title}:\n  {}\n", told.join("\n  ")))
    });
    lines.collect()
}

fn difference(one: usize, other: usize) -> i64 {
    // Sizes of files that pages download.
    one as i64 - other as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(all: &[(&str, usize)]) -> Sizes {
        all.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
    }

    #[test]
    fn what_grew_most_comes_first_and_what_shrank_not_at_all() {
        let saved = sizes(&[("function a", 10), ("function b", 10), ("function c", 10), ("function gone", 99)]);
        let present = sizes(&[("function a", 12), ("function b", 9), ("function c", 30), ("function d", 5)]);
        assert_eq!(
            grown(&[("function ", "functions")], &present, &saved),
            "functions:\n  c +20\n  d +5 (new)\n  a +2\n"
        );
    }

    #[test]
    fn groups_without_growth_are_left_out() {
        let saved = sizes(&[("section code", 10), ("file a.js", 3)]);
        let present = sizes(&[("section code", 10), ("file a.js", 4)]);
        let groups = [("section ", "sections"), ("file ", "files")];
        assert_eq!(grown(&groups, &present, &saved), "files:\n  a.js +1\n");
    }

    #[test]
    fn a_long_list_is_cut_off_and_says_so() {
        let present: Sizes = (1..=12).map(|size| (format!("function f{size}"), size)).collect();
        let told = grown(&[("function ", "functions")], &present, &Sizes::new());
        assert!(told.contains("f12 +12 (new)") && told.contains("f3 +3") && !told.contains("f2 "), "{told}");
        assert!(told.ends_with("and 2 more\n"), "{told}");
    }

    #[test]
    fn a_change_has_its_sign_and_no_change_is_nothing() {
        let saved = sizes(&[("a", 10)]);
        assert_eq!([11, 9, 10].map(|present| change("a", present, &saved)), ["+1", "-1", ""]);
        assert_eq!(change("b", 5, &saved), "");
    }
}
