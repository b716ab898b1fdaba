/// The longest payload of a frame whose header has it in seven bits (RFC 6455, section 5.2).
const MAX_PAYLOAD: usize = 125;

/// The first byte of a frame that is a whole text message.
const WHOLE_TEXT: u8 = 0x81;

/// The bit which says that a payload is masked, beside its length.
const MASKED: u8 = 0x80;

/// Takes whole messages in short text frames from the start of what a peer sent, for as long as `take` wants them. Gives
/// what is left, for tungstenite.
///
/// Most of what a server hears is answers to heartbeats, each in one such frame. Read here they need no buffer of their
/// own and no state, which would cost more than the answer itself.
pub(super) fn take_short_texts<'a>(
    mut bytes: &'a [u8],
    max_message_size: usize,
    take: &mut dyn FnMut(&str) -> bool,
) -> &'a [u8] {
    while let Some((payload, mask, rest)) = split(bytes)
        && payload.len() <= max_message_size
        && unmasked(payload, mask, |text| str::from_utf8(text).is_ok_and(&mut *take))
    {
        bytes = rest;
    }
    bytes
}

/// The payload of the first frame, its mask, and what comes behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], [u8; 4], &[u8])> {
    let (&[WHOLE_TEXT, length, mask @ ..], rest) = bytes.split_first_chunk::<6>()? else { return None };
    let length = usize::from(length.checked_sub(MASKED)?);
    let (payload, rest) = rest.split_at_checked(length)?;
    (length <= MAX_PAYLOAD).then_some((payload, mask, rest))
}

fn unmasked<R>(payload: &[u8], mask: [u8; 4], with: impl FnOnce(&[u8]) -> R) -> R {
    let mut words = [[0; 4]; MAX_PAYLOAD.div_ceil(4)];
    words.as_flattened_mut()[..payload.len()].copy_from_slice(payload);
    for word in &mut words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    with(&words.as_flattened()[..payload.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Control, Data, OpCode},
    };

    /// As a client writes it.
    fn frame(payload: &[u8], opcode: OpCode, is_final: bool) -> Vec<u8> {
        let mut frame = Frame::message(payload.to_vec(), OpCode::Data(Data::Text), is_final);
        frame.header_mut().opcode = opcode;
        frame.header_mut().mask = Some([1, 20, 250, 0]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).unwrap();
        bytes
    }

    fn text(payload: &str) -> Vec<u8> {
        frame(payload.as_bytes(), OpCode::Data(Data::Text), true)
    }

    /// What is taken of `bytes`, and how many are left.
    fn taken(bytes: &[u8], max_message_size: usize) -> (Vec<String>, usize) {
        let mut texts = Vec::new();
        let mut take = |text: &str| {
            texts.push(text.to_owned());
            text != "unwanted"
        };
        let left = take_short_texts(bytes, max_message_size, &mut take).len();
        (texts, left)
    }

    #[test]
    fn whole_short_texts_are_taken_one_after_the_other() {
        let longest = "x".repeat(MAX_PAYLOAD);
        for texts in [vec![""], vec!["a"], vec!["één", "", &longest, "\u{10ffff}"]] {
            let bytes = texts.iter().flat_map(|it| text(it)).collect::<Vec<_>>();
            assert_eq!(taken(&bytes, 1000), (texts.into_iter().map(str::to_owned).collect(), 0));
        }
    }

    #[test]
    fn what_is_not_wanted_is_left_with_all_that_follows() {
        let bytes = [text("wanted"), text("unwanted"), text("wanted")].concat();
        assert_eq!(taken(&bytes, 1000), (vec!["wanted".into(), "unwanted".into()], bytes.len() - text("wanted").len()));
    }

    #[test]
    fn anything_else_is_left_to_tungstenite() {
        let mut unmasked = text("abc");
        unmasked[1] &= !MASKED;
        let mut compressed = text("abc");
        compressed[0] |= 0x40;
        for other in [
            vec![],
            text("abc")[..8].to_vec(),
            text("abc")[..5].to_vec(),
            text(&"x".repeat(MAX_PAYLOAD + 1)),
            frame(b"abc", OpCode::Data(Data::Text), false),
            frame(b"abc", OpCode::Data(Data::Binary), true),
            frame(b"abc", OpCode::Control(Control::Ping), true),
            frame(b"\xff", OpCode::Data(Data::Text), true),
            text("a text of more than twenty bytes"),
            unmasked,
            compressed,
        ] {
            let bytes = [text("first"), other.clone()].concat();
            assert_eq!(taken(&bytes, 20), (vec!["first".into()], other.len()), "{other:?}");
        }
    }
}
