use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response},
};
use hyper::body::Frame;

use super::{receiver::Receiver, respond};

/// A response that carries one frame after the other, until it has carried enough.
pub(super) fn stream(
    content_type: &'static str,
    prelude: String,
    receiver: Receiver,
    wrap: fn(&str) -> String,
    limit: usize,
) -> Response<Body> {
    let body = StreamingBody { prelude: Some(prelude), receiver, wrap, left: limit };
    let mut response = respond(content_type, Body::new(body));
    // nginx would keep frames back until it has a buffer full of them.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct StreamingBody {
    /// Comes first, and does not count: browsers show a page nothing of a response that has just begun.
    prelude: Option<String>,
    receiver: Receiver,
    /// Gives a frame the form of the transport.
    wrap: fn(&str) -> String,
    /// How many bytes are still to go.
    left: usize,
}

impl hyper::body::Body for StreamingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(prelude) = this.prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude.into()))));
        }
        let Some(frame) = ready!(this.receiver.poll_next(cx)) else { return Poll::Ready(None) };
        let text = (this.wrap)(&frame);
        this.left = this.left.saturating_sub(text.len());
        if this.left == 0 {
            this.receiver.finish();
        }
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}
