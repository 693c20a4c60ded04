//! A turn and what belongs to it: tool events, judgement, raw results, history and messages.

use std::sync::Arc;

use crate::json::{Json, WriteJson, Writer};
use crate::shape::record::record;
use crate::shape::{Field, Record, Shape, ShapeError};

record! {
    /// One exchange: a question of the user role, the answer of the assistant role, and what the judge says of it.
    Turn + forgemark {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// What the user role returned.
        req qa_generation: Arc<Json> = Shape::Object,
        /// What the assistant role returned, and whether it searched the web.
        req kb_answer: Arc<Json> = Shape::Object,
        /// What the judge returned; `{}` when it was not asked.
        req qa_judge: Arc<Json> = Shape::EmptyOr(Judgement::TABLE),
        /// The user role's model, with its provider in front where that is not part of the name.
        req qa_agent_used_name: String,
        /// The assistant role's model, likewise.
        req kb_agent_used_name: String,
        /// The seed topic; empty when the turn was not seeded.
        req seed_topic: String,
        /// The seed question; empty when the turn was not seeded.
        req seed_question: String,
        /// How the question was to relate to what went before.
        req question_mode: String,
        /// The tool calls of the turn, in the order in which they were made.
        req tool_events: Vec<ToolEvent>,
    }
}

record! {
    /// One call of a tool and its result.
    ToolEvent + forgemark {
        /// The id that the model gave the call, if it gave one.
        req id: Option<String>,
        /// The name of the tool.
        req name: String,
        /// What the model passed.
        req arguments: Arc<Json> = Shape::Object,
        /// What the tool returned.
        req result: Arc<Json> = Shape::Object,
    }
}

record! {
    /// What a judge returned. Every key may be missing, because the judge is a model.
    Judgement {
        /// 0 to 10, where the judge kept to it.
        opt score: Json = Shape::Nullable(&Shape::Number),
        /// Labels of what is wrong.
        opt reasons: Json = Shape::Array(&Shape::Text),
        /// Free text.
        opt notes: Json = Shape::Nullable(&Shape::Text),
        /// Whether the question is fine.
        opt question_ok: Json = Shape::Nullable(&Shape::Bool),
        /// Whether the answer is fine.
        opt answer_ok: Json = Shape::Nullable(&Shape::Bool),
    }
}

record! {
    /// The raw replies behind one attempt at a turn, and what was read from them.
    RawTurn + forgemark {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// Number of the attempt, from 0.
        req attempt: i64 = Shape::Integer { min: 0 },
        /// The reply of the user role.
        req qa_raw: Arc<Json>,
        /// The last reply of the assistant role's tool loop.
        req kb_raw: Arc<Json>,
        /// The reply of the judge; `{}` when there is none.
        req judge_raw: Arc<Json>,
        /// What was read from the user role's reply.
        req qa_output: Arc<Json> = Shape::Object,
        /// What was read from the assistant role's reply.
        req kb_output: Arc<Json> = Shape::Object,
        /// What was read from the judge's reply; `{}` when there is none.
        req qa_judge: Arc<Json> = Shape::Object,
    }
}

record! {
    /// The raw reply behind a judgement of the whole conversation.
    RawConversation {
        /// The reply of the judge.
        req conversation_judge_raw: Arc<Json>,
        /// What was read from it.
        req conversation_judge: Arc<Json> = Shape::EmptyOr(Judgement::TABLE),
    }
}

/// An element of `raw_results`.
#[derive(Debug, Clone, PartialEq)]
pub enum RawResult {
    /// An attempt at a turn.
    Turn(RawTurn),
    /// The judgement of the conversation, which stands last.
    Conversation(RawConversation),
}

impl RawResult {
    /// Reads either kind; a conversation's judgement is known by its key `conversation_judge_raw`.
    ///
    /// # Errors
    /// [`ShapeError`] with the place of a key that is missing or of another kind.
    pub fn from_json(value: &Json) -> Result<Self, ShapeError> {
        if value.get("conversation_judge_raw").is_some() {
            RawConversation::from_json(value).map(RawResult::Conversation)
        } else {
            RawTurn::from_json(value).map(RawResult::Turn)
        }
    }
}

impl WriteJson for RawResult {
    fn write_json(&self, w: &mut Writer<'_>) {
        match self {
            RawResult::Turn(turn) => turn.write_json(w),
            RawResult::Conversation(conversation) => conversation.write_json(w),
        }
    }
}

impl Field for RawResult {
    const SHAPE: Shape = Shape::Switch {
        key: "conversation_judge_raw",
        with: RawConversation::TABLE,
        without: RawTurn::TABLE,
    };

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        RawResult::from_json(value)
    }

    fn to_field(&self) -> Json {
        match self {
            RawResult::Turn(turn) => turn.to_json(),
            RawResult::Conversation(conversation) => conversation.to_json(),
        }
    }
}

record! {
    /// One side of a turn in `conversation_history`; absent when its message is empty.
    HistoryEntry {
        /// Number of the turn, from 1.
        req turn_index: i64 = Shape::Integer { min: 1 },
        /// `user` or `assistant`.
        req role: String = Shape::OneOf(&["user", "assistant"]),
        /// The text.
        req message: String,
        /// The model that wrote it.
        req agent: String,
        /// The user role's intent; only with `user`.
        opt intent: Json,
        /// The user role's difficulty; only with `user`.
        opt difficulty: Json,
        /// The topic that the user role claims; only with `user`.
        opt coverage_target: Json,
        /// The assistant role's confidence; only with `assistant`.
        opt confidence: Json,
    }
}

record! {
    /// A chat message. The dataset flavour has `turn_index`; the `ShareGPT` flavour has tool calls and tool replies, and
    /// uses these role names too, not the from/value layout that the name suggests.
    Message {
        /// Who speaks.
        req role: String = Shape::OneOf(&["system", "user", "assistant", "tool"]),
        /// The call that a tool message answers.
        opt tool_call_id: String,
        /// The tool that a tool message comes from.
        opt name: String,
        /// The text; JSON text in a tool message; empty in a message that only calls tools.
        req content: String,
        /// Number of the turn, from 1; dataset flavour only.
        opt turn_index: i64 = Shape::Integer { min: 1 },
        /// The calls that an assistant message makes.
        opt tool_calls: Vec<ToolCall>,
        /// The model that wrote it; left out when unknown.
        opt agent: String,
    }
}

record! {
    /// A call of a tool inside a message.
    ToolCall {
        /// The id that the tool's message repeats.
        req id: String,
        /// Always `function`.
        req kind as "type": String = Shape::OneOf(&["function"]),
        /// What is called.
        req function: ToolFunction,
    }
}

record! {
    /// The name and the arguments of a call.
    ToolFunction {
        /// The name of the tool.
        req name: String,
        /// The arguments as JSON text.
        req arguments: String,
    }
}
