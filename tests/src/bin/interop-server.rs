//! A server with a router of every kind of answer, for pages written for the original: it takes the flags of the
//! `swampdragon` binary.

use std::{
    error::Error,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use swampdragon_server::{
    CallError, LoginRequired, NoArgs, Router, RouterCall, Server, Verbs,
    protocol::{ChannelName, SessionKey},
    settings::{Invocation, Loaded},
    shutdown_signal,
};

/// The route `demo`.
struct Demo {
    channel: ChannelName,
    /// How many connections the server has, once it is there.
    connections: Arc<OnceLock<ConnectionCount>>,
}

type ConnectionCount = Box<dyn Fn() -> usize + Send + Sync>;

impl Router for Demo {
    fn route(&self) -> &str {
        "demo"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new()
            .on("echo", Self::echo)
            .on("fail", Self::fail)
            .on("private", Self::echo)
            .on("publish", Self::publish)
            .on("connections", Self::connections)
            .on("visit", Self::visit)
            .channels(Self::channels)
            .permission(LoginRequired::for_verbs(["private"]))
    }
}

impl Demo {
    async fn echo(self: Arc<Self>, call: RouterCall, args: Value) -> Result<(), CallError> {
        call.send(&args)
    }

    async fn fail(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        Err(CallError::refused("as asked"))
    }

    async fn publish(self: Arc<Self>, call: RouterCall, args: Value) -> Result<(), CallError> {
        call.publish(&self.channel, "created", &args).await?;
        call.send("published")
    }

    async fn connections(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        call.send(&self.connections.get().map(|count| count()))
    }

    /// What an application does that finds a visitor's session by itself, such as in a cookie: the page of 0.3.9 and
    /// 0.4 never names it again.
    async fn visit(self: Arc<Self>, call: RouterCall, args: Value) -> Result<(), CallError> {
        call.connection().keep_session(SessionKey::parse(args["key"].as_str().unwrap_or_default())?);
        call.send("welcome")
    }

    async fn channels(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<Vec<ChannelName>, CallError> {
        Ok(vec![self.channel.clone()])
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Invocation::Run(loaded) = Loaded::read(std::env::args_os(), std::env::vars_os())? else {
        return Err("this server only serves".into());
    };
    let settings = loaded.settings;
    let address = format!("{}:{}", settings.host, settings.port);
    let connections = Arc::new(OnceLock::new());
    let demo = Demo { channel: ChannelName::parse("demochan")?, connections: Arc::clone(&connections) };
    let server = Server::builder().settings(settings).router(demo).bind(&address).await?;
    let count: ConnectionCount = Box::new(server.connection_count());
    // Nobody else sets it.
    let _ = connections.set(count);
    println!("SwampDragon listens on http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
