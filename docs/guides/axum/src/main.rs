//! An app with logins, whose sessions tower-sessions keeps in Redis.

use std::{env, error::Error, net::Ipv4Addr};

use axum::{
    Form, Router,
    http::StatusCode,
    response::{Html, Redirect},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::time::Duration, session};
use tower_sessions_redis_store::{RedisStore, fred::prelude::*};

async fn home(session: Session) -> Result<Html<&'static str>, StatusCode> {
    let name: Option<String> = session.get("name").await.map_err(failed)?;
    Ok(Html(if name.is_some() { include_str!("../page.html") } else { include_str!("../login.html") }))
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

/// An app of your own asks for a password here.
async fn login(session: Session, Form(login): Form<Login>) -> Result<Redirect, StatusCode> {
    session.cycle_id().await.map_err(failed)?;
    session.insert("name", login.name).await.map_err(failed)?;
    Ok(Redirect::to("/"))
}

async fn logout(session: Session) -> Result<Redirect, StatusCode> {
    session.flush().await.map_err(failed)?;
    Ok(Redirect::to("/"))
}

fn failed(error: session::Error) -> StatusCode {
    eprintln!("session: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let port = setting("PORT", "8000").parse()?;
    let redis_url = setting("REDIS_URL", "redis://127.0.0.1:6379");
    let session_seconds = setting("SESSION_SECONDS", "1800").parse()?;

    // region session
    let redis = Client::new(Config::from_url(&redis_url)?, None, None, None);
    redis.init().await?;
    let sessions = SessionManagerLayer::new(RedisStore::new(redis))
        .with_expiry(Expiry::OnInactivity(Duration::seconds(session_seconds)))
        // Else only a request that changes the session counts as activity.
        .with_always_save(true);
    // endregion

    let app =
        Router::new().route("/", get(home)).route("/login", post(login)).route("/logout", post(logout)).layer(sessions);
    // region static
    let app = app.nest_service("/swampdragon", ServeDir::new("node_modules/swampdragon/dist"));
    // endregion
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(axum::serve(listener, app).await?)
}
