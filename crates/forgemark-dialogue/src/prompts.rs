//! The prompts: nine templates, embedded, each replaceable by a file of the same name.
//!
//! Every role has a `system` template (rules only, the same for all conversations, so that an
//! endpoint reads that prefix once) and a `task` template (what varies, the most lasting first).
//! `reask` is what a model is told about a reply that could not be used. Templates are Jinja
//! (minijinja, strict about undefined names). The hash of all effective texts is part of a run's
//! identity.
//!
//! | template | variables |
//! |---|---|
//! | `user_turn` | `language`, `language_name`, `task`, `turn`, `turns`, `mode`, `mode_meaning`, `difficulty`, `persona`, `history`, **`passages`**, `recent`, `rejected`, `seed`, `reuse` |
//! | `assistant_turn` | `language`, `language_name`, `task`, `turn`, `turns`, `persona`, **`passages`**, **`question`** |
//! | `judge_turn` | `language`, `language_name`, `task`, **`reasons`**, `user_persona`, `assistant_persona`, `history`, **`passages`**, **`question`**, **`answer`** |
//! | `judge_conversation` | `language`, `language_name`, `task`, **`reasons`**, `user_persona`, `assistant_persona`, `turns`, **`passages`**, **`history`** |
//! | `reask` | **`error`** |
//!
//! A task template that leaves out a variable in bold is refused: without it turns would be
//! ungrounded or judged blindly. Whatever comes from a document, a model or a configuration
//! (`persona`, `history`, `passages`, `recent`, `rejected`, `seed`, `reasons`, `question`, `answer`)
//! is a block of neutralised data with its own tags (see [`crate::passages`]), so that no template
//! can let it out; such a variable is empty text when there is nothing to say. `task` is a line
//! for programs that read prompts: role, language, mode, turn and turns.
//!
//! Two sides are kept apart on purpose: the assistant never sees the grounding facts or notes of
//! the user's reply, and the judge sees the passages that were really shown.

mod context;

use std::collections::BTreeMap;

use forgemark_model::prompt::{Template, Templates};
use minijinja::value::Value;

pub use context::{AssistantTurnContext, Exchange, JudgeContext, UserTurnContext, language_name};
pub use forgemark_model::prompt::{PromptError, Rendered};

macro_rules! template {
    ($name:literal, $variables:expr, $required:expr) => {
        Template {
            name: $name,
            text: include_str!(concat!("prompts/templates/", $name)),
            variables: $variables,
            required: $required,
        }
    };
}

const USER: &[&str] = &[
    "language",
    "language_name",
    "task",
    "turn",
    "turns",
    "mode",
    "mode_meaning",
    "difficulty",
    "persona",
    "history",
    "passages",
    "recent",
    "rejected",
    "seed",
    "reuse",
];
const ASSISTANT: &[&str] = &[
    "language",
    "language_name",
    "task",
    "turn",
    "turns",
    "persona",
    "passages",
    "question",
];
const JUDGE_TURN: &[&str] = &[
    "language",
    "language_name",
    "task",
    "reasons",
    "user_persona",
    "assistant_persona",
    "history",
    "passages",
    "question",
    "answer",
];
const JUDGE_CONVERSATION: &[&str] = &[
    "language",
    "language_name",
    "task",
    "reasons",
    "user_persona",
    "assistant_persona",
    "turns",
    "passages",
    "history",
];

/// The templates; a role's system template stands directly before its task template.
static TEMPLATES: [Template; 9] = [
    template!("user_turn.system.txt", USER, &[]),
    template!("user_turn.task.txt", USER, &["passages"]),
    template!("assistant_turn.system.txt", ASSISTANT, &[]),
    template!(
        "assistant_turn.task.txt",
        ASSISTANT,
        &["passages", "question"]
    ),
    template!("judge_turn.system.txt", JUDGE_TURN, &[]),
    template!(
        "judge_turn.task.txt",
        JUDGE_TURN,
        &["reasons", "passages", "question", "answer"]
    ),
    template!("judge_conversation.system.txt", JUDGE_CONVERSATION, &[]),
    template!(
        "judge_conversation.task.txt",
        JUDGE_CONVERSATION,
        &["reasons", "passages", "history"]
    ),
    template!("reask.txt", &["error"], &["error"]),
];

/// The effective templates, compiled.
#[derive(Debug)]
pub struct Prompts {
    templates: Templates,
    reask: String,
}

impl Prompts {
    /// The embedded templates with `overrides` (file name to text) in place of some of them.
    ///
    /// # Errors
    /// [`PromptError`] for a name that is no template's, a text that does not parse, a variable
    /// that the role does not have, or a task without one that it must have.
    pub fn load(overrides: &BTreeMap<String, String>) -> Result<Self, PromptError> {
        let templates = Templates::load(&TEMPLATES, overrides)?;
        // The caller of the model layer fills the error in, at the place that is left for it.
        let error = minijinja::context! { error => "{error}" };
        let reask = templates.render("reask.txt", &error)?;
        let prompts = Self { templates, reask };
        context::rehearse(&prompts)?;
        Ok(prompts)
    }

    /// Identity of the effective texts: 16 hexadecimal digits of BLAKE3 over names and texts.
    pub fn hash(&self) -> &str {
        self.templates.hash()
    }

    /// Name and effective text of every template.
    pub fn export(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.templates.export()
    }

    /// What a model is told about a reply that could not be used; `{error}` stands where the
    /// reason belongs.
    pub fn reask(&self) -> &str {
        &self.reask
    }

    /// The prompt of the user role.
    ///
    /// # Errors
    /// [`PromptError::Template`] when an overriding template fails on these values.
    pub fn user_turn(&self, from: &UserTurnContext<'_>) -> Result<Rendered, PromptError> {
        self.pair("user_turn.system.txt", "user_turn.task.txt", &from.values())
    }

    /// The prompt of the assistant role.
    ///
    /// # Errors
    /// As [`Prompts::user_turn`].
    pub fn assistant_turn(&self, from: &AssistantTurnContext<'_>) -> Result<Rendered, PromptError> {
        self.pair(
            "assistant_turn.system.txt",
            "assistant_turn.task.txt",
            &from.values(),
        )
    }

    /// The prompt that judges a turn.
    ///
    /// # Errors
    /// As [`Prompts::user_turn`].
    pub fn judge_turn(&self, from: &JudgeContext<'_>) -> Result<Rendered, PromptError> {
        self.pair(
            "judge_turn.system.txt",
            "judge_turn.task.txt",
            &from.turn_values(),
        )
    }

    /// The prompt that judges a conversation: all of `history`, not `question` and `answer`.
    ///
    /// # Errors
    /// As [`Prompts::user_turn`].
    pub fn judge_conversation(&self, from: &JudgeContext<'_>) -> Result<Rendered, PromptError> {
        let values = from.conversation_values();
        self.pair(
            "judge_conversation.system.txt",
            "judge_conversation.task.txt",
            &values,
        )
    }

    fn pair(&self, system: &str, task: &str, values: &Value) -> Result<Rendered, PromptError> {
        self.templates.pair(system, task, values)
    }
}

#[cfg(test)]
mod tests;
