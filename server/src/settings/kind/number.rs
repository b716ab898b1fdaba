use super::{Kind, quoted};

/// A TCP port.
pub(in crate::settings) struct Port;

impl Kind for Port {
    type Value = u16;

    const PLACEHOLDER: &'static str = "PORT";

    fn parse(text: &str) -> Result<u16, String> {
        text.parse().map_err(|_| "a port number from 0 to 65535".to_owned())
    }

    fn toml(value: &u16) -> Option<String> {
        Some(value.to_string())
    }
}

/// A number of things, from `MIN` to `MAX`.
pub(in crate::settings) struct Count<const MIN: usize, const MAX: usize>;

impl<const MIN: usize, const MAX: usize> Kind for Count<MIN, MAX> {
    type Value = usize;

    const PLACEHOLDER: &'static str = "COUNT";

    fn parse(text: &str) -> Result<usize, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.ok_or_else(|| format!("a whole number from {MIN} to {MAX}"))
    }

    fn toml(value: &usize) -> Option<String> {
        Some(value.to_string())
    }
}

/// A number of things that fits in two bytes, from `MIN` to `MAX`.
pub(in crate::settings) struct Count16<const MIN: u16, const MAX: u16>;

impl<const MIN: u16, const MAX: u16> Kind for Count16<MIN, MAX> {
    type Value = u16;

    const PLACEHOLDER: &'static str = "COUNT";

    fn parse(text: &str) -> Result<u16, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.ok_or_else(|| format!("a whole number from {MIN} to {MAX}"))
    }

    fn toml(value: &u16) -> Option<String> {
        Some(value.to_string())
    }
}

/// A size in bytes, from `MIN` to `MAX`: a bare number of bytes, or one followed by KiB, MiB or GiB.
pub(in crate::settings) struct Bytes<const MIN: usize, const MAX: usize>;

/// The largest first, so that sizes are shown in the largest unit that divides them.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl<const MIN: usize, const MAX: usize> Kind for Bytes<MIN, MAX> {
    type Value = usize;

    const PLACEHOLDER: &'static str = "BYTES";

    fn parse(text: &str) -> Result<usize, String> {
        let in_unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), *bytes)));
        let (number, unit) = in_unit.unwrap_or((text, 1));
        let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
        bytes.filter(|bytes| (MIN..=MAX).contains(bytes)).ok_or_else(|| {
            format!("a number of bytes, such as 4096, 128KiB or 1MiB, from {} to {}", text_of(MIN), text_of(MAX))
        })
    }

    fn toml(value: &usize) -> Option<String> {
        if value.is_multiple_of(1 << 10) { quoted(&text_of(*value)) } else { Some(value.to_string()) }
    }
}

fn text_of(bytes: usize) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}
