//! The WebAssembly as text, for a script to carry: `js/src/carried.js` makes bytes of it again.

/// How many values a character alone can have: `#` to `}`.
const VALUES: u8 = 91;

/// Adds [`VALUES`] to what the next character stands for.
const MORE: char = '~';

/// In printable ASCII, since a script may be served with any charset. A byte's text does not depend on its neighbours, as
/// it does in base64, so that what repeats goes on to: with brotli this takes a hundredth more than the bytes themselves,
/// base64 a third.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 5 / 4);
    for byte in bytes {
        text.extend((0..byte / VALUES).map(|_| MORE));
        text.push(char::from(b'#' + byte % VALUES));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_text() {
        assert_eq!(text(&[0, 1, 57, 90, 91, 181, 182, 255]), "#$\\}~#~}~~#~~l");
    }
}
