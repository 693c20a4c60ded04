//! Messages as trainers spell them.

use forgemark_contract::json::{Json, Object, parse_str, to_line_text};
use forgemark_contract::store::{ChatMessage, Content};

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// With all that is known.
    Neutral,
    /// Tool calls with arguments as text; `weight` 0 for answers that are not learned.
    OpenAi,
    /// Tool calls with arguments as objects, tool results by name, `thinking`.
    Trl,
    /// `train` on every message.
    Axolotl,
    /// `trainable` where an answer is not learned.
    Verl,
    /// Role and text.
    Plain,
}

/// Messages in order.
pub(super) fn list(spelling: Spelling, messages: &[ChatMessage]) -> Json {
    messages
        .iter()
        .map(|message| one(spelling, message))
        .collect()
}

fn one(spelling: Spelling, message: &ChatMessage) -> Json {
    let mut object = Object::from([("role", Json::from(&message.role))]);
    let content = match &message.content {
        Some(Content::Parts(parts)) => Json::Array(parts.clone()),
        Some(Content::Text(text)) => Json::from(text),
        // Chat templates want the key, and a message that only calls has none in OpenAI's own files.
        None if spelling == Spelling::OpenAi => Json::Null,
        None => "".into(),
    };
    object.insert("content", content);
    if spelling == Spelling::Plain {
        return Json::Object(object);
    }
    if let Some(reasoning) = &message.reasoning {
        match spelling {
            Spelling::Neutral => _ = object.insert("reasoning", reasoning),
            Spelling::Trl => _ = object.insert("thinking", reasoning),
            Spelling::Axolotl => _ = object.insert("reasoning_content", reasoning),
            _ => {}
        }
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let arguments = match spelling {
                Spelling::Trl => parse_str(&call.function.arguments)
                    .unwrap_or_else(|_| Json::from(&call.function.arguments)),
                _ => Json::from(&call.function.arguments),
            };
            let function = Json::object([
                ("name", Json::from(&call.function.name)),
                ("arguments", arguments),
            ]);
            let mut object = Object::new();
            if spelling != Spelling::Trl {
                object.insert("id", &call.id);
            }
            object.insert("type", &call.kind);
            object.insert("function", function);
            Json::Object(object)
        });
        object.insert("tool_calls", calls.collect::<Json>());
    }
    if let Some(id) = message
        .tool_call_id
        .as_ref()
        .filter(|_| spelling != Spelling::Trl)
    {
        object.insert("tool_call_id", id);
    }
    if let Some(name) = &message.name {
        object.insert("name", name);
    }
    let unlearned = message.is_assistant() && message.train == Some(false);
    match spelling {
        Spelling::Neutral | Spelling::Axolotl => {
            if let Some(train) = message.train {
                object.insert("train", train);
            }
        }
        Spelling::OpenAi if unlearned => _ = object.insert("weight", 0),
        Spelling::Verl if unlearned => _ = object.insert("trainable", false),
        _ => {}
    }
    Json::Object(object)
}

/// A message as `from` and `value`; a call is its JSON text.
pub(super) fn turn(message: &ChatMessage) -> Json {
    let (from, value) = match message.role.to_ascii_lowercase().as_str() {
        "system" => ("system", message.content_text().into_owned()),
        "tool" => ("observation", message.content_text().into_owned()),
        "assistant" => match message.tool_calls.first() {
            Some(call) => {
                let arguments = parse_str(&call.function.arguments)
                    .unwrap_or_else(|_| Json::from(&call.function.arguments));
                let call = Json::object([
                    ("name", Json::from(&call.function.name)),
                    ("arguments", arguments),
                ]);
                ("function_call", to_line_text(&call))
            }
            None => ("gpt", message.content_text().into_owned()),
        },
        _ => ("human", message.content_text().into_owned()),
    };
    Json::object([("from", from.into()), ("value", value.into())])
}

/// The text of the leading system messages, and the other messages as turns.
pub(super) fn turns(messages: &[ChatMessage]) -> (String, Json) {
    let is_system = |message: &&ChatMessage| message.role.eq_ignore_ascii_case("system");
    let system: Vec<_> = messages
        .iter()
        .take_while(is_system)
        .map(ChatMessage::content_text)
        .collect();
    let turns = messages.iter().skip(system.len()).map(turn).collect();
    (system.join("\n"), turns)
}

/// A text as it is, anything else as JSON text.
pub(super) fn as_text(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| to_line_text(value), str::to_owned)
}
