//! A run of the original that goes on here.
//!
//! ```text
//! run.resume_run_id ─> run_state/<id>.json ─> which run, language and wave ─┬─ rows of the run in the dataset: counted
//!                                                                          └─ slots without a row: begun
//! ```
//!
//! Every state of the run is read, not only the named one, because the original makes what it has twice when the state
//! of a finished wave is named. A conversation with a row counts, whatever its state says; any other is begun: its complete
//! turns are kept and the first ordinals of its language go on with it, under its own id. A state that is damaged, or at
//! odds with the configuration, is refused and left as it is.
//!
//! What is taken over is kept in a file of our own ([`keep`]), because a later part of the run must find the same whatever
//! became of the state, which in the profile `compat` may be written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::dialogue::{LedgerRow, RawResult, RunState, Slot, Turn};
use forgemark_contract::ids::ConversationId;
use forgemark_contract::json::{self, Json, Object, to_compact};
use forgemark_contract::text::{language_tag, question_hash, sha256_hex};
use forgemark_contract::time::Timestamp;
use forgemark_journal::{JournalError, write_atomic};

use super::{Environment, STATE_DIR};
use crate::config::Persona;
use crate::conversation::DropReason;
use crate::error::DialogueError;
use crate::pipeline::Tally;
use crate::plan::Sketch;
use crate::render::{DATASET, LEDGER, RUN_STATE};

/// A conversation that the original began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Begun {
    id: ConversationId,
    target: u32,
    user_persona: Option<Arc<Persona>>,
    assistant_persona: Option<Arc<Persona>>,
    /// Set where the original had given it up.
    pub(crate) dropped: Option<DropReason>,
    /// The complete turns.
    pub(crate) turns: Vec<Arc<Turn>>,
    /// Whether the ledger has the question of each.
    pub(crate) in_ledger: Vec<bool>,
    pub(crate) raw: Vec<Arc<RawResult>>,
    /// When the state was written.
    pub(crate) at: Timestamp,
}

impl Begun {
    /// Puts what is settled already in the place of what would be drawn.
    pub(crate) fn settle(&self, sketch: &mut Sketch) {
        sketch.id = self.id.clone();
        sketch.turns = self.target;
        sketch.user_persona.clone_from(&self.user_persona);
        sketch.assistant_persona.clone_from(&self.assistant_persona);
        if !self.turns.is_empty() {
            sketch.seed = None;
        }
    }

    fn from_json(value: &Json) -> Option<Self> {
        let slot = Slot::from_json(value.get("slot")?).ok()?;
        let in_ledger = value.items("in_ledger").iter();
        Some(Self {
            id: ConversationId::new(slot.conversation_id.clone()).ok()?,
            target: u32::try_from(slot.target_n_turns).ok()?,
            user_persona: persona(&slot.inputs, "user_persona"),
            assistant_persona: persona(&slot.inputs, "assistant_persona"),
            dropped: (slot.status == "dropped").then(|| {
                DropReason::from_word(&slot.drop_reason).unwrap_or(DropReason::DedupExhausted)
            }),
            in_ledger: in_ledger.filter_map(Json::as_bool).collect(),
            at: Timestamp::parse(value.str_or("updated_at", "")).ok()?,
            turns: slot.turns,
            raw: slot.raw_results,
        })
    }
}

/// The persona of a row: one line and an id. Its parts are not told apart again.
fn persona(inputs: &Json, side: &str) -> Option<Arc<Persona>> {
    let name = inputs.str_or(side, "");
    (!name.is_empty()).then(|| {
        Arc::new(Persona {
            id: inputs.str_or(&format!("{side}_id"), "").to_owned(),
            name: name.to_owned(),
            traits: Vec::new(),
            style: String::new(),
        })
    })
}

/// What is taken over from a run of the original, a language.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Adopted {
    /// Conversations that have a row, and their turns.
    counted: Vec<(u64, u64)>,
    begun: Vec<Vec<Arc<Begun>>>,
}

impl Adopted {
    /// Conversations of a language that count.
    pub(crate) fn counted(&self, group: usize) -> u64 {
        self.counted.get(group).map_or(0, |(rows, _)| *rows)
    }

    /// Conversations of a language that go on, in order.
    pub(crate) fn begun(&self, group: usize) -> &[Arc<Begun>] {
        self.begun.get(group).map_or(&[], Vec::as_slice)
    }

    /// Counts what has a row.
    pub(crate) fn add_to(&self, tally: &Tally) {
        use std::sync::atomic::Ordering;
        for (rows, turns) in &self.counted {
            tally.good.fetch_add(*rows, Ordering::Relaxed);
            tally.turns.fetch_add(*turns, Ordering::Relaxed);
        }
    }
}

/// A run of the original, found by one of its states.
#[derive(Debug)]
pub(super) struct Found {
    /// The run's name, without language and wave.
    pub(super) run: String,
    /// What the plan record keeps of it: the states and the rest of this.
    pub(super) record: Json,
    /// The file that holds what is taken over, as JSON.
    kept: Vec<u8>,
}

/// Keys of [`Found::record`].
const STATES: &str = "states";
const DIGEST: &str = "sha256";
const COUNTED: &str = "counted";

/// The states that a plan record's part of this kind names.
pub(super) fn states(record: &Json) -> Vec<String> {
    let states = record.items(STATES).iter();
    states
        .filter_map(|state| state.as_str().map(str::to_owned))
        .collect()
}

/// Conversations and turns that were made before the run went on here.
pub(super) fn counted(record: &Json) -> (u64, u64) {
    let pairs = record.items(COUNTED).iter().map(pair);
    pairs.fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1))
}

fn pair(value: &Json) -> (u64, u64) {
    let number = |at: usize| {
        let list = value.as_array().unwrap_or_default();
        list.get(at).and_then(Json::as_u64).unwrap_or(0)
    };
    (number(0), number(1))
}

/// Ids of the states in the folder, in order.
pub(super) fn ids(environment: &Environment) -> Vec<String> {
    let names = environment
        .storage
        .list(&environment.out_dir.join(RUN_STATE))
        .unwrap_or_default();
    let mut ids: Vec<String> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".json"))
        .filter(|id| !id.starts_with('.'))
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids
}

/// Whether an id is one of our waves': `<run>-w0001`.
fn is_ours(id: &str) -> bool {
    id.rsplit_once("-w")
        .is_some_and(|(_, wave)| is_number(wave))
}

fn is_number(text: &str) -> bool {
    text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers after the name of a run in the id of one of its waves or conversations.
fn numbers(base: &str, id: &str) -> Option<Vec<u64>> {
    let rest = id.strip_prefix(base)?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let parts = rest.strip_prefix('-')?.split('-');
    parts
        .map(|part| is_number(part).then(|| part.parse().ok()).flatten())
        .collect()
}

/// One state with its slots in one form.
struct State {
    wave: u64,
    batched: bool,
    /// Conversations that the run was to have in the language.
    total: u64,
    at: String,
    slots: Vec<Slot>,
}

/// Looks for a run of the original by the id of one of its states; `None` when there is no such state. Nothing is
/// written.
///
/// # Errors
/// [`DialogueError::ForeignState`] when it cannot be gone on from.
pub(super) fn find(environment: &Environment, id: &str) -> Result<Option<Found>, DialogueError> {
    let ids = ids(environment);
    if !ids.iter().any(|known| known == id) {
        return Ok(None);
    }
    let config = &environment.config;
    let refuse = |id: &str, why: String| DialogueError::ForeignState {
        path: path_of(environment, id),
        why,
    };
    if is_ours(id) {
        let why = "it was written by forgemark, whose journal (.forgemark) is what a run goes on from, and this folder has none for it";
        return Err(refuse(id, why.to_owned()));
    }
    // A state of a later wave has the name of the first one and a number.
    let base = match id.rsplit_once('-') {
        Some((base, wave)) if is_number(wave) && ids.iter().any(|known| known == base) => base,
        _ => id,
    };
    let named = read(environment, id, base)?;
    let language = language_of(&named);
    let group = config
        .languages
        .iter()
        .position(|label| label == language)
        .ok_or_else(|| {
            let why = format!(
                "its language {language:?} is not in `run.target_languages` ({})",
                config.languages.join(", ")
            );
            refuse(id, why)
        })?;
    let run = base
        .strip_suffix(&format!("-{}", language_tag(language)))
        .filter(|_| config.languages.len() > 1)
        .unwrap_or(base);
    let bases: Vec<Option<String>> = config
        .languages
        .iter()
        .enumerate()
        .map(|(index, label)| {
            if index == group {
                Some(base.to_owned())
            } else {
                (run != base).then(|| format!("{run}-{}", language_tag(label)))
            }
        })
        .collect();

    let ledger = ledger_hashes(environment)?;
    let rows = rows(environment)?;
    let mut found = Vec::new();
    let mut counted = Vec::new();
    let mut states = Vec::new();
    for base in &bases {
        let mut begun = Vec::new();
        let mut count = (0, 0);
        if let Some(base) = base {
            let own: BTreeMap<&String, (Vec<u64>, u64)> = rows
                .iter()
                .filter_map(|(row, turns)| Some((row, (numbers(base, row)?, *turns))))
                .collect();
            count = (
                own.len() as u64,
                own.values().map(|(_, turns)| *turns).sum(),
            );
            let mut waves: Vec<(Vec<u64>, &String)> = ids
                .iter()
                .filter_map(|state| Some((numbers(base, state)?, state)))
                .filter(|(numbers, _)| numbers.len() <= 1)
                .collect();
            waves.sort();
            for (_, state_id) in waves {
                let state = read(environment, state_id, base)?;
                let open: Vec<&Slot> = state
                    .slots
                    .iter()
                    .filter(|slot| !own.contains_key(&slot.conversation_id))
                    .filter(|slot| slot.status != "dropped" || !slot.turns.is_empty())
                    .collect();
                if !open.is_empty() || state_id == id {
                    let earlier = own.values().filter(|(numbers, _)| {
                        let wave = match (state.batched, numbers.as_slice()) {
                            (true, [wave, _, ..]) | (false, [wave, ..]) => *wave,
                            _ => 0,
                        };
                        wave < state.wave
                    });
                    agree(&state, earlier.count() as u64, config.batch_size)
                        .map_err(|why| refuse(state_id, why))?;
                }
                for slot in open {
                    let in_ledger = slot.turns.iter().map(|turn| {
                        let question = turn.qa_generation.str_or("user_message", "");
                        Json::from(ledger.contains(&question_hash(question)))
                    });
                    begun.push(Json::object([
                        ("updated_at", Json::from(state.at.as_str())),
                        ("in_ledger", Json::Array(in_ledger.collect())),
                        ("slot", slot.to_json()),
                    ]));
                }
                states.push(state_id.clone());
            }
        }
        found.push(Json::Array(begun));
        counted.push(Json::Array(vec![Json::from(count.0), Json::from(count.1)]));
    }
    let kept = to_compact(&Json::object([("begun", Json::Array(found))]));
    let record = Json::object([
        (
            STATES,
            Json::Array(states.into_iter().map(Json::from).collect()),
        ),
        (DIGEST, Json::from(sha256_hex(&kept))),
        (COUNTED, Json::Array(counted)),
    ]);
    Ok(Some(Found {
        run: run.to_owned(),
        record,
        kept,
    }))
}

/// Keeps what is taken over, so that [`load`] finds it.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn keep(environment: &Environment, found: &Found) -> Result<(), DialogueError> {
    let path = kept_path(environment, &found.record);
    write_atomic(&*environment.storage, &path, &found.kept).map_err(|source| {
        JournalError::Write {
            path,
            source: Arc::new(source),
        }
        .into()
    })
}

/// What a plan record's part of this kind takes over.
///
/// # Errors
/// When the file of [`keep`] is missing or is not what was kept.
pub(super) fn load(environment: &Environment, record: &Json) -> Result<Adopted, DialogueError> {
    let path = kept_path(environment, record);
    let bytes = bytes_of(environment, &path)?;
    let damaged = || DialogueError::ForeignState {
        path: path.clone(),
        why: "it is not what was taken over when the run first went on here".to_owned(),
    };
    if sha256_hex(&bytes) != record.str_or(DIGEST, "") {
        return Err(damaged());
    }
    let whole = json::parse(&bytes).map_err(|_| damaged())?;
    let groups = whole.items("begun").iter();
    let begun = groups
        .map(|group| {
            let list = group.as_array().unwrap_or_default().iter();
            list.map(|entry| Begun::from_json(entry).map(Arc::new))
                .collect()
        })
        .collect::<Option<Vec<Vec<Arc<Begun>>>>>()
        .ok_or_else(damaged)?;
    Ok(Adopted {
        counted: record.items(COUNTED).iter().map(pair).collect(),
        begun,
    })
}

fn kept_path(environment: &Environment, record: &Json) -> PathBuf {
    let digest = record.str_or(DIGEST, "");
    let name = format!("adopted-{}.json", digest.get(..16).unwrap_or_default());
    environment.out_dir.join(STATE_DIR).join(name)
}

fn path_of(environment: &Environment, id: &str) -> PathBuf {
    environment
        .out_dir
        .join(RUN_STATE)
        .join(format!("{id}.json"))
}

fn language_of(state: &State) -> &str {
    state
        .slots
        .first()
        .map_or("", |slot| slot.inputs.str_or("target_language", ""))
}

fn bytes_of(environment: &Environment, path: &Path) -> Result<Vec<u8>, JournalError> {
    let read = environment.storage.read(path);
    read.map_err(|source| JournalError::Read {
        path: path.to_owned(),
        source: Arc::new(source),
    })
}

/// Reads a state and everything that it must be by itself.
fn read(environment: &Environment, id: &str, base: &str) -> Result<State, DialogueError> {
    let path = path_of(environment, id);
    let bytes = bytes_of(environment, &path)?;
    let refuse = |why: String| DialogueError::ForeignState {
        path: path.clone(),
        why,
    };
    let value = json::parse(&bytes).map_err(|error| refuse(format!("it is no JSON: {error}")))?;
    let state = RunState::from_json(&value).map_err(|error| refuse(error.to_string()))?;
    if state.run_id() != id {
        return Err(refuse(format!("it is the state of run {}", state.run_id())));
    }
    let total = state.inputs().i64_or("total_samples", 0);
    let (batched, at, n_turns, slots) = match state {
        RunState::Single(state) => {
            let slot = Slot {
                conversation_index: 0,
                conversation_id: state.run_id,
                target_n_turns: state.n_turns,
                status: if state.status == "completed" {
                    "completed".to_owned()
                } else {
                    "active".to_owned()
                },
                drop_reason: String::new(),
                inputs: state.inputs,
                turns: state.turns,
                raw_results: state.raw_results,
                extra: Object::new(),
                forgemark: None,
            };
            (false, state.updated_at, state.n_turns, vec![slot])
        }
        RunState::Batched(state) => {
            if state.conversations.len() as u64 != state.batch_size.unsigned_abs() {
                return Err(refuse(format!(
                    "its batch_size is {} and it has {} conversations",
                    state.batch_size,
                    state.conversations.len()
                )));
            }
            let language = state.inputs.at("target_language").clone();
            let slots = state.conversations.into_iter().map(|mut slot| {
                if slot.inputs.get("target_language").is_none() {
                    // A slot that was dropped at once may have no inputs of its own.
                    let mut inputs = (*slot.inputs).clone().into_object();
                    inputs.insert("target_language", language.clone());
                    slot.inputs = Arc::new(Json::Object(inputs));
                }
                slot
            });
            (true, state.updated_at, state.n_turns, slots.collect())
        }
    };
    if Timestamp::parse(&at).is_err() {
        return Err(refuse(format!("its updated_at is {at:?}")));
    }
    check_slots(base, n_turns, &slots).map_err(refuse)?;
    let wave = numbers(base, id).and_then(|numbers| numbers.first().copied());
    Ok(State {
        wave: wave.unwrap_or(0),
        batched,
        total: u64::try_from(total).unwrap_or(0),
        at,
        slots,
    })
}

/// What must hold between the parts of a state.
fn check_slots(base: &str, n_turns: i64, slots: &[Slot]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let most = slots.iter().map(|slot| slot.target_n_turns).max();
    if most != Some(n_turns) {
        return Err(format!(
            "its n_turns is {n_turns}, and the most of its conversations is {}",
            most.unwrap_or(0)
        ));
    }
    for (index, slot) in slots.iter().enumerate() {
        let id = &slot.conversation_id;
        let n = slot.turns.len() as i64;
        let in_order = slot.turns.iter().map(|turn| turn.turn_index).eq(1..=n);
        let ids = ConversationId::new(id.clone()).is_ok() && numbers(base, id).is_some();
        if !ids {
            return Err(format!("conversation {id:?} is not one of the run's"));
        }
        if !seen.insert(id) {
            return Err(format!("it has conversation {id} twice"));
        }
        if slot.conversation_index != index as i64 {
            return Err(format!(
                "conversation {id} stands at place {index} and says {}",
                slot.conversation_index
            ));
        }
        if !in_order {
            return Err(format!("the turns of {id} are not numbered from 1"));
        }
        if slot.target_n_turns < 1 || slot.target_n_turns > i64::from(u32::MAX) {
            return Err(format!("{id} is to have {} turns", slot.target_n_turns));
        }
        if n > slot.target_n_turns {
            return Err(format!(
                "{id} has {n} turns and is to have {}",
                slot.target_n_turns
            ));
        }
        if slot.status == "completed" && n < slot.target_n_turns {
            return Err(format!(
                "{id} is completed with {n} of {} turns",
                slot.target_n_turns
            ));
        }
    }
    Ok(())
}

/// What must hold between a state and the configuration. `earlier` are the run's conversations of earlier waves.
fn agree(state: &State, earlier: u64, batch_size: u64) -> Result<(), String> {
    let size = state.slots.len() as u64;
    if !state.batched && batch_size != 1 {
        return Err(format!(
            "it was made with `run.batch_size: 1`, which is {batch_size} now"
        ));
    }
    let total = if state.total > 0 {
        state.total
    } else {
        batch_size
    };
    let clipped = total.saturating_sub(earlier).min(batch_size);
    if size == batch_size || size == clipped {
        return Ok(());
    }
    Err(format!(
        "its batch_size is {size}; `run.batch_size` is {batch_size}, and after {earlier} of {total} conversations its wave would have {clipped}"
    ))
}

/// Ids of the conversations that have a row, with their turns.
fn rows(environment: &Environment) -> Result<BTreeMap<String, u64>, DialogueError> {
    let mut rows = BTreeMap::new();
    for_each_row(environment, DATASET, |row| {
        let id = row.str_or("conversation_id", "");
        rows.insert(id.to_owned(), row.items("turns").len() as u64);
    })?;
    Ok(rows)
}

fn ledger_hashes(environment: &Environment) -> Result<BTreeSet<String>, DialogueError> {
    let mut hashes = BTreeSet::new();
    for_each_row(environment, LEDGER, |row| {
        if let Ok(row) = LedgerRow::from_json(row) {
            hashes.insert(row.question_hash);
        }
    })?;
    Ok(hashes)
}

/// Visits the whole rows of an artifact; what is none is passed over, as everywhere.
fn for_each_row(
    environment: &Environment,
    name: &str,
    mut visit: impl FnMut(&Json),
) -> Result<(), DialogueError> {
    let path = environment.out_dir.join(name);
    let unreadable = |source| JournalError::Read {
        path: path.clone(),
        source: Arc::new(source),
    };
    if environment
        .storage
        .len(&path)
        .map_err(unreadable)?
        .is_none()
    {
        return Ok(());
    }
    let bytes = environment.storage.read(&path).map_err(unreadable)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    for line in bytes[..whole].split(|byte| *byte == b'\n') {
        if let Ok(row) = json::parse(line) {
            visit(&row);
        }
    }
    Ok(())
}
