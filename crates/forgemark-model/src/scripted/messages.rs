//! Anthropic's messages, answered by the same engine: a request is rewritten as a chat completion request, and the
//! completion as a message, so that scripts and faults are the same for both protocols.
//!
//! What the real service refuses of a request is refused here too, before any script is asked: no token limit, a
//! conversation that does not begin with the user, empty blocks, tool calls without results and results without calls.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;
use forgemark_contract::json::{self, Json, Object};

use super::engine::{JSON, Scripted, answer_with};

/// A request that keeps the rules, as a chat completion request.
#[derive(Debug)]
pub(super) struct Asked {
    /// The rewritten body.
    pub(super) chat: Vec<u8>,
    /// The tool that the reply has to be.
    forced: Option<String>,
    model: String,
}

/// Rewrites a request.
///
/// # Errors
/// What the service would say of a request that it does not take.
pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let json = json::parse(body).map_err(|_| "The request body is not valid JSON".to_owned())?;
    let Json::Object(request) = &json else {
        return Err("Input should be an object".to_owned());
    };
    let model = json.at("model").as_str().ok_or("model: Field required")?;
    let limit = json.at("max_tokens").as_u64();
    let limit = limit
        .filter(|limit| *limit > 0)
        .ok_or("max_tokens: Field required")?;
    check_thinking(json.at("thinking"), limit)?;
    if let Some(temperature) = json.at("temperature").as_f64()
        && !(0.0..=1.0).contains(&temperature)
    {
        return Err("temperature: range: 0..1".to_owned());
    }
    let mut messages = Vec::new();
    if let Some(system) = request.get("system") {
        let text = text_of(system, "system")?;
        messages.push(said("system", &text));
    }
    read_messages(json.items("messages"), &mut messages)?;
    let mut chat = Object::new();
    chat.insert("messages", Json::Array(messages));
    let forced = read_choice(&json, &mut chat);
    for (name, value) in request {
        if !["messages", "system", "tools", "tool_choice"].contains(&name) {
            chat.insert(name, value.clone());
        }
    }
    Ok(Asked {
        chat: json::to_compact(&Json::Object(chat)),
        forced,
        model: model.to_owned(),
    })
}

fn check_thinking(thinking: &Json, limit: u64) -> Result<(), String> {
    if thinking.str_or("type", "") != "enabled" {
        return Ok(());
    }
    match thinking.at("budget_tokens").as_u64() {
        Some(budget) if budget >= 1_024 && budget < limit => Ok(()),
        Some(budget) if budget >= 1_024 => {
            Err("`max_tokens` must be greater than `thinking.budget_tokens`".to_owned())
        }
        _ => Err("thinking.enabled.budget_tokens: Input should be at least 1024".to_owned()),
    }
}

fn said(role: &str, text: &str) -> Json {
    Json::from([("role", Json::from(role)), ("content", text.into())])
}

/// The text of a content that is one, or a list of text blocks.
fn text_of(content: &Json, place: &str) -> Result<String, String> {
    if let Some(text) = content.as_str() {
        return Ok(text.to_owned());
    }
    let mut texts = Vec::new();
    for block in content.as_array().unwrap_or_default() {
        let text = block.str_or("text", "");
        if block.str_or("type", "") == "text" && text.trim().is_empty() {
            return Err(format!("{place}: text content blocks must be non-empty"));
        }
        texts.push(text);
    }
    Ok(texts.join("\n"))
}

fn read_messages(list: &[Json], out: &mut Vec<Json>) -> Result<(), String> {
    if list.first().map(|first| first.str_or("role", "")) != Some("user") {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (n, message) in list.iter().enumerate() {
        let place = format!("messages.{n}");
        let content = message.at("content");
        let blocks = content.as_array().unwrap_or_default();
        if content.as_str().is_some_and(|text| text.trim().is_empty())
            || content.as_str().is_none() && blocks.is_empty()
        {
            return Err(format!("{place}: all messages must have non-empty content"));
        }
        let of_kind = |kind: &str| {
            let kind = kind.to_owned();
            blocks
                .iter()
                .filter(move |block| block.str_or("type", "") == kind)
        };
        match message.str_or("role", "") {
            "user" => {
                for result in of_kind("tool_result") {
                    let id = result.str_or("tool_use_id", "");
                    if !open.remove(id) {
                        return Err(format!(
                            "{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}"
                        ));
                    }
                    let mut tool = said("tool", &text_of(result.at("content"), &place)?);
                    if let Some(tool) = tool.as_object_mut() {
                        tool.insert("tool_call_id", id);
                    }
                    out.push(tool);
                }
                if !open.is_empty() {
                    return Err(format!(
                        "{place}: `tool_use` ids were found without `tool_result` blocks immediately after"
                    ));
                }
                let text = text_of(content, &place)?;
                if !text.trim().is_empty() {
                    out.push(said("user", text.trim_matches('\n')));
                }
            }
            "assistant" => {
                open = of_kind("tool_use")
                    .map(|block| block.str_or("id", "").to_owned())
                    .collect();
                out.push(said("assistant", &text_of(content, &place)?));
            }
            other => {
                return Err(format!(
                    "{place}.role: Input should be 'user' or 'assistant', not '{other}'"
                ));
            }
        }
    }
    Ok(())
}

/// Takes over tools and their choice; the tool that stands for the form of the reply, if one is forced.
fn read_choice(request: &Json, chat: &mut Object) -> Option<String> {
    let choice = request.at("tool_choice");
    if choice.str_or("type", "") == "tool" {
        let name = choice.str_or("name", "").to_owned();
        let schema = Json::from([("name", Json::from(&name))]);
        let format = Json::from([("type", Json::from("json_schema")), ("json_schema", schema)]);
        chat.insert("response_format", format);
        return Some(name);
    }
    let tools = request.items("tools");
    if !tools.is_empty() {
        let tools: Json = tools
            .iter()
            .map(|tool| {
                let function = Json::from([("name", tool.at("name").clone())]);
                Json::from([("type", Json::from("function")), ("function", function)])
            })
            .collect();
        chat.insert("tools", tools);
    }
    if choice.str_or("type", "") == "none" {
        chat.insert("tool_choice", "none");
    }
    None
}

/// The answer to a request that [`read`] refused.
pub(super) fn refuse(what: &str) -> Scripted {
    answer_with(400, JSON, error_body(400, what))
}

/// The error body of a status.
pub(super) fn error_body(status: u16, message: &str) -> Bytes {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = Json::from([("type", Json::from(kind)), ("message", message.into())]);
    json::to_compact(&Json::from([
        ("type", Json::from("error")),
        ("error", error),
    ]))
    .into()
}

/// The engine's answer in the words of this protocol. A body that is no completion (a page, cut JSON) stays as it is.
pub(super) fn answer(scripted: Scripted, asked: &Asked) -> Scripted {
    let Ok(json) = json::parse(&scripted.body) else {
        return scripted;
    };
    let body = if scripted.status == 200 {
        message(&json, asked)
    } else {
        error_body(scripted.status, &error_message(&scripted, &json, asked))
    };
    Scripted { body, ..scripted }
}

fn error_message<'j>(scripted: &Scripted, json: &'j Json, asked: &Asked) -> Cow<'j, str> {
    let error = json.at("error");
    match (scripted.fault, scripted.status) {
        (Some("context_length"), _) => "prompt is too long: 9999 tokens > 4096 maximum".into(),
        (Some("unsupported_parameter"), _) => format!(
            "{}: Extra inputs are not permitted",
            error.str_or("param", "")
        )
        .into(),
        (_, 404) => format!("model: {}", asked.model).into(),
        (_, 529) => "Overloaded".into(),
        _ => error.str_or("message", "").into(),
    }
}

fn message(completion: &Json, asked: &Asked) -> Bytes {
    let choice = completion.items("choices").first().unwrap_or(&Json::Null);
    let said = choice.at("message");
    let mut blocks = Vec::new();
    if let Some(thought) = said.at("reasoning_content").as_str() {
        blocks.push(Json::from([
            ("type", Json::from("thinking")),
            ("thinking", thought.into()),
            ("signature", "scripted".into()),
        ]));
    }
    let refusal = said.at("refusal");
    for text in [said.at("content"), refusal] {
        let Some(plain) = text.to_text().filter(|text| !text.is_empty()) else {
            continue;
        };
        let block = match &asked.forced {
            Some(tool) => Json::from([
                ("type", Json::from("tool_use")),
                ("id", "toolu_form".into()),
                ("name", tool.into()),
                (
                    "input",
                    json::parse_str(&plain).unwrap_or_else(|_| text.clone()),
                ),
            ]),
            None => Json::from([("type", Json::from("text")), ("text", text.clone())]),
        };
        blocks.push(block);
    }
    for call in said.items("tool_calls") {
        let function = call.at("function");
        let arguments = function.at("arguments");
        let input = json::parse_str(arguments.as_str().unwrap_or_default());
        blocks.push(Json::from([
            ("type", Json::from("tool_use")),
            ("id", call.at("id").clone()),
            ("name", function.at("name").clone()),
            ("input", input.unwrap_or_else(|_| arguments.clone())),
        ]));
    }
    let stop = match choice.str_or("finish_reason", "") {
        "length" => "max_tokens",
        "content_filter" => "refusal",
        _ if !refusal.is_null() => "refusal",
        "tool_calls" => "tool_use",
        _ if asked.forced.is_some() => "tool_use",
        _ => "end_turn",
    };
    let usage = completion.at("usage");
    let usage = Json::from([
        ("input_tokens", usage.at("prompt_tokens").clone()),
        ("cache_creation_input_tokens", 0_u64.into()),
        ("cache_read_input_tokens", 0_u64.into()),
        ("output_tokens", usage.at("completion_tokens").clone()),
    ]);
    let id = completion.str_or("id", "").replace("chatcmpl-", "msg_");
    let mut message = Object::from([
        ("id", Json::from(id)),
        ("type", "message".into()),
        ("role", "assistant".into()),
        ("model", completion.at("model").clone()),
        ("content", Json::Array(blocks)),
        ("stop_reason", stop.into()),
        ("stop_sequence", Json::Null),
        ("usage", usage),
    ]);
    if let Some(padding) = completion.get("padding") {
        message.insert("padding", padding.clone());
    }
    json::to_compact(&Json::Object(message)).into()
}
