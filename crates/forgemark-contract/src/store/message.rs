//! A chat message as trainers and endpoints know it.

use std::borrow::Cow;

use crate::dialogue::ToolCall;
use crate::json::{Json, WriteJson, Writer};
use crate::shape::record::{mismatch, record};
use crate::shape::{Field, Shape, ShapeError};

record! {
    /// A message with all that a role and a text cannot say.
    ChatMessage {
        /// Who speaks.
        req role: String,
        /// What is said; absent in a message that only calls tools.
        may content: Content,
        /// What the model thought before it spoke.
        may reasoning: String,
        /// The calls that the message makes.
        list tool_calls: ToolCall,
        /// The call that a tool's message answers.
        may tool_call_id: String,
        /// The tool that a tool's message comes from, or the name of a participant.
        may name: String,
        /// Whether a trainer learns from it; absent means the trainer's rule, which is assistant messages only.
        may train: bool,
    }
}

/// What a message says: a text, or parts of several kinds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A text.
    Text(String),
    /// Parts such as `{"type": "text", "text": ...}` and `{"type": "image_url", ...}`.
    Parts(Vec<Json>),
}

impl Content {
    /// The text: of parts, that of the text parts, joined with line feeds.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Content::Text(text) => Cow::Borrowed(text),
            Content::Parts(parts) => {
                let texts = parts.iter().filter_map(|part| part.at("text").as_str());
                Cow::Owned(texts.collect::<Vec<_>>().join("\n"))
            }
        }
    }

    /// Whether a part is no text.
    pub fn has_media(&self) -> bool {
        match self {
            Content::Text(_) => false,
            Content::Parts(parts) => parts
                .iter()
                .any(|part| part.at("type").as_str() != Some("text")),
        }
    }
}

impl WriteJson for Content {
    fn write_json(&self, w: &mut Writer<'_>) {
        match self {
            Content::Text(text) => w.str(text),
            Content::Parts(parts) => w.value(parts),
        }
    }
}

impl Field for Content {
    const SHAPE: Shape = Shape::Any;

    fn from_field(value: &Json) -> Result<Self, ShapeError> {
        match value {
            Json::Array(parts) => Ok(Content::Parts(parts.clone())),
            Json::Str(_) | Json::Utf16(_) => String::from_field(value).map(Content::Text),
            _ => Err(mismatch("a text or parts", value)),
        }
    }

    fn to_field(&self) -> Json {
        match self {
            Content::Text(text) => Json::from(text),
            Content::Parts(parts) => Json::Array(parts.clone()),
        }
    }
}

impl ChatMessage {
    /// A message that is only a text.
    pub fn text(role: impl Into<String>, text: impl Into<String>) -> Self {
        ChatMessage {
            role: role.into(),
            content: Some(Content::Text(text.into())),
            ..ChatMessage::default()
        }
    }

    /// The text of the content; empty where there is none.
    pub fn content_text(&self) -> Cow<'_, str> {
        self.content
            .as_ref()
            .map_or(Cow::Borrowed(""), Content::text)
    }

    /// Whether the role is `assistant`, without regard to ASCII case.
    pub fn is_assistant(&self) -> bool {
        self.role.eq_ignore_ascii_case("assistant")
    }

    /// Whether there is nothing to learn from it: no text but white space, no other part and no call.
    pub fn is_blank(&self) -> bool {
        self.tool_calls.is_empty()
            && !self.content.as_ref().is_some_and(Content::has_media)
            && self.content_text().trim().is_empty()
    }
}
