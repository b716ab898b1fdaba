//! What has to hold for whatever a decoder is given: each function here is a fuzz target.
//!
//! cargo-fuzz drives them with inputs of its own making (`cargo xtask fuzz`); the tests drive them with those in
//! `corpus/`, and changed forms of them.
#![allow(clippy::panic, reason = "a target fails by panicking")]

mod channel_filters;
mod cookies;
mod frames;
mod http;
mod messages;
mod names;
mod publications;
mod settings;
mod websocket;

/// A target: its name, which is also that of its corpus, and what has to hold for its inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("server_frames", frames::from_server),
    ("client_frames", frames::from_client),
    ("client_messages", messages::from_client),
    ("server_messages", messages::from_server),
    ("websocket", websocket::check),
    ("http", http::check),
    ("settings", settings::check),
    ("names", names::check),
    ("channel_filters", channel_filters::check),
    ("publications", publications::check),
    ("cookies", cookies::check),
];

/// Gives `input` to the target of that name.
///
/// # Panics
/// When what has to hold does not, or there is no such target.
pub fn run(target: &str, input: &[u8]) {
    let Some((_, check)) = TARGETS.iter().find(|(name, _)| *name == target) else { panic!("no target {target}") };
    check(input);
}

/// The text that most targets read; bytes that are none are refused before any decoder sees them.
fn text(input: &[u8]) -> &str {
    str::from_utf8(input).unwrap_or_default()
}
