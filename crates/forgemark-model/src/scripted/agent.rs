//! A script as a model in this process.

use bytes::Bytes;
use forgemark_contract::json::{Json, parse_str};

use super::engine::{Delivery, Engine, Scripted};
use crate::agent::{Agent, AgentReply, AgentToolCall};
use crate::chat::body::RequestBody;
use crate::chat::reply::parse_reply;
use crate::chat::{ChatRequest, Finish};
use crate::config::{Params, RoleParams};

/// Attempts that are made until one gets a completion.
const ATTEMPTS: u32 = 16;

/// Answers as the server would, without its delays.
///
/// The request hash differs from that over HTTP, because the body names the script's first model.
/// What a client retries (error statuses, stalls, cuts, bodies that are no completion) is retried
/// here at once; a script that never gives a completion gives an empty text with the finish
/// reason `error`. What a client sees as a reply (cut, empty or refused content, wrong tool calls)
/// shows, but for what the reply's type cannot hold: ids of tool calls are given anew, and a lone
/// surrogate is replaced.
impl Agent for Engine {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        let model = self.models().first().map_or("", String::as_str);
        let body = RequestBody::new(request, model, &RoleParams::plain(Params::default()));
        let key = body.key(request.sample).to_string();
        let canonical = body.canonical();
        (0..ATTEMPTS)
            .map(|attempt| self.respond(&canonical, Some(&key), attempt))
            .find_map(|scripted| read(scripted, request))
            .unwrap_or_else(|| AgentReply {
                finish: Finish::Other("error".to_owned()),
                ..AgentReply::text("")
            })
    }
}

fn read(scripted: Scripted, request: &ChatRequest) -> Option<AgentReply> {
    let arrives = matches!(scripted.delivery, Delivery::Whole | Delivery::Slow { .. });
    if scripted.status != 200 || !arrives {
        return None;
    }
    let body: Bytes = scripted.body;
    let reply = parse_reply(&body, request).ok()?;
    let tool_calls = reply.tool_calls.into_iter().map(|call| AgentToolCall {
        name: call.name,
        // Arguments that are not JSON stay what they are: a text where an object is expected.
        arguments: parse_str(&call.arguments).unwrap_or(Json::Str(call.arguments)),
    });
    Some(AgentReply {
        content: reply.refusal.unwrap_or(reply.content),
        reasoning: reply.reasoning,
        tool_calls: tool_calls.collect(),
        finish: reply.finish,
        usage: reply.usage_known.then_some(reply.usage),
    })
}

#[cfg(test)]
mod tests;
