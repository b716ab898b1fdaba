use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use swampdragon_protocol::{
    Call, ChannelAction, ChannelData, ChannelName, Reply, ReplyState, ServerMessage,
    json::{Json, to_payload},
};

use super::{CallError, PageOfList, dispatch::Registered};
use crate::{
    connection::Connection,
    pubsub::{PubSubError, Publisher},
    session_store::SessionStore,
};

/// Args of a verb that takes none; what a page sends all the same is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct NoArgs {}

/// One call, and the way to answer it. Cloning gives another handle to the same call; one may be kept to answer later,
/// or several times.
#[derive(Clone)]
pub struct RouterCall {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    router: Arc<dyn Registered>,
    call: Call<Json>,
    /// What stood as `_page` in the args.
    page: Option<Box<RawValue>>,
    client_context: Mutex<Map<String, Value>>,
}

impl RouterCall {
    pub(super) fn new(connection: &Connection, router: Arc<dyn Registered>, mut call: Call<Json>) -> Self {
        let page = call.args.as_mut().and_then(take_page);
        let client_context = Mutex::default();
        Self { inner: Arc::new(Inner { connection: connection.clone(), router, call, page, client_context }) }
    }

    /// The connection of the page that calls.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    /// The store where sessions are kept.
    #[must_use]
    pub fn session_store(&self) -> &dyn SessionStore {
        self.inner.connection.session_store()
    }

    /// The route that was called.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.inner.call.route
    }

    /// The verb that was called.
    #[must_use]
    pub fn verb(&self) -> &str {
        &self.inner.call.verb
    }

    /// What the page calls this call, which every answer repeats.
    #[must_use]
    pub fn callback_name(&self) -> Option<&str> {
        self.inner.call.callback_name.as_deref()
    }

    /// The call's args, without `_page`. Absent args and `null` are the same as `{}`.
    ///
    /// # Errors
    /// They are no object, or not what `Args` is made of: a refusal that says what is wrong.
    pub fn args<Args: DeserializeOwned>(&self) -> Result<Args, CallError> {
        let text = self.inner.call.args.as_ref().map_or("{}", |args| args.get());
        // serde would read a struct from an array, too, which no page means.
        if !text.starts_with('{') {
            return Err(CallError::refused("args: not an object"));
        }
        serde_json::from_str(text).map_err(|error| CallError::refused(format!("args: {error}")))
    }

    /// Which page of a list the call asks for by `_page`, of `item_count` items with `page_size` on each; the first, if
    /// it does not say. Add it to the [client context](Self::add_client_context) as `page`.
    ///
    /// # Errors
    /// There is no such page: a refusal.
    pub fn page(&self, page_size: usize, item_count: usize) -> Result<PageOfList, CallError> {
        let number = match &self.inner.page {
            None => Some(1),
            // Pages take the number from an address or a field as well, as text.
            Some(page) => page.get().trim_matches('"').parse().ok(),
        };
        number
            .and_then(|number| PageOfList::of(number, page_size, item_count))
            .ok_or_else(|| CallError::refused("_page: there is no such page"))
    }

    /// Sends the page of a list that the call asks for, and where it stands as `page` in the client context.
    ///
    /// # Errors
    /// There is no such page, or the items have no JSON form.
    pub fn send_page<Item: Serialize>(&self, items: &[Item], page_size: usize) -> Result<(), CallError> {
        let page = self.page(page_size, items.len())?;
        self.add_client_context("page", &page)?;
        self.send(items.get(page.range()).unwrap_or_default())
    }

    /// Puts a value under `client_context` in the context of the answers that follow.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn add_client_context<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), CallError> {
        let value = serde_json::to_value(value)?;
        self.inner.client_context.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
        Ok(())
    }

    /// Answers with data, in state `success`.
    ///
    /// # Errors
    /// The data has no JSON form.
    pub fn send<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), CallError> {
        self.reply(ReplyState::Success, Some(data), None)
    }

    /// Answers that something is wrong with the call, in state `error`; the data says what. The usual form is an object
    /// with a list of sentences for each field.
    ///
    /// # Errors
    /// The data has no JSON form.
    pub fn send_error<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), CallError> {
        self.reply(ReplyState::Error, Some(data), None)
    }

    /// Answers that the page's user has to log in first.
    pub fn send_login_required(&self) {
        // Nothing is to be serialized, so nothing can fail.
        let _ = self.reply::<()>(ReplyState::LoginRequired, None, None);
    }

    /// Publishes to the subscribers of one channel, on every node. `action` says what happened to the data: `created`,
    /// `updated`, `deleted`, or a word of the application's own.
    ///
    /// # Errors
    /// Other nodes cannot be reached, or the data has no JSON form.
    pub async fn publish<T: Serialize + Sync + ?Sized>(
        &self,
        channel: &ChannelName,
        action: &str,
        data: &T,
    ) -> Result<(), PubSubError> {
        self.publisher().publish(channel, action, data).await
    }

    /// Publishes an item to the [filtered channels](crate::FilteredChannel) that it belongs to.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_item<T: Serialize + Sync + ?Sized>(
        &self,
        base: &str,
        action: &str,
        item: &T,
    ) -> Result<(), PubSubError> {
        self.publisher().publish_item(base, action, item).await
    }

    /// What publishes, to be kept beyond the call.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.inner.connection.publisher()
    }

    pub(super) fn reply<T: Serialize + ?Sized>(
        &self,
        state: ReplyState,
        data: Option<&T>,
        channels: Option<(ChannelData<Json>, ChannelAction)>,
    ) -> Result<(), CallError> {
        let Inner { connection, router, call, page, client_context } = &*self.inner;
        let data = data.map(|data| to_payload(&data)).transpose()?;
        if state == ReplyState::Success {
            let mut of_router = router.client_context(self);
            client_context.lock().unwrap_or_else(PoisonError::into_inner).append(&mut of_router);
        }
        let client_context = client_context.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (channel_data, channel_action) = channels.unzip();
        connection.send_message(&ServerMessage::Reply(Reply {
            data,
            callback_name: call.callback_name.clone(),
            verb: Some(call.verb.clone()),
            state,
            channel_data,
            channel_action: channel_action.filter(|_| connection.dialect().channel_action),
            page: page.clone(),
            client_context: (!client_context.is_empty()).then(|| to_payload(&client_context)).transpose()?,
        }));
        Ok(())
    }
}

impl fmt::Debug for RouterCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the args, which may hold secrets.
        f.debug_struct("RouterCall").field("route", &self.route()).field("verb", &self.verb()).finish_non_exhaustive()
    }
}

/// Takes `_page` out of the args; the other args stay as they came.
fn take_page(args: &mut Box<RawValue>) -> Option<Box<RawValue>> {
    if !args.get().contains("\"_page\"") {
        return None;
    }
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(args.get()).ok()?;
    let page = fields.remove("_page")?;
    *args = to_payload(&fields).ok()?;
    Some(page)
}
