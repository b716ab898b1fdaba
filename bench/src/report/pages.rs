//! What the client costs a page, as a section of the document.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{goal::Goal, number};
use crate::median;

/// What the client costs a page in a browser.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pages {
    /// Which browser, with its version.
    pub browser: String,
    /// Microseconds of the page's thread for a message, beside JavaScript written by hand.
    pub messages: Vec<Compared>,
    /// Milliseconds from the import to the open connection, beside the original client.
    pub opening: Vec<Compared>,
    /// Why there is nothing, where that is so.
    pub failure: Option<String>,
}

/// One thing, measured of ours and of another in turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What it is.
    pub what: String,
    /// Of ours, in each round.
    pub ours: Vec<f64>,
    /// Of the other, in the same rounds.
    pub other: Vec<f64>,
}

/// At most so many times JavaScript written by hand.
const MESSAGE_RATIO: f64 = 2.0;

/// Not slower than the original.
const OPENING_RATIO: f64 = 1.0;

impl Compared {
    /// How many times the other's ours is, by the medians of the rounds.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        Some(median(&self.ours)? / median(&self.other)?)
    }
}

pub(super) fn goals(pages: &Pages) -> Vec<Goal> {
    let messages = pages.messages.iter().map(|it| {
        let what = format!("A page's CPU of {} (ratio)", it.what);
        Goal::new(what, "2 times that of JavaScript written by hand", it.ratio(), Some(MESSAGE_RATIO))
    });
    let opening = pages.opening.iter().map(|it| {
        let what = format!("From import to open connection, {} (ratio)", it.what);
        Goal::new(what, "the original client's", it.ratio(), Some(OPENING_RATIO)).because(
            "The original asks the server about itself before it opens a connection, which takes no time on one machine; \
             to load and start WebAssembly takes some.",
        )
    });
    messages.chain(opening).collect()
}

/// The section of the document.
#[must_use]
pub fn section(pages: &Pages) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, pages);
    text
}

fn write(text: &mut String, pages: &Pages) -> std::fmt::Result {
    if let Some(failure) = &pages.failure {
        return writeln!(text, "## In the browser\n\nCould not be measured: {failure}");
    }
    writeln!(
        text,
        "## In the browser\n\n\
         {}, without a window. What a message costs the page's thread: frames are handed to the client and what it \
         sends is taken from it inside the page, so that neither network nor server is in the figures; JavaScript \
         written by hand for these messages (`bench/pages/by-hand.js`) does the same in turn, which the page checks: \
         frame, JSON, kind of message, answer. Figures are medians of rounds.\n",
        pages.browser
    )?;
    table(text, ["a message, µs", "SwampDragon", "by hand"], &pages.messages)?;
    writeln!(
        text,
        "\nFrom the moment a page imports the client until its connection is open, in a page of its own each time: the \
         npm package's main entry, and the original's `swampdragon.min.js` 0.4.2.2, which has sockjs-client in it. Both \
         come from the same host, compressed with brotli beforehand, and connect to the same server of ours, both on \
         this machine, and 40 ms away: there each answer takes so long, and opening a connection as long again.\n"
    )?;
    table(text, ["until open, ms", "SwampDragon", "the original"], &pages.opening)
}

fn table(text: &mut String, [what, ours, other]: [&str; 3], all: &[Compared]) -> std::fmt::Result {
    writeln!(text, "| {what} | {ours} | {other} | ratio | rounds |\n|---|---:|---:|---:|---:|")?;
    for it in all {
        let [ours, other, ratio] =
            [median(&it.ours), median(&it.other), it.ratio()].map(|value| value.map_or_else(|| "–".to_owned(), number));
        writeln!(text, "| {} | {ours} | {other} | {ratio} | {} |", it.what, it.ours.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        let compared = |what: &str, ours: &[f64], other: &[f64]| Compared {
            what: what.to_owned(),
            ours: ours.to_vec(),
            other: other.to_vec(),
        };
        Pages {
            browser: "Chromium 100".to_owned(),
            messages: vec![compared("a heartbeat", &[3.0, 30.0, 3.5], &[2.0, 20.0, 1.0])],
            opening: vec![compared("nothing cached", &[12.0], &[10.0]), compared("cached", &[], &[])],
            failure: None,
        }
    }

    #[test]
    fn a_ratio_is_of_medians() {
        assert_eq!(pages().messages[0].ratio(), Some(1.75));
        assert_eq!(pages().opening[1].ratio(), None);
    }

    #[test]
    fn goals_are_ratios() {
        let words: Vec<_> = goals(&pages()).iter().map(Goal::words).collect();
        assert_eq!([&words[0], &words[2]], ["**met**: 1.75, allowed 2.00", "not measured"]);
        assert!(words[1].starts_with("**missed** by 20 %: 1.20, allowed 1.00. The original asks"), "{words:?}");
    }

    #[test]
    fn what_failed_is_told() {
        let failed = Pages { failure: Some("no browser".to_owned()), ..Pages::default() };
        assert!(section(&failed).contains("Could not be measured: no browser"));
    }

    #[test]
    fn medians_stand_beside_their_ratio() {
        let text = section(&pages());
        assert!(text.contains("Chromium 100"), "{text}");
        assert!(text.contains("| a heartbeat | 3.50 | 2.00 | 1.75 | 3 |"), "{text}");
        assert!(text.contains("| cached | – | – | – | 0 |"), "{text}");
    }
}
