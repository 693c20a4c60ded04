//! The rows of the JSONL files and the conversation file.

use std::sync::Arc;

use super::{
    AssistantReasoning, HistoryEntry, Inputs, Judgement, Message, Personas, RawResult, Turn,
    UserReasoning,
};
use crate::json::Json;
use crate::shape::Shape;
use crate::shape::record::record;

record! {
    /// A row of `synthetic_qa.jsonl`: a conversation with all that led to it.
    DatasetRow + forgemark {
        /// The conversation.
        req conversation_id: String = Shape::Filled,
        /// When it was written.
        req timestamp: String = Shape::DatasetTime,
        /// The run's seed question; empty when there is none.
        req question: String,
        /// What it was made from.
        req inputs: Arc<Json> = Shape::Record(Inputs::TABLE),
        /// The last turn's `qa_generation`.
        req qa_generation_plan: Arc<Json> = Shape::Object,
        /// The last turn's `kb_answer`.
        req kb_final_answer: Arc<Json> = Shape::Object,
        /// The last turn's `qa_judge`; `{}` when there is none.
        req qa_judge: Arc<Json> = Shape::EmptyOr(Judgement::TABLE),
        /// What the judge says of the whole conversation; `{}` when it was not asked.
        req conversation_judge: Arc<Json> = Shape::EmptyOr(Judgement::TABLE),
        /// The turns.
        req turns: Vec<Arc<Turn>>,
        /// Both sides of each turn, with what is known of them.
        req conversation_history: Arc<Vec<HistoryEntry>>,
        /// The messages in the dataset flavour.
        req messages: Arc<Vec<Message>>,
        /// The same as `kb_final_answer`.
        req raw_result: Arc<Json> = Shape::Object,
        /// The raw replies.
        req raw_results: Vec<Arc<RawResult>>,
    }
}

record! {
    /// A row of `coverage_ledger.jsonl`: one accepted turn that has a question.
    LedgerRow + forgemark {
        /// When the turn was accepted.
        req timestamp: String = Shape::LedgerTime,
        /// The topic that the user role claims.
        req topic_id: String,
        /// The document of that topic; empty when the topic was not among those offered.
        req source_path or "source": String,
        /// The question.
        req question: String = Shape::Filled,
        /// The hash of its normal form.
        req question_hash: String = Shape::QuestionHash { empty: false },
        /// How the question was to relate to what went before.
        req question_mode: String,
        /// The seed topic; empty when there is none.
        req seed_topic: String,
        /// The seed question; empty when there is none.
        req seed_question: String,
        /// The hash of the seed question; empty when there is none.
        req seed_question_hash: String = Shape::QuestionHash { empty: true },
    }
}

record! {
    /// A row of `turns.jsonl`: one turn, flat.
    TurnRow + forgemark {
        /// The conversation.
        req conversation_id: String = Shape::Filled,
        /// When the conversation was written.
        req timestamp: String = Shape::DatasetTime,
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// The question.
        req user_message: Json = Shape::Nullable(&Shape::Text),
        /// The answer.
        req assistant_message: Json = Shape::Nullable(&Shape::Text),
        /// How the question was to relate to what went before.
        req question_mode: String,
        /// The seed topic; empty when there is none.
        req seed_topic: String,
        /// The seed question; empty when there is none.
        req seed_question: String,
        /// The user role's intent.
        req intent: Json = Shape::Nullable(&Shape::Text),
        /// The user role's difficulty.
        req difficulty: Json = Shape::Nullable(&Shape::Text),
        /// The topic that the user role claims.
        req coverage_target: Json = Shape::Nullable(&Shape::Text),
        /// The facts that the user role took from the passages.
        req grounding_facts: Json = Shape::Array(&Shape::Any),
        /// The user role's notes.
        req notes_for_assistant: Json = Shape::Array(&Shape::Any),
        /// The assistant role's trace in its normal form; `{}` when it gave none.
        req reasoning_trace: Json = Shape::Object,
        /// Whether the assistant role searched the web.
        req did_web_search: Json = Shape::Nullable(&Shape::Bool),
        /// `turn` or `conversation`, also when judging is off.
        req judge_granularity: String,
        /// The turn's score.
        req judge_score: Json = Shape::Nullable(&Shape::Number),
        /// The turn's labels.
        req judge_reasons: Json = Shape::Array(&Shape::Text),
        /// The judge's notes on the turn.
        req judge_notes: Json = Shape::Nullable(&Shape::Text),
        /// Whether the question is fine.
        req judge_question_ok: Json = Shape::Nullable(&Shape::Bool),
        /// Whether the answer is fine.
        req judge_answer_ok: Json = Shape::Nullable(&Shape::Bool),
        /// The conversation's score.
        req conversation_judge_score: Json = Shape::Nullable(&Shape::Number),
        /// The conversation's labels.
        req conversation_judge_reasons: Json = Shape::Array(&Shape::Text),
    }
}

record! {
    /// The file of a conversation: the richest view of it.
    ConversationFile + forgemark {
        /// The conversation.
        req conversation_id: String = Shape::Filled,
        /// When it was written.
        req timestamp: String = Shape::DatasetTime,
        /// The run's seed question, not the sampled one; empty when there is none.
        req seed_question: String,
        /// What it was made from.
        req inputs: Arc<Json> = Shape::Record(Inputs::TABLE),
        /// Turns that it was to have.
        req n_turns: i64 = Shape::Integer { min: 0 },
        /// The language.
        req language: String,
        /// Who speaks.
        req personas: Personas,
        /// The messages in the dataset flavour.
        req messages: Arc<Vec<Message>>,
        /// The messages in the `ShareGPT` flavour, with tool calls and replies.
        req messages_with_tools: Arc<Vec<Message>>,
        /// What the user role thought.
        req user_reasoning: Arc<Vec<UserReasoning>>,
        /// What the assistant role thought.
        req assistant_reasoning: Arc<Vec<AssistantReasoning>>,
        /// What the judge says of the whole conversation; `{}` when it was not asked.
        req conversation_judge: Arc<Json> = Shape::EmptyOr(Judgement::TABLE),
        /// The turns.
        req turns: Vec<Arc<Turn>>,
        /// Both sides of each turn, with what is known of them.
        req conversation_history: Arc<Vec<HistoryEntry>>,
        /// The raw replies.
        req raw_results: Vec<Arc<RawResult>>,
    }
}

record! {
    /// A row of `conversations_index.jsonl`.
    IndexRow + forgemark {
        /// The conversation.
        req conversation_id: String = Shape::Filled,
        /// When it was written.
        req timestamp: String = Shape::DatasetTime,
        /// Turns that it was to have.
        req n_turns: i64 = Shape::Integer { min: 0 },
        /// The run's seed question; empty when there is none.
        req seed_question: String,
        /// The language.
        req language: String,
        /// Its file, relative to the project's folder when inside it, else to the output folder.
        req conversation_file: String = Shape::Filled,
    }
}
