//! The nine artifacts of the dialogue contract, as typed records.
//!
//! ```text
//! Turn ───────┬─> DatasetRow        synthetic_qa.jsonl
//! RawResult ──┤   ConversationFile  conversations/<id>.json
//!             │   RunState          run_state/<run_id>.json (and last_run_id.txt, plain text)
//!             └─derive─> TurnRow, LedgerRow, IndexRow, ShareGptRow (5 or 6 columns, renamed by Columns)
//! ```
//!
//! Every record writes its keys in the contract's order, then the unknown keys that it was read with, then, where ours
//! adds something, one `forgemark` object. What a model made stays [`Json`](crate::json::Json): it is never reshaped, whatever it is. Such trees
//! and the turns are behind `Arc`, because each stands in about ten files and must not be copied for each.
//!
//! [`mod@derive`] makes the rows that are functions of the turns, so that the pipeline that writes them and the check that
//! proves them share one rule.

pub mod bundle;
mod columns;
pub mod derive;
mod inputs;
mod reasoning;
mod rows;
mod sharegpt;
mod state;
mod turn;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use columns::{Columns, ColumnsError};
pub use inputs::Inputs;
pub use reasoning::normalize_reasoning;
pub use rows::{ConversationFile, DatasetRow, IndexRow, LedgerRow, TurnRow};
pub use sharegpt::{
    AssistantReasoning, JudgePayload, JudgedTurn, Metadata, Personas, ShareGptRow, UserReasoning,
};
pub use state::{BatchedState, RunState, SingleState, Slot};
pub use turn::{
    HistoryEntry, Judgement, Message, RawConversation, RawResult, RawTurn, ToolCall, ToolEvent,
    ToolFunction, Turn,
};

/// The question modes of the contract.
pub const QUESTION_MODES: [&str; 5] = ["seeded", "fresh", "followup", "adjacent", "off_topic"];

/// The difficulties of a question, in rising order.
pub const DIFFICULTIES: [&str; 3] = ["easy", "medium", "hard"];

/// What a question is for.
pub const INTENTS: [&str; 8] = [
    "clarify",
    "how_to",
    "troubleshoot",
    "compare",
    "edge_case",
    "example_request",
    "decision_support",
    "constraints",
];

/// How sure an answer is, in rising order.
pub const CONFIDENCES: [&str; 3] = ["low", "medium", "high"];

/// The statuses of a conversation in a batched run state.
pub const SLOT_STATUSES: [&str; 3] = ["active", "completed", "dropped"];

/// The statuses of a run state.
pub const RUN_STATUSES: [&str; 4] = ["started", "resumed", "in_progress", "completed"];

/// Why a conversation was dropped; `""` where it was not. The original knows `dedup_exhausted` only; readers accept
/// `llm_error` for `model_error`.
pub const DROP_REASONS: [&str; 8] = [
    "",
    "dedup_exhausted",
    "parse_error",
    "model_error",
    "llm_error",
    "judge_reject",
    "budget",
    "grounding_exhausted",
];
