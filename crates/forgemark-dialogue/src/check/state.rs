//! The run states against the rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use forgemark_contract::dialogue::derive::user_message;
use forgemark_contract::dialogue::{BatchedState, RawResult, RunState, SingleState, Slot, Turn};
use forgemark_contract::json::{Json, to_line, to_pretty};
use forgemark_contract::shape::{ArtifactKind, check_line};
use forgemark_journal::Storage;
use std::sync::Arc;

use super::lines::{parse, spelled};
use super::report::{At, Collector, Kind};
use super::scan;
use super::side::{hash, id_key};
use crate::render::RUN_STATE;

/// The file with the id of the newest state.
const LAST: &str = "run_state/last_run_id.txt";

/// What is remembered of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Its line in `synthetic_qa.jsonl`.
    pub(super) line: u64,
    /// Whether it has what we add.
    pub(super) is_ours: bool,
    /// Whether it is dropped; `None` where the row does not say.
    pub(super) is_dropped: Option<bool>,
    /// Turns that it was to have; -1 where unknown.
    pub(super) target: i64,
    pub(super) turns: u64,
    pub(super) raw: u64,
    pub(super) inputs: u64,
    /// Whether a state has it.
    pub(super) in_state: bool,
}

/// A digest of the turns of a conversation.
pub(super) fn turns_digest(turns: &[Arc<Turn>]) -> u64 {
    hash(&[&to_line(turns)])
}

/// A digest of its raw replies.
pub(super) fn raw_digest(raw: &[Arc<RawResult>]) -> u64 {
    hash(&[&to_line(raw)])
}

/// What differs between the inputs of a row and those of a state of the same conversation: the judgement of the whole comes
/// after the state, and a run that is extended or resumed writes the state of its open wave anew.
const CHANGING_INPUTS: [&str; 3] = ["conversation_judge", "total_samples", "resume_run_id"];

/// A digest of its inputs, without what may differ.
pub(super) fn inputs_digest(inputs: &Json) -> u64 {
    let mut inputs = inputs.clone();
    if let Some(object) = inputs.as_object_mut() {
        for key in CHANGING_INPUTS {
            object.remove(key);
        }
    }
    hash(&[&to_line(&inputs)])
}

/// The conversations by the hash of their ids.
pub(super) type Conversations = HashMap<u64, Known>;

/// Checks every run state.
pub(super) struct States<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) dir: &'a Path,
    pub(super) known: &'a mut Conversations,
    /// Whether a conversation's row is there and cannot be read.
    pub(super) excused: &'a dyn Fn(&str) -> bool,
    /// Whether the newest run has not ended, so that states may be behind.
    pub(super) is_open: bool,
    /// Whether there is a dataset to compare with.
    pub(super) has_rows: bool,
    /// States of the original whose run went on here: they are not written any more.
    pub(super) past: &'a [String],
    /// Questions of conversations that are under way, which are found.
    pub(super) under_way: Vec<String>,
}

/// One slot, of either kind of state.
struct SlotView<'s> {
    path: String,
    id: String,
    target: i64,
    is_active: bool,
    /// Dropped, where the state says so; a single state does not.
    is_dropped: Option<bool>,
    turns: &'s [Arc<Turn>],
    raw: &'s [Arc<RawResult>],
    inputs: &'s Json,
}

impl States<'_> {
    pub(super) fn check(&mut self, to: &mut Collector) -> io::Result<()> {
        let names = self.storage.list(&self.dir.join(RUN_STATE))?;
        let mut ids = Vec::new();
        for name in &names {
            let file = format!("{RUN_STATE}/{name}");
            match name.strip_suffix(".json") {
                Some(id) if !id.is_empty() => {
                    ids.push(id.to_owned());
                    self.file(&file, id, to)?;
                }
                _ if file == LAST => {}
                _ => to.note(format!("{file} is no file of the contract")),
            }
        }
        if names
            .iter()
            .any(|name| format!("{RUN_STATE}/{name}") == LAST)
        {
            let bytes = self.storage.read(&self.dir.join(LAST))?;
            let count = to.count(LAST);
            count.files += 1;
            count.rows += 1;
            count.bytes += bytes.len() as u64;
            match String::from_utf8(bytes) {
                Ok(id) if ids.contains(&id) => {}
                Ok(id) => {
                    let what = format!("names {id:?}, which is no state of this folder");
                    to.add(At::line(LAST, 1), Kind::State, "", what);
                }
                Err(_) => to.add(At::line(LAST, 1), Kind::Encoding, "", "invalid UTF-8"),
            }
        } else if !ids.is_empty() {
            to.add(
                At::file(LAST),
                Kind::Missing,
                "",
                "there are states, but none is named as the newest",
            );
        }
        if self.has_rows {
            self.without_state(to);
        }
        Ok(())
    }

    /// Every conversation of ours stands in a state, once no run is open.
    fn without_state(&self, to: &mut Collector) {
        if self.is_open {
            return;
        }
        let mut lines: Vec<u64> = self
            .known
            .values()
            .filter(|known| known.is_ours && !known.in_state)
            .map(|known| known.line)
            .collect();
        lines.sort_unstable();
        for line in lines {
            let at = At::line(ArtifactKind::SyntheticQa.path(), line);
            to.add(at, Kind::State, "", "no run state has this conversation");
        }
    }

    fn file(&mut self, file: &str, id: &str, to: &mut Collector) -> io::Result<()> {
        let bytes = self.storage.read(&self.dir.join(file))?;
        let count = to.count(file);
        count.files += 1;
        count.rows += 1;
        count.bytes += bytes.len() as u64;
        let at = At::file(file);
        let Some(value) = parse(at, &bytes, to) else {
            self.forgive(id);
            return Ok(());
        };
        if to_pretty(&value) != bytes {
            spelled(at, &bytes, to);
        }
        let line = |path: &str| Some(scan::line_of_path(&bytes, path));
        let shapes = check_line(ArtifactKind::RunState, &value);
        for found in &shapes {
            let at = At {
                line: line(&found.path),
                ..at
            };
            to.add(at, Kind::Shape, &found.path, found.what.as_str());
        }
        let Ok(state) = RunState::from_json(&value) else {
            self.forgive(id);
            return Ok(());
        };
        let mut add = |path: &str, id: &str, kind: Kind, what: String| {
            let at = At {
                line: line(path),
                id,
                ..at
            };
            to.add(at, kind, path, what);
        };
        if state.run_id() != id {
            let what = format!("is {}, the file is called {id}", state.run_id());
            add("run_id", "", Kind::State, what);
        }
        let slots = match &state {
            RunState::Single(single) => vec![self.single(single)],
            RunState::Batched(batched) => batched_slots(batched, id, &mut add),
        };
        let active = slots.iter().filter(|slot| slot.is_active).count();
        if matches!(state, RunState::Batched(_)) && state.status() == "completed" && active > 0 {
            let what = format!("is completed, {active} of its conversations are active");
            add("status", "", Kind::State, what);
        }
        if self.has_rows && !self.past.iter().any(|past| past == id) {
            for slot in &slots {
                self.slot(slot, &mut add);
            }
        }
        Ok(())
    }

    /// A state that cannot be read may hold any conversation of its wave.
    fn forgive(&mut self, wave: &str) {
        for slot in 0..10_000 {
            if let Some(known) = self.known.get_mut(&id_key(&format!("{wave}-s{slot:04}"))) {
                known.in_state = true;
            } else if slot > 0 {
                break;
            }
        }
    }

    /// The slot of a single state: ours is slot 0 of its wave, the original's has the id of the run.
    fn single<'s>(&self, state: &'s SingleState) -> SlotView<'s> {
        let ours = format!("{}-s0000", state.run_id);
        // One that the original began has kept its id.
        let begun = state.inputs.str_or("run_id", "");
        let ours = if begun != state.run_id && self.known.contains_key(&id_key(begun)) {
            begun.to_owned()
        } else {
            ours
        };
        let is_ours = self.known.contains_key(&id_key(&ours))
            || !self.known.contains_key(&id_key(&state.run_id)) && state.run_id.contains("-w");
        SlotView {
            path: String::new(),
            id: if is_ours { ours } else { state.run_id.clone() },
            target: state.n_turns,
            is_active: state.status != "completed",
            is_dropped: None,
            turns: &state.turns,
            raw: &state.raw_results,
            inputs: &state.inputs,
        }
    }

    fn slot(&mut self, slot: &SlotView<'_>, add: &mut dyn FnMut(&str, &str, Kind, String)) {
        let id = slot.id.as_str();
        let at = |key: &str| {
            if slot.path.is_empty() {
                key.to_owned()
            } else {
                format!("{}.{key}", slot.path)
            }
        };
        let Some(known) = self.known.get_mut(&id_key(id)) else {
            // The original writes nothing of a conversation that was dropped at once.
            let ours = id
                .rsplit_once("-s")
                .is_some_and(|(wave, _)| wave.contains("-w"));
            let unwritten = !ours && slot.is_dropped == Some(true) && slot.turns.is_empty();
            if !slot.is_active && !unwritten && !(self.excused)(id) {
                let kind = if self.is_open {
                    Kind::Uncommitted
                } else {
                    Kind::State
                };
                let what = "has ended here, and synthetic_qa.jsonl has no such conversation";
                add(&at("status"), id, kind, what.to_owned());
            }
            if slot.is_active {
                let asked = slot.turns.iter().filter_map(|turn| user_message(turn));
                self.under_way.extend(asked.map(Cow::into_owned));
            }
            return;
        };
        if known.in_state {
            let what = "stands in two states, or twice in one".to_owned();
            return add(&at("conversation_id"), id, Kind::Repeated, what);
        }
        known.in_state = true;
        if slot.is_active {
            let what = format!(
                "is active here, and complete in line {} of synthetic_qa.jsonl",
                known.line
            );
            return add(&at("status"), id, Kind::State, what);
        }
        let mut differ = |key: &str| {
            let what = format!("differs from line {} of synthetic_qa.jsonl", known.line);
            add(&at(key), id, Kind::State, what);
        };
        if let (Some(here), Some(there)) = (slot.is_dropped, known.is_dropped)
            && here != there
        {
            differ("status");
        }
        if known.target >= 0 && slot.target != known.target {
            differ(if slot.path.is_empty() {
                "n_turns"
            } else {
                "target_n_turns"
            });
        }
        if turns_digest(slot.turns) != known.turns {
            differ("turns");
        }
        if known.is_ours && raw_digest(slot.raw) != known.raw {
            differ("raw_results");
        }
        if known.is_ours && inputs_digest(slot.inputs) != known.inputs {
            differ("inputs");
        }
    }
}

/// The slots of a wave, each at its place.
fn batched_slots<'s>(
    state: &'s BatchedState,
    wave: &str,
    add: &mut dyn FnMut(&str, &str, Kind, String),
) -> Vec<SlotView<'s>> {
    let most = state
        .conversations
        .iter()
        .map(|slot| slot.target_n_turns)
        .max();
    if most.is_some_and(|most| most != state.n_turns) {
        let what = format!(
            "is {}, the most of its conversations is {}",
            state.n_turns,
            most.unwrap_or_default()
        );
        add("n_turns", "", Kind::State, what);
    }
    if (state.conversations.len() as i64) > state.batch_size {
        let what = format!(
            "is {}, there are {} conversations",
            state.batch_size,
            state.conversations.len()
        );
        add("batch_size", "", Kind::State, what);
    }
    wave_inputs(state, wave, add);
    let mut last = -1;
    let mut views = Vec::with_capacity(state.conversations.len());
    for (place, slot) in state.conversations.iter().enumerate() {
        let path = format!("conversations[{place}]");
        if slot.conversation_index <= last {
            let what = format!("is {} after {last}", slot.conversation_index);
            add(
                &format!("{path}.conversation_index"),
                &slot.conversation_id,
                Kind::State,
                what,
            );
        }
        last = slot.conversation_index;
        // Ids of ours say their slot.
        let ours = format!("{wave}-s{:04}", slot.conversation_index);
        if slot.conversation_id.starts_with(&format!("{wave}-s")) && slot.conversation_id != ours {
            let what = format!("is {}, this slot is {ours}", slot.conversation_id);
            add(
                &format!("{path}.conversation_id"),
                &slot.conversation_id,
                Kind::State,
                what,
            );
        }
        let dropped = slot.status == "dropped";
        if dropped == slot.drop_reason.is_empty() {
            let what = format!(
                "is {:?} with the drop reason {:?}",
                slot.status, slot.drop_reason
            );
            add(
                &format!("{path}.drop_reason"),
                &slot.conversation_id,
                Kind::State,
                what,
            );
        }
        views.push(SlotView {
            path,
            id: slot.conversation_id.clone(),
            target: slot.target_n_turns,
            is_active: slot.status == "active",
            is_dropped: Some(dropped),
            turns: &slot.turns,
            raw: &slot.raw_results,
            inputs: &slot.inputs,
        });
    }
    views
}

/// What a wave of ours was made from is what each of its conversations was made from, but for what is drawn for each.
fn wave_inputs(state: &BatchedState, wave: &str, add: &mut dyn FnMut(&str, &str, Kind, String)) {
    let ours = |slot: &&Slot| slot.conversation_id.starts_with(&format!("{wave}-s"));
    let (Some(slot), Some(inputs)) = (
        state.conversations.iter().find(ours),
        state.inputs.as_object(),
    ) else {
        return;
    };
    for (key, value) in inputs {
        let of_run = key == "run_id"
            && value
                .as_str()
                .is_some_and(|run| !run.is_empty() && wave.starts_with(run));
        // What was judged later says so; the wave says what the run was to judge.
        let later = crate::judge::INPUT_KEYS.contains(&key);
        if !of_run && !later && slot.inputs.get(key) != Some(value) {
            let what = "is not what the conversations of the wave have".to_owned();
            add(&format!("inputs.{key}"), "", Kind::State, what);
        }
    }
}
