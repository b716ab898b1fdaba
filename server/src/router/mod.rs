//! Answering calls.

mod call;
mod channels;
mod dispatch;
mod error;
mod model;
mod page;
mod permission;
mod session;
mod verbs;

use serde_json::{Map, Value};

pub use self::{
    call::{NoArgs, RouterCall},
    error::CallError,
    model::ModelRouter,
    page::PageOfList,
    permission::{LoginRequired, Permission},
    verbs::Verbs,
};
pub(crate) use self::{dispatch::Routers, session::SessionRouter};

/// Answers the calls of one route: a name, its verbs, and one method each.
///
/// ```
/// use std::sync::Arc;
/// use serde::Deserialize;
/// use swampdragon_server::{CallError, Router, RouterCall, Verbs};
///
/// struct Calculator;
///
/// #[derive(Deserialize)]
/// struct AddOne {
///     number: i64,
/// }
///
/// impl Calculator {
///     async fn add_one(self: Arc<Self>, call: RouterCall, args: AddOne) -> Result<(), CallError> {
///         call.send(&(args.number + 1))
///     }
/// }
///
/// impl Router for Calculator {
///     fn route(&self) -> &str {
///         "calculator"
///     }
///
///     fn verbs() -> Verbs<Self> {
///         Verbs::new().on("add_one", Self::add_one)
///     }
/// }
/// ```
pub trait Router: Send + Sync + Sized + 'static {
    /// The name that pages call it by: 1 to 256 bytes without control characters.
    fn route(&self) -> &str;

    /// What pages may call, who may call it, and what they may subscribe to. Asked once, when the server is built.
    fn verbs() -> Verbs<Self>;

    /// What every successful answer carries in its context as `client_context`, beside what the verb's own method
    /// [added](RouterCall::add_client_context). By default nothing.
    fn client_context(&self, _call: &RouterCall) -> Map<String, Value> {
        Map::new()
    }
}
