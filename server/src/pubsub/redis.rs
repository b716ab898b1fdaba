use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::redis::{
    Client, ConnectionInfo, Msg, RedisResult,
    aio::{MultiplexedConnection, PubSubSink, PubSubStream},
};
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::value::RawValue;
use swampdragon_protocol::ChannelName;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{OpenPubSubError, PubSub, PubSubError, Subscribers};
use crate::session_store::{RedisLink, SessionStoreOptions, parse_redis_address, redacted};

/// How long the node waits before it connects again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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
pub struct RedisPubSub {
    link: RedisLink,
    client: Client,
    connect_timeout: Duration,
    response_timeout: Duration,
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
    /// Connects to `redis://[USER][:PASSWORD]@HOST[:PORT]` or `redis+unix:///PATH`. A database number is of no
    /// consequence: Redis has its channels beside the databases.
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
        let info: ConnectionInfo = parse_redis_address(address).map_err(|error| refuse(error.into()))?;
        let connected = async {
            let client = Client::open(info.clone())?;
            let link = RedisLink::new(info, options)?;
            // Better to learn at start than at the first subscription that nobody answers, or that the user may not.
            link.with(|mut connection: MultiplexedConnection| async move {
                ::redis::cmd("PUBSUB").arg("NUMPAT").query_async::<i64>(&mut connection).await
            })
            .await?;
            RedisResult::Ok((client, link))
        };
        let (client, link) = connected.await.map_err(|error| refuse(error.into()))?;
        Ok(Self {
            link,
            client,
            connect_timeout: options.connect_timeout,
            response_timeout: options.response_timeout,
            subscribers,
            state: Mutex::default(),
            changed: Notify::new(),
            confirmed: watch::Sender::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, follows what the node's pages are subscribed to, and hands on what comes, until something fails.
    async fn receive(&self, delay: &mut Duration) -> RedisResult<()> {
        let (mut sink, mut stream) = self.within(self.connect_timeout, self.client.get_async_pubsub()).await?.split();
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
        *delay = RETRY.0;
        self.serve(&mut sink, &mut stream).await
    }

    async fn serve(&self, sink: &mut PubSubSink, stream: &mut PubSubStream) -> RedisResult<()> {
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.hand_on(&message).await,
                    None => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                },
                () = self.changed.notified() => self.follow_changes(sink).await?,
                _ = pings.tick() => self.within(self.response_timeout, sink.ping::<()>()).await?,
            }
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
            self.within(self.response_timeout, sink.unsubscribe(texts)).await?;
        }
        self.subscribe(sink, &wanted).await
    }

    async fn subscribe(&self, sink: &mut PubSubSink, channels: &[ChannelName]) -> RedisResult<()> {
        for names in channels.chunks(CHANNELS_PER_COMMAND) {
            let texts: Vec<_> = names.iter().map(ChannelName::as_str).collect();
            self.within(self.response_timeout, sink.subscribe(texts)).await?;
            self.state().followed.extend(names.iter().cloned());
        }
        self.confirmed.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    async fn within<T>(&self, time: Duration, answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout(time, answer).await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
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
        let publish =
            |mut connection: MultiplexedConnection| async move { command.query_async::<()>(&mut connection).await };
        self.link.with(publish).await.map_err(pub_sub_error)
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
        let ask = |mut connection: MultiplexedConnection| async move {
            command.query_async::<Vec<Vec<u8>>>(&mut connection).await
        };
        let names = self.link.with(ask).await.map_err(pub_sub_error)?;
        // Other programs use the same Redis; what is no channel name of ours has none of our subscribers.
        let mut names: Vec<_> =
            names.iter().filter_map(|name| ChannelName::parse(str::from_utf8(name).ok()?).ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn run(&self) {
        let mut delay = RETRY.0;
        loop {
            let started = Instant::now();
            let Err(error) = self.receive(&mut delay).await else { continue };
            self.state().connected = false;
            self.confirmed.send_modify(|count| *count = count.wrapping_add(1));
            report(&error, started.elapsed(), delay == RETRY.0);
            sleep(delay).await;
            delay = (delay * 2).min(RETRY.1);
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
    if error.is_io_error() || error.is_unrecoverable_error() {
        PubSubError::unavailable(error)
    } else {
        PubSubError::failed(error)
    }
}

impl fmt::Debug for RedisPubSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPubSub").field("link", &self.link).field("subscribers", &self.subscribers).finish()
    }
}
