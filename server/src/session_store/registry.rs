use std::{collections::BTreeMap, error::Error, fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::{
    ConnectRedisError, EmbeddedSessionStore, MemorySessionStore, OpenEmbeddedError, REDIS_FORMS, RedisSessionStore,
    SessionStore, SessionStoreOptions, is_redis_address, redacted,
};

/// Whatever error a program's own store opens with.
pub type BoxedError = Box<dyn Error + Send + Sync>;

type Factory =
    dyn Fn(SessionStoreOptions) -> BoxFuture<'static, Result<Arc<dyn SessionStore>, BoxedError>> + Send + Sync;

/// Opens the session store that a setting names: one of the built-in kinds by its address, or a store of the embedding
/// program by the name it was registered under.
///
/// A setting that fits nothing is an error which lists what there is; there is no store to fall back to.
///
/// ```
/// use std::sync::Arc;
/// use swampdragon_server::session_store::{
///     BoxedError, MemorySessionStore, SessionStore, SessionStoreOptions, SessionStoreRegistry,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxedError> {
/// let mut registry = SessionStoreRegistry::new();
/// registry.register("app.session_store.FooSessionStore", async |options: SessionStoreOptions| {
///     let store: Arc<dyn SessionStore> = Arc::new(MemorySessionStore::new(&options));
///     Ok::<_, BoxedError>(store)
/// })?;
/// let store = registry.open("app.session_store.FooSessionStore", &SessionStoreOptions::default()).await?;
/// let key = store.save_get_key(b"value").await?;
/// assert_eq!(store.get(&key).await?.as_deref(), Some(&b"value"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct SessionStoreRegistry {
    factories: BTreeMap<String, Arc<Factory>>,
}

/// The built-in kinds besides Redis, as an operator writes them.
const BUILT_IN: &str = "embedded:PATH, memory:";

/// The longest TTL: ten years. Every store can count that far, and nobody means more.
const MAX_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl SessionStoreRegistry {
    /// A registry of the built-in kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the store that `factory` opens selectable as `name`.
    ///
    /// # Errors
    /// The name is taken, is empty, or has a colon, which is what tells addresses from names.
    pub fn register<Opening>(
        &mut self,
        name: &str,
        factory: impl Fn(SessionStoreOptions) -> Opening + Send + Sync + 'static,
    ) -> Result<(), RegisterStoreError>
    where
        Opening: Future<Output = Result<Arc<dyn SessionStore>, BoxedError>> + Send + 'static,
    {
        if name.is_empty() || name.contains(':') {
            return Err(RegisterStoreError::Name { name: name.to_owned() });
        }
        if self.factories.contains_key(name) {
            return Err(RegisterStoreError::Taken { name: name.to_owned() });
        }
        self.factories.insert(name.to_owned(), Arc::new(move |options| Box::pin(factory(options))));
        Ok(())
    }

    /// Opens the store that `setting` names: an [address of Redis](RedisSessionStore::connect), `embedded:PATH`,
    /// `memory:`, or a registered name.
    ///
    /// # Errors
    /// There is no such store, or it could not be opened. Passwords in `setting` are not repeated.
    pub async fn open(
        &self,
        setting: &str,
        options: &SessionStoreOptions,
    ) -> Result<Arc<dyn SessionStore>, OpenStoreError> {
        if options.ttl < Duration::from_millis(1) || options.ttl > MAX_TTL {
            return Err(OpenStoreError::Ttl { given: options.ttl });
        }
        if let Some(factory) = self.factories.get(setting) {
            let opened = factory(options.clone()).await;
            return opened.map_err(|source| OpenStoreError::Registered { name: setting.to_owned(), source });
        }
        if is_redis_address(setting) {
            return Ok(Arc::new(RedisSessionStore::connect(setting, options).await?));
        }
        if let (Some(layout), true) = (&options.layout, setting == "memory:" || setting.starts_with("embedded:")) {
            return Err(OpenStoreError::Layout { given: setting.to_owned(), layout: layout.to_string() });
        }
        match setting.split_once(':') {
            Some(("embedded", path)) if !path.is_empty() => {
                let (path, options) = (path.to_owned(), options.clone());
                let opened = spawn_blocking(move || EmbeddedSessionStore::open(path, &options)).await;
                Ok(Arc::new(opened.map_err(|error| OpenStoreError::Interrupted(Box::new(error)))??))
            }
            Some(("memory", "")) => Ok(Arc::new(MemorySessionStore::new(options))),
            _ => Err(OpenStoreError::Unknown { given: redacted(setting), known: self.known() }),
        }
    }

    fn known(&self) -> String {
        let mut known = format!("{REDIS_FORMS}, {BUILT_IN}");
        for name in self.factories.keys() {
            known.push_str(", ");
            known.push_str(name);
        }
        known
    }
}

impl fmt::Debug for SessionStoreRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStoreRegistry").field("registered", &self.factories.keys()).finish()
    }
}

/// Why a store cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterStoreError {
    /// The name could not be told from an address.
    #[error("`{name}` cannot be the name of a session store: it must not be empty and must not have a colon")]
    Name {
        /// The name given.
        name: String,
    },
    /// Another store has that name.
    #[error("a session store is registered as `{name}` already")]
    Taken {
        /// The name given.
        name: String,
    },
}

/// Why the session store named by a setting could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// There is no such kind of store and no store registered under that name.
    #[error("`{given}` names no session store; there are: {known}")]
    Unknown {
        /// What was given, without passwords.
        given: String,
        /// What could have been given.
        known: String,
    },
    /// A store of our own, for sessions that another program keeps in Redis.
    #[error("`{given}` cannot keep the sessions that an app has in Redis under `{layout}`; give that Redis")]
    Layout {
        /// The store that was given.
        given: String,
        /// The form of the app's keys.
        layout: String,
    },
    /// The TTL is shorter than a millisecond or longer than ten years.
    #[error("sessions cannot live {given:?}: from 1 ms to 10 years are allowed")]
    Ttl {
        /// The TTL given.
        given: Duration,
    },
    /// Redis could not be used.
    #[error(transparent)]
    Redis(#[from] ConnectRedisError),
    /// The session file could not be opened.
    #[error(transparent)]
    Embedded(#[from] OpenEmbeddedError),
    /// The program's own store could not be opened.
    #[error("the session store `{name}` could not be opened")]
    Registered {
        /// The name it is registered under.
        name: String,
        /// What it said.
        source: BoxedError,
    },
    /// The runtime was shut down while the store was being opened.
    #[error("opening the session store was interrupted")]
    Interrupted(#[source] BoxedError),
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(registry: &SessionStoreRegistry, setting: &str) -> String {
        match registry.open(setting, &SessionStoreOptions::default()).await {
            Ok(_) => panic!("{setting} was opened"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn an_unknown_store_is_an_error_that_lists_the_known_ones() {
        let mut registry = SessionStoreRegistry::new();
        registry.register("app.FooSessionStore", async |_| Err("unused".into())).unwrap();
        for given in ["app.session_store.FooSessionStore", "memory", "memory:1", "embedded:", "localhost:6379", ""] {
            assert_eq!(
                refusal(&registry, given).await,
                format!(
                    "`{given}` names no session store; there are: {REDIS_FORMS}, embedded:PATH, memory:, \
                     app.FooSessionStore"
                )
            );
        }
    }

    #[tokio::test]
    async fn passwords_are_not_repeated() {
        let refused = refusal(&SessionStoreRegistry::new(), "postgres://app:secret@host/db").await;
        assert!(refused.starts_with("`postgres://app:***@host/db` names no session store"), "{refused}");
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_opened_says_why() {
        let mut registry = SessionStoreRegistry::new();
        registry.register("app.Broken", async |_| Err("the disk is full".into())).unwrap();
        let error = registry.open("app.Broken", &SessionStoreOptions::default()).await.err().unwrap();
        assert_eq!(error.to_string(), "the session store `app.Broken` could not be opened");
        assert_eq!(error.source().unwrap().to_string(), "the disk is full");
    }

    #[tokio::test]
    async fn a_ttl_of_nothing_is_refused() {
        let options = SessionStoreOptions { ttl: Duration::ZERO, ..SessionStoreOptions::default() };
        let error = SessionStoreRegistry::new().open("memory:", &options).await.err().unwrap();
        assert_eq!(error.to_string(), "sessions cannot live 0ns: from 1 ms to 10 years are allowed");
    }

    #[test]
    fn names_are_taken_once_and_are_no_addresses() {
        let mut registry = SessionStoreRegistry::new();
        let unused = async |_| Err("unused".into());
        registry.register("app.Foo", unused).unwrap();
        assert_eq!(
            registry.register("app.Foo", unused).unwrap_err().to_string(),
            "a session store is registered as `app.Foo` already"
        );
        assert_eq!(
            registry.register("redis://mine", unused).unwrap_err().to_string(),
            "`redis://mine` cannot be the name of a session store: it must not be empty and must not have a colon"
        );
    }
}
