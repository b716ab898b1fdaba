//! `docs/operations.md` names what there is, and nothing else. Settings have a document of their own, which is made.

use std::collections::{BTreeMap, BTreeSet};

use swampdragon_server::protocol::close_code;

use crate::server::{get, run, server};

const MANUAL: &str = include_str!("../../../docs/operations.md");

/// The first two cells of each row of the tables under a heading.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, section) = MANUAL.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let cells = section.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = cells.filter_map(|line| line.split_once(" | ")).map(|(first, rest)| {
        let second = rest.split_once(" |").map_or(rest, |(second, _)| second);
        (first, second)
    });
    // Without the head of the table.
    rows.filter(|(first, _)| first.starts_with(['`', '1', '2', '3', '4'])).collect()
}

#[tokio::test]
async fn each_number_stands_in_the_manual_with_its_type() {
    let running = run(server()).await;
    let (_, page) = get(running.admin, "/metrics").await;
    let numbers: BTreeMap<_, _> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let described: BTreeSet<_> =
        page.lines().filter_map(|line| Some(line.strip_prefix("# HELP ")?.split_once(' ')?.0)).collect();
    for name in numbers.keys() {
        assert!(described.contains(name), "{name} says nothing of itself (describe_* in metrics.rs)");
    }
    let manual = rows("Numbers");
    let manual: BTreeMap<_, _> = manual.into_iter().map(|(name, kind)| (name.trim_matches('`'), kind)).collect();
    assert_eq!(manual, numbers, "left: docs/operations.md, right: what /metrics has");
}

#[test]
fn each_close_code_stands_in_the_manual_with_its_text() {
    let codes: BTreeSet<_> = close_code::ALL.iter().map(|code| (code.code.to_string(), code.reason)).collect();
    let manual: BTreeSet<_> = rows("Close codes").into_iter().map(|(code, text)| (code.to_owned(), text)).collect();
    assert_eq!(manual, codes, "left: docs/operations.md, right: protocol/src/close_code.rs");
    // `ALL` has each constant of the file.
    let source = include_str!("../../../protocol/src/close_code.rs");
    assert_eq!(source.matches(": CloseCode = close_code(").count(), close_code::ALL.len());
}
