//! Reads a chat completion out of a raw body, in all the variants that endpoints send.
//!
//! | variation | sent by | read as |
//! |---|---|---|
//! | `content: null` or absent | everyone, with tool calls | empty text |
//! | `content` as an array of parts | Mistral, Gemini, proxies | texts joined; thinking parts are reasoning |
//! | `reasoning_content`, `reasoning` | DeepSeek, vLLM, SGLang; OpenRouter, Ollama | reasoning |
//! | a leading `<think>…</think>` in the text | servers without a reasoning parser | reasoning |
//! | `refusal` | OpenAI | finish `refusal` |
//! | arguments as an object, null or empty | llama.cpp, Ollama, proxies | JSON text, `{}` |
//! | ids missing, empty, repeated | Gemini, llama.cpp, small servers | `call_N`, unique in the conversation |
//! | `function_call` | old servers | a tool call |
//! | no `usage`, or details at other places | old servers; DeepSeek | unknown usage; cached and reasoning tokens |
//! | `type: message` with a list of blocks | Anthropic | see [`anthropic::reply`] |
//! | an `error` in a 200 body, or in a choice | OpenRouter | an error of the endpoint |

use std::sync::Arc;

use bytes::Bytes;
use forgemark_contract::json::{Json, parse, to_compact};

use super::{ChatReply, ChatRequest, Finish, ToolCall, Usage, anthropic};

/// A 200 body that is no chat completion.
#[derive(Debug)]
pub(crate) enum ReplyError {
    /// Not a chat completion at all.
    NotChat(String),
    /// An error object inside.
    Error(Json),
}

/// Reads `body` as the reply to `request`.
pub(crate) fn parse_reply(body: &Bytes, request: &ChatRequest) -> Result<ChatReply, ReplyError> {
    let tree = match parse(body) {
        Ok(json) => Arc::new(json),
        Err(error) => return Err(ReplyError::NotChat(not_json(body, &error.to_string()))),
    };
    let Json::Object(root) = &*tree else {
        let what = format!("the body is a JSON {}, no object", tree.type_name());
        return Err(ReplyError::NotChat(what));
    };
    if let Some(error) = root.get("error")
        && error.is_truthy()
    {
        return Err(ReplyError::Error(error.clone()));
    }
    if anthropic::reply::is_one(root) {
        return Ok(anthropic::reply::read(root, body, &tree, request));
    }
    let usage = root.get("usage").and_then(read_usage);
    let model = root
        .get("model")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let choice = match root.get("choices") {
        Some(Json::Array(choices)) => choices.first(),
        _ => None,
    };
    let Some(Json::Object(choice)) = choice else {
        return Err(ReplyError::NotChat("the body has no choices".to_owned()));
    };
    if let Some(error) = choice.get("error")
        && error.is_truthy()
    {
        return Err(ReplyError::Error(error.clone()));
    }
    let Some(Json::Object(message)) = choice.get("message") else {
        return Err(ReplyError::NotChat(
            "the first choice has no message".to_owned(),
        ));
    };
    if choice.get("finish_reason").and_then(Json::as_str) == Some("error") {
        return Err(ReplyError::NotChat(
            "the endpoint broke the reply off (finish_reason error)".to_owned(),
        ));
    }
    let (mut content, thoughts) = read_content(message.get("content"));
    let mut reasoning = ["reasoning_content", "reasoning"]
        .into_iter()
        .find_map(|key| message.get(key).and_then(said))
        .or(thoughts);
    if let Some((thought, answer)) = split_think(&content) {
        reasoning.get_or_insert_with(|| thought.to_owned());
        content = String::from(answer);
    }
    let refusal = message.get("refusal").and_then(said);
    let tool_calls = read_tool_calls(message, request);
    let finish = read_finish(
        choice.get("finish_reason").and_then(Json::as_str),
        refusal.is_some(),
        !tool_calls.is_empty(),
    );
    Ok(ChatReply {
        content,
        reasoning,
        thinking_blocks: Vec::new(),
        tool_calls,
        refusal,
        finish,
        usage: usage.unwrap_or_default(),
        usage_known: usage.is_some(),
        model,
        body: body.clone(),
        tree,
    })
}

/// Says what a body is that is not JSON, by its beginning.
pub(crate) fn not_json(body: &[u8], error: &str) -> String {
    let start = body.trim_ascii_start();
    let head: Vec<u8> = start.iter().take(64).map(u8::to_ascii_lowercase).collect();
    if start.is_empty() {
        "the body is empty".to_owned()
    } else if head.starts_with(b"<!doctype") || head.starts_with(b"<html") {
        format!("the body is an HTML page: {}", excerpt(start))
    } else {
        format!("the body is not JSON ({error}): {}", excerpt(start))
    }
}

/// The first words of a body, on one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default());
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 160 {
        line = line.chars().take(160).collect();
        line.push('…');
    }
    line
}

fn into_text(value: Json) -> Option<String> {
    match value {
        Json::Str(text) => Some(text),
        Json::Utf16(units) => Some(String::from_utf16_lossy(&units)),
        _ => None,
    }
}

fn to_text(value: &Json) -> Option<String> {
    match value {
        Json::Str(text) => Some(text.clone()),
        Json::Utf16(units) => Some(String::from_utf16_lossy(units)),
        _ => None,
    }
}

/// A text that says something.
fn said(value: &Json) -> Option<String> {
    to_text(value).filter(|text| !text.is_empty())
}

/// The text, and the thoughts that stand beside it as parts.
fn read_content(content: Option<&Json>) -> (String, Option<String>) {
    let parts = match content {
        Some(Json::Array(parts)) => parts,
        Some(other) => return (to_text(other).unwrap_or_default(), None),
        None => return (String::new(), None),
    };
    let (mut text, mut thoughts) = (String::new(), String::new());
    for part in parts {
        if let Some(plain) = part.as_str() {
            text.push_str(plain);
            continue;
        }
        // Mistral nests the text of a thinking part once more.
        let thinking = part.at("thinking");
        let nested = thinking.as_array().unwrap_or(&[]).iter();
        match part.str_or("type", "text") {
            "text" | "output_text" => text.push_str(part.str_or("text", "")),
            "refusal" => text.push_str(part.str_or("refusal", "")),
            "thinking" | "reasoning" => {
                thoughts.push_str(thinking.as_str().unwrap_or(part.str_or("text", "")));
                nested.for_each(|inner| thoughts.push_str(inner.str_or("text", "")));
            }
            _ => {}
        }
    }
    (text, (!thoughts.is_empty()).then_some(thoughts))
}

/// The thought and the answer of a text that begins with a closed `<think>` block.
fn split_think(content: &str) -> Option<(&str, &str)> {
    let inside = content.trim_start().strip_prefix("<think>")?;
    let (thought, answer) = inside.split_once("</think>")?;
    Some((thought.trim(), answer.trim_start()))
}

fn read_tool_calls(
    message: &forgemark_contract::json::Object,
    request: &ChatRequest,
) -> Vec<ToolCall> {
    let mut raw: Vec<Json> = match message.get("tool_calls") {
        Some(Json::Array(calls)) => calls.clone(),
        _ => Vec::new(),
    };
    if raw.is_empty()
        && let Some(call) = message.get("function_call")
        && !call.is_null()
    {
        raw.push(Json::object([("function", call.clone())]));
    }
    let mut calls: Vec<ToolCall> = raw.into_iter().filter_map(read_tool_call).collect();
    repair_ids(&mut calls, request);
    calls
}

fn read_tool_call(call: Json) -> Option<ToolCall> {
    let mut call = call.into_object();
    let id = call.remove("id").and_then(into_text).unwrap_or_default();
    // Some servers leave the `function` level out.
    let mut function = match call.remove("function") {
        Some(function) => function.into_object(),
        None => call,
    };
    let name = function.remove("name").and_then(into_text)?;
    let arguments = match function.remove("arguments") {
        Some(Json::Str(text)) if !text.trim().is_empty() => text,
        Some(Json::Null | Json::Str(_)) | None => "{}".to_owned(),
        Some(other) => String::from_utf8_lossy(&to_compact(&other)).into_owned(),
    };
    Some(ToolCall {
        id,
        name,
        arguments,
    })
}

/// Gives every call an id that is unique in the conversation: its own, or the first free `call_N`.
pub(super) fn repair_ids(calls: &mut [ToolCall], request: &ChatRequest) {
    if calls.is_empty() {
        return;
    }
    let mut taken: std::collections::BTreeSet<String> = request
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .map(|call| call.id.clone())
        .collect();
    let mut next = 0_usize;
    let mut wrong = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        if call.id.trim().is_empty() || !taken.insert(call.id.clone()) {
            wrong.push(place);
        }
    }
    for place in wrong {
        let id = loop {
            let id = format!("call_{next}");
            next += 1;
            if taken.insert(id.clone()) {
                break id;
            }
        };
        if let Some(call) = calls.get_mut(place) {
            call.id = id;
        }
    }
}

fn read_finish(word: Option<&str>, refused: bool, calls: bool) -> Finish {
    match word.unwrap_or("stop") {
        "length" | "max_tokens" | "MAX_TOKENS" => Finish::Length,
        "content_filter" | "content-filter" | "safety" | "SAFETY" => Finish::ContentFilter,
        "refusal" => Finish::Refusal,
        _ if refused => Finish::Refusal,
        // Many servers say `stop` together with tool calls, and some `tool_calls` without any.
        _ if calls => Finish::ToolCalls,
        "" | "stop" | "STOP" | "tool_calls" | "function_call" | "eos" | "eos_token"
        | "end_turn" | "stop_sequence" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    }
}

fn read_usage(usage: &Json) -> Option<Usage> {
    let count = |keys: &[&str]| keys.iter().find_map(|key| usage.at(key).as_u64());
    let detail =
        |keys: &[&str], name: &str| keys.iter().find_map(|key| usage.at(key).at(name).as_u64());
    let prompt = count(&["prompt_tokens", "input_tokens"]);
    let completion = count(&["completion_tokens", "output_tokens"]);
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let cached = detail(
        &["prompt_tokens_details", "input_tokens_details"],
        "cached_tokens",
    )
    .or_else(|| count(&["prompt_cache_hit_tokens", "cached_tokens"]));
    let reasoning = detail(
        &["completion_tokens_details", "output_tokens_details"],
        "reasoning_tokens",
    )
    .or_else(|| count(&["reasoning_tokens"]));
    Some(Usage {
        prompt: prompt.unwrap_or(0),
        completion: completion.unwrap_or(0),
        cached: cached.unwrap_or(0),
        reasoning: reasoning.unwrap_or(0),
    })
}
