//! What the server answers over HTTP.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tower_http::services::ServeDir;

use crate::{
    service::Service,
    sockjs::{self, Endpoint},
};

pub(crate) fn routes(service: Arc<Service>, endpoints: Vec<Endpoint>) -> Router {
    let mut routes = Router::new().route("/settings.js", get(settings_js));
    for endpoint in endpoints {
        routes = routes.merge(sockjs::routes(endpoint));
    }
    let routes = match &service.settings.static_dir {
        Some(folder) => routes.fallback_service(ServeDir::new(folder)),
        None => routes.route("/", get(nothing_here)),
    };
    routes.with_state(service)
}

/// For people who open the server's address in a browser.
async fn nothing_here(State(service): State<Arc<Service>>) -> String {
    format!("SwampDragon is running. Pages connect to {}.\n", service.settings.prefix)
}

/// What the pages of SwampDragon 0.3.9 and 0.4 load to find the server. JSON, where the original printed Python.
async fn settings_js(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let settings = json!({ "endpoint": service.settings.prefix });
    let host = match &service.settings.public_url {
        Some(url) => url.clone(),
        // Without a scheme, clients take the page's own.
        None => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("//{}", host.unwrap_or_default())
        }
    };
    let script = format!("window.swampdragon_settings = {settings};\nwindow.swampdragon_host = {};\n", json!(host));
    let mut response = script.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/javascript; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Host"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
