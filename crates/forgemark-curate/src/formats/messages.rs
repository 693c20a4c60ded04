//! Messages as trainers spell them.

use std::borrow::Cow;

use forgemark_contract::json::{Json, Object, parse_str, to_line_text};
use forgemark_contract::store::{ChatMessage, Content};

use super::schema::Uses;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// With all that is known.
    Neutral,
    /// Tool calls with arguments as text; `weight` 0 for answers that are not learned.
    OpenAi,
    /// Tool calls with arguments as objects, tool results by name.
    Trl,
    /// Tool calls with arguments as text; `train` on every message.
    Axolotl,
    /// Tool calls with arguments as objects, tool results by id.
    Nemo,
    /// Tool calls with arguments as text.
    Verl,
    /// Role, text and reasoning.
    Plain,
    /// Role and text.
    Bare,
}

/// Messages in order.
pub(super) fn list(spelling: Spelling, uses: Uses, messages: &[ChatMessage]) -> Json {
    messages
        .iter()
        .enumerate()
        .map(|(place, message)| one(spelling, uses, message, &messages[..place]))
        .collect()
}

fn one(spelling: Spelling, uses: Uses, message: &ChatMessage, before: &[ChatMessage]) -> Json {
    let parts = matches!(spelling, Spelling::Neutral | Spelling::OpenAi);
    let content = match &message.content {
        Some(Content::Parts(list)) if parts => Json::Array(list.clone()),
        Some(content) => content.text().as_ref().into(),
        // Chat templates want the key, and a message that only calls has none in OpenAI's own files.
        None if spelling == Spelling::OpenAi => Json::Null,
        None => "".into(),
    };
    let mut object = Object::from([("role", Json::from(&message.role)), ("content", content)]);
    if let Some(reasoning) = &message.reasoning {
        match spelling {
            Spelling::Neutral => _ = object.insert("reasoning", reasoning),
            Spelling::OpenAi | Spelling::Bare => {}
            _ => _ = object.insert("reasoning_content", reasoning),
        }
    }
    if matches!(spelling, Spelling::Plain | Spelling::Bare) {
        return Json::Object(object);
    }
    if !message.tool_calls.is_empty() {
        object.insert("tool_calls", calls(spelling, message));
    }
    if spelling != Spelling::Trl
        && let Some(id) = &message.tool_call_id
    {
        object.insert("tool_call_id", id);
    }
    let name = match &message.name {
        // A template that knows results by their tool's name has to be told it.
        None if spelling == Spelling::Trl => called(message, before).map(str::to_owned),
        name => name.clone(),
    };
    if let Some(name) = name {
        object.insert("name", name);
    }
    let unlearned = message.is_assistant() && message.train == Some(false);
    match spelling {
        Spelling::Neutral => {
            if let Some(train) = message.train {
                object.insert("train", train);
            }
        }
        Spelling::Axolotl if uses.any(Uses::MASKS) => {
            object.insert("train", message.is_assistant() && !unlearned);
        }
        Spelling::OpenAi if unlearned => _ = object.insert("weight", 0),
        _ => {}
    }
    Json::Object(object)
}

fn calls(spelling: Spelling, message: &ChatMessage) -> Json {
    let objects = matches!(spelling, Spelling::Trl | Spelling::Nemo);
    let calls = message.tool_calls.iter().map(|call| {
        let text = &call.function.arguments;
        let arguments = if objects {
            parse_str(text).unwrap_or_else(|_| Json::from(text))
        } else {
            Json::from(text)
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
    calls.collect()
}

/// The name of the tool whose call a tool's message answers.
fn called<'a>(message: &ChatMessage, before: &'a [ChatMessage]) -> Option<&'a str> {
    let id = message.tool_call_id.as_ref()?;
    let mut calls = before.iter().rev().flat_map(|message| &message.tool_calls);
    let call = calls.find(|call| call.id == *id)?;
    Some(&call.function.name)
}

/// A message as `from` and `value`; a call is its JSON text, and reasoning stands before the text as models write it.
pub(super) fn turn(message: &ChatMessage) -> Json {
    let from = match message.role.to_ascii_lowercase().as_str() {
        "system" => "system",
        "tool" => "observation",
        "assistant" if message.tool_calls.is_empty() => "gpt",
        "assistant" => "function_call",
        _ => "human",
    };
    let said = match message.tool_calls.first() {
        Some(call) if from == "function_call" => {
            let arguments = parse_str(&call.function.arguments)
                .unwrap_or_else(|_| Json::from(&call.function.arguments));
            let call = Json::object([
                ("name", Json::from(&call.function.name)),
                ("arguments", arguments),
            ]);
            Cow::Owned(to_line_text(&call))
        }
        _ => message.content_text(),
    };
    let value = match &message.reasoning {
        Some(reasoning) if message.is_assistant() => {
            format!("<think>\n{reasoning}\n</think>\n\n{said}")
        }
        _ => said.into_owned(),
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
