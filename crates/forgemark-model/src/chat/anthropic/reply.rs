//! Reads a message out of a raw body.

use std::sync::Arc;

use bytes::Bytes;
use forgemark_contract::json::{Json, Object, to_compact};

use crate::chat::reply::repair_ids;
use crate::chat::{ChatReply, ChatRequest, Finish, ReplyFormat, ToolCall, Usage};

/// Whether a body is a message of this protocol. A journal may hold replies of both, and says nowhere which is which.
pub(crate) fn is_one(root: &Object) -> bool {
    root.get("type").and_then(Json::as_str) == Some("message")
        && matches!(root.get("content"), Some(Json::Array(_)))
        && !root.contains_key("choices")
}

/// Reads `root`, the parsed `body`, as the reply to `request`.
pub(crate) fn read(
    root: &Object,
    body: &Bytes,
    tree: &Arc<Json>,
    request: &ChatRequest,
) -> ChatReply {
    let blocks = root
        .get("content")
        .and_then(Json::as_array)
        .unwrap_or_default();
    let (mut content, mut reasoning) = (String::new(), String::new());
    let (mut thinking_blocks, mut tool_calls) = (Vec::new(), Vec::new());
    let mut formed = None;
    for block in blocks {
        match block.str_or("type", "") {
            "text" => content.push_str(block.str_or("text", "")),
            "thinking" => {
                reasoning.push_str(block.str_or("thinking", ""));
                thinking_blocks.push(compact(block));
            }
            "redacted_thinking" => thinking_blocks.push(compact(block)),
            "tool_use" if asks_for_form(request, block.str_or("name", "")) => {
                formed = Some(compact(block.at("input")));
            }
            "tool_use" => tool_calls.extend(read_tool_use(block)),
            _ => {}
        }
    }
    if let Some(formed) = formed {
        content = formed;
    }
    repair_ids(&mut tool_calls, request);
    let word = root.get("stop_reason").and_then(Json::as_str);
    let finish = read_finish(word, !tool_calls.is_empty());
    let usage = root.get("usage").and_then(read_usage);
    let refusal = (finish == Finish::Refusal && !content.trim().is_empty())
        .then(|| std::mem::take(&mut content));
    ChatReply {
        content,
        reasoning: (!reasoning.is_empty()).then_some(reasoning),
        thinking_blocks,
        tool_calls,
        refusal,
        finish,
        usage: usage.unwrap_or_default(),
        usage_known: usage.is_some(),
        model: root
            .get("model")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned(),
        body: body.clone(),
        tree: Arc::clone(tree),
    }
}

fn compact(json: &Json) -> String {
    String::from_utf8_lossy(&to_compact(json)).into_owned()
}

/// Whether a tool of this name is the one that we offered for the sake of its schema.
fn asks_for_form(request: &ChatRequest, tool: &str) -> bool {
    let offered = request.tools.iter().any(|offered| offered.name == tool);
    matches!(&request.format, ReplyFormat::JsonSchema { name, .. } if name == tool && !offered)
}

fn read_tool_use(block: &Json) -> Option<ToolCall> {
    let arguments = match block.at("input") {
        Json::Null => "{}".to_owned(),
        Json::Str(text) => text.clone(),
        input => compact(input),
    };
    Some(ToolCall {
        id: block.str_or("id", "").to_owned(),
        name: block.at("name").as_str()?.to_owned(),
        arguments,
    })
}

fn read_finish(word: Option<&str>, calls: bool) -> Finish {
    match word.unwrap_or("end_turn") {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::Refusal,
        _ if calls => Finish::ToolCalls,
        // A forced tool that carries the form ends with `tool_use`, and is no call.
        "end_turn" | "stop_sequence" | "tool_use" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    }
}

/// `input_tokens` counts neither what was read from the cache nor what was written into it; ours counts all of the prompt.
fn read_usage(usage: &Json) -> Option<Usage> {
    let count = |key: &str| usage.at(key).as_u64();
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = count("cache_read_input_tokens").unwrap_or(0);
    let written = count("cache_creation_input_tokens").unwrap_or(0);
    let prompt = input.unwrap_or(0);
    Some(Usage {
        prompt: prompt.saturating_add(cached).saturating_add(written),
        completion: output.unwrap_or(0),
        cached,
        reasoning: 0,
    })
}
