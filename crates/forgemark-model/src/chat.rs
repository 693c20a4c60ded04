//! One exchange with a chat model: the request, the reply, and the failures that decide.
//!
//! ```text
//! ChatRequest --body--> bytes on the wire --endpoint--> raw body --reply--> ChatReply --typed--> ChatReply | Failure
//! ```
//!
//! The canonical format is that of `OpenAI`'s chat completions
//! (<https://platform.openai.com/docs/api-reference/chat/create>), which `vLLM`, `SGLang`, llama.cpp, Ollama, LM
//! Studio, `OpenRouter` and Gemini's compatible route speak with variations; the module `anthropic` is the same in Anthropic's
//! words. The raw body of a reply is kept: what is parsed here is a view of it, and the journal stores the body, so a better
//! parser helps old runs too.

pub(crate) mod anthropic;
pub(crate) mod body;
pub(crate) mod reply;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use forgemark_contract::json::{Json, to_compact};

pub use forgemark_journal::Usage;

/// What is asked of a model: everything that decides the reply, apart from the role's own parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may call; none when empty.
    pub tools: Vec<ToolSpec>,
    /// Whether the model may, must or must not call a tool. Without tools it says nothing.
    pub tool_choice: ToolChoice,
    /// The form that the reply has to have.
    pub format: ReplyFormat,
    /// The sample number: equal requests with different numbers are different calls. Derived from the item's key, the
    /// role and the attempt, so that a resumed run asks for the same sample.
    pub sample: u64,
    /// Which of `messages` may be dropped, oldest first, when the endpoint says that the context is too long. Empty when
    /// none may.
    pub droppable: Range<usize>,
}

impl ChatRequest {
    /// A request for plain text, without tools, of which nothing may be dropped.
    pub fn new(messages: Vec<Message>, sample: u64) -> Self {
        ChatRequest {
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            format: ReplyFormat::Text,
            sample,
            droppable: 0..0,
        }
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; empty for an assistant that only calls tools.
    pub content: String,
    /// What the model thought, when it said so. Sent back only where the role is configured so
    /// ([`crate::Params::replay_reasoning`]).
    pub reasoning: Option<String>,
    /// What it thought as the signed blocks of Anthropic's protocol, each as JSON text. They go back only to endpoints of that
    /// protocol, where a model that thinks has to see them again between tool calls. No part of a call's key: they come with the
    /// reply that is.
    pub thinking_blocks: Vec<String>,
    /// The tool calls of an assistant message.
    pub tool_calls: Vec<ToolCall>,
    /// For a tool message: the id of the call that it answers.
    pub tool_call_id: Option<String>,
    /// The name of the speaker or of the tool, where one is known.
    pub name: Option<String>,
}

impl Message {
    fn plain(role: Role, content: String) -> Self {
        Message {
            role,
            content,
            reasoning: None,
            thinking_blocks: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
        }
    }

    /// An instruction of ours.
    pub fn system(content: impl Into<String>) -> Self {
        Message::plain(Role::System, content.into())
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Message::plain(Role::User, content.into())
    }

    /// What the model said.
    pub fn assistant(content: impl Into<String>) -> Self {
        Message::plain(Role::Assistant, content.into())
    }

    /// The result of the tool call `id`.
    pub fn tool(
        id: impl Into<String>,
        name: impl Into<String>,
        content: impl Into<String>,
    ) -> Self {
        Message {
            tool_call_id: Some(id.into()),
            name: Some(name.into()),
            ..Message::plain(Role::Tool, content.into())
        }
    }
}

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions of ours.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

impl Role {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }
}

/// A tool call that a model made. Ids are unique in a conversation: missing and repeated ones are replaced by `call_N`
/// when the reply is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The id that the tool message must name.
    pub id: String,
    /// The tool's name, as the model wrote it; it may be one that was never offered.
    pub name: String,
    /// The arguments as JSON text, as the model wrote them; it may not be JSON at all.
    pub arguments: String,
}

/// A tool that is offered to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Schema,
}

/// A JSON Schema with its text on the wire. It is the same for thousands of calls, so it is written once and cloned for a
/// reference count.
#[derive(Clone, PartialEq)]
pub struct Schema(Arc<(Json, Vec<u8>)>);

impl Schema {
    /// The schema.
    pub fn json(&self) -> &Json {
        &self.0.0
    }

    /// The schema as compact JSON.
    pub(crate) fn text(&self) -> &[u8] {
        &self.0.1
    }
}

impl From<Json> for Schema {
    fn from(json: Json) -> Self {
        let text = to_compact(&json);
        Schema(Arc::new((json, text)))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json().fmt(f)
    }
}

/// Whether the model calls a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// The model decides. Nothing is said on the wire: it is the default of every endpoint.
    #[default]
    Auto,
    /// No call.
    None,
    /// At least one call.
    Required,
    /// This tool.
    Named(String),
}

/// The form that a reply has to have. An endpoint that refuses one gets the next weaker one, and the prompt has to ask
/// for the form in words anyway.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ReplyFormat {
    /// Anything.
    #[default]
    Text,
    /// One JSON object.
    JsonObject,
    /// JSON after a schema, strictly where the endpoint can.
    JsonSchema {
        /// The schema's name: letters, digits, `_` and `-`.
        name: String,
        /// The schema.
        schema: Schema,
    },
}

/// A reply, as read from the raw body.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatReply {
    /// The text; empty when the model only called tools, refused, or said nothing.
    pub content: String,
    /// What the model thought, from `reasoning_content`, `reasoning` or a leading `<think>` block.
    pub reasoning: Option<String>,
    /// The same as signed blocks; see [`Message::thinking_blocks`].
    pub thinking_blocks: Vec<String>,
    /// The tool calls, ids repaired.
    pub tool_calls: Vec<ToolCall>,
    /// The text of a refusal, when the endpoint marks one.
    pub refusal: Option<String>,
    /// Why the model stopped.
    pub finish: Finish,
    /// Tokens; zeros where the endpoint said nothing (see `usage_known`).
    pub usage: Usage,
    /// Whether the endpoint reported its usage.
    pub usage_known: bool,
    /// The model that the endpoint says it is; empty when it does not say.
    pub model: String,
    /// The raw body.
    pub body: Bytes,
    /// The raw body, parsed.
    pub tree: Arc<Json>,
}

impl ChatReply {
    /// The message to put into the next request of the conversation.
    pub fn to_message(&self) -> Message {
        Message {
            reasoning: self.reasoning.clone(),
            thinking_blocks: self.thinking_blocks.clone(),
            tool_calls: self.tool_calls.clone(),
            ..Message::assistant(self.content.clone())
        }
    }

    /// This reply, if it is a whole one.
    ///
    /// # Errors
    /// The typed failure that it is: cut at a length, filtered, refused, or empty (no text and no tool call).
    pub fn typed(self) -> Result<ChatReply, Failure> {
        match self.failure() {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }

    /// The failure that this reply is, if it is one; see [`ChatReply::typed`].
    pub fn failure(&self) -> Option<Failure> {
        let fail = |kind, detail: String| Some(Failure { kind, detail });
        match &self.finish {
            Finish::Length => fail(
                FailureKind::Length,
                format!(
                    "reply cut at the token limit after {} tokens",
                    self.usage.completion
                ),
            ),
            Finish::ContentFilter => fail(
                FailureKind::ContentFilter,
                "the endpoint's content filter stopped the reply".to_owned(),
            ),
            Finish::Refusal => fail(
                FailureKind::Refusal,
                self.refusal
                    .clone()
                    .unwrap_or_else(|| "the model refused".to_owned()),
            ),
            Finish::Stop | Finish::ToolCalls | Finish::Other(_)
                if self.tool_calls.is_empty() && self.content.trim().is_empty() =>
            {
                fail(
                    FailureKind::Empty,
                    "the reply has neither text nor a tool call".to_owned(),
                )
            }
            Finish::Stop | Finish::ToolCalls | Finish::Other(_) => None,
        }
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It calls tools.
    ToolCalls,
    /// It reached a token limit; the reply is cut.
    Length,
    /// A filter of the endpoint stopped it.
    ContentFilter,
    /// It refused.
    Refusal,
    /// Another word of the endpoint.
    Other(String),
}

impl Finish {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Finish::Stop => "stop",
            Finish::ToolCalls => "tool_calls",
            Finish::Length => "length",
            Finish::ContentFilter => "content_filter",
            Finish::Refusal => "refusal",
            Finish::Other(word) => word,
        }
    }
}

/// A call that ended without a usable reply, for a reason that lies in the request or the model. It decides: it is
/// recorded in the journal and is the same after a resume. What only the transport failed at is never one
/// ([`crate::CallError::Unusable`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// What the endpoint or the check said; a fragment.
    pub detail: String,
}

/// The closed set of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The reply was cut at a token limit.
    Length,
    /// A filter of the endpoint.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The reply was not in the asked form, twice.
    BadOutput,
    /// The reply had neither text nor a tool call.
    Empty,
    /// The endpoint rejects this request, and takes others.
    InvalidRequest,
    /// The request is longer than the context, and nothing more may be dropped.
    ContextLength,
    /// The endpoint keeps failing at this request, and serves others.
    ModelError,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [FailureKind; 8] = [
        FailureKind::Length,
        FailureKind::ContentFilter,
        FailureKind::Refusal,
        FailureKind::BadOutput,
        FailureKind::Empty,
        FailureKind::InvalidRequest,
        FailureKind::ContextLength,
        FailureKind::ModelError,
    ];

    /// The word in the journal and in artifacts.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Length => "length",
            FailureKind::ContentFilter => "content_filter",
            FailureKind::Refusal => "refusal",
            FailureKind::BadOutput => "bad_output",
            FailureKind::Empty => "empty",
            FailureKind::InvalidRequest => "invalid_request",
            FailureKind::ContextLength => "context_length",
            FailureKind::ModelError => "model_error",
        }
    }

    /// The kind that a word means; `llm_error` is an older word for `model_error`.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "llm_error" {
            return Some(FailureKind::ModelError);
        }
        FailureKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
