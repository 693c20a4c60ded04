//! The request body.

use bytes::Bytes;
use forgemark_contract::json::{Json, Style, Writer, parse_str};

use super::{DEFAULT_MAX_TOKENS, form, thinking_budget, thinks};
use crate::adapt::{Accepts, Form};
use crate::chat::{ChatRequest, Message, ReplyFormat, Role, ToolChoice, ToolSpec};
use crate::config::RoleParams;

/// Said for the user where a conversation begins with the model, which the protocol does not allow.
const OPENING: &str = "(You speak first.)";

/// Writes `request` for an endpoint that knows the model as `model` and accepts `accepts`.
pub(crate) fn write(
    request: &ChatRequest,
    model: &str,
    params: &RoleParams,
    accepts: Accepts,
) -> Bytes {
    let mut out = Vec::with_capacity(1_024);
    let w = &mut Writer::new(&mut out, Style::COMPACT);
    w.begin_object();
    w.field("model", model);
    let limit = params.config.max_tokens;
    let limit = limit.unwrap_or_else(|| DEFAULT_MAX_TOKENS + thinking_budget(params));
    w.field("max_tokens", &limit);
    let opening = request
        .messages
        .iter()
        .take_while(|m| m.role == Role::System);
    let opening = opening.count();
    let (system, messages) = request.messages.split_at(opening);
    let system: Vec<&str> = system
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    let system = system.join("\n\n");
    // A request of instructions only has to be somebody's message.
    let alone = messages.is_empty() && !system.trim().is_empty();
    if !alone && !system.trim().is_empty() {
        w.field("system", system.as_str());
    }
    w.key("messages");
    w.begin_array();
    if alone {
        write_plain_user(w, &system);
    }
    write_turns(w, messages, thinks(params));
    w.end_array();
    write_tools(w, request, params, accepts);
    write_parameters(w, request, params, accepts);
    w.end_object();
    Bytes::from(out)
}

fn write_plain_user(w: &mut Writer<'_>, text: &str) {
    w.begin_object();
    w.field("role", "user");
    w.field("content", text);
    w.end_object();
}

/// Whether a message is a turn of the model; everything else is the user's.
fn is_models(message: &Message) -> bool {
    message.role == Role::Assistant
}

/// Writes the conversation with one message for each turn, and no empty block, which the protocol refuses.
fn write_turns(w: &mut Writer<'_>, messages: &[Message], thinks: bool) {
    let said = |message: &&Message| {
        message.role == Role::Tool
            || !message.content.trim().is_empty()
            || !message.tool_calls.is_empty()
    };
    let messages: Vec<&Message> = messages.iter().filter(said).collect();
    if messages.first().is_some_and(|first| is_models(first)) {
        write_plain_user(w, OPENING);
    }
    for turn in messages.chunk_by(|a, b| is_models(a) == is_models(b)) {
        let models = turn.first().is_some_and(|first| is_models(first));
        w.begin_object();
        w.field("role", if models { "assistant" } else { "user" });
        w.key("content");
        w.begin_array();
        if models {
            for message in turn {
                write_assistant(w, message, thinks);
            }
        } else {
            // Results have to stand before anything else in the turn that answers the calls.
            let results = turn.iter().filter(|message| message.role == Role::Tool);
            results.for_each(|message| write_result(w, message));
            let others = turn.iter().filter(|message| message.role != Role::Tool);
            others.for_each(|message| write_text(w, &message.content));
        }
        w.end_array();
        w.end_object();
    }
}

fn write_text(w: &mut Writer<'_>, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    w.begin_object();
    w.field("type", "text");
    w.field("text", text);
    w.end_object();
}

fn write_assistant(w: &mut Writer<'_>, message: &Message, thinks: bool) {
    for block in message.thinking_blocks.iter().filter(|_| thinks) {
        w.raw(block.as_bytes());
    }
    write_text(w, &message.content);
    for call in &message.tool_calls {
        w.begin_object();
        w.field("type", "tool_use");
        w.field("id", tool_id(&call.id).as_str());
        w.field("name", call.name.as_str());
        w.key("input");
        if let Ok(input @ Json::Object(_)) = parse_str(&call.arguments) {
            w.json(&input);
        } else {
            // The model has to see what it wrote, but the protocol takes objects only.
            w.begin_object();
            w.field("arguments", call.arguments.as_str());
            w.end_object();
        }
        w.end_object();
    }
}

fn write_result(w: &mut Writer<'_>, message: &Message) {
    w.begin_object();
    w.field("type", "tool_result");
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    w.field("tool_use_id", tool_id(id).as_str());
    if !message.content.is_empty() {
        w.field("content", message.content.as_str());
    }
    w.end_object();
}

/// An id as the protocol takes it: letters, digits, `_` and `-`. Ids of other endpoints may have more.
fn tool_id(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    id.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

fn write_tools(w: &mut Writer<'_>, request: &ChatRequest, params: &RoleParams, accepts: Accepts) {
    if let (Form::Object, ReplyFormat::JsonSchema { name, schema }) =
        (form(request, params, accepts), &request.format)
    {
        w.key("tools");
        w.begin_array();
        w.begin_object();
        w.field("name", name.as_str());
        w.field(
            "description",
            "Gives the reply in the form that is asked for.",
        );
        w.key("input_schema");
        w.raw(schema.text());
        w.end_object();
        w.end_array();
        w.key("tool_choice");
        write_choice(w, "tool", Some(name));
        return;
    }
    if request.tools.is_empty() {
        return;
    }
    w.key("tools");
    w.begin_array();
    request.tools.iter().for_each(|tool| write_tool(w, tool));
    w.end_array();
    let forced = matches!(
        request.tool_choice,
        ToolChoice::Required | ToolChoice::Named(_)
    );
    if !accepts.tool_choice() || forced && thinks(params) {
        return;
    }
    let (kind, name) = match &request.tool_choice {
        ToolChoice::Auto => return,
        ToolChoice::None => ("none", None),
        ToolChoice::Required => ("any", None),
        ToolChoice::Named(name) => ("tool", Some(name)),
    };
    w.key("tool_choice");
    write_choice(w, kind, name);
}

fn write_choice(w: &mut Writer<'_>, kind: &str, name: Option<&String>) {
    w.begin_object();
    w.field("type", kind);
    if let Some(name) = name {
        w.field("name", name.as_str());
    }
    w.end_object();
}

fn write_tool(w: &mut Writer<'_>, tool: &ToolSpec) {
    w.begin_object();
    w.field("name", tool.name.as_str());
    w.field("description", tool.description.as_str());
    w.key("input_schema");
    w.raw(tool.parameters.text());
    w.end_object();
}

fn write_parameters(
    w: &mut Writer<'_>,
    request: &ChatRequest,
    params: &RoleParams,
    accepts: Accepts,
) {
    const OUTPUT: &str = "output_config";
    let config = &params.config;
    let native = match (form(request, params, accepts), &request.format) {
        (Form::Schema, ReplyFormat::JsonSchema { schema, .. }) => Some(schema),
        _ => None,
    };
    let accepted = || {
        let extra = config.extra.iter().zip(params.extras());
        extra.filter_map(|(pair, (_, number))| accepts.extra(number).then_some(pair))
    };
    let find = |wanted: &str| accepted().find(|(name, _)| *name == wanted);
    let own = find(OUTPUT).and_then(|(_, own)| own.as_object());
    // The effort has another place here, and a word in that place counts more.
    let effort = find(super::EFFORT).filter(|_| own.is_none_or(|own| !own.contains_key("effort")));
    let is_written = native.is_some() || effort.is_some();
    if is_written {
        w.key(OUTPUT);
        w.begin_object();
        let own = own.into_iter().flat_map(|own| own.iter());
        let others = own.filter(|(name, _)| native.is_none() || *name != "format");
        others.for_each(|(name, value)| w.field(name, value));
        if let Some((_, effort)) = effort {
            w.field("effort", effort);
        }
        if let Some(schema) = native {
            w.key("format");
            w.begin_object();
            w.field("type", "json_schema");
            w.key("schema");
            w.raw(schema.text());
            w.end_object();
        }
        w.end_object();
    }
    if let Some(temperature) = config.temperature
        && accepts.temperature()
    {
        w.field("temperature", &temperature);
    }
    if let Some(top_p) = config.top_p
        && accepts.top_p()
    {
        w.field("top_p", &top_p);
    }
    if !config.stop.is_empty() && accepts.stop() {
        w.field("stop_sequences", &config.stop);
    }
    for (name, value) in accepted() {
        if name != super::EFFORT && !(is_written && name == OUTPUT) {
            w.field(name, value);
        }
    }
}
