//! The prompts: templates, embedded, each replaceable by a file of the same name.
//!
//! Every call has a `system` template (rules and rubrics, the same for all calls of the kind) and a `task` template (what
//! varies). Rubrics are templates of their own that the others include, so that replacing one replaces it for everybody who works by
//! it: what makes a good question is the same for the questioner, for its check and for the judge. `reask` is what a model is told
//! about a reply that could not be used.
//!
//! | template | variables, those in bold must be used |
//! |---|---|
//! | `question` | **`topic`**, `rejected`, `replace`, `task` |
//! | `format` | **`reply`**, `task` |
//! | `answer` | **`question`**, `task` |
//! | `question_check` | **`question`**, **`answer`**, `task` |
//! | `answer_check` | **`question`**, **`answer`**, `note`, `task` |
//! | `refine` | **`question`**, **`answer`**, **`feedback`**, `task` |
//! | `critique` | **`question`**, **`answer`**, `task` |
//! | `critique_check` | **`question`**, **`answer`**, **`critique`**, `task` |
//! | `critique_refine` | **`question`**, **`answer`**, **`critique`**, **`feedback`**, `task` |
//! | `debate_critique`, `debate_illposed` | **`side`**, **`question`**, `answer`, `claim`, `transcript`, `left_out`, `last`, `round`, `rounds`, `task` |
//! | `judge_critique`, `judge_illposed` | **`question`**, **`answer`**, `claim`, **`transcript`**, `left_out`, `task` |
//! | `repair` | **`reply`**, **`schema`**, `task` |
//! | `reask` | **`error`** |
//!
//! Whatever a model or a configuration wrote is a block of neutralised data with its own tags (see [`forgemark_model::prompt`]), so
//! that no answer can pass for a rule, a claim or a judge's instruction; such a variable is empty text when there is nothing to
//! show. `task` is a line for programs that read prompts. The two sides of a debate are told the same in the same words.

mod context;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use forgemark_model::prompt::{Template, Templates};
use forgemark_model::{ChatRequest, Message, ReplyFormat};

pub use context::{Debate, DebateKind, Earlier, Judge, Question, Replace, Said, Side};
pub use forgemark_model::prompt::PromptError;

use super::config::Protocol;
use super::replies::{self, Checked, Task};

/// Version of the built-in templates; it is raised when their meaning changes.
pub const VERSION: u32 = 1;

macro_rules! pair {
    ($name:literal, $variables:expr, $required:expr) => {
        [
            Template {
                name: concat!($name, ".system.txt"),
                text: include_str!(concat!("prompts/templates/", $name, ".system.txt")),
                variables: $variables,
                required: &[],
            },
            Template {
                name: concat!($name, ".task.txt"),
                text: include_str!(concat!("prompts/templates/", $name, ".task.txt")),
                variables: $variables,
                required: $required,
            },
        ]
    };
}

macro_rules! single {
    ($name:literal, $variables:expr, $required:expr) => {
        Template {
            name: concat!($name, ".txt"),
            text: include_str!(concat!("prompts/templates/", $name, ".txt")),
            variables: $variables,
            required: $required,
        }
    };
}

const DEBATE: &[&str] = &[
    "side",
    "other",
    "question",
    "answer",
    "claim",
    "transcript",
    "left_out",
    "last",
    "round",
    "rounds",
    "task",
];
const JUDGE: &[&str] = &[
    "question",
    "answer",
    "claim",
    "transcript",
    "left_out",
    "task",
];
const ANSWERED: &[&str] = &["question", "answer", "note", "task"];
const REFINED: &[&str] = &["question", "answer", "critique", "feedback", "task"];

static PAIRS: [[Template; 2]; 14] = [
    pair!(
        "question",
        &["topic", "rejected", "replace", "task"],
        &["topic"]
    ),
    pair!("format", &["reply", "task"], &["reply"]),
    pair!("answer", &["question", "task"], &["question"]),
    pair!("question_check", ANSWERED, &["question", "answer"]),
    pair!("answer_check", ANSWERED, &["question", "answer"]),
    pair!("refine", REFINED, &["question", "answer", "feedback"]),
    pair!("critique", ANSWERED, &["question", "answer"]),
    pair!(
        "critique_check",
        REFINED,
        &["question", "answer", "critique"]
    ),
    pair!(
        "critique_refine",
        REFINED,
        &["question", "answer", "critique", "feedback"]
    ),
    pair!("debate_critique", DEBATE, &["side", "question"]),
    pair!("debate_illposed", DEBATE, &["side", "question"]),
    pair!(
        "judge_critique",
        JUDGE,
        &["question", "answer", "transcript"]
    ),
    pair!(
        "judge_illposed",
        JUDGE,
        &["question", "answer", "transcript"]
    ),
    pair!("repair", &["reply", "schema", "task"], &["reply", "schema"]),
];

static SINGLES: [Template; 8] = [
    single!("rubric.question", &[], &[]),
    single!("rubric.answer", &[], &[]),
    single!("rubric.critique", &[], &[]),
    single!("rubric.check", &[], &[]),
    single!("rubric.debate", &[], &[]),
    single!("rubric.judgment", &["minor"], &[]),
    single!("data", &[], &[]),
    single!("reask", &["error"], &["error"]),
];

/// A prompt, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The template's name without `.system.txt` and `.task.txt`.
    pub name: &'static str,
    /// Identity of what it was rendered from, for the provenance of the record: 16 hexadecimal digits.
    pub hash: String,
    /// The rules.
    pub system: String,
    /// What varies.
    pub task: String,
    /// The form of the reply.
    pub format: ReplyFormat,
}

impl Prompt {
    /// The request. `sample` tells equal requests apart; see [`ChatRequest::sample`].
    pub fn request(&self, sample: u64) -> ChatRequest {
        let mut request = ChatRequest::new(
            vec![
                Message::system(self.system.clone()),
                Message::user(self.task.clone()),
            ],
            sample,
        );
        request.format = self.format.clone();
        request
    }
}

/// The effective templates, compiled.
#[derive(Debug)]
pub struct Prompts {
    templates: Templates,
    hashes: BTreeMap<&'static str, String>,
    reask: String,
    protocol: Protocol,
}

impl Prompts {
    /// The embedded templates with `overrides` (file name to text) in place of some of them.
    ///
    /// # Errors
    /// [`PromptError`] for a name that is no template's, a text that does not parse, a variable that a template does not have, a
    /// task without one that it must have, or a template that fails on values it may get.
    pub fn load(
        protocol: Protocol,
        overrides: &BTreeMap<String, String>,
    ) -> Result<Self, PromptError> {
        let templates = Templates::load(PAIRS.iter().flatten().chain(&SINGLES), overrides)?;
        let hashes = PAIRS.iter().map(|[system, task]| {
            let name = system.name.trim_end_matches(".system.txt");
            (name, templates.digest_of(&[system.name, task.name]))
        });
        let error = minijinja::context! { error => "{error}" };
        let prompts = Self {
            hashes: hashes.collect(),
            reask: templates.render("reask.txt", &error)?,
            templates,
            protocol,
        };
        context::rehearse(&prompts)?;
        Ok(prompts)
    }

    /// Identity of all effective texts: 16 hexadecimal digits of BLAKE3 over names and texts.
    pub fn hash(&self) -> &str {
        self.templates.hash()
    }

    /// Identity of each prompt with the rubrics that it includes, by name.
    pub fn hashes(&self) -> &BTreeMap<&'static str, String> {
        &self.hashes
    }

    /// Name and effective text of every template, as files of an override folder.
    pub fn export(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.templates.export()
    }

    /// What a model is told about a reply that could not be used; `{error}` stands where the reason belongs.
    pub fn reask(&self) -> &str {
        &self.reask
    }

    /// Asks for a question with its answer, in tags ([`replies::tagged`]).
    ///
    /// # Errors
    /// [`PromptError::Template`] when an overriding template fails on these values; the same for all that follow.
    pub fn question(&self, from: &Question<'_>) -> Result<Prompt, PromptError> {
        self.make("question", &from.values(), ReplyFormat::Text)
    }

    /// Asks the parser to put the tags into a reply that has none.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn format(&self, reply: &str) -> Result<Prompt, PromptError> {
        let values = context::one("format", "reply", reply);
        self.make("format", &values, ReplyFormat::Text)
    }

    /// Asks for an answer, in free text.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn answer(&self, question: &str) -> Result<Prompt, PromptError> {
        let values = context::one("answer", "question", question);
        self.make("answer", &values, ReplyFormat::Text)
    }

    /// Asks a model to check its answer: the questioner its own ([`Checked::OwnAnswer`]), or an answerer. `note` is a person's
    /// word that the question is not ill-posed; empty where there is none. For critiques there is [`Prompts::check_critique`].
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn check_answer(
        &self,
        checked: Checked,
        question: &str,
        answer: &str,
        note: &str,
    ) -> Result<Prompt, PromptError> {
        let name = if checked == Checked::OwnAnswer {
            "question_check"
        } else {
            "answer_check"
        };
        let values = context::answered(name, question, answer, note);
        self.make(name, &values, replies::self_check_format(checked))
    }

    /// Asks for a better answer, in free text.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn refine(
        &self,
        question: &str,
        answer: &str,
        feedback: &str,
    ) -> Result<Prompt, PromptError> {
        let values = context::refined("refine", question, answer, "", feedback);
        self.make("refine", &values, ReplyFormat::Text)
    }

    /// Asks for a critique of an answer.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn critique(&self, question: &str, answer: &str) -> Result<Prompt, PromptError> {
        let values = context::answered("critique", question, answer, "");
        self.make("critique", &values, replies::critique_format())
    }

    /// Asks a critic to check its critique, which is shown as it was written.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn check_critique(
        &self,
        question: &str,
        answer: &str,
        critique: &str,
    ) -> Result<Prompt, PromptError> {
        let values = context::refined("critique_check", question, answer, critique, "");
        self.make(
            "critique_check",
            &values,
            replies::self_check_format(Checked::Critique),
        )
    }

    /// Asks for a better critique.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn refine_critique(
        &self,
        question: &str,
        answer: &str,
        critique: &str,
        feedback: &str,
    ) -> Result<Prompt, PromptError> {
        let values = context::refined("critique_refine", question, answer, critique, feedback);
        self.make("critique_refine", &values, replies::critique_format())
    }

    /// Asks a side of a debate for its next message. With [`Protocol::Crb1`] it sees what the original's debaters see: the
    /// other side's last message, and neither the whole transcript nor, depending on side and round, answer or claim.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn debate(&self, from: &Debate<'_>) -> Result<Prompt, PromptError> {
        let name = match from.kind {
            DebateKind::Critique => "debate_critique",
            DebateKind::IllPosed => "debate_illposed",
        };
        self.make(name, &from.values(self.protocol), replies::turn_format())
    }

    /// Asks a judge for a decision. The texts are redacted before ([`super::redact`]). With [`Protocol::Crb1`] the claim is not
    /// shown for ill-posed claims.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn judge(&self, from: &Judge<'_>) -> Result<Prompt, PromptError> {
        let name = match from.task {
            Task::Critique => "judge_critique",
            Task::IllPosed => "judge_illposed",
        };
        self.make(
            name,
            &from.values(self.protocol),
            replies::judgment_format(from.task),
        )
    }

    /// Asks the parser for the JSON object of a reply that could not be read. `format` is the one that was asked for.
    ///
    /// # Errors
    /// As [`Prompts::question`].
    pub fn repair(&self, reply: &str, format: &ReplyFormat) -> Result<Prompt, PromptError> {
        let schema = match format {
            ReplyFormat::JsonSchema { schema, .. } => {
                let text = forgemark_contract::json::to_compact(schema.json());
                String::from_utf8_lossy(&text).into_owned()
            }
            ReplyFormat::Text | ReplyFormat::JsonObject => "{\"type\":\"object\"}".to_owned(),
        };
        self.make(
            "repair",
            &context::repair(reply, &schema),
            ReplyFormat::JsonObject,
        )
    }

    fn make(
        &self,
        name: &'static str,
        values: &minijinja::Value,
        format: ReplyFormat,
    ) -> Result<Prompt, PromptError> {
        let (system, task) = (format!("{name}.system.txt"), format!("{name}.task.txt"));
        let rendered = self.templates.pair(&system, &task, values)?;
        Ok(Prompt {
            name,
            hash: self.hashes.get(name).cloned().unwrap_or_default(),
            system: rendered.system,
            task: rendered.task,
            format,
        })
    }
}
