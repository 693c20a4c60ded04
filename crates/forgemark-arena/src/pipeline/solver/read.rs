//! What a solver finds in the messages of a request.

use forgemark_model::prompt::{blocks, self_closing};
use forgemark_model::{ChatRequest, chat::Role};

/// The parts of a prompt; empty where there is none.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    /// What is asked: the template's name.
    pub(super) role: String,
    /// `claimant` or `defender`, in debates.
    pub(super) side: String,
    /// The round of a debate, from 1.
    pub(super) round: u32,
    pub(super) topic: String,
    pub(super) question: String,
    pub(super) answer: String,
    pub(super) critique: String,
    pub(super) claim: String,
    pub(super) reply: String,
    /// Questions that must not be asked again.
    pub(super) rejected: Vec<String>,
}

impl Prompt {
    pub(super) fn read(request: &ChatRequest) -> Self {
        let mut prompt = Self::default();
        // The task is the first message of the user; a later one only says what is wrong with a reply.
        let task = request.messages.iter().find(|m| m.role == Role::User);
        let text = task.map_or("", |message| message.content.as_str());
        if let Some(line) = self_closing(text, "task") {
            let value = |name: &str| line.attribute(name).unwrap_or_default();
            prompt.role = value("role");
            prompt.side = value("side");
            prompt.round = value("round").parse().unwrap_or(1);
        }
        let part = |name: &str| {
            blocks(text, name)
                .first()
                .map_or_else(String::new, |block| block.text().into_owned())
        };
        prompt.topic = part("topic");
        prompt.question = part("question");
        prompt.answer = part("answer");
        prompt.critique = part("critique");
        prompt.claim = part("claim");
        prompt.reply = part("reply");
        prompt.rejected = blocks(text, "rejected")
            .iter()
            .map(|block| block.text().into_owned())
            .collect();
        prompt
    }
}
