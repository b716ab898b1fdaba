use serde_json::value::RawValue;
use swampdragon_protocol::{MessageForm, SockJsFrame, encode_elements};
use swampdragon_server::fuzzing::publication;

/// What others publish by Redis reaches pages as one JSON object in one line, or not at all.
pub(crate) fn check(input: &[u8]) {
    let Some(publication) = publication(input) else { return };
    assert!(publication.starts_with('{') && publication.ends_with('}'));
    assert!(serde_json::from_str::<&RawValue>(publication).is_ok());
    for form in [MessageForm::String, MessageForm::Object] {
        let frame = encode_elements([form.element(publication)]);
        assert!(!frame.contains(['\r', '\n']), "{frame:?}");
        let Ok(SockJsFrame::Messages(messages)) = SockJsFrame::decode(&frame) else { panic!("{frame:?} is no frame") };
        let [message] = &messages[..] else { panic!("{} messages of one", messages.len()) };
        assert_eq!(serde_json::from_str::<serde_json::Value>(message).ok(), serde_json::from_str(publication).ok());
    }
}
