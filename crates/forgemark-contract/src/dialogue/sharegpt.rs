//! The rows of the two `ShareGPT` files, whose columns can be renamed.

use std::sync::Arc;

use super::{Columns, Message};
use crate::json::{Json, WriteJson, Writer};
use crate::shape::record::record;
use crate::shape::{Shape, ShapeError};

record! {
    /// A row of `conversations_sharegpt.jsonl` (five columns) or `conversations_sharegpt_judged.jsonl` (six).
    ShareGptRow {
        /// The conversation without tools.
        req messages: Arc<Vec<Message>>,
        /// The conversation with tool calls and replies.
        req messages_with_tools: Arc<Vec<Message>>,
        /// What the conversation is.
        req metadata: Metadata,
        /// What the user role thought.
        req user_reasoning: Arc<Vec<UserReasoning>>,
        /// What the assistant role thought.
        req assistant_reasoning: Arc<Vec<AssistantReasoning>>,
        /// What the judge says; in the judged file only.
        opt judge: JudgePayload,
    }
}

/// A row together with its column names, to be written.
#[derive(Debug, Clone, Copy)]
pub struct Renamed<'a> {
    row: &'a ShareGptRow,
    columns: &'a Columns,
}

impl ShareGptRow {
    /// Reads a row whose columns have the names of `columns`.
    ///
    /// # Errors
    /// [`ShapeError`] with the place of a key that is missing or of another kind.
    pub fn from_json_with(value: &Json, columns: &Columns) -> Result<Self, ShapeError> {
        Self::read_renamed(value, &|key| columns.name(key))
    }

    /// The row with its columns renamed, to be written.
    pub fn renamed<'a>(&'a self, columns: &'a Columns) -> Renamed<'a> {
        Renamed { row: self, columns }
    }
}

impl WriteJson for Renamed<'_> {
    fn write_json(&self, w: &mut Writer<'_>) {
        self.row.write_renamed(w, |key| self.columns.name(key));
    }
}

record! {
    /// What a conversation is. The sequences leave empty entries out, so their lengths may differ from the turns.
    Metadata + forgemark {
        /// The conversation. Released samples have it stripped.
        opt conversation_id: String = Shape::Filled,
        /// When it was written. Released samples have it stripped.
        opt timestamp: String = Shape::DatasetTime,
        /// Turns that it was to have.
        req n_turns: i64 = Shape::Integer { min: 0 },
        /// The language.
        req language: String,
        /// `turn` or `conversation`, also when judging is off.
        req judge_granularity: String,
        /// Who speaks.
        req personas: Personas,
        /// Difficulty of each turn.
        req difficulty_sequence: Vec<Json> = Shape::Array(&Shape::Text),
        /// The hardest of them; empty when there is none.
        req difficulty_max: String = Shape::OneOf(&["", "easy", "medium", "hard"]),
        /// Intent of each turn.
        req intent_sequence: Vec<Json> = Shape::Array(&Shape::Text),
        /// Topic of each turn.
        req coverage_targets: Vec<Json> = Shape::Array(&Shape::Text),
        /// Question mode of each turn.
        req question_modes: Vec<Json> = Shape::Array(&Shape::Text),
        /// Seed topic of each seeded turn.
        req seed_topics: Vec<Json> = Shape::Array(&Shape::Text),
        /// Seed question of each seeded turn.
        req seed_questions: Vec<Json> = Shape::Array(&Shape::Text),
    }
}

record! {
    /// Who speaks: rendered personas and their ids; empty where there is none.
    Personas {
        /// The user's persona as one line.
        req user: String,
        /// The assistant's persona as one line.
        req assistant: String,
        /// The id of the user's persona.
        req user_id: String,
        /// The id of the assistant's persona.
        req assistant_id: String,
    }
}

record! {
    /// What the user role thought at a turn.
    UserReasoning {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// The question.
        req user_message: Json = Shape::Nullable(&Shape::Text),
        /// The intent.
        req intent: Json = Shape::Nullable(&Shape::Text),
        /// The difficulty.
        req difficulty: Json = Shape::Nullable(&Shape::Text),
        /// The topic that it claims.
        req coverage_target: Json = Shape::Nullable(&Shape::Text),
        /// The facts that it took from the passages.
        req grounding_facts: Json = Shape::Array(&Shape::Any),
        /// Its notes.
        req notes_for_assistant: Json = Shape::Array(&Shape::Any),
        /// The seed topic; empty when there is none.
        req seed_topic: String,
        /// The seed question; empty when there is none.
        req seed_question: String,
        /// How the question was to relate to what went before.
        req question_mode: String,
    }
}

record! {
    /// What the assistant role thought at a turn.
    AssistantReasoning {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// The answer.
        req assistant_message: Json = Shape::Nullable(&Shape::Text),
        /// The trace in its normal form; `{}` when there is none.
        req reasoning_trace: Json = Shape::Object,
        /// Whether it searched the web.
        req did_web_search: Json = Shape::Nullable(&Shape::Bool),
    }
}

record! {
    /// What the judge says of a conversation.
    JudgePayload {
        /// Each judged turn; empty when the conversation was judged as a whole.
        req per_turn: Vec<JudgedTurn>,
        /// The mean of the numeric scores; `null` when there is none.
        req avg_score: Option<f64>,
        /// The judgement of the whole conversation; `{}` when there is none.
        req conversation: Json = Shape::EmptyOr(super::Judgement::TABLE),
    }
}

record! {
    /// What the judge says of a turn.
    JudgedTurn {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// The question.
        req user_message: Json = Shape::Nullable(&Shape::Text),
        /// The answer.
        req assistant_message: Json = Shape::Nullable(&Shape::Text),
        /// The score.
        req score: Json = Shape::Nullable(&Shape::Number),
        /// The labels.
        req reasons: Json = Shape::Array(&Shape::Text),
        /// The judge's notes.
        req notes: Json = Shape::Nullable(&Shape::Text),
        /// Whether the question is fine.
        req question_ok: Json = Shape::Nullable(&Shape::Bool),
        /// Whether the answer is fine.
        req answer_ok: Json = Shape::Nullable(&Shape::Bool),
    }
}
