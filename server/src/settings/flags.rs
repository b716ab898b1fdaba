use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{SettingsError, definition::Definition, layers::CONFIG_VARIABLE, table::DEFINITIONS};
use crate::session_store::redacted;

pub(super) const CONFIG: &str = "config";
pub(super) const PRINT_CONFIG: &str = "print-config";
pub(super) const CHECK_HEALTH: &str = "check-health";

/// The command line: a flag for every setting, and those that concern settings as a whole.
pub(super) fn command() -> Command {
    let options = [
        Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .help(format!("File of settings, in TOML\n[env: {CONFIG_VARIABLE}]")),
        Arg::new(PRINT_CONFIG)
            .long(PRINT_CONFIG)
            .action(ArgAction::SetTrue)
            .help("Print every setting in force and where it comes from, and end"),
        Arg::new(CHECK_HEALTH)
            .long(CHECK_HEALTH)
            .action(ArgAction::SetTrue)
            .help("Ask the server that runs with these settings whether it lives, at admin-listen, and end: with 0 if it does"),
    ];
    Command::new("swampdragon")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Keeps web sessions alive for as long as their pages are open")
        .after_help(AFTER_HELP)
        // The same everywhere, so that what people quote to each other looks the same; narrower terminals wrap.
        .term_width(100)
        // One form for all groups; clap would choose one for each by the length of its flags.
        .next_line_help(true)
        .args(options)
        .args(DEFINITIONS.iter().map(argument))
}

const AFTER_HELP: &str = "\
A flag counts before an environment variable, that before the file, that before the default. In the file, a setting \
has the flag's name with _ for -, as in session_ttl = \"30m\". An environment variable that is set to nothing counts \
as not set. -h is this in short, --help at length.";

fn argument(setting: &'static Definition) -> Arg {
    let argument = Arg::new(setting.name)
        .long(setting.flag())
        .help_heading(setting.group)
        .value_name(setting.placeholder)
        .help(short_help(setting))
        .long_help(long_help(setting));
    if setting.is_list {
        argument.action(ArgAction::Append)
    } else if setting.is_flag {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        // A value may start with a dash; it is then judged like any other.
        argument.allow_hyphen_values(true)
    }
}

fn short_help(setting: &Definition) -> String {
    let first = terminal(setting.doc.first().copied().unwrap_or_default());
    let first = first.trim_end_matches('.');
    if setting.default.is_empty() { first.to_owned() } else { format!("{first} [default: {}]", setting.default) }
}

fn long_help(setting: &Definition) -> String {
    let mut help = String::new();
    for line in setting.doc {
        // As in Markdown: lines flow together, an empty one begins a paragraph.
        match terminal(line).as_str() {
            "" => help.push('\n'),
            line => {
                if !help.is_empty() && !help.ends_with('\n') {
                    help.push(' ');
                }
                help.push_str(line);
            }
        }
    }
    if !setting.default.is_empty() {
        help.push_str(&format!("\n[default: {}]", setting.default));
    }
    help.push_str(&format!("\n[env: {}", setting.variable()));
    for legacy in setting.legacy {
        help.push_str(&format!(", {}", legacy.describe()));
    }
    help + "]"
}

/// A line of documentation for people without Markdown.
fn terminal(line: &str) -> String {
    line.trim().replace('`', "")
}

/// What the command line gives for a setting.
pub(super) fn given(matches: &ArgMatches, setting: &Definition) -> Option<String> {
    let values: Vec<&str> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
    Some(values.join(","))
}

/// What is wrong with the command line. An address may stand where none belongs; its password is hidden.
pub(super) fn refusal(error: &clap::Error, command_line: &[OsString]) -> SettingsError {
    let text = error.to_string();
    // The program's name stands before every error, and says as much.
    let mut text = text.strip_prefix("error: ").unwrap_or(&text).to_owned();
    for argument in command_line.iter().filter_map(|argument| argument.to_str()) {
        let shown = redacted(argument);
        if shown != argument {
            text = text.replace(argument, &shown);
        }
    }
    SettingsError::CommandLine(text)
}
