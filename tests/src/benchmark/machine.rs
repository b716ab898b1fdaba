use std::{fs, process::Command, thread};

use anyhow::{Context as _, Result};

/// What the run is on: names and values.
pub(super) fn describe() -> Result<Vec<(String, String)>> {
    let memory = fs::read_to_string("/proc/meminfo").context("measuring needs Linux's /proc")?;
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut all = vec![
        ("cores".to_owned(), thread::available_parallelism()?.to_string()),
        ("processor".to_owned(), value(&processor, "model name").unwrap_or("not told").to_owned()),
        ("memory".to_owned(), value(&memory, "MemTotal").and_then(gibibytes).context("no MemTotal in /proc/meminfo")?),
        ("kernel".to_owned(), format!("Linux {}", kernel.trim())),
    ];
    for (name, program, argument) in [
        ("Redis", "redis-server", "--version"),
        ("Rust", "rustc", "--version"),
        ("Node.js", "node", "--version"),
        ("Python", "python3", "--version"),
    ] {
        if let Some(version) = version(program, argument) {
            all.push((name.to_owned(), version));
        }
    }
    Ok(all)
}

/// The value on the line of that name, in `/proc`'s way.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
}

fn gibibytes(kilobytes: &str) -> Option<String> {
    let kilobytes: f64 = kilobytes.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.0} GiB", kilobytes / 1024.0 / 1024.0))
}

/// The first number with dots in what it says of itself.
fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    number_with_dots(&text).map(str::to_owned)
}

fn number_with_dots(text: &str) -> Option<&str> {
    text.split_whitespace()
        .map(|word| word.trim_start_matches(['v', '=']))
        .find(|word| word.starts_with(|it: char| it.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_tell_their_versions_in_their_own_ways() {
        assert_eq!(number_with_dots("Redis server v=7.0.15 sha=00000000:0 bits=64"), Some("7.0.15"));
        assert_eq!(number_with_dots("v20.20.2\n"), Some("20.20.2"));
        assert_eq!(number_with_dots("rustc 1.95.0 (abc 2026-04-01)"), Some("1.95.0"));
    }

    #[test]
    fn proc_has_names_and_values() {
        assert_eq!(
            value("MemFree:  1 kB\nMemTotal:  25165824 kB\n", "MemTotal").and_then(gibibytes).unwrap(),
            "24 GiB"
        );
        assert_eq!(value("model name\t: Xeon\n", "model name"), Some("Xeon"));
    }
}
