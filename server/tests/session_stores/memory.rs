//! A store without a TTL-less key: everything in it was saved through it, so that case is not asked of it.

use std::time::Duration;

use swampdragon_server::session_store::{MemorySessionStore, SessionStore, SessionStoreOptions};

use crate::conformance::{MAX_AGE, StoreUnderTest, TTL, conforms, key};

struct Memory(MemorySessionStore);

impl StoreUnderTest for Memory {
    type Store = MemorySessionStore;

    fn store(&self) -> &MemorySessionStore {
        &self.0
    }

    async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

async fn memory() -> Memory {
    Memory(MemorySessionStore::new(&SessionStoreOptions { ttl: TTL, ..SessionStoreOptions::default() }))
}

async fn with_max_age() -> Memory {
    let options = SessionStoreOptions { ttl: TTL, max_age: Some(MAX_AGE), ..SessionStoreOptions::default() };
    Memory(MemorySessionStore::new(&options))
}

conforms!(without_max_age memory(), start_paused = true);
conforms!(with_max_age with_max_age(), start_paused = true);

#[tokio::test(start_paused = true)]
async fn a_full_store_refuses_the_new_and_keeps_the_old() {
    let options = SessionStoreOptions { ttl: TTL, max_sessions: 2, ..SessionStoreOptions::default() };
    let store = MemorySessionStore::new(&options);
    store.save(&key("a"), b"1").await.unwrap();
    store.save(&key("b"), b"1").await.unwrap();

    let error = store.save(&key("c"), b"1").await.unwrap_err();
    assert!(error.is_full() && !error.is_unavailable());
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the session store holds 2 sessions and may hold no more (setting `max_stored_sessions`)"
    );
    store.save(&key("a"), b"2").await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().as_deref(), Some(&b"2"[..]));

    tokio::time::advance(TTL).await;
    store.save(&key("c"), b"1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn expired_values_give_their_memory_back() {
    let store = memory().await.0;
    for number in 0..1000 {
        store.save(&key(&format!("old{number}")), b"value").await.unwrap();
    }
    tokio::time::advance(TTL).await;
    for number in 0..500 {
        store.save(&key(&format!("new{number}")), b"value").await.unwrap();
    }
    assert_eq!(store.stored(), 500);
}
