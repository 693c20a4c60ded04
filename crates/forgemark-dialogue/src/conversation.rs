//! A conversation while and after it is made.

use std::collections::BTreeSet;
use std::sync::Arc;

use forgemark_contract::dialogue::{DatasetRow, RawConversation, RawResult, Turn};
use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;
use forgemark_corpus::ChunkId;
use forgemark_model::chat::{FailureKind, Usage};

use crate::deck::Reservation;
use crate::outcome::Outcome;
use crate::plan::Sketch;
use crate::run::Begun;

/// What an item is run from.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What configuration, seed and ordinal settle.
    pub(crate) sketch: Sketch,
    /// Passages that this conversation may use up.
    pub(crate) reservation: Reservation,
    /// Latest questions of the language as of the plan's fixed earlier point, oldest first.
    pub(crate) recent: Vec<Arc<str>>,
    /// What there is of it already, when the original began it.
    pub(crate) begun: Option<Arc<Begun>>,
}

/// Why a conversation was dropped (the contract's vocabulary).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// Every attempt at a question repeated an earlier one.
    DedupExhausted,
    /// The model's reply could not be read, also after it was told what is wrong.
    ParseError,
    /// The endpoint refused, cut or filtered the reply, or failed on this request.
    ModelError,
    /// Judge or support score below `judge.accept`.
    JudgeReject,
    /// The conversation's calls took as many tokens as one may.
    Budget,
}

impl DropReason {
    /// All reasons, in the order of reports.
    pub const ALL: [DropReason; 5] = [
        DropReason::DedupExhausted,
        DropReason::ParseError,
        DropReason::ModelError,
        DropReason::JudgeReject,
        DropReason::Budget,
    ];

    /// The word in the artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::DedupExhausted => "dedup_exhausted",
            DropReason::ParseError => "parse_error",
            DropReason::ModelError => "model_error",
            DropReason::JudgeReject => "judge_reject",
            DropReason::Budget => "budget",
        }
    }

    /// The reason of a word; `llm_error` is an earlier name of `model_error`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "llm_error" {
            return Some(DropReason::ModelError);
        }
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The reason that a typed failure of a call leads to.
    pub(crate) fn of_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::BadOutput | FailureKind::Empty => DropReason::ParseError,
            _ => DropReason::ModelError,
        }
    }
}

/// A drop with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Turn at which it happened, from 1; 0 for the conversation as a whole.
    pub turn: u32,
    /// What exactly, for people.
    pub detail: String,
}

/// What a conversation has used up of the corpus in one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnFacts {
    /// When the question arrived.
    pub(crate) asked_at: Timestamp,
    /// Path of the claimed topic among those offered; empty when it was not offered.
    pub(crate) source_path: String,
    /// The passage that counts as covered.
    pub(crate) covered: Option<ChunkId>,
    /// Its topic id.
    pub(crate) covered_topic: Option<Arc<str>>,
    /// Support score of the answer, in thousandths; `None` without claims.
    pub(crate) support_milli: Option<u32>,
    /// Whether the ledger has the row of its question already.
    pub(crate) in_ledger: bool,
}

/// A conversation, complete or as far as it came.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) plan: Arc<Plan>,
    pub(crate) turns: Vec<Arc<Turn>>,
    pub(crate) facts: Vec<TurnFacts>,
    pub(crate) raw: Vec<Arc<RawResult>>,
    /// Judge of the whole conversation; `{}` when it was not asked.
    pub(crate) judge: Arc<Json>,
    /// Why the judge of the whole conversation gave nothing.
    pub(crate) judge_error: Option<Json>,
    /// What its row says of its judging in place of the run, where it was judged later.
    pub(crate) judged_later: Vec<(&'static str, Json)>,
    pub(crate) dropped: Option<Dropped>,
    /// Questions that were accepted, those of unfinished turns included.
    pub(crate) claims: Vec<Arc<str>>,
    /// Latest reply.
    pub(crate) at: Timestamp,
    pub(crate) usage: Usage,
    /// Cost in millionths of a US dollar; `None` when a price is unknown.
    pub(crate) cost_micro_usd: Option<u64>,
    pub(crate) calls: u64,
    pub(crate) language: Arc<str>,
}

impl Conversation {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let language = Arc::clone(&plan.sketch.language);
        Self {
            plan,
            turns: Vec::new(),
            facts: Vec::new(),
            raw: Vec::new(),
            judge: Arc::new(Json::empty_object()),
            judge_error: None,
            judged_later: Vec::new(),
            dropped: None,
            claims: Vec::new(),
            at: Timestamp(0),
            usage: Usage::default(),
            cost_micro_usd: Some(0),
            calls: 0,
            language,
        }
    }

    /// A committed conversation as its dataset row has it, for the state of its wave.
    pub(crate) fn stored(plan: Arc<Plan>, outcome: &Outcome, row: Option<DatasetRow>) -> Self {
        let mut stored = Self::new(plan);
        stored.dropped = outcome.dropped.map(|reason| Dropped {
            reason,
            turn: 0,
            detail: String::new(),
        });
        if let Some(row) = row {
            stored.at = Timestamp::parse(&row.timestamp).unwrap_or(Timestamp(0));
            stored.judged_later = crate::judge::inputs_of_later(&row);
            stored.judge = row.conversation_judge;
            stored.turns = row.turns;
            stored.raw = row.raw_results;
        }
        stored
    }

    /// The status word of run state and inputs.
    pub(crate) fn status(&self) -> &'static str {
        if self.dropped.is_some() {
            "dropped"
        } else {
            "completed"
        }
    }

    /// The drop word, empty when the conversation was not dropped.
    pub(crate) fn drop_word(&self) -> &'static str {
        self.dropped
            .as_ref()
            .map_or("", |dropped| dropped.reason.as_str())
    }

    /// Passages that count as covered.
    pub(crate) fn covered(&self) -> Vec<ChunkId> {
        let mut seen = BTreeSet::new();
        self.facts
            .iter()
            .filter_map(|facts| facts.covered)
            .filter(|chunk| seen.insert(*chunk))
            .collect()
    }

    /// Mean support over the turns that have one, in [0, 1].
    pub(crate) fn mean_support(&self) -> Option<f64> {
        let scores: Vec<f64> = self
            .facts
            .iter()
            .filter_map(|facts| facts.support_milli)
            .map(|milli| f64::from(milli) / 1000.0)
            .collect();
        forgemark_stats::mean(&scores)
    }

    /// The judge's score: of the conversation where it was judged as a whole, else the mean of the
    /// turns; `None` without a single numeric score.
    pub(crate) fn judge_score(&self) -> Option<f64> {
        use forgemark_contract::dialogue::derive::mean_score;
        match self.judge.at("score").as_f64() {
            Some(score) => Some(score),
            None => mean_score(self.turns.iter().map(|turn| turn.qa_judge.at("score"))),
        }
    }

    /// Adds what a call cost; one of unknown price makes the sum unknown.
    pub(crate) fn add_cost(&mut self, cost_micro_usd: Option<u64>) {
        self.cost_micro_usd = match (self.cost_micro_usd, cost_micro_usd) {
            (Some(sum), Some(cost)) => Some(sum + cost),
            _ => None,
        };
    }

    pub(crate) fn push_conversation_judge(&mut self, verdict: Arc<Json>, raw: Arc<Json>) {
        self.raw
            .push(Arc::new(RawResult::Conversation(RawConversation {
                conversation_judge_raw: raw,
                conversation_judge: Arc::clone(&verdict),
                extra: forgemark_contract::json::Object::new(),
            })));
        self.judge = verdict;
    }
}
