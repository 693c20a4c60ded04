//! The offline agents: the baseline and dry run of every pipeline role, without a model.
//!
//! `offline:user` picks an informative sentence of an offered passage and forms a question that it
//! answers; `offline:assistant` searches once, then answers by quoting the sentences that share
//! most words with the question; `offline:judge` scores by lexical support. They read nothing but
//! the messages of a request, as a model would, and speak the same JSON, so a pipeline cannot tell.
//! Each is a function of its request; the sample number decides between equally good choices.
//!
//! What they are good for: a demonstration without network or key, a run that checks documents
//! and configuration before money is spent, and a floor that a model has to beat. What they are not:
//! a language model. They do not understand a passage, they never combine two of them, personas
//! change nothing, and a question in other words than the document's is often not found.
//!
//! English questions come from rules over sentences; French, German, Spanish and Arabic (dialect
//! labels included) have frames of their own around a quoted phrase, and any other language gets
//! the quotation alone, so that no text ever mixes languages outside its quotation marks.

mod assistant;
mod english;
mod judge;
mod language;
mod prompt;
mod quote;
mod user;

use std::sync::Arc;

use forgemark_model::agent::{Agent, AgentReply};
use forgemark_model::chat::{ChatRequest, ReplyFormat};

use crate::replies::{ASSISTANT_TURN, JUDGE_CONVERSATION, JUDGE_TURN, USER_TURN};

/// The names of the offline agents.
pub const NAMES: [&str; 3] = ["offline:user", "offline:assistant", "offline:judge"];

/// The agent of this name; `None` when there is none.
///
/// The schema that a request asks for decides what is replied, whatever the name: the name counts
/// where a request asks for no schema of a dialogue.
pub fn agent(name: &str) -> Option<Arc<dyn Agent>> {
    let role = match name {
        "offline:user" => Role::User,
        "offline:assistant" => Role::Assistant,
        "offline:judge" => Role::Judge,
        _ => return None,
    };
    Some(Arc::new(Offline { role }))
}

#[derive(Debug, Clone, Copy)]
enum Role {
    User,
    Assistant,
    Judge,
}

#[derive(Debug)]
struct Offline {
    role: Role,
}

impl Agent for Offline {
    fn reply(&self, request: &ChatRequest) -> AgentReply {
        let role = match &request.format {
            ReplyFormat::JsonSchema { name, .. } => match name.as_str() {
                USER_TURN => Role::User,
                ASSISTANT_TURN => Role::Assistant,
                JUDGE_TURN | JUDGE_CONVERSATION => Role::Judge,
                _ => self.role,
            },
            ReplyFormat::Text | ReplyFormat::JsonObject => self.role,
        };
        let prompt = prompt::Prompt::read(request);
        match role {
            Role::User => user::reply(&prompt, request.sample),
            Role::Assistant => assistant::reply(&prompt, request),
            Role::Judge => judge::reply(&prompt),
        }
    }
}

/// Draws of one request: the sample number and a purpose give a number, always the same one.
#[derive(Debug, Clone, Copy)]
struct Draw(u64);

impl Draw {
    /// A number below `n`, which must not be 0; `purpose` tells the choices of a request apart.
    fn below(self, n: usize, purpose: u64) -> usize {
        // The finaliser of splitmix64 (Steele and others, OOPSLA 2014).
        let mut x = self.0 ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % n.max(1) as u64) as usize
    }

    /// One of `list`, which must not be empty.
    fn of<T: Copy>(self, list: &[T], purpose: u64) -> T {
        list[self.below(list.len(), purpose)]
    }
}

#[cfg(test)]
mod tests;
