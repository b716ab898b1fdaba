//! A router that says what can be done with its items, and nothing about calls.

use std::{collections::BTreeMap, sync::Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use swampdragon_server::{
    CallError, ModelRouter, Router, RouterCall, Server, Verbs,
    protocol::close_code,
    testing::{TestConnection, TestServer},
};

#[derive(Clone, Serialize, Deserialize)]
struct Task {
    #[serde(default)]
    id: u32,
    title: String,
    #[serde(default)]
    done: bool,
}

#[derive(Default)]
struct Tasks(Mutex<BTreeMap<u32, Task>>);

#[derive(Deserialize)]
struct ById {
    id: u32,
}

fn missing() -> CallError {
    CallError::Refused(json!({"id": ["there is no such task"]}))
}

impl Router for Tasks {
    fn route(&self) -> &str {
        "tasks"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::model()
    }
}

impl ModelRouter for Tasks {
    type Item = Task;
    const KIND: &'static str = "task";
    const PAGE_SIZE: Option<usize> = Some(2);

    async fn list(&self, _: &RouterCall) -> Result<Vec<Task>, CallError> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }

    async fn create(&self, call: &RouterCall) -> Result<Task, CallError> {
        let mut task: Task = call.args()?;
        let mut tasks = self.0.lock().unwrap();
        task.id = tasks.len() as u32;
        tasks.insert(task.id, task.clone());
        Ok(task)
    }

    async fn update(&self, call: &RouterCall) -> Result<(Task, Task), CallError> {
        let now: Task = call.args()?;
        let before = self.0.lock().unwrap().insert(now.id, now.clone()).ok_or_else(missing)?;
        Ok((before, now))
    }

    async fn delete(&self, call: &RouterCall) -> Result<Task, CallError> {
        let ById { id } = call.args()?;
        self.0.lock().unwrap().remove(&id).ok_or_else(missing)
    }
}

async fn call(page: &TestConnection, verb: &str, args: Value) -> Value {
    page.call("tasks", verb, args).await;
    page.received().remove(0)
}

#[tokio::test]
async fn items_are_answered_and_published_to_those_who_follow_them() {
    let server = TestServer::new(Server::builder().router(Tasks::default())).await.unwrap();
    let (follower, page) = (server.connect().await, server.connect().await);
    let answer = call(&follower, "subscribe", json!({"channel": "open", "done": false})).await;
    assert_eq!(answer["channel_data"]["remote_channels"], json!(["task|done:False"]));

    let milk = json!({"id": 0, "title": "milk", "done": false});
    let done = json!({"id": 0, "title": "milk", "done": true});
    assert_eq!(call(&page, "create", json!({"title": "milk"})).await["data"], milk);
    assert_eq!(call(&page, "update", done.clone()).await["data"], done);
    assert_eq!(call(&page, "update", milk.clone()).await["data"], milk);
    assert_eq!(call(&page, "delete", json!({"id": 0})).await["data"], milk);
    assert_eq!(call(&page, "delete", json!({"id": 0})).await["data"], json!({"id": ["there is no such task"]}));

    let published: Vec<_> =
        follower.received().iter().map(|seen| (seen["action"].clone(), seen["data"].clone())).collect();
    let expected = [("created", &milk), ("deleted", &milk), ("updated", &milk), ("deleted", &milk)];
    assert_eq!(published, expected.map(|(action, data)| (json!(action), data.clone())));
}

#[tokio::test]
async fn lists_come_in_pages_and_what_is_not_offered_ends_the_connection() {
    let server = TestServer::new(Server::builder().router(Tasks::default())).await.unwrap();
    let page = server.connect().await;
    for title in ["one", "two", "three"] {
        call(&page, "create", json!({"title": title})).await;
    }
    let list = call(&page, "get_list", json!({"_page": 2})).await;
    assert_eq!(list["data"][0]["title"], json!("three"));
    assert_eq!(list["context"]["client_context"]["page"]["page_count"], json!(2));
    page.call("tasks", "get_single", json!({"id": 0})).await;
    assert_eq!(page.closed(), Some(close_code::GO_AWAY));
}

#[tokio::test]
async fn a_filter_cannot_be_smuggled_into_a_name() {
    let server = TestServer::new(Server::builder().router(Tasks::default())).await.unwrap();
    let page = server.connect().await;
    let answer = call(&page, "subscribe", json!({"channel": "mine", "done:False|title": "x"})).await;
    assert_eq!(answer["context"]["state"], json!("error"));
    let answer = call(&page, "subscribe", json!({"channel": "mine", "title": "a|done:False"})).await;
    assert_eq!(answer["channel_data"]["remote_channels"], json!(["task|title:a%7Cdone%3AFalse"]));
}
