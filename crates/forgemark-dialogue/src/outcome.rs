//! What the journal remembers of a committed conversation: enough to plan the next ones, to rebuild
//! the memory of questions and to make the summary, without reading any artifact.

use forgemark_contract::json::{Json, Object};
use forgemark_run::ItemKey;

use crate::conversation::{Conversation, DropReason};
use crate::goals::Made;
use crate::languages::Languages;

/// One committed conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Number of the commit in this output folder, from 1.
    pub(crate) seq: u64,
    pub(crate) key: ItemKey,
    pub(crate) id: String,
    pub(crate) dropped: Option<DropReason>,
    /// Complete turns.
    pub(crate) turns: u64,
    /// Accepted questions.
    pub(crate) claims: Vec<String>,
    /// Topic ids of covered passages.
    pub(crate) covered: Vec<String>,
    pub(crate) judge_score: Option<f64>,
    pub(crate) support: Option<f64>,
    pub(crate) languages: Languages,
    pub(crate) spent: Spent,
    /// What it has of everything that goals may be set for.
    pub(crate) made: Made,
}

/// What a conversation took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    pub(crate) calls: u64,
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    /// Millionths of a US dollar; `None` when a price is unknown.
    pub(crate) cost_micro_usd: Option<u64>,
    /// Bytes of its rows and its file, as far as they were written; 0 where that is not known.
    pub(crate) bytes: u64,
}

impl Spent {
    fn to_json(self) -> Json {
        Json::object([
            ("calls", Json::from(self.calls)),
            ("prompt", Json::from(self.prompt)),
            ("completion", Json::from(self.completion)),
            ("cost_micro_usd", Json::from(self.cost_micro_usd)),
            ("bytes", Json::from(self.bytes)),
        ])
    }

    fn from_json(value: &Json) -> Self {
        let number = |key: &str| value.at(key).as_u64();
        Self {
            calls: number("calls").unwrap_or(0),
            prompt: number("prompt").unwrap_or(0),
            completion: number("completion").unwrap_or(0),
            cost_micro_usd: number("cost_micro_usd"),
            bytes: number("bytes").unwrap_or(0),
        }
    }
}

impl Outcome {
    /// The outcome of a conversation. `covered` topic ids come with the conversation's facts.
    pub(crate) fn of(conversation: &Conversation, seq: u64) -> Self {
        let sketch = &conversation.plan.sketch;
        Self {
            seq,
            key: sketch.key,
            id: sketch.id.to_string(),
            dropped: conversation.dropped.as_ref().map(|dropped| dropped.reason),
            turns: conversation.turns.len() as u64,
            claims: conversation
                .claims
                .iter()
                .map(ToString::to_string)
                .collect(),
            covered: conversation
                .facts
                .iter()
                .filter_map(|facts| facts.covered_topic.as_ref().map(ToString::to_string))
                .collect(),
            judge_score: conversation.judge_score(),
            support: conversation.mean_support(),
            languages: conversation.languages(),
            spent: Spent {
                calls: conversation.calls,
                prompt: conversation.usage.prompt,
                completion: conversation.usage.completion,
                cost_micro_usd: conversation.cost_micro_usd,
                bytes: 0,
            },
            made: conversation.made(),
        }
    }

    /// Whether it counts toward the total.
    pub(crate) fn is_good(&self) -> bool {
        self.dropped.is_none()
    }

    pub(crate) fn to_json(&self) -> Json {
        let list = |texts: &[String]| {
            Json::Array(texts.iter().map(|text| Json::from(text.as_str())).collect())
        };
        Json::Object(Object::from([
            ("seq", Json::from(self.seq)),
            ("group", Json::from(i64::from(self.key.group))),
            ("ordinal", Json::from(self.key.ordinal)),
            ("id", Json::from(self.id.as_str())),
            (
                "drop",
                Json::from(self.dropped.map_or("", DropReason::as_str)),
            ),
            ("turns", Json::from(self.turns)),
            ("claims", list(&self.claims)),
            ("covered", list(&self.covered)),
            ("judge_score", Json::from(self.judge_score)),
            ("support", Json::from(self.support)),
            ("languages", self.languages.to_json()),
            ("spent", self.spent.to_json()),
            ("made", self.made.to_json()),
        ]))
    }

    /// Reads what [`Outcome::to_json`] wrote; `None` for anything else.
    pub(crate) fn from_json(value: &Json) -> Option<Self> {
        let list = |key: &str| -> Vec<String> {
            value
                .items(key)
                .iter()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        Some(Self {
            seq: value.get("seq")?.as_u64()?,
            key: ItemKey {
                group: u32::try_from(value.get("group")?.as_u64()?).ok()?,
                ordinal: value.get("ordinal")?.as_u64()?,
            },
            id: value.get("id")?.as_str()?.to_owned(),
            dropped: DropReason::from_word(value.str_or("drop", "")),
            turns: value.get("turns")?.as_u64()?,
            claims: list("claims"),
            covered: list("covered"),
            judge_score: value.get("judge_score").and_then(Json::as_f64),
            support: value.get("support").and_then(Json::as_f64),
            languages: Languages::from_json(value.at("languages")),
            spent: Spent::from_json(value.at("spent")),
            made: Made::from_json(value.at("made"), value.get("turns")?.as_u64()?),
        })
    }
}
