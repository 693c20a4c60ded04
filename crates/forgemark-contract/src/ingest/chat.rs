//! Messages as endpoints, trainers and `ShareGPT` files spell them.

use crate::dialogue::{ToolCall, ToolFunction};
use crate::json::{Json, Object, parse_str, to_compact};
use crate::shape::Field as _;
use crate::shape::ShapeError;
use crate::shape::record::mismatch;
use crate::store::{ChatMessage, Content};
use crate::time::Timestamp;

/// Where a message may say what was thought; the first text that is not empty counts.
const REASONING: [&str; 3] = ["reasoning", "reasoning_content", "thinking"];

/// Where a row or a message may say when it was made.
pub(super) const TIMES: [&str; 2] = ["created_at", "timestamp"];

/// The names that speakers have in `ShareGPT` files, and their roles.
const SPEAKERS: [(&str, &str); 15] = [
    ("human", "user"),
    ("user", "user"),
    ("gpt", "assistant"),
    ("assistant", "assistant"),
    ("model", "assistant"),
    ("chatgpt", "assistant"),
    ("bard", "assistant"),
    ("bing", "assistant"),
    ("system", "system"),
    ("function_call", "assistant"),
    ("tool_call", "assistant"),
    ("observation", "tool"),
    ("tool", "tool"),
    ("tool_response", "tool"),
    ("function_response", "tool"),
];

/// Reads the messages of one conversation, and numbers the calls that have no id.
#[derive(Debug, Default)]
pub(super) struct Messages {
    made: u32,
    /// Calls that no tool has answered yet, in their order.
    open: Vec<(String, String)>,
}

impl Messages {
    /// A list of messages with role and content.
    pub(super) fn list(&mut self, value: &Json) -> Result<Vec<ChatMessage>, ShapeError> {
        let items = (value.as_array()).ok_or_else(|| mismatch("a list of messages", value))?;
        let read = |(place, item)| {
            self.message(item)
                .map_err(|error: ShapeError| error.under_index(place))
        };
        items.iter().enumerate().map(read).collect()
    }

    /// A text of this role, or a list of messages.
    pub(super) fn text_or_list(
        &mut self,
        role: &str,
        value: &Json,
    ) -> Result<Vec<ChatMessage>, ShapeError> {
        match value {
            Json::Str(_) | Json::Utf16(_) => {
                Ok(vec![ChatMessage::text(role, String::from_field(value)?)])
            }
            Json::Array(_) => self.list(value),
            // The single message of a chosen or rejected answer.
            Json::Object(_) => Ok(vec![self.message(value)?]),
            _ => Err(mismatch("a text or a list of messages", value)),
        }
    }

    /// One message with role and content.
    fn message(&mut self, value: &Json) -> Result<ChatMessage, ShapeError> {
        let mut rest = Object::from_field(value)?;
        let role = take_text(&mut rest, "role")?
            .filter(|role| !role.trim().is_empty())
            .ok_or_else(|| missing("role"))?;
        let mut message = ChatMessage {
            role,
            ..ChatMessage::default()
        };
        message.content = match rest.remove("content") {
            None | Some(Json::Null) => None,
            Some(content) => Some(content_of(&content)?),
        };
        for key in REASONING {
            if let Some(text) = rest.get(key).and_then(Json::to_text).map(String::from) {
                rest.remove(key);
                if message.reasoning.is_none() && !text.is_empty() {
                    message.reasoning = Some(text);
                }
            }
        }
        message.tool_call_id = take_text(&mut rest, "tool_call_id")?;
        message.name = take_text(&mut rest, "name")?;
        message.train = train(&mut rest)?;
        let mut calls = match rest.remove("tool_calls") {
            None | Some(Json::Null) => Vec::new(),
            Some(calls) => self
                .calls(&calls)
                .map_err(|error| error.under_key("tool_calls"))?,
        };
        match rest.remove("function_call") {
            None | Some(Json::Null) => {}
            Some(call) => calls.push(
                self.call(&call)
                    .map_err(|error| error.under_key("function_call"))?,
            ),
        }
        message.tool_calls = calls;
        if message.role == "function" {
            "tool".clone_into(&mut message.role);
        }
        if message.content.is_none() && message.tool_calls.is_empty() {
            return Err(missing("content"));
        }
        message.extra = rest
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect();
        self.settle(&mut message);
        Ok(message)
    }

    /// The turns of a `ShareGPT` conversation.
    pub(super) fn turns(&mut self, value: &Json) -> Result<Vec<ChatMessage>, ShapeError> {
        let items = (value.as_array()).ok_or_else(|| mismatch("a list of turns", value))?;
        let read = |(place, item)| {
            self.turn(item)
                .map_err(|error: ShapeError| error.under_index(place))
        };
        items.iter().enumerate().map(read).collect()
    }

    /// One turn with from and value.
    pub(super) fn turn(&mut self, value: &Json) -> Result<ChatMessage, ShapeError> {
        let mut rest = Object::from_field(value)?;
        let from = take_text(&mut rest, "from")?.ok_or_else(|| missing("from"))?;
        let role = SPEAKERS
            .into_iter()
            .find(|(speaker, _)| from.eq_ignore_ascii_case(speaker))
            .map(|(_, role)| role)
            .ok_or_else(|| {
                let known = SPEAKERS.map(|(speaker, _)| speaker).join(", ");
                ShapeError::here(format!("expected one of {known}, found {from}")).under_key("from")
            })?;
        let said = rest.remove("value").unwrap_or_default();
        let mut message = ChatMessage {
            role: role.to_owned(),
            ..ChatMessage::default()
        };
        if from.ends_with("_call") {
            message.tool_calls = self
                .written_calls(&said)
                .map_err(|error| error.under_key("value"))?;
        } else {
            let content = content_of(&said).map_err(|error| ShapeError {
                path: "value".to_owned(),
                ..error
            })?;
            message.content = Some(content);
        }
        for key in REASONING {
            if let Some(text) = rest.get(key).and_then(Json::to_text).map(String::from) {
                rest.remove(key);
                if message.reasoning.is_none() && !text.is_empty() {
                    message.reasoning = Some(text);
                }
            }
        }
        message.train = train(&mut rest)?;
        message.extra = rest
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect();
        self.settle(&mut message);
        Ok(message)
    }

    /// The calls that the text of a turn writes down: one object with a name and arguments, or a list of them.
    fn written_calls(&mut self, said: &Json) -> Result<Vec<ToolCall>, ShapeError> {
        let parsed = match said.to_text() {
            Some(text) => parse_str(&text).map_err(|error| {
                ShapeError::here(format!(
                    "expected a call as JSON with name and arguments, found {}",
                    error.what
                ))
            })?,
            None => said.clone(),
        };
        match parsed {
            Json::Array(_) => self.calls(&parsed),
            one => Ok(vec![self.call(&one)?]),
        }
    }

    fn calls(&mut self, value: &Json) -> Result<Vec<ToolCall>, ShapeError> {
        let items = (value.as_array()).ok_or_else(|| mismatch("a list of calls", value))?;
        let read = |(place, item)| {
            self.call(item)
                .map_err(|error: ShapeError| error.under_index(place))
        };
        items.iter().enumerate().map(read).collect()
    }

    /// A call with its function, or the function alone.
    fn call(&mut self, value: &Json) -> Result<ToolCall, ShapeError> {
        let mut rest = Object::from_field(value)?;
        let id = take_text(&mut rest, "id")?.filter(|id| !id.is_empty());
        let kind = match rest.get("function") {
            Some(_) => take_text(&mut rest, "type")?,
            None => None,
        };
        let nested = rest.remove("function");
        let mut function = match &nested {
            Some(function) => {
                Object::from_field(function).map_err(|error| error.under_key("function"))?
            }
            None => std::mem::take(&mut rest),
        };
        let under = |error: ShapeError| match nested {
            Some(_) => error.under_key("function"),
            None => error,
        };
        let name = take_text(&mut function, "name")
            .map_err(under)?
            .filter(|name| !name.is_empty())
            .ok_or_else(|| missing("name"))?;
        let arguments = match function.remove("arguments") {
            Some(text @ (Json::Str(_) | Json::Utf16(_))) => String::from_field(&text)?,
            None | Some(Json::Null) => "{}".to_owned(),
            Some(value) => String::from_utf8_lossy(&to_compact(&value)).into_owned(),
        };
        Ok(ToolCall {
            id: id.unwrap_or_else(|| {
                let id = format!("call_{}", self.made);
                self.made += 1;
                id
            }),
            kind: kind.unwrap_or_else(|| "function".to_owned()),
            function: ToolFunction {
                name,
                arguments,
                extra: function,
            },
            extra: rest,
        })
    }

    /// Remembers the calls of a message; lets a tool that names no call answer the first open one, by name where it has one.
    fn settle(&mut self, message: &mut ChatMessage) {
        if message.role == "tool" {
            let place = self.open.iter().position(|(id, name)| {
                match (&message.tool_call_id, &message.name) {
                    (Some(answers), _) => answers == id,
                    (None, Some(tool)) => tool == name,
                    (None, None) => true,
                }
            });
            if let Some(place) = place {
                let (id, name) = self.open.remove(place);
                message.tool_call_id.get_or_insert(id);
                message.name.get_or_insert(name);
            }
        } else {
            let calls = message.tool_calls.iter();
            self.open = calls
                .map(|call| (call.id.clone(), call.function.name.clone()))
                .collect();
        }
    }
}

fn content_of(value: &Json) -> Result<Content, ShapeError> {
    Content::from_field(value).map_err(|error| error.under_key("content"))
}

/// Whether a trainer learns from the message: `train`, or the `weight` of an endpoint's format, which is 0 or 1.
fn train(rest: &mut Object) -> Result<Option<bool>, ShapeError> {
    let fail =
        |key: &str, expected: &str, value: &Json| Err(mismatch(expected, value).under_key(key));
    let train = match rest.remove("train") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(train)) => Some(train),
        Some(value) => return fail("train", "true or false", &value),
    };
    let weight = match rest.remove("weight") {
        None | Some(Json::Null) => None,
        Some(value) => match value.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => return fail("weight", "0 or 1", &value),
        },
    };
    Ok(train.or(weight))
}

fn take_text(rest: &mut Object, key: &str) -> Result<Option<String>, ShapeError> {
    match rest.remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => String::from_field(&value)
            .map(Some)
            .map_err(|error| error.under_key(key)),
    }
}

pub(super) fn missing(key: &str) -> ShapeError {
    ShapeError::here("it is missing").under_key(key)
}

/// Takes the time out of a row or a message: an instant as text, or seconds or milliseconds since 1970. What is none stays.
pub(super) fn take_time(rest: &mut Object) -> Option<Timestamp> {
    TIMES.into_iter().find_map(|key| {
        let at = match rest.get(key)? {
            Json::Str(text) => Timestamp::parse(text).ok(),
            Json::Int(n) if *n > 0 => Some(since_1970(*n as f64)),
            Json::Float(n) if *n > 0.0 && n.is_finite() => Some(since_1970(*n)),
            _ => None,
        }?;
        rest.remove(key);
        Some(at)
    })
}

/// Seconds where they lie before the year 5138, else milliseconds.
fn since_1970(n: f64) -> Timestamp {
    let seconds = if n < 1e11 { n } else { n / 1e3 };
    Timestamp((seconds * 1e6).min(9e18) as i64)
}
