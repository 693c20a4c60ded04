//! One file of lines: which shape it has, and its lines one by one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::unit::Times;
use super::{Options, Problem, Unit, dialogue, record_id, rows};
use crate::json::{Json, Object, parse_str};
use crate::shape::ShapeError;
use crate::store::{ContextRecord, RolloutRecord, TEXT_CONTENT_TYPE, lifecycle};
use crate::text::sha256_hex;

/// The shapes of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowShape {
    /// `messages` with role and content, and `tools`: what endpoints and trainers take.
    Messages,
    /// `conversations` with from and value, `system`, `tools`; `chosen` and `rejected` may stand beside them.
    ShareGpt,
    /// `input`, `preferred_output`, `non_preferred_output`.
    OpenAiPreference,
    /// `prompt` and `completion`, texts or lists of messages.
    PromptCompletion,
    /// The same with a `label`, true or false.
    Label,
    /// `chosen` and `rejected`, with a `prompt` or with what both begin with.
    Preference,
    /// Records of a store.
    Records,
    /// Messages of reinforcement-learning trajectories.
    Rollouts,
    /// `synthetic_qa.jsonl` of a dialogue run.
    Dialogue,
}

impl RowShape {
    /// All of them with their words, in the order in which they are looked for.
    pub const ALL: [(RowShape, &'static str); 9] = [
        (RowShape::Dialogue, "dialogue"),
        (RowShape::Messages, "messages"),
        (RowShape::ShareGpt, "sharegpt"),
        (RowShape::OpenAiPreference, "openai-preference"),
        (RowShape::Preference, "preference"),
        (RowShape::Label, "label"),
        (RowShape::PromptCompletion, "prompt-completion"),
        (RowShape::Rollouts, "rollouts"),
        (RowShape::Records, "records"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        let found = RowShape::ALL.into_iter().find(|(shape, _)| *shape == self);
        found.map_or("", |(_, word)| word)
    }

    /// The shape of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        let found = RowShape::ALL.into_iter().find(|(_, name)| *name == word);
        found.map(|(shape, _)| shape)
    }

    /// The shape of a row by its keys.
    pub fn of_row(row: &Object) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().all(|key| row.contains_key(key));
        let found = RowShape::ALL.into_iter().find(|(shape, _)| match shape {
            RowShape::Dialogue => has(&["conversation_id", "inputs", "turns"]),
            RowShape::Messages => has(&["messages"]),
            RowShape::ShareGpt => has(&["conversations"]),
            RowShape::OpenAiPreference => has(&["input", "preferred_output"]),
            RowShape::Preference => has(&["chosen", "rejected"]),
            RowShape::Label => has(&["prompt", "completion", "label"]),
            RowShape::PromptCompletion => has(&["prompt", "completion"]),
            RowShape::Rollouts => has(&["rollout_id", "problem_id", "sequence_order"]),
            RowShape::Records => {
                has(&["role"])
                    && [
                        "text_payload",
                        "content_type",
                        "message",
                        "external_id",
                        "binary_payload",
                    ]
                    .iter()
                    .any(|key| row.contains_key(key))
            }
        });
        found.map(|(shape, _)| shape)
    }
}

/// What of a trajectory's row stands in a column of its record.
const OF_RECORDS: [&str; 12] = [
    "id",
    "rollout_id",
    "problem_id",
    "dataset",
    "sequence_order",
    "role",
    "created_at",
    "content",
    "content_type",
    "relationships",
    "binary_payload",
    "grader_id",
];

/// The lines of one file. Memory grows by a few bytes for each line.
#[derive(Debug)]
pub struct Lines {
    file: String,
    options: Options,
    shape: Option<RowShape>,
    times: Times,
    /// How often each key came, by its hash.
    seen: HashMap<u64, u32>,
}

impl Lines {
    /// A file that is called `file` in problems. Without a shape the first line that has one decides; a line of another shape
    /// is a problem.
    pub fn new(file: impl Into<String>, shape: Option<RowShape>, options: Options) -> Self {
        Lines {
            file: file.into(),
            options,
            shape,
            times: Times::default(),
            seen: HashMap::new(),
        }
    }

    /// The shape, once it is known.
    pub fn shape(&self) -> Option<RowShape> {
        self.shape
    }

    /// What line `number` (from 1) holds; `None` for a line of white space. A byte order mark before the first line is no
    /// part of it.
    ///
    /// # Errors
    /// [`Problem`] for whatever cannot be read; the next line can be read all the same.
    pub fn line(&mut self, number: u64, bytes: &[u8]) -> Result<Option<Unit>, Problem> {
        let problem = |file: &str, error: ShapeError| Problem {
            file: file.to_owned(),
            line: Some(number),
            field: error.path.trim_start_matches('$').to_owned(),
            what: error.what,
        };
        self.read(number, bytes)
            .map_err(|error| problem(&self.file, error))
    }

    fn read(&mut self, number: u64, bytes: &[u8]) -> Result<Option<Unit>, ShapeError> {
        let bytes = match number {
            1 => bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes),
            _ => bytes,
        };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            ShapeError::here(format!("invalid UTF-8 at byte {}", error.valid_up_to() + 1))
        })?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let value = parse_str(text).map_err(|error| {
            ShapeError::here(format!("no JSON: column {}: {}", error.column, error.what))
        })?;
        let Json::Object(row) = value else {
            let what = format!("expected an object, found {}", value.type_name());
            return Err(ShapeError::here(what));
        };
        let shape = self.shape_of(&row)?;
        let digest = self.options.digest(&[text.as_bytes()]);
        let unit = match shape {
            RowShape::Dialogue => self.conversation(&Json::Object(row), digest)?,
            RowShape::Records => self.record(row, text, digest)?,
            RowShape::Rollouts => self.rollout(&Json::Object(row), digest)?,
            _ => self.messages(shape, row, text, digest)?,
        };
        for record in &unit.records {
            finite(record)?;
        }
        // Only now is it known to be a good line.
        self.shape = Some(shape);
        Ok(Some(unit))
    }

    fn shape_of(&self, row: &Object) -> Result<RowShape, ShapeError> {
        let found = RowShape::of_row(row);
        match (self.shape, found) {
            // What was named or found is tried first where a row has the keys of two shapes.
            (Some(shape), Some(found)) if shape != found && !related(shape, found) => {
                let what = format!(
                    "this is a row of shape {}, and the file is of shape {}; put it into a file of its own",
                    found.word(),
                    shape.word()
                );
                Err(ShapeError::here(what))
            }
            (Some(shape), _) => Ok(shape),
            (None, Some(found)) => Ok(found),
            (None, None) => {
                let keys: Vec<&str> = row.keys().take(6).collect();
                let words = RowShape::ALL.map(|(_, word)| word).join(", ");
                let what = format!(
                    "the keys ({}) are of no known shape; the shapes are {words}",
                    keys.join(", ")
                );
                Err(ShapeError::here(what))
            }
        }
    }

    /// How often a key came before.
    fn before(&mut self, key: &str) -> u32 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let times = self.seen.entry(hasher.finish()).or_insert(0);
        *times += 1;
        *times - 1
    }

    /// `ORIGIN/K`, where a key that came before gets a number.
    fn session(&mut self, key: &str) -> String {
        let before = self.before(key);
        let origin = &self.options.origin;
        match before {
            0 => format!("{origin}/{key}"),
            n => format!("{origin}/{key}~{n}"),
        }
    }

    /// Refuses a key that an earlier line has: the two would replace each other each time that the file is taken in.
    fn once(&mut self, field: &str, key: &str) -> Result<(), ShapeError> {
        if self.before(key) == 0 {
            return Ok(());
        }
        let what = format!("{key} stands in the file already; the first one counts");
        Err(ShapeError::here(what).under_key(field))
    }

    fn messages(
        &mut self,
        shape: RowShape,
        mut row: Object,
        text: &str,
        digest: String,
    ) -> Result<Unit, ShapeError> {
        let own = rows::take_id(&mut row);
        let (mut head, drafts) = rows::read(shape, row)?;
        let key = own.unwrap_or_else(|| key_of(text));
        head.session = self.session(&key);
        head.digest = digest;
        Ok(self.times.unit(head, drafts, &self.options))
    }

    fn conversation(&mut self, row: &Json, digest: String) -> Result<Unit, ShapeError> {
        let (mut head, drafts, id) = dialogue::read(row, &self.options)?;
        self.once("conversation_id", &id)?;
        head.session = format!("{}/{id}", self.options.origin);
        head.digest = digest;
        Ok(self.times.unit(head, drafts, &self.options))
    }

    /// A record as it is. What every record must have and this one has not gets its usual value; an id is made of the line.
    fn record(&mut self, mut row: Object, text: &str, digest: String) -> Result<Unit, ShapeError> {
        let usual = [
            ("run_id", ""),
            ("lifecycle_status", lifecycle::ACTIVE),
            ("content_type", TEXT_CONTENT_TYPE),
        ];
        for (key, value) in usual {
            if row.get(key).is_none_or(Json::is_null) {
                row.insert(key, value);
            }
        }
        if row.get("id").is_none_or(Json::is_null) {
            if row.get("external_id").is_none_or(Json::is_null) {
                row.insert("external_id", self.session(&key_of(text)));
            }
            let external = row.get("external_id").and_then(Json::as_str);
            let id = record_id(external.unwrap_or_default());
            row.insert("id", id);
        }
        if row.get("created_at").is_none_or(Json::is_null) {
            let at = self.times.next(&self.options);
            row.insert("created_at", at.ledger_style());
        }
        if let Some(source) = &self.options.source {
            row.insert("source", source);
        }
        let mut record = ContextRecord::from_json(&Json::Object(row))?;
        if let Some(key) = record.extra.keys().next() {
            let what = "there is no such column; put it under `metadata`";
            return Err(ShapeError::here(what).under_key(key));
        }
        if record.id.is_empty() {
            return Err(ShapeError::here("it is empty").under_key("id"));
        }
        if record.is_tombstone() {
            let what = "this type marks deleted records, which cannot be taken in";
            return Err(ShapeError::here(what).under_key("content_type"));
        }
        if let Some(external) = &record.external_id {
            self.once("external_id", external)?;
        }
        record.origin_digest = Some(digest);
        Ok(Unit {
            records: vec![record],
            session: None,
        })
    }

    /// A message of a trajectory: its session is the trajectory, its group the problem. What is kept from training is
    /// contradicted: exports end the trajectory before it. A reward stays with the row that has it.
    fn rollout(&mut self, row: &Json, digest: String) -> Result<Unit, ShapeError> {
        let row = RolloutRecord::from_json(row)?;
        self.once("id", &row.id)?;
        let origin = &self.options.origin;
        let external_id = format!("{origin}/{}", row.id);
        let mut metadata = Object::new();
        metadata.insert("group_id", &row.problem_id);
        let numbers = [
            ("reward", row.reward),
            ("raw_reward", row.raw_reward),
            ("score", row.score),
            ("advantage", row.advantage),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                metadata.insert(key, crate::json::shortest_f32(value));
            }
        }
        let texts = [
            ("reward_source", &row.grader_id),
            ("policy_version", &row.policy_version),
            ("rationale", &row.rationale),
            ("exclude_reason", &row.exclude_reason),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                metadata.insert(key, value);
            }
        }
        // Tokens and whatever else has no column; what has one is not kept twice.
        let mut rest = row.to_json().into_object();
        for key in OF_RECORDS.into_iter().chain(metadata.keys()) {
            rest.remove(key);
        }
        if !rest.is_empty() {
            metadata.insert("rollout", rest);
        }
        let text = row.content.clone().unwrap_or_default();
        let mut record = ContextRecord {
            external_id: Some(external_id.clone()),
            run_id: row.rollout_id.clone(),
            session_id: Some(format!("{origin}/{}", row.rollout_id)),
            source: (self.options.source.clone())
                .or_else(|| row.dataset.clone())
                .or_else(|| Some(origin.clone())),
            content_type: row.content_type.clone(),
            metadata: Some(Json::Object(metadata)),
            relationships: row.relationships.clone(),
            binary_payload: row.binary_payload.clone(),
            payload_size: row.payload_size,
            payload_checksum: row.payload_checksum.clone(),
            seq: Some(row.sequence_order),
            origin_digest: Some(digest),
            ..ContextRecord::text(record_id(&external_id), &row.role, text, row.created_at)
        };
        if row.include_in_training == Some(false) {
            lifecycle::CONTRADICTED.clone_into(&mut record.lifecycle_status);
        }
        Ok(Unit {
            records: vec![record],
            session: None,
        })
    }
}

/// The key of a row that has no id of its own.
fn key_of(text: &str) -> String {
    let mut key = sha256_hex(text.as_bytes());
    key.truncate(16);
    key
}

/// Shapes that one row can be read as both ways.
fn related(shape: RowShape, found: RowShape) -> bool {
    use RowShape::{Label, Preference, PromptCompletion, Records, Rollouts, ShareGpt};
    matches!(
        (shape, found),
        (PromptCompletion, Label)
            | (Preference, ShareGpt | PromptCompletion | Label)
            | (Records, Rollouts)
    )
}

/// Numbers that no store takes.
fn finite(record: &ContextRecord) -> Result<(), ShapeError> {
    fn search(value: &Json) -> Result<(), ShapeError> {
        match value {
            Json::Float(number) if !number.is_finite() => Err(ShapeError::here(format!(
                "expected a finite number, found {number}"
            ))),
            Json::Array(items) => (items.iter().enumerate()).try_for_each(|(place, item)| {
                search(item).map_err(|error| error.under_index(place))
            }),
            Json::Object(object) => object
                .iter()
                .try_for_each(|(key, value)| search(value).map_err(|error| error.under_key(key))),
            _ => Ok(()),
        }
    }
    if let Some(metadata) = &record.metadata {
        search(metadata)?;
    }
    if let Some(message) = &record.message {
        search(&message.to_json())?;
    }
    let vector = record.embedding.iter().flatten();
    match vector.enumerate().find(|(_, value)| !value.is_finite()) {
        Some((place, value)) => {
            let what = format!("expected a finite number, found {value}");
            Err(ShapeError::here(what)
                .under_index(place)
                .under_key("embedding"))
        }
        None => Ok(()),
    }
}
