use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::Value;
use swampdragon_protocol::ChannelName;

use super::{CallError, NoArgs, Router, RouterCall, Verbs};
use crate::FilteredChannel;

/// A router for items of one kind, which pages list, make, change, delete and follow.
///
/// Write what can be done with the items and give [`Verbs::model`] as the verbs; answers, pages of lists, channels and
/// publications follow from that. Of what is left out, calls end the connection; [`exclude`](Verbs::exclude) the verb
/// to pass over them instead.
///
/// | verb | answer | publication |
/// |---|---|---|
/// | `get_list` | what [`list`](Self::list) gives, in pages if there is a [`PAGE_SIZE`](Self::PAGE_SIZE) | |
/// | `get_single` | what [`single`](Self::single) gives | |
/// | `create` | the new item | `created` |
/// | `update` | the item as it is now | `updated`; `deleted` where it no longer belongs |
/// | `delete` | the item as it was | `deleted` |
/// | `subscribe`, `unsubscribe` | the [filtered channel](FilteredChannel) of the kind and the other args | |
pub trait ModelRouter: Router {
    /// What is listed, made and published. Pages tell items apart by a field `id`.
    type Item: Serialize + Send + Sync;

    /// What the names of its channels begin with.
    const KIND: &'static str;

    /// How many items a page of a list holds; `None` sends lists whole, which is for short ones.
    const PAGE_SIZE: Option<usize> = None;

    /// The items that the call's args ask for.
    fn list(&self, _call: &RouterCall) -> impl Future<Output = Result<Vec<Self::Item>, CallError>> + Send {
        not_offered()
    }

    /// The one item that the call's args ask for.
    fn single(&self, _call: &RouterCall) -> impl Future<Output = Result<Self::Item, CallError>> + Send {
        not_offered()
    }

    /// Makes an item of the call's args.
    fn create(&self, _call: &RouterCall) -> impl Future<Output = Result<Self::Item, CallError>> + Send {
        not_offered()
    }

    /// Changes an item by the call's args. Gives it as it was before and as it is now.
    fn update(&self, _call: &RouterCall) -> impl Future<Output = Result<(Self::Item, Self::Item), CallError>> + Send {
        not_offered()
    }

    /// Deletes the item that the call's args ask for, and gives it as it was.
    fn delete(&self, _call: &RouterCall) -> impl Future<Output = Result<Self::Item, CallError>> + Send {
        not_offered()
    }
}

async fn not_offered<T>() -> Result<T, CallError> {
    Err(CallError::failed("this router does not offer the verb"))
}

impl<R: ModelRouter> Verbs<R> {
    /// The verbs of a [`ModelRouter`].
    #[must_use]
    pub fn model() -> Self {
        Self::new()
            .on("get_list", get_list)
            .on("get_single", get_single)
            .on("create", create)
            .on("update", update)
            .on("delete", delete)
            .channels(channel)
    }
}

async fn get_list<R: ModelRouter>(router: Arc<R>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
    let items = router.list(&call).await?;
    match R::PAGE_SIZE {
        Some(page_size) => call.send_page(&items, page_size),
        None => call.send(&items),
    }
}

async fn get_single<R: ModelRouter>(router: Arc<R>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
    call.send(&router.single(&call).await?)
}

async fn create<R: ModelRouter>(router: Arc<R>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
    let item = router.create(&call).await?;
    call.send(&item)?;
    Ok(call.publish_item(R::KIND, "created", &item).await?)
}

async fn update<R: ModelRouter>(router: Arc<R>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
    let (before, now) = router.update(&call).await?;
    call.send(&now)?;
    Ok(call.publisher().publish_change(R::KIND, &before, &now).await?)
}

async fn delete<R: ModelRouter>(router: Arc<R>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
    let item = router.delete(&call).await?;
    call.send(&item)?;
    Ok(call.publish_item(R::KIND, "deleted", &item).await?)
}

async fn channel<R: ModelRouter>(
    _: Arc<R>,
    _: RouterCall,
    filters: BTreeMap<String, Value>,
) -> Result<Vec<ChannelName>, CallError> {
    // A name with these in it would be taken apart elsewhere.
    if filters.keys().any(|property| property.contains(['|', ':'])) {
        return Err(CallError::refused("args: a property's name has no | or :"));
    }
    let kind = FilteredChannel::new(R::KIND);
    let channel = filters.into_iter().fold(kind, |channel, (property, value)| channel.with(&property, value));
    Ok(vec![channel.name().map_err(CallError::refused)?])
}
