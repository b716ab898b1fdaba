//! Sessions for an app's own backend, which shows a token: made, read, counted and ended by HTTP.

mod guard;
mod refusal;
mod sessions;

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware,
    routing::{get, post},
};

pub(super) use self::guard::Guard;
use self::refusal::Refusal;
use super::State;

/// Everything below `/sessions`.
pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .route("/", get(sessions::count).post(sessions::make))
        .route("/{key}", get(sessions::read).put(sessions::save).delete(sessions::delete))
        .route("/{key}/revoke", post(sessions::revoke))
        .fallback(async || {
            Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path; docs/backend.md has all")
        })
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "not by this method; the header Allow has those that there are",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(state), guard::guard))
}
