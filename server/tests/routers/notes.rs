//! A router with some of everything, which the tests call.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use swampdragon_server::{
    CallError, FilteredChannel, LoginRequired, NoArgs, Router, RouterCall, Verbs, protocol::ChannelName,
};

#[derive(Default)]
pub(crate) struct Notes {
    notes: Mutex<Vec<Note>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    #[serde(default)]
    id: usize,
    text: String,
    #[serde(default)]
    done: bool,
}

#[derive(Deserialize)]
pub(crate) struct One {
    id: usize,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    text: Option<String>,
    done: Option<bool>,
}

impl Router for Notes {
    fn route(&self) -> &str {
        "notes"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new()
            .on("get_list", Self::get_list)
            .on("get_single", Self::get_single)
            .on("create", Self::create)
            .on("finish", Self::finish)
            .on("twice", Self::twice)
            .on("nothing", Self::nothing)
            .on("break", Self::break_down)
            .on("echo", Self::echo)
            .on("delete", Self::nothing)
            .channels(Self::wanted)
            .exclude("delete")
            .exclude("got_list")
            .permission(LoginRequired::for_verbs(["finish"]))
    }

    fn client_context(&self, call: &RouterCall) -> Map<String, Value> {
        if call.verb() == "get_single" { Map::from_iter([("of".to_owned(), json!("notes"))]) } else { Map::new() }
    }
}

impl Notes {
    async fn get_list(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        let notes = self.notes.lock().unwrap().clone();
        call.send_page(&notes, 2)
    }

    async fn get_single(self: Arc<Self>, call: RouterCall, one: One) -> Result<(), CallError> {
        match self.notes.lock().unwrap().get(one.id) {
            Some(note) => call.send(note),
            None => call.send_error(&json!({"id": ["there is no such note"]})),
        }
    }

    async fn create(self: Arc<Self>, call: RouterCall, mut note: Note) -> Result<(), CallError> {
        {
            let mut notes = self.notes.lock().unwrap();
            note.id = notes.len();
            notes.push(note.clone());
        }
        call.send(&note)?;
        call.publish_item("note", "created", &note).await?;
        Ok(())
    }

    async fn finish(self: Arc<Self>, call: RouterCall, one: One) -> Result<(), CallError> {
        let (before, now) = {
            let mut notes = self.notes.lock().unwrap();
            let note = notes.get_mut(one.id).ok_or_else(|| CallError::refused("there is no such note"))?;
            let before = note.clone();
            note.done = true;
            (before, note.clone())
        };
        let user = call.connection().user::<String>();
        call.add_client_context("by", &user.as_deref())?;
        call.send(&now)?;
        call.publisher().publish_change("note", &before, &now).await?;
        Ok(())
    }

    async fn twice(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> {
        call.send(&1)?;
        call.send(&2)
    }

    async fn nothing(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        Ok(())
    }

    async fn break_down(self: Arc<Self>, _: RouterCall, _: NoArgs) -> Result<(), CallError> {
        "not a number".parse::<u32>()?;
        Ok(())
    }

    async fn echo(self: Arc<Self>, call: RouterCall, args: Value) -> Result<(), CallError> {
        call.send(&args)
    }

    async fn wanted(self: Arc<Self>, _: RouterCall, wanted: Wanted) -> Result<Vec<ChannelName>, CallError> {
        let mut channel = FilteredChannel::new("note");
        if let Some(text) = wanted.text {
            channel = channel.with("text__contains", text);
        }
        if let Some(done) = wanted.done {
            channel = channel.with("done", done);
        }
        Ok(vec![channel.name().map_err(CallError::refused)?])
    }
}
