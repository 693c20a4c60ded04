//! The columns of every format and task, declared once.
//!
//! The types of a file do not depend on what its rows happen to hold: every value has its declared type, and what a file has no
//! use for (tool calls, reasoning, masks) has no column at all, so that no column is empty and no key is null in every row.

use std::ops::BitOr;

use forgemark_contract::json::Json;

use super::{Format, Task};

/// What the examples of a file make use of; a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses(u16);

impl Uses {
    /// Nothing but roles and texts.
    pub const NONE: Uses = Uses(0);
    /// Tool calls and their results.
    pub const TOOLS: Uses = Uses(1);
    /// What a model thought before it spoke.
    pub const REASONING: Uses = Uses(1 << 1);
    /// Names of participants.
    pub const NAMES: Uses = Uses(1 << 2);
    /// Answers that are not learned, in conversations where others are.
    pub const MASKS: Uses = Uses(1 << 3);
    /// Train flags of any value.
    pub const FLAGS: Uses = Uses(1 << 4);
    /// Contents of parts, not texts.
    pub const PARTS: Uses = Uses(1 << 5);
    /// Pairs of which one has no difference of scores.
    pub const NO_MARGIN: Uses = Uses(1 << 6);
    /// Ground truths.
    pub const TRUTH: Uses = Uses(1 << 7);
    /// Conversations as a prompt and a completion.
    pub const COMPLETIONS: Uses = Uses(1 << 8);

    /// Definitions of the tools that the model had.
    pub const SPECS: Uses = Uses(1 << 9);

    /// Whether one of `others` is among them.
    pub const fn any(self, others: Uses) -> bool {
        self.0 & others.0 != 0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, others: Uses) -> Self {
        Uses(self.0 | others.0)
    }
}

impl BitOr for Uses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text without lone surrogates.
    Text,
    /// `true` or `false`.
    Bool,
    /// An integer of 64 bits.
    Int,
    /// A finite number.
    Float,
    /// Any JSON: itself in JSON lines, JSON text (`arrow.json`) in columns.
    Json,
    /// A list.
    List(&'static Kind),
    /// An object with these keys and no other.
    Struct(&'static [Field]),
}

/// A column, or a key of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// Whether it may be absent or null.
    pub optional: bool,
    need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Always,
    AnyOf(Uses),
    NoneOf(Uses),
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Field {
            name,
            kind,
            optional: false,
            need: Need::Always,
        }
    }

    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    const fn with(mut self, uses: Uses) -> Self {
        self.need = Need::AnyOf(uses);
        self
    }

    const fn without(mut self, uses: Uses) -> Self {
        self.need = Need::NoneOf(uses);
        self
    }

    /// Whether a file that makes use of `uses` has it.
    pub const fn is_in(&self, uses: Uses) -> bool {
        match self.need {
            Need::Always => true,
            Need::AnyOf(needed) => uses.any(needed),
            Need::NoneOf(others) => !uses.any(others),
        }
    }
}

/// The columns of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    all: &'static [Field],
    /// What the file makes use of.
    pub uses: Uses,
}

/// A value that has not its declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where, such as `messages[2].tool_calls`.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl Columns {
    /// The columns of a format and a task; `None` where the format has no lines for it.
    pub fn of(format: Format, task: Task, uses: Uses) -> Option<Self> {
        let all = declared(format, task)?;
        Some(Columns { all, uses })
    }

    /// The columns.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        present(self.all, self.uses)
    }

    /// Whether a row has these columns and no other, with values of their types.
    ///
    /// # Errors
    /// The first value that has not.
    pub fn fit(&self, row: &Json) -> Result<(), Misfit> {
        fit_struct(self.all, self.uses, row)
    }
}

/// The fields that files with these uses have.
pub(crate) fn present(
    fields: &'static [Field],
    uses: Uses,
) -> impl Iterator<Item = &'static Field> {
    fields.iter().filter(move |field| field.is_in(uses))
}

fn misfit(what: impl Into<String>) -> Misfit {
    Misfit {
        field: String::new(),
        what: what.into(),
    }
}

fn within(key: &str, mut inner: Misfit) -> Misfit {
    let dot = if inner.field.is_empty() || inner.field.starts_with('[') {
        ""
    } else {
        "."
    };
    inner.field = format!("{key}{dot}{}", inner.field);
    inner
}

fn fit_struct(fields: &'static [Field], uses: Uses, value: &Json) -> Result<(), Misfit> {
    let Some(object) = value.as_object() else {
        return Err(wrong("an object", value));
    };
    let mut known = 0;
    for field in present(fields, uses) {
        match object.get(field.name) {
            Some(Json::Null) if field.optional => known += 1,
            Some(value) => {
                known += 1;
                fit(field.kind, uses, value).map_err(|inner| within(field.name, inner))?;
            }
            None if field.optional => {}
            None => return Err(within(field.name, misfit("is missing"))),
        }
    }
    if known < object.len() {
        let is_known = |key: &&str| present(fields, uses).any(|field| field.name == *key);
        if let Some(key) = object.keys().find(|key| !is_known(key)) {
            return Err(within(key, misfit("is not known to the format")));
        }
    }
    Ok(())
}

fn wrong(expected: &str, found: &Json) -> Misfit {
    misfit(format!("expected {expected}, found {}", found.type_name()))
}

fn fit(kind: Kind, uses: Uses, value: &Json) -> Result<(), Misfit> {
    match (kind, value) {
        (Kind::Text, Json::Str(_)) | (Kind::Bool, Json::Bool(_)) | (Kind::Int, Json::Int(_)) => {
            Ok(())
        }
        (Kind::Text, Json::Utf16(_)) => Err(misfit("has half of a surrogate pair")),
        (Kind::Text, _) => Err(wrong("a text", value)),
        (Kind::Bool, _) => Err(wrong("true or false", value)),
        (Kind::Int, _) => Err(wrong("an integer", value)),
        (Kind::Float, Json::Int(_)) => Ok(()),
        (Kind::Float, Json::Float(number)) if number.is_finite() => Ok(()),
        (Kind::Float, Json::Float(_)) => Err(misfit("is not finite")),
        (Kind::Float, _) => Err(wrong("a number", value)),
        (Kind::Json, Json::Null) => Err(misfit("is null")),
        (Kind::Json, _) => Ok(()),
        (Kind::List(item), Json::Array(items)) => {
            for (place, value) in items.iter().enumerate() {
                fit(*item, uses, value).map_err(|inner| within(&format!("[{place}]"), inner))?;
            }
            Ok(())
        }
        (Kind::List(_), _) => Err(wrong("a list", value)),
        (Kind::Struct(fields), _) => fit_struct(fields, uses, value),
    }
}

const fn text(name: &'static str) -> Field {
    Field::new(name, Kind::Text)
}

const fn list(name: &'static str, item: &'static Kind) -> Field {
    Field::new(name, Kind::List(item))
}

/// Arguments of calls as JSON text.
const TEXT_CALL: Kind = Kind::Struct(&[
    text("id"),
    text("type"),
    Field::new("function", Kind::Struct(&[text("name"), text("arguments")])),
]);
/// Arguments of calls as objects.
const OBJECT_CALL: Kind = Kind::Struct(&[text("type"), Field::new("function", OBJECT_FUNCTION)]);
const OBJECT_CALL_ID: Kind = Kind::Struct(&[
    text("id"),
    text("type"),
    Field::new("function", OBJECT_FUNCTION),
]);
const OBJECT_FUNCTION: Kind = Kind::Struct(&[text("name"), Field::new("arguments", Kind::Json)]);

const CALL_ID: Field = text("tool_call_id").optional().with(Uses::TOOLS);
const NAME: Field = text("name").optional().with(Uses::NAMES.with(Uses::TOOLS));
const REASONING: Field = text("reasoning_content").optional().with(Uses::REASONING);

const fn calls(call: &'static Kind) -> Field {
    list("tool_calls", call).optional().with(Uses::TOOLS)
}

const NEUTRAL: Kind = Kind::Struct(&[
    text("role"),
    text("content").without(Uses::PARTS),
    Field::new("content", Kind::Json).with(Uses::PARTS),
    text("reasoning").optional().with(Uses::REASONING),
    calls(&TEXT_CALL),
    CALL_ID,
    NAME,
    Field::new("train", Kind::Bool).optional().with(Uses::FLAGS),
]);
const OPENAI: Kind = Kind::Struct(&[
    text("role"),
    text("content").optional().without(Uses::PARTS),
    Field::new("content", Kind::Json)
        .optional()
        .with(Uses::PARTS),
    calls(&TEXT_CALL),
    CALL_ID,
    NAME,
    Field::new("weight", Kind::Int).optional().with(Uses::MASKS),
]);
const TRL: Kind = Kind::Struct(&[
    text("role"),
    text("content"),
    REASONING,
    calls(&OBJECT_CALL),
    NAME,
]);
const AXOLOTL: Kind = Kind::Struct(&[
    text("role"),
    text("content"),
    REASONING,
    calls(&TEXT_CALL),
    CALL_ID,
    NAME,
    Field::new("train", Kind::Bool).optional().with(Uses::MASKS),
]);
const NEMO: Kind = Kind::Struct(&[
    text("role"),
    text("content"),
    REASONING,
    calls(&OBJECT_CALL_ID),
    CALL_ID,
    NAME,
]);
const VERL: Kind = Kind::Struct(&[
    text("role"),
    text("content"),
    REASONING,
    calls(&TEXT_CALL),
    CALL_ID,
    NAME,
]);
const PLAIN: Kind = Kind::Struct(&[text("role"), text("content"), REASONING]);
const BARE: Kind = Kind::Struct(&[text("role"), text("content")]);
const TURN: Kind = Kind::Struct(&[text("from"), text("value")]);

/// The definitions of tools, as the trainer hands them to the chat template.
const SPECS: Field = Field::new("tools", Kind::Json).optional().with(Uses::SPECS);
const TRUTH: Field = text("ground_truth").optional().with(Uses::TRUTH);
const LABEL: Field = Field::new("label", Kind::Bool);
const RANK: Field = Field::new("rank", Kind::Int);
const REWARD: Field = Field::new("reward", Kind::Float).optional();

const RANKED_ANSWER: Kind = Kind::Struct(&[list("messages", &NEUTRAL), RANK]);
const REWARDED_ANSWER: Kind = Kind::Struct(&[
    list("messages", &NEUTRAL),
    REWARD,
    text("reward_source").optional(),
]);
const OPENAI_INPUT: Kind = Kind::Struct(&[list("messages", &OPENAI)]);
const COMPLETION: Kind = Kind::Struct(&[RANK, list("completion", &NEMO)]);
const REWARD_MODEL: Kind = Kind::Struct(&[text("style"), text("ground_truth")]);
const EXTRA_INFO: Kind = Kind::Struct(&[
    text("split"),
    Field::new("index", Kind::Int),
    text("id"),
    text("group_id"),
]);

/// A constant of its own for each, as only those are there for good.
macro_rules! columns {
    ($($field:expr),* $(,)?) => {{
        const COLUMNS: &[Field] = &[$($field),*];
        COLUMNS
    }};
}

fn declared(format: Format, task: Task) -> Option<&'static [Field]> {
    Some(match (format, task) {
        (Format::Neutral, task) => neutral(task),
        (Format::OpenAi, Task::Sft) => columns![list("messages", &OPENAI), SPECS],
        (Format::OpenAi, Task::Pairs) => columns![
            Field::new("input", OPENAI_INPUT),
            list("preferred_output", &OPENAI),
            list("non_preferred_output", &OPENAI),
        ],
        (Format::OpenAi, Task::Rollout) => columns![list("messages", &OPENAI), TRUTH],
        (Format::Trl, Task::Sft) => columns![
            list("messages", &TRL).without(Uses::COMPLETIONS),
            list("prompt", &TRL).with(Uses::COMPLETIONS),
            list("completion", &TRL).with(Uses::COMPLETIONS),
            SPECS,
        ],
        (Format::Trl, Task::Pairs) => columns![
            list("prompt", &TRL),
            list("chosen", &TRL),
            list("rejected", &TRL),
            SPECS,
        ],
        (Format::Trl, Task::Labels) => {
            columns![list("prompt", &TRL), list("completion", &TRL), LABEL, SPECS]
        }
        (Format::Trl, Task::Rollout) => columns![list("prompt", &TRL), TRUTH, SPECS],
        (Format::TrlReward, Task::Pairs) => columns![
            list("chosen", &TRL),
            list("rejected", &TRL),
            Field::new("margin", Kind::Float).without(Uses::NO_MARGIN),
        ],
        (Format::ShareGpt, Task::Sft) => columns![list("conversations", &TURN)],
        (Format::ShareGpt, Task::Pairs) => columns![
            list("conversations", &TURN),
            Field::new("chosen", TURN),
            Field::new("rejected", TURN),
        ],
        (Format::LlamaFactory, Task::Sft) => {
            columns![
                list("conversations", &TURN),
                text("system"),
                text("tools").optional().with(Uses::SPECS),
            ]
        }
        (Format::LlamaFactory, Task::Pairs) => columns![
            list("conversations", &TURN),
            text("system"),
            Field::new("chosen", TURN),
            Field::new("rejected", TURN),
        ],
        (Format::LlamaFactory, Task::Labels) => columns![
            list("conversations", &TURN),
            text("system"),
            Field::new("kto_tag", Kind::Bool),
        ],
        (Format::Axolotl, Task::Sft) => columns![list("messages", &AXOLOTL), SPECS],
        (Format::Axolotl, Task::Pairs) => columns![
            list("messages", &BARE),
            Field::new("chosen", BARE),
            Field::new("rejected", BARE),
        ],
        (Format::Axolotl, Task::Labels) => columns![list("completion", &BARE), LABEL],
        (Format::OpenRlhf, Task::Sft) => columns![list("input", &PLAIN)],
        (Format::OpenRlhf, Task::Pairs) => columns![
            list("prompt", &PLAIN),
            list("chosen", &PLAIN),
            list("rejected", &PLAIN),
        ],
        (Format::OpenRlhf, Task::Labels) => {
            columns![list("input", &PLAIN), list("output", &PLAIN), LABEL,]
        }
        (Format::OpenRlhf, Task::Rollout) => columns![
            list("input", &PLAIN),
            text("label").optional().with(Uses::TRUTH),
            text("datasource"),
        ],
        (Format::NemoRl, Task::Sft) => columns![list("messages", &NEMO), SPECS],
        (Format::NemoRl, Task::Pairs | Task::Ranked) => {
            columns![list("context", &NEMO), list("completions", &COMPLETION)]
        }
        (Format::NemoRl, Task::Rollout) => columns![text("input"), text("output")],
        // No definitions of tools: it reads them from nested Parquet columns, where every definition gets the keys of all
        // the others, empty, and hands them to the template so.
        (Format::Verl, Task::Sft) => columns![list("messages", &VERL)],
        (Format::Verl, Task::Rollout) => columns![
            text("data_source"),
            list("prompt", &VERL),
            text("ability"),
            Field::new("reward_model", REWARD_MODEL),
            Field::new("extra_info", EXTRA_INFO),
        ],
        _ => return None,
    })
}

fn neutral(task: Task) -> &'static [Field] {
    const ID: Field = text("id");
    const KIND: Field = text("kind");
    const PROMPT: Field = list("prompt", &NEUTRAL);
    match task {
        Task::Sft => columns![ID, KIND, list("messages", &NEUTRAL), REWARD, SPECS],
        Task::Pairs => columns![
            ID,
            KIND,
            PROMPT,
            list("chosen", &NEUTRAL),
            list("rejected", &NEUTRAL),
            Field::new("chosen_score", Kind::Float).optional(),
            Field::new("rejected_score", Kind::Float).optional(),
        ],
        Task::Labels => columns![ID, KIND, PROMPT, list("completion", &NEUTRAL), LABEL],
        Task::Ranked => columns![ID, KIND, PROMPT, list("answers", &RANKED_ANSWER)],
        Task::Rollout => columns![
            ID,
            KIND,
            PROMPT,
            list("responses", &REWARDED_ANSWER),
            text("group_id").optional(),
            Field::new("ground_truth", Kind::Json).optional(),
        ],
    }
}
