//! What a trainer would refuse or learn wrongly.

use std::collections::HashSet;

use forgemark_contract::json::parse_str;
use forgemark_contract::store::{ChatMessage, Content};

use super::{Format, Layout};
use crate::shape::{Body, Example};

/// The rule of the layout that an example breaks, as a fragment; `None` when it breaks none.
pub fn broken_rule(layout: Layout, example: &Example) -> Option<String> {
    let format = layout.format;
    if format == Format::Neutral {
        return None;
    }
    match &example.body {
        Body::Conversation { messages, .. } => {
            conversation(format, messages).or_else(|| mask(layout, messages))
        }
        Body::Pair {
            prompt,
            chosen,
            rejected,
            ..
        } => prompt_rules(format, prompt)
            .or_else(|| answer(format, prompt, chosen))
            .or_else(|| answer(format, prompt, rejected))
            .or_else(|| single(format, chosen))
            .or_else(|| single(format, rejected)),
        Body::Labelled {
            prompt, completion, ..
        } => prompt_rules(format, prompt)
            .or_else(|| answer(format, prompt, completion))
            .or_else(|| single(format, completion)),
        Body::Ranked { prompt, answers } => prompt_rules(format, prompt).or_else(|| {
            answers
                .iter()
                .find_map(|(messages, _)| answer(format, prompt, messages))
        }),
        Body::Rollout { prompt, .. } => prompt_rules(format, prompt),
    }
}

fn role(message: &ChatMessage) -> String {
    message.role.to_ascii_lowercase()
}

/// Rules of one message.
fn message(format: Format, message: &ChatMessage) -> Option<String> {
    let role = role(message);
    if !["system", "user", "assistant", "tool"].contains(&role.as_str()) {
        return Some(format!(
            "the role '{}' is unknown to chat templates",
            message.role
        ));
    }
    if message.role != role {
        return Some(format!("the role '{}' is not in lower case", message.role));
    }
    if message.is_blank() && role != "tool" {
        return Some(format!("a message of the role {role} is empty"));
    }
    if role == "tool" && message.tool_call_id.is_none() && format == Format::OpenAi {
        return Some("a tool's message names no call".to_owned());
    }
    if !message.tool_calls.is_empty() && role != "assistant" {
        return Some(format!("a message of the role {role} calls a tool"));
    }
    let broken = message.tool_calls.iter().find(|call| {
        !parse_str(&call.function.arguments).is_ok_and(|arguments| arguments.as_object().is_some())
    });
    if let Some(call) = broken {
        return Some(format!(
            "the arguments of the call of {} are no JSON object",
            call.function.name
        ));
    }
    let texts_only = matches!(
        format,
        Format::ShareGpt | Format::LlamaFactory | Format::OpenRlhf | Format::NemoRl
    );
    if texts_only && matches!(message.content, Some(Content::Parts(_))) {
        return Some("the format has no content parts".to_owned());
    }
    let no_tools = matches!(format, Format::OpenRlhf | Format::NemoRl);
    if no_tools && (!message.tool_calls.is_empty() || role == "tool") {
        return Some("the format has no tool calls".to_owned());
    }
    if matches!(format, Format::ShareGpt | Format::LlamaFactory) && message.tool_calls.len() > 1 {
        return Some("the format has one call a message".to_owned());
    }
    None
}

/// Rules of a run of messages from the first.
fn run(format: Format, messages: &[ChatMessage]) -> Option<String> {
    let mut open: HashSet<&str> = HashSet::new();
    for (place, one) in messages.iter().enumerate() {
        if let Some(broken) = message(format, one) {
            return Some(broken);
        }
        let role = role(one);
        match role.as_str() {
            "system" if place > 0 => {
                return Some("a system message stands after the first message".to_owned());
            }
            "tool" => {
                let before = messages[..place]
                    .iter()
                    .rev()
                    .find(|before| before.role != "tool");
                let called = before.is_some_and(|before| !before.tool_calls.is_empty());
                let known = one.tool_call_id.as_deref().is_none_or(|id| open.remove(id));
                if !called || !known {
                    return Some("a tool's message answers no call".to_owned());
                }
                if one.tool_call_id.is_none() {
                    open.clear();
                }
                continue;
            }
            _ => {}
        }
        if !open.is_empty() {
            return Some("a call is not answered".to_owned());
        }
        open = one.tool_calls.iter().map(|call| call.id.as_str()).collect();
    }
    let turns = messages.iter().filter(|message| message.role != "system");
    match turns.clone().next() {
        Some(first) if first.role == "user" => {}
        _ => return Some("the first turn is not the user's".to_owned()),
    }
    let alternate = matches!(format, Format::ShareGpt | Format::LlamaFactory);
    let asks = |message: &&ChatMessage| message.role != "assistant";
    let broken = turns
        .enumerate()
        .any(|(place, message)| asks(&message) != (place % 2 == 0));
    (alternate && broken).then(|| "the sides do not take turns".to_owned())
}

fn conversation(format: Format, messages: &[ChatMessage]) -> Option<String> {
    run(format, messages).or_else(|| {
        let last = messages.last()?;
        if last.role != "assistant" {
            Some("the last message is no answer".to_owned())
        } else if last.tool_calls.is_empty() {
            None
        } else {
            Some("a call is not answered".to_owned())
        }
    })
}

/// Formats that cannot leave an answer of a conversation out of the loss.
fn mask(layout: Layout, messages: &[ChatMessage]) -> Option<String> {
    let mut answers = messages.iter().filter(|message| message.is_assistant());
    let earlier = matches!(layout.format, Format::OpenRlhf);
    let cannot = matches!(
        layout.format,
        Format::ShareGpt | Format::LlamaFactory | Format::NemoRl
    );
    let masked = answers.any(|message| message.train == Some(false));
    (cannot && masked && !earlier).then(|| {
        "the format cannot leave an answer out of the loss; openai, trl, axolotl and verl can"
            .to_owned()
    })
}

fn prompt_rules(format: Format, prompt: &[ChatMessage]) -> Option<String> {
    run(format, prompt).or_else(|| {
        let last = prompt.last()?;
        (last.role == "assistant").then(|| "the prompt ends with an answer".to_owned())
    })
}

fn answer(format: Format, prompt: &[ChatMessage], answer: &[ChatMessage]) -> Option<String> {
    conversation(format, &[prompt, answer].concat())
}

/// Formats whose answers are one message.
fn single(format: Format, answer: &[ChatMessage]) -> Option<String> {
    let one = matches!(
        format,
        Format::OpenAi
            | Format::Axolotl
            | Format::ShareGpt
            | Format::LlamaFactory
            | Format::OpenRlhf
    );
    (one && answer.len() > 1).then(|| "the format has answers of one message".to_owned())
}
