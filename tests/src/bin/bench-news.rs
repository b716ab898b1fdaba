//! A server that publishes an item which counts how often it is serialized: it takes the flags of the `swampdragon`
//! binary. What `cargo xtask bench` publishes with.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde::{Serialize, Serializer};
use swampdragon_server::{
    CallError, NoArgs, Router, RouterCall, Server, Verbs,
    protocol::ChannelName,
    settings::{Invocation, Loaded},
    shutdown_signal,
};

/// The route `news`.
struct News {
    channel: ChannelName,
    serialized: AtomicU64,
}

struct Item<'a> {
    text: &'static str,
    serialized: &'a AtomicU64,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialized.fetch_add(1, Relaxed);
        self.text.serialize(serializer)
    }
}

impl Router for News {
    fn route(&self) -> &str {
        "news"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new().on("publish", Self::publish).channels(Self::channels)
    }
}

impl News {
    /// Answers how often an item has been serialized so far.
    async fn publish(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        let item = Item { text: "The water in the swamp is rising.", serialized: &self.serialized };
        call.publish(&self.channel, "created", &item).await?;
        call.send(&self.serialized.load(Relaxed))
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
    let news = News { channel: ChannelName::parse("news")?, serialized: AtomicU64::new(0) };
    let server = Server::builder().settings(settings).router(news).bind(&address).await?;
    println!("SwampDragon listens on http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
