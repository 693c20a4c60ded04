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
//! | `user_turn` | `language`, `language_name`, `task`, `turn`, `turns`, `mode`, `mode_meaning`, `persona`, `history`, **`passages`**, `recent`, `rejected`, `seed`, `reuse` |
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

mod check;
mod context;

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub use context::{AssistantTurnContext, Exchange, JudgeContext, UserTurnContext, language_name};

/// A template's name, its embedded text, the variables of its role, and the ones it must use.
struct Template {
    name: &'static str,
    text: &'static str,
    variables: &'static [&'static str],
    required: &'static [&'static str],
}

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
const TEMPLATES: [Template; 9] = [
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

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// A file whose name is not that of a template.
    #[error("{name} is not the name of a template")]
    UnknownTemplate {
        /// The file's name.
        name: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// A template that does not parse, uses a variable that its role does not have, leaves out one
    /// that it must have, or fails on its values.
    #[error("{name}, line {line}: {what}")]
    Template {
        /// The template.
        name: String,
        /// Line, from 1; 0 when unknown.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// System and task text of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The rules.
    pub system: String,
    /// What varies.
    pub task: String,
}

/// The effective templates, compiled.
pub struct Prompts {
    environment: Environment<'static>,
    texts: BTreeMap<&'static str, String>,
    /// System templates without variables, rendered once.
    fixed: BTreeMap<&'static str, String>,
    reask: String,
    hash: String,
}

impl std::fmt::Debug for Prompts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompts")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Prompts {
    /// The embedded templates with `overrides` (file name to text) in place of some of them.
    ///
    /// # Errors
    /// [`PromptError`] for a name that is no template's, a text that does not parse, a variable
    /// that the role does not have, or a task without one that it must have.
    pub fn load(overrides: &BTreeMap<String, String>) -> Result<Self, PromptError> {
        if let Some(name) = overrides.keys().find(|name| !is_template(name)) {
            return Err(PromptError::UnknownTemplate {
                name: name.clone(),
                known: TEMPLATES.iter().map(|template| template.name).collect(),
            });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(block_lines());
        let mut texts = BTreeMap::new();
        let mut fixed = BTreeMap::new();
        let mut hasher = blake3::Hasher::new();
        for template in &TEMPLATES {
            let text = overrides
                .get(template.name)
                .map_or(template.text, String::as_str);
            environment
                .add_template_owned(template.name, text.to_owned())
                .map_err(|error| check::error(template.name, &error))?;
            check::variables(&environment, template)?;
            for part in [template.name, text] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            texts.insert(template.name, text.to_owned());
        }
        let hash = hasher.finalize().to_hex().as_str()[..16].to_owned();
        for template in TEMPLATES
            .iter()
            .filter(|template| template.name.contains(".system."))
        {
            // An include would bring its own variables, so only plain text is taken for fixed.
            if !texts[template.name].contains("{{") && !texts[template.name].contains("{%") {
                let text = render(&environment, template.name, &Value::UNDEFINED)?;
                fixed.insert(template.name, text);
            }
        }
        // The caller of the model layer fills the error in, at the place that is left for it.
        let error = minijinja::context! { error => "{error}" };
        let reask = render(&environment, "reask.txt", &error)?;
        let prompts = Self {
            environment,
            texts,
            fixed,
            reask,
            hash,
        };
        context::rehearse(&prompts)?;
        Ok(prompts)
    }

    /// Identity of the effective texts: 16 hexadecimal digits of BLAKE3 over names and texts.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Name and effective text of every template.
    pub fn export(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(name, text)| (*name, text.as_str()))
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
        let system = match self.fixed.get(system) {
            Some(text) => text.clone(),
            None => render(&self.environment, system, values)?,
        };
        Ok(Rendered {
            system,
            task: render(&self.environment, task, values)?,
        })
    }
}

/// Jinja's usual syntax, with block tags on lines of their own leaving no empty line behind.
fn block_lines() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    // Only delimiters can make a syntax invalid, and these are the default ones.
    syntax.build().unwrap_or_default()
}

fn is_template(name: &str) -> bool {
    TEMPLATES.iter().any(|template| template.name == name)
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    values: &Value,
) -> Result<String, PromptError> {
    environment
        .get_template(name)
        .and_then(|template| template.render(values))
        .map_err(|error| check::error(name, &error))
}

#[cfg(test)]
mod tests;
