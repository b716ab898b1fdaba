//! A chat: one router, one channel, and a page without any build step.
//!
//! `cargo run --package swampdragon-server --example chat`, then open the address in two windows.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use swampdragon_server::{
    CallError, LoginRequired, NoArgs, Router, RouterCall, Server, Verbs,
    protocol::ChannelName,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
    shutdown_signal,
};

/// The route `chat`: `enter` with a name, `say` something, `get_list` of what was said, `subscribe` to what will be.
struct Chat {
    said: Mutex<Said>,
    channel: ChannelName,
}

#[derive(Default)]
struct Said {
    latest: VecDeque<Saying>,
    count: u64,
}

/// How many sayings are remembered for those who come later.
const MEMORY: usize = 100;

#[derive(Clone, Serialize)]
struct Saying {
    number: u64,
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct Enter {
    name: String,
}

#[derive(Deserialize)]
struct Say {
    text: String,
}

impl Router for Chat {
    fn route(&self) -> &str {
        "chat"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new()
            .on("enter", Self::enter)
            .on("say", Self::say)
            .on("get_list", Self::get_list)
            .channels(Self::channels)
            .permission(LoginRequired::for_verbs(["say"]))
    }
}

impl Chat {
    /// Whoever gives a name is logged in by it. A real application would ask for more, such as the key of a session
    /// that its web server made.
    async fn enter(self: Arc<Self>, call: RouterCall, args: Enter) -> Result<(), CallError> {
        if args.name.is_empty() || args.name.len() > 50 {
            return Err(CallError::refused("a name has 1 to 50 bytes"));
        }
        call.send(&args.name)?;
        call.connection().log_in(args.name);
        Ok(())
    }

    async fn say(self: Arc<Self>, call: RouterCall, args: Say) -> Result<(), CallError> {
        // `LoginRequired` lets nobody pass who has no name.
        let name = call.connection().user::<String>().ok_or(CallError::LoginRequired)?;
        let text = args.text.chars().take(500).collect();
        let saying = self.said().add(name.to_string(), text);
        call.publish(&self.channel, "created", &saying).await?;
        call.send("said")
    }

    async fn get_list(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        let latest = self.said().latest.clone();
        call.send(&latest)
    }

    async fn channels(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<Vec<ChannelName>, CallError> {
        Ok(vec![self.channel.clone()])
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn add(&mut self, name: String, text: String) -> Saying {
        self.count += 1;
        let saying = Saying { number: self.count, name, text };
        if self.latest.len() == MEMORY {
            self.latest.pop_front();
        }
        self.latest.push_back(saying.clone());
        saying
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/chat");
    let server = Server::builder()
        .settings(Settings { static_dir: Some(page), ..Settings::default() })
        .session_store(MemorySessionStore::new(&SessionStoreOptions::default()))
        .router(Chat { said: Mutex::default(), channel: ChannelName::parse("chat")? })
        .bind("127.0.0.1:0")
        .await?;
    println!("http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
