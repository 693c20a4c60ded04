//! The typed configuration of an arena run.
//!
//! [`KEYS`] is the one table of keys; the layering of file, environment and flags happens above this crate.
//! [`Settings::new`] turns the resolved values into types, reads the files that they name (`models.json` and the others of the
//! original, a policy) through the reader that it is given, and finds the conflicts between keys.

mod keys;
mod model;
mod originals;
mod place;
mod read;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgemark_contract::arena::Epoch;
use forgemark_contract::json::Object;
use forgemark_model::settings::{
    BatchSettings, BudgetSettings, EndpointSettings, LimitSettings, PriceSettings, RoleSettings,
};

pub use keys::KEYS;
pub use read::ReadFile;

use crate::policy::Policy;

/// An arena run, all values checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The models, in the order of the configuration; no two have one slug.
    pub models: Vec<Model>,
    /// The model that puts missing tags into a reply and repairs JSON; `None` when nothing is repaired.
    pub parser: Option<Model>,
    /// The runs, numbers first in their order, then the others by name. One run has one topic.
    pub runs: Vec<Run>,
    /// The topics by slug.
    pub topics: BTreeMap<String, Topic>,
    /// What decides and what is shown where.
    pub protocol: Protocol,
    /// The first stage.
    pub questions: QuestionSettings,
    /// The second.
    pub answers: AnswerSettings,
    /// The third.
    pub critiques: CritiqueSettings,
    /// The fourth.
    pub debates: DebateSettings,
    /// The fifth.
    pub judge: JudgeSettings,
    /// How decisions become outcomes, when the validity of questions is needed and for the results.
    pub policy: Policy,
    /// Claims of known truth that measure the judges.
    pub controls: ControlSettings,
    /// Folder of templates that replace built-in ones, as configured.
    pub prompts: Option<PathBuf>,
    /// Folder of the arena, as configured.
    pub output_dir: PathBuf,
    /// The epoch of the files that are written.
    pub epoch: Epoch,
    /// Records that each model works on at the same time.
    pub concurrency: usize,
    /// Seed of every random choice.
    pub seed: u64,
    /// Spending limits.
    pub budget: BudgetSettings,
    /// Servers of models that name none of their own.
    pub endpoints: Vec<EndpointSettings>,
    /// File with certificates of authorities that are trusted beside the machine's own, as configured.
    pub ca_file: Option<PathBuf>,
    /// How calls go as batches.
    pub batch: BatchSettings,
    /// Prices by model name.
    pub prices: BTreeMap<String, PriceSettings>,
    /// Limits of endpoints.
    pub limits: LimitSettings,
}

/// What a model does in an arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It asks questions.
    Benchmark,
    /// It answers those of others.
    Answer,
    /// It criticises.
    Critique,
    /// It debates: as who answered or asked, and as who criticised. Models with another role but `judge` debate their own.
    Debate,
    /// It judges claims that it takes no part in.
    Judge,
}

impl Role {
    /// All five.
    pub const ALL: [Role; 5] = [
        Role::Benchmark,
        Role::Answer,
        Role::Critique,
        Role::Debate,
        Role::Judge,
    ];

    /// The word in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Benchmark => "benchmark",
            Role::Answer => "answer",
            Role::Critique => "critique",
            Role::Debate => "debate",
            Role::Judge => "judge",
        }
    }
}

/// A model of the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its name, such as `openai/gpt-4o`.
    pub name: String,
    /// What stands for it in files: the name with `-` for `/` and `:`.
    pub slug: String,
    /// Its name for people.
    pub display_name: String,
    /// Further names by which it goes, for redaction.
    pub aliases: Vec<String>,
    /// What it does, in the order of [`Role::ALL`].
    pub roles: Vec<Role>,
    /// How it is called; its role there is the slug.
    pub call: RoleSettings,
    /// How long it thinks, for endpoints that know `reasoning_effort`.
    pub reasoning: Option<Reasoning>,
    /// The skill of an `offline:solver`, from 0 to 1; `None` for any other model.
    pub skill: Option<f64>,
}

impl Model {
    /// Whether it has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it debates: with that role, and with any other but that of a judge, because it stands for what it wrote.
    pub fn debates(&self) -> bool {
        self.roles.iter().any(|role| *role != Role::Judge)
    }
}

/// How long a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Long.
    High,
}

impl Reasoning {
    /// All three.
    pub const ALL: [Reasoning; 3] = [Reasoning::Low, Reasoning::Medium, Reasoning::High];

    /// The word in configurations and requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Reasoning::Low => "low",
            Reasoning::Medium => "medium",
            Reasoning::High => "high",
        }
    }
}

/// A run: one topic, asked by every questioner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id, such as `12`.
    pub id: String,
    /// The slug of its topic.
    pub topic: String,
    /// The attempt with which it begins, from 1.
    pub outer_attempt: i64,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its slug.
    pub slug: String,
    /// Its name, as the prompts say it.
    pub name: String,
}

/// What decides in the loops, and what is shown to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Ours. That a question is ill-posed counts whatever the verdict says; debaters see claim, answer and all that was said;
    /// judges see every claim; all names of the registry are redacted; failed judgments are asked again.
    Forgemark1,
    /// The original's order of decisions: a passed check ends the loop even if it calls the question ill-posed, debaters see the
    /// last message only, judges of ill-posed claims do not see the claim, the two participants' names are redacted.
    Crb1,
}

impl Protocol {
    /// Both.
    pub const ALL: [Protocol; 2] = [Protocol::Forgemark1, Protocol::Crb1];

    /// The word in configurations and sidecars.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Forgemark1 => "forgemark-1",
            Protocol::Crb1 => "crb-1",
        }
    }
}

/// The stage of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionSettings {
    /// Questions that a questioner may try for one run and attempt.
    pub max_question_attempts: u32,
    /// Answers that a questioner may give to its own question, each with a check.
    pub max_rounds: u32,
    /// Attempts of a run: a question that failed or was found invalid is replaced until this many were made.
    pub max_outer_attempts: u32,
    /// Most questions to ask in one command, a questioner.
    pub limit: Option<u64>,
}

/// The stage of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSettings {
    /// Tries at one answer, each with a check.
    pub max_rounds: u32,
    /// Whether a model answers its own questions. Such answers are not criticised, debated or judged.
    pub allow_self_answering: bool,
    /// Whether failed and ill-posed answers are tried again.
    pub rerun_failures: bool,
    /// Most answers in one command, a pair of questioner and answerer.
    pub limit: Option<u64>,
    /// Notes for the answerer's check that a question is not ill-posed after all.
    pub ill_posed_overrides: Vec<IllPosedOverride>,
}

/// A note that an answerer was wrong to call a question ill-posed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IllPosedOverride {
    /// The slug of the questioner.
    pub questioner: String,
    /// The slug of the answerer.
    pub answerer: String,
    /// The question.
    pub question: OverrideKey,
    /// Why it is not ill-posed, for the prompt.
    pub reason: String,
}

/// Which question an override means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideKey {
    /// Its place in the answers' file, from 0, as the original has it.
    Index(usize),
    /// Its run and attempt.
    Run {
        /// The run.
        id: String,
        /// The attempt; `None` for the newest.
        outer_attempt: Option<i64>,
    },
}

/// The stage of critiques.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CritiqueSettings {
    /// Which critiques are made, each mode once.
    pub modes: Vec<CritiqueMode>,
    /// The triples of the mode `custom`.
    pub custom: Vec<CustomCritique>,
    /// Whether a critic checks and improves its critique.
    pub self_improve: bool,
    /// What makes a critique succeed.
    pub gate: Gate,
    /// Tries at one critique.
    pub max_rounds: u32,
    /// Whether failed critiques are tried again.
    pub rerun_failures: bool,
    /// Most critiques in one command, a file.
    pub limit: Option<u64>,
}

/// Who criticises whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CritiqueMode {
    /// Every critic but the questioner reviews the questioner's own answer.
    Contradictor,
    /// The questioner reviews every other model's answer.
    Evaluator,
    /// Every answerer reviews its own answer.
    All,
    /// As [`CritiqueSettings::custom`] says.
    Custom,
}

impl CritiqueMode {
    /// All four.
    pub const ALL: [CritiqueMode; 4] = [
        CritiqueMode::Contradictor,
        CritiqueMode::Evaluator,
        CritiqueMode::All,
        CritiqueMode::Custom,
    ];

    /// The word in configurations and paths.
    pub fn as_str(self) -> &'static str {
        match self {
            CritiqueMode::Contradictor => "contradictor",
            CritiqueMode::Evaluator => "evaluator",
            CritiqueMode::All => "all",
            CritiqueMode::Custom => "custom",
        }
    }
}

/// Who criticises whose answer to whose questions, by slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomCritique {
    /// The questioner.
    pub questioner: String,
    /// The answerer; the questioner for its own answers.
    pub answerer: String,
    /// The critic.
    pub critic: String,
}

/// What makes a critique succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A verdict that can be read, whatever the check says.
    Verdict,
    /// Also a passed check of the last try.
    SelfCheck,
}

/// The stage of debates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebateSettings {
    /// Rounds, of two messages each.
    pub rounds: u32,
    /// Whether a concession ends the debate.
    pub allow_concede: bool,
    /// Most characters of the transcript that a debater or judge is shown; the oldest messages are left out first.
    pub transcript_chars: usize,
    /// Most debates in one command.
    pub limit: Option<u64>,
}

/// The stage of judgments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the configuration"
)]
pub struct JudgeSettings {
    /// Whether claims without a debate are judged.
    pub allow_no_debate: bool,
    /// Whether critiques that find nothing wrong are judged too.
    pub force_correct_critiques: bool,
    /// Whether a judgment without a confidence from 1 to 5 is none.
    pub confidence: Confidence,
    /// Whether a failed judgment is asked for again by the next command.
    pub retry_failed: bool,
    /// Whether judgments that exist are made anew.
    pub overwrite: bool,
    /// Most judgments in one command, a judge.
    pub limit: Option<u64>,
}

/// Whether a judge must say how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// A judgment without it, or with one out of range, is unreadable.
    Required,
    /// It may be missing; one out of range is left out.
    Optional,
}

/// Claims of known truth, which stand outside the arena's folders and never reach a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlSettings {
    /// Claims of a fault that is there, which the claimant should win.
    pub planted_faults: u32,
    /// Claims of a fault that is not there, which the defender should win.
    pub planted_correct: u32,
}

impl Settings {
    /// The models with a role, in order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(move |model| model.has(role))
    }

    /// The model of a slug.
    pub fn model(&self, slug: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.slug == slug)
    }

    /// The topic of a run, with its slug for a name where no topic is known.
    pub fn topic(&self, run: &Run) -> Topic {
        let known = self.topics.get(&run.topic).cloned();
        known.unwrap_or_else(|| Topic {
            slug: run.topic.clone(),
            name: run.topic.replace('_', " "),
        })
    }
}

/// The parameters that a model's reasoning adds to the request body.
pub(crate) fn reasoning_extra(extra: &mut Object, reasoning: Reasoning) {
    if !extra.contains_key("reasoning_effort") {
        extra.insert("reasoning_effort", reasoning.as_str());
    }
}
