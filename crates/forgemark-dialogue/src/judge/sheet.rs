//! The rows that are to be judged, and the sheet on which every single judgement is kept.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::DatasetRow;
use forgemark_contract::json::{self, Json, to_compact};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{JournalError, ReadFile, Storage, write_atomic};

use super::is_ours;
use super::revise::word;
use super::ruling::Ruling;
use crate::check::lines::{Lines, read_part};
use crate::config::{Config, Judging};
use crate::error::DialogueError;
use crate::render::{APPEND_FILES, DATASET, INDEX, JUDGED, LEDGER, SHAREGPT, TURNS};

/// The file with every judgement of `dialogue judge`, one a line. It is ours, in every profile; the nine artifacts hold the
/// aggregate.
pub const JUDGEMENTS: &str = "judgements.jsonl";

/// All files that are opened to be judged.
pub(super) const FILES: [&str; 7] = [DATASET, LEDGER, TURNS, SHAREGPT, JUDGED, INDEX, JUDGEMENTS];
const _: () = assert!(APPEND_FILES.len() + 1 == FILES.len());

/// How the folder is judged, beside the journal, for `forgemark status`.
const STANDING: &str = "judging.json";

/// An error of reading a file.
pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> DialogueError + use<> {
    let path = path.to_owned();
    move |source| {
        JournalError::Read {
            path: path.clone(),
            source: Arc::new(source),
        }
        .into()
    }
}

/// Refuses a folder without conversations.
pub(super) fn require_rows(storage: &dyn Storage, out_dir: &Path) -> Result<(), DialogueError> {
    let path = out_dir.join(DATASET);
    match storage.len(&path).map_err(unreadable(&path))? {
        Some(_) => Ok(()),
        None => Err(DialogueError::NothingToJudge {
            folder: out_dir.to_owned(),
        }),
    }
}

/// Keeps how the folder is judged. Nothing depends on it.
pub(super) fn keep_standing(
    storage: &dyn Storage,
    out_dir: &Path,
    standing: &Json,
) -> Result<(), DialogueError> {
    let path = out_dir.join(STATE_DIR).join(STANDING);
    let bytes = to_compact(standing);
    if storage.read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    write_atomic(storage, &path, &bytes).map_err(|source| {
        JournalError::Write {
            path,
            source: Arc::new(source),
        }
        .into()
    })
}

/// How a folder was judged when `dialogue judge` last ended there; `None` where it never did.
pub fn standing(storage: &dyn Storage, out_dir: &Path) -> Option<Json> {
    json::parse(&storage.read(&out_dir.join(STATE_DIR).join(STANDING)).ok()?).ok()
}

/// A row that is to be judged.
pub(super) struct Row {
    pub(super) json: Json,
    pub(super) data: DatasetRow,
}

/// The rows that are to be judged, in the order of the file. Memory is a few bytes a row.
pub(super) struct Docket {
    file: Arc<dyn ReadFile>,
    entries: Vec<(u64, u32)>,
    /// What cannot be judged, for people.
    pub(super) left_out: Vec<String>,
}

impl Docket {
    pub(super) fn read(storage: &dyn Storage, out_dir: &Path) -> Result<Self, DialogueError> {
        let path = out_dir.join(DATASET);
        let failed = unreadable(&path);
        let file = storage.open_read(&path).map_err(&failed)?;
        let end = file.len().map_err(&failed)?;
        let mut lines = Lines::new(Arc::clone(&file), end);
        let mut left_out = Vec::new();
        let mut found: Vec<(String, u64, u32)> = Vec::new();
        let mut times: HashMap<String, u32> = HashMap::new();
        while let Some(line) = lines.next().map_err(&failed)? {
            let row = json::parse(line.bytes)
                .map_err(|error| error.to_string())
                .and_then(|json| DatasetRow::from_json(&json).map_err(|error| error.to_string()));
            match row {
                Err(what) => left_out.push(format!("{DATASET}:{}: {what}", line.number)),
                Ok(row) => {
                    *times.entry(row.conversation_id.clone()).or_default() += 1;
                    if is_to_be_judged(&row) {
                        let length = line.bytes.len() as u32;
                        found.push((row.conversation_id, line.offset, length));
                    }
                }
            }
        }
        let mut entries = Vec::with_capacity(found.len());
        for (id, offset, length) in found {
            // Which of two rows the other files mean, nobody can tell.
            if times.get(&id).is_some_and(|n| *n > 1) {
                let what = format!("two conversations are called {id}, and are not judged");
                if !left_out.contains(&what) {
                    left_out.push(what);
                }
            } else {
                entries.push((offset, length));
            }
        }
        Ok(Self {
            file,
            entries,
            left_out,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn row(&self, place: usize) -> Result<Row, DialogueError> {
        let failed = |error: io::Error| unreadable(Path::new(DATASET))(error);
        let changed = || failed(io::Error::other("the file is not what it was a moment ago"));
        let (offset, length) = *self.entries.get(place).ok_or_else(changed)?;
        let bytes = read_part(self.file.as_ref(), offset, length).map_err(failed)?;
        let json = json::parse(&bytes).map_err(|_| changed())?;
        let data = DatasetRow::from_json(&json).map_err(|_| changed())?;
        Ok(Row { json, data })
    }
}

/// A conversation with turns; a dropped one of ours is in no export, so nobody pays for its judgement.
fn is_to_be_judged(row: &DatasetRow) -> bool {
    let ours = row.forgemark.as_ref();
    let dropped = is_ours(ours) && ours.is_some_and(|ours| ours.str_or("status", "") == "dropped");
    !row.turns.is_empty() && !row.conversation_id.is_empty() && !dropped
}

/// A line of [`JUDGEMENTS`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) conversation_id: String,
    /// `None` for the conversation as a whole.
    pub(crate) turn_index: Option<i64>,
    pub(crate) judge: String,
    pub(crate) model: String,
    pub(crate) repeat: u64,
    pub(crate) prompts: String,
    /// In [0, 10]; `None` where nothing could be read.
    pub(crate) score: Option<f64>,
}

impl Line {
    /// Reads a line; says what is wrong with one that is none.
    pub(crate) fn from_json(line: &Json) -> Result<Self, String> {
        let text = |key: &str| {
            let found = line.at(key).as_str().filter(|text| !text.is_empty());
            found
                .map(str::to_owned)
                .ok_or_else(|| format!("{key} is missing"))
        };
        let (score, failed) = (line.at("score"), line.at("error").as_object().is_some());
        if score.is_null() != failed {
            return Err("has a score or a reason why there is none, never both".to_owned());
        }
        let value = score.as_f64();
        if !failed && !value.is_some_and(|value| (0.0..=10.0).contains(&value)) {
            return Err("score is no number from 0 to 10".to_owned());
        }
        let (turn_index, whole) = (
            line.at("turn_index").as_i64(),
            line.str_or("granularity", ""),
        );
        if turn_index.is_some() != (whole == "turn")
            || turn_index.is_none() && whole != "conversation"
        {
            return Err("turn_index and granularity do not go together".to_owned());
        }
        Ok(Self {
            conversation_id: text("conversation_id")?,
            turn_index,
            judge: text("judge")?,
            model: text("model")?,
            repeat: line.at("repeat").as_u64().ok_or("repeat is no number")?,
            prompts: text("prompts")?,
            score: value,
        })
    }

    /// Whether both are the same judgement, asked once more.
    pub(crate) fn is_of(&self, other: &Line) -> bool {
        let key = |line: &Line| {
            (
                line.conversation_id.clone(),
                line.turn_index,
                line.judge.clone(),
                line.model.clone(),
                line.repeat,
                line.prompts.clone(),
            )
        };
        key(self) == key(other)
    }
}

/// The lines of a conversation's rulings.
pub(super) fn lines(id: &str, config: &Config, prompts: &str, rulings: &[Ruling]) -> Vec<Json> {
    let judges = config.judges();
    let mut lines = Vec::new();
    for ruling in rulings {
        for one in &ruling.judgements {
            let (name, model) = judges
                .get(one.judge)
                .map(|settings| (settings.role.clone(), settings.agent_name()))
                .unwrap_or_default();
            let granularity = match ruling.turn {
                Some(_) => Judging::Turn,
                None => Judging::Conversation,
            };
            let empty = Json::empty_object();
            let (verdict, error) = match &one.said {
                Ok(said) => (&*said.verdict, Json::Null),
                Err(error) => (&empty, error.clone()),
            };
            let list = |key: &str| Json::Array(verdict.items(key).to_vec());
            let calls: Json = one
                .calls
                .iter()
                .map(|key| Json::from(key.as_str()))
                .collect();
            lines.push(Json::object([
                ("conversation_id", Json::from(id)),
                ("turn_index", Json::from(ruling.turn)),
                ("granularity", Json::from(word(granularity))),
                ("judge", Json::from(name)),
                ("model", Json::from(model)),
                ("repeat", Json::from(i64::from(one.repeat))),
                ("score", verdict.at("score").clone()),
                ("reasons", list("reasons")),
                ("notes", verdict.at("notes").clone()),
                ("question_ok", verdict.at("question_ok").clone()),
                ("answer_ok", verdict.at("answer_ok").clone()),
                ("error", error),
                ("prompts", Json::from(prompts)),
                ("calls", calls),
            ]));
        }
    }
    lines
}
