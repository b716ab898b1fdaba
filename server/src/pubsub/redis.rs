use std::{
    collections::{BTreeSet, HashSet},
    convert::Infallible,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::redis::{
    Cmd, Msg, RedisResult,
    aio::{PubSubSink, PubSubStream},
};
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::value::RawValue;
use swampdragon_protocol::ChannelName;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{OpenPubSubError, PubSub, PubSubError, Subscribers, waiting::Waiting};
use crate::session_store::{
    Backoff, RedisLink, SessionStoreOptions, is_redis_unavailable, parse_redis_address, redacted, wait_for_redis,
};

/// What may wait to be handed on unless said otherwise.
const MAX_WAITING_BYTES: usize = 16 << 20;

/// How long the node waits before it connects again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How often a silent connection is asked whether it is still there. A peer that vanished without a word is noticed
/// after this and the response timeout.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The most channels in one `SUBSCRIBE`, which holds up the server's other clients.
const CHANNELS_PER_COMMAND: usize = 1024;

/// Carries publications by Redis (or Valkey), in the form of the original: `PUBLISH channel {"data", "action",
/// "channel"}`, each channel under its own name. Whoever publishes so to the same Redis, a page's Python backend for
/// one, reaches the pages of every node.
///
/// A node has one connection that publishes and one that is subscribed to what its pages are subscribed to; each is
/// made anew when it is lost. What is published while a node is away from Redis does not reach its pages.
///
/// The nodes of a Redis Cluster pass on among each other what is published at any of them; both connections are to
/// one of its masters, and to another when that fails.
pub struct RedisPubSub {
    link: RedisLink,
    response_timeout: Duration,
    max_waiting_bytes: usize,
    subscribers: Subscribers,
    state: Mutex<State>,
    /// Channels have been put into `State::changed`.
    changed: Notify,
    /// Counts what has been confirmed, for those who wait for it.
    confirmed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    connected: bool,
    /// What Redis has confirmed.
    followed: HashSet<ChannelName>,
    /// What has gained its first or lost its last subscriber, perhaps both. Bounded by the subscriptions.
    changed: HashSet<ChannelName>,
}

impl RedisPubSub {
    /// Connects to any of the [addresses of Redis](crate::session_store::RedisSessionStore::connect). A database number
    /// is of no consequence: Redis has its channels beside the databases.
    ///
    /// # Errors
    /// The address is wrong, or nobody fit answers there.
    pub async fn connect(
        address: &str,
        options: &SessionStoreOptions,
        subscribers: Subscribers,
    ) -> Result<Self, OpenPubSubError> {
        let refuse = |source: Box<dyn std::error::Error + Send + Sync>| OpenPubSubError::Redis {
            server: redacted(address),
            source,
        };
        let servers = parse_redis_address(address, &options.redis_tls).map_err(|error| refuse(error.into()))?;
        let described = servers.describe();
        let link = RedisLink::open(servers, options);
        // Better to learn at start than at the first subscription that nobody answers, or that the user may not.
        let mut question = ::redis::cmd("PUBSUB");
        question.arg("NUMPAT");
        let answered = wait_for_redis(&described, options.start_wait, || link.ask(&question)).await;
        answered.map_err(|error| refuse(error.into()))?;
        Ok(Self {
            link,
            response_timeout: options.response_timeout,
            max_waiting_bytes: MAX_WAITING_BYTES,
            subscribers,
            state: Mutex::default(),
            changed: Notify::new(),
            confirmed: watch::Sender::new(0),
        })
    }

    /// Lets publications of this many bytes wait until those before them are handed on; more are dropped. Default:
    /// 16 MiB.
    #[must_use]
    pub fn max_waiting(self, bytes: usize) -> Self {
        Self { max_waiting_bytes: bytes, ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, follows what the node's pages are subscribed to, and hands on what comes, until something fails.
    async fn receive(&self, backoff: &mut Backoff) -> RedisResult<()> {
        let (mut sink, mut stream) = self.link.subscription().await?.split();
        {
            let mut state = self.state();
            state.connected = true;
            state.followed.clear();
            state.changed.clear();
        }
        // Whoever subscribes from here on is found among the changed.
        let channels = self.subscribers.channels("");
        self.subscribe(&mut sink, &channels).await?;
        tracing::info!(channels = channels.len(), "receiving publications from Redis");
        backoff.reset();
        let waiting = Waiting::new(self.max_waiting_bytes);
        tokio::select! {
            served = self.serve(&mut sink, &mut stream, &waiting) => served,
            never = self.hand_on_all(&waiting) => match never {},
        }
    }

    /// The crate keeps what it has read without limit until it is fetched. So it is fetched at once, and waits where
    /// it is counted.
    async fn serve(&self, sink: &mut PubSubSink, stream: &mut PubSubStream, waiting: &Waiting) -> RedisResult<()> {
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => waiting.put(message),
                    None => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                },
                () = self.changed.notified() => self.follow_changes(sink).await?,
                _ = pings.tick() => self.within(sink.ping::<()>()).await?,
            }
        }
    }

    async fn hand_on_all(&self, waiting: &Waiting) -> Infallible {
        loop {
            self.hand_on(&waiting.next().await).await;
        }
    }

    async fn hand_on(&self, message: &Msg) {
        // Only what was subscribed to comes, and that were channel names.
        let Ok(channel) = ChannelName::parse(message.get_channel_name()) else { return };
        match publication(message.get_payload_bytes()) {
            Some(publication) => self.subscribers.deliver(&channel, publication).await,
            None => tracing::warn!(%channel, "a publication from Redis is no JSON object: dropped"),
        }
    }

    async fn follow_changes(&self, sink: &mut PubSubSink) -> RedisResult<()> {
        let (wanted, unwanted): (Vec<_>, Vec<_>) = {
            let mut state = self.state();
            let changed = std::mem::take(&mut state.changed);
            let (wanted, unwanted): (Vec<_>, Vec<_>) = changed.into_iter().partition(|name| self.subscribers.has(name));
            // Already now, in one go with the question: a page that comes a moment later must find it missing here.
            (wanted, unwanted.into_iter().filter(|name| state.followed.remove(name)).collect())
        };
        for names in unwanted.chunks(CHANNELS_PER_COMMAND) {
            let texts: Vec<_> = names.iter().map(ChannelName::as_str).collect();
            self.within(sink.unsubscribe(texts)).await?;
        }
        self.subscribe(sink, &wanted).await
    }

    async fn subscribe(&self, sink: &mut PubSubSink, channels: &[ChannelName]) -> RedisResult<()> {
        for names in channels.chunks(CHANNELS_PER_COMMAND) {
            let texts: Vec<_> = names.iter().map(ChannelName::as_str).collect();
            self.within(sink.subscribe(texts)).await?;
            self.state().followed.extend(names.iter().cloned());
        }
        self.confirmed.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    async fn within<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout(self.response_timeout, answer)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    async fn names(&self, command: &Cmd) -> RedisResult<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for answer in self.link.ask_all(command).await? {
            names.extend(::redis::from_redis_value::<Vec<Vec<u8>>>(answer)?);
        }
        Ok(names)
    }

    fn change(&self, channels: &[ChannelName]) {
        self.state().changed.extend(channels.iter().cloned());
        self.changed.notify_one();
    }
}

#[async_trait]
impl PubSub for RedisPubSub {
    async fn publish(&self, channel: &ChannelName, message: &str) -> Result<(), PubSubError> {
        let mut command = ::redis::cmd("PUBLISH");
        command.arg(channel.as_str()).arg(message);
        self.link.ask(&command).await.map(drop).map_err(pub_sub_error)
    }

    /// Waits for at most the response timeout, and not at all while Redis is away: the channels are followed when it
    /// is back.
    async fn follow(&self, channels: &[ChannelName]) {
        let mut confirmed = self.confirmed.subscribe();
        {
            let state = self.state();
            if channels.iter().all(|name| state.followed.contains(name) && !state.changed.contains(name)) {
                return;
            }
        }
        self.change(channels);
        let all_followed = confirmed.wait_for(|_| {
            let state = self.state();
            !state.connected || channels.iter().all(|name| state.followed.contains(name))
        });
        // In time or not, the page is subscribed; it may miss what is published until Redis has answered.
        let _ = timeout(self.response_timeout, all_followed).await;
    }

    fn unfollow(&self, channels: &[ChannelName]) {
        self.change(channels);
    }

    async fn channels(&self, prefix: &str) -> Result<Vec<ChannelName>, PubSubError> {
        let mut command = ::redis::cmd("PUBSUB");
        command.arg("CHANNELS").arg(pattern(prefix));
        let names = self.names(&command).await.map_err(pub_sub_error)?;
        // Other programs use the same Redis; what is no channel name of ours has none of our subscribers.
        let names = names.iter().filter_map(|name| ChannelName::parse(str::from_utf8(name).ok()?).ok());
        // Several nodes of a cluster may have subscribers of one channel.
        Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn run(&self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let started = Instant::now();
            let Err(error) = self.receive(&mut backoff).await else { continue };
            self.state().connected = false;
            self.confirmed.send_modify(|count| *count = count.wrapping_add(1));
            report(&error, started.elapsed(), !backoff.has_waited());
            sleep(backoff.wait()).await;
        }
    }
}

/// The JSON object that Redis brought. Pages parse what they get; one wrong publisher must not make all of them fail.
pub(crate) fn publication(payload: &[u8]) -> Option<&str> {
    let publication: &RawValue = serde_json::from_slice(payload).ok()?;
    publication.get().starts_with('{').then(|| publication.get())
}

/// Warns once an outage, whose end is logged too; what each further attempt said is for those who look for it.
fn report(error: &::redis::RedisError, after: Duration, first: bool) {
    let error = error as &dyn std::error::Error;
    if first {
        tracing::warn!(error, ?after, "no publications from Redis: connecting again");
    } else {
        tracing::debug!(error, ?after, "still no publications from Redis");
    }
}

/// A pattern that matches what begins with `prefix`, in which nothing is special.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

fn pub_sub_error(error: ::redis::RedisError) -> PubSubError {
    if is_redis_unavailable(&error) { PubSubError::unavailable(error) } else { PubSubError::failed(error) }
}

impl fmt::Debug for RedisPubSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPubSub").field("link", &self.link).field("subscribers", &self.subscribers).finish()
    }
}
