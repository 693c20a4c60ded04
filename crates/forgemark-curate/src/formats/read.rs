//! Rows of a finished file as the examples that a trainer would make of them.

use forgemark_contract::dialogue::{ToolCall, ToolFunction};
use forgemark_contract::json::{Json, parse_str, to_line_text};
use forgemark_contract::store::{ChatMessage, Content};

use super::rules::Names;
use super::{Format, Task};
use crate::shape::Body;

/// What a row says, with the names of its parts. The row has the columns of its format.
pub(super) fn body(format: Format, task: Task, row: &Json) -> Option<(Body, Names)> {
    let turns = matches!(format, Format::ShareGpt | Format::LlamaFactory);
    let messages = |value: &Json| {
        if turns {
            from_values(value)
        } else {
            chat(value)
        }
    };
    let at = |key: &str| messages(row.at(key));
    let names = |prompt, chosen, rejected| Names {
        prompt,
        chosen,
        rejected,
        before: 0,
    };
    let conversation = |key: &'static str| {
        let mut messages = at(key);
        if let Some(text) = row.at("system").as_str().filter(|text| !text.is_empty()) {
            messages.insert(0, ChatMessage::text("system", text));
        }
        messages
    };
    let told = |key: &'static str| {
        let body = Body::Conversation {
            messages: conversation(key),
            reward: None,
        };
        Some((body, names(key, key, key)))
    };
    let pair = |names: Names, prompt, chosen, rejected| {
        let body = Body::Pair {
            prompt,
            chosen,
            rejected,
            scores: (0.0, 0.0),
        };
        Some((body, names))
    };
    let labelled = |prompt: &'static str, key: &'static str, label: &'static str| {
        let body = Body::Labelled {
            prompt: at(prompt),
            completion: at(key),
            label: row.at(label).as_bool()?,
        };
        Some((body, names(prompt, key, key)))
    };
    let rollout = |prompt: Vec<ChatMessage>, key: &'static str, truth: &Json| {
        let body = Body::Rollout {
            prompt,
            responses: Vec::new(),
            group_id: None,
            ground_truth: (!truth.is_null()).then(|| truth.clone()),
        };
        Some((body, names(key, key, key)))
    };
    let ranked = |prompt: &'static str, list: &'static str, key: &str, best: i64| {
        let answers = row.items(list).iter().map(|answer| {
            let rank = answer.i64_or("rank", i64::MAX).saturating_sub(best);
            let place = usize::try_from(rank).unwrap_or(usize::MAX);
            (messages(answer.at(key)), place.saturating_add(1))
        });
        let body = Body::Ranked {
            prompt: at(prompt),
            answers: answers.collect(),
        };
        Some((body, names(prompt, list, list)))
    };
    let plain_pair = |prompt: &'static str, chosen: &'static str, rejected: &'static str| {
        let parts = (at(prompt), at(chosen), at(rejected));
        pair(names(prompt, chosen, rejected), parts.0, parts.1, parts.2)
    };
    let single = |key: &str| messages(&Json::Array(vec![row.at(key).clone()]));
    match (format, task) {
        (Format::Trl, Task::Sft) if row.get("completion").is_some() => {
            let (prompt, completion) = (at("prompt"), at("completion"));
            let label = true;
            let body = Body::Labelled {
                prompt,
                completion,
                label,
            };
            Some((body, names("prompt", "completion", "completion")))
        }
        (Format::OpenRlhf, Task::Sft) => told("input"),
        (Format::ShareGpt | Format::LlamaFactory, Task::Sft) => told("conversations"),
        (_, Task::Sft) => told("messages"),
        (Format::OpenAi, Task::Pairs) => {
            let prompt = chat(row.at("input").at("messages"));
            let names = names("input.messages", "preferred_output", "non_preferred_output");
            let answers = (at("preferred_output"), at("non_preferred_output"));
            pair(names, prompt, answers.0, answers.1)
        }
        (Format::TrlReward, Task::Pairs) => {
            let (mut chosen, mut rejected) = (at("chosen"), at("rejected"));
            let common = chosen
                .iter()
                .zip(&rejected)
                .take_while(|(a, b)| a == b)
                .count();
            let asked = chosen.iter().rposition(|one| !one.is_assistant());
            let before = common.min(asked.map_or(0, |place| place + 1));
            let prompt = chosen.drain(..before).collect();
            rejected.drain(..before);
            let names = Names {
                prompt: "chosen",
                chosen: "chosen",
                rejected: "rejected",
                before,
            };
            pair(names, prompt, chosen, rejected)
        }
        (Format::ShareGpt | Format::LlamaFactory, Task::Pairs) => {
            let prompt = conversation("conversations");
            let names = names("conversations", "chosen", "rejected");
            pair(names, prompt, single("chosen"), single("rejected"))
        }
        (Format::Axolotl, Task::Pairs) => {
            let names = names("messages", "chosen", "rejected");
            pair(names, at("messages"), single("chosen"), single("rejected"))
        }
        (Format::NemoRl, Task::Pairs | Task::Ranked) => {
            ranked("context", "completions", "completion", 0)
        }
        (Format::Neutral, Task::Ranked) => ranked("prompt", "answers", "messages", 1),
        (_, Task::Pairs) => plain_pair("prompt", "chosen", "rejected"),
        (Format::LlamaFactory, Task::Labels) => {
            let mut prompt = conversation("conversations");
            let completion = prompt.pop().into_iter().collect();
            let label = row.at("kto_tag").as_bool()?;
            let body = Body::Labelled {
                prompt,
                completion,
                label,
            };
            Some((
                body,
                names("conversations", "conversations", "conversations"),
            ))
        }
        (Format::Axolotl, Task::Labels) => {
            let mut prompt = at("completion");
            let completion = prompt.pop().into_iter().collect();
            let label = row.at("label").as_bool()?;
            let body = Body::Labelled {
                prompt,
                completion,
                label,
            };
            Some((body, names("completion", "completion", "completion")))
        }
        (Format::OpenRlhf, Task::Labels) => labelled("input", "output", "label"),
        (_, Task::Labels) => labelled("prompt", "completion", "label"),
        (Format::OpenAi, Task::Rollout) => {
            rollout(at("messages"), "messages", row.at("ground_truth"))
        }
        (Format::OpenRlhf, Task::Rollout) => rollout(at("input"), "input", row.at("label")),
        (Format::NemoRl, Task::Rollout) => {
            let asked = ChatMessage::text("user", row.str_or("input", ""));
            rollout(vec![asked], "input", row.at("output"))
        }
        (Format::Verl, Task::Rollout) => {
            let truth = row.at("reward_model").at("ground_truth");
            rollout(at("prompt"), "prompt", truth)
        }
        (_, Task::Rollout) => rollout(at("prompt"), "prompt", row.at("ground_truth")),
        (_, Task::Ranked) => None,
    }
}

fn chat(list: &Json) -> Vec<ChatMessage> {
    let messages = list.as_array().unwrap_or_default();
    messages.iter().map(message).collect()
}

fn text(value: &Json, key: &str) -> Option<String> {
    value.at(key).to_text().map(std::borrow::Cow::into_owned)
}

fn message(value: &Json) -> ChatMessage {
    let content = match value.at("content") {
        Json::Array(parts) => Some(Content::Parts(parts.clone())),
        content => content
            .to_text()
            .map(|text| Content::Text(text.into_owned())),
    };
    let calls = value.items("tool_calls").iter().map(|call| {
        let function = call.at("function");
        let arguments = function.at("arguments");
        ToolCall {
            id: text(call, "id").unwrap_or_default(),
            kind: text(call, "type").unwrap_or_default(),
            function: ToolFunction {
                name: text(function, "name").unwrap_or_default(),
                arguments: arguments
                    .as_str()
                    .map_or_else(|| to_line_text(arguments), str::to_owned),
                ..ToolFunction::default()
            },
            ..ToolCall::default()
        }
    });
    let weight = value.at("weight").as_i64().map(|weight| weight != 0);
    ChatMessage {
        role: text(value, "role").unwrap_or_default(),
        content,
        reasoning: text(value, "reasoning_content").or_else(|| text(value, "reasoning")),
        tool_calls: calls.collect(),
        tool_call_id: text(value, "tool_call_id"),
        name: text(value, "name"),
        train: value.at("train").as_bool().or(weight),
        ..ChatMessage::default()
    }
}

/// Turns of `from` and `value`; a call that cannot be read has no name.
fn from_values(list: &Json) -> Vec<ChatMessage> {
    let turns = list.as_array().unwrap_or_default();
    let turn = |turn: &Json| {
        let value = turn.str_or("value", "");
        match turn.str_or("from", "") {
            "system" => ChatMessage::text("system", value),
            "human" => ChatMessage::text("user", value),
            "gpt" => ChatMessage::text("assistant", value),
            "observation" => ChatMessage::text("tool", value),
            "function_call" => {
                // A model's thoughts may stand before the call.
                let call = value
                    .rsplit_once("</think>")
                    .map_or(value, |(_, call)| call);
                let call = parse_str(call.trim()).unwrap_or_default();
                ChatMessage {
                    role: "assistant".to_owned(),
                    tool_calls: vec![ToolCall {
                        kind: "function".to_owned(),
                        function: ToolFunction {
                            name: text(&call, "name").unwrap_or_default(),
                            arguments: to_line_text(call.at("arguments")),
                            ..ToolFunction::default()
                        },
                        ..ToolCall::default()
                    }],
                    ..ChatMessage::default()
                }
            }
            from => ChatMessage::text(from, value),
        }
    };
    turns.iter().map(turn).collect()
}
