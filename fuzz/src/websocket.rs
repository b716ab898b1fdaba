use swampdragon_server::fuzzing::read_websocket;

/// Short, so that inputs can exceed it.
const MAX_MESSAGE_SIZE: usize = 200;

/// What a server reads from a WebSocket depends neither on how the bytes arrive nor on how it reads short texts, and no
/// message is too long.
///
/// The first byte says in how long pieces the rest arrives.
pub(crate) fn check(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else { return };
    let pieces: Vec<_> = bytes.chunks(usize::from(*size).max(1)).collect();
    let whole = read_websocket(&[bytes], MAX_MESSAGE_SIZE, false);
    for short_texts in [false, true] {
        assert_eq!(read_websocket(&pieces, MAX_MESSAGE_SIZE, short_texts), whole);
    }
    assert!(whole.messages.iter().all(|message| message.len() <= MAX_MESSAGE_SIZE));
}
