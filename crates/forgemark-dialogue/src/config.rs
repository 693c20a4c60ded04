//! The typed configuration of a dialogue run.
//!
//! [`KEYS`] is the one table of keys, defaults, environment names and documentation; the layering
//! of file, environment and flags happens above this crate. [`Config::new`] turns the resolved
//! values into types and finds the conflicts between keys.

mod bundle;
mod keys;
mod panel;
mod personas;
mod read;
mod seeds;
mod services;

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json::{Json, Object};

pub use bundle::BundleSettings;
pub use keys::{ENV_IMPLIES, KEYS};
pub use panel::Aggregate;
pub use personas::{Persona, Personas};
pub use seeds::{SeedError, SeedFile, SeedTopics};
pub use services::{
    EMBEDDINGS, Embeddings, Place, RERANK, Reranker, Service, Services, WEB_SEARCH, WebSearch,
};

use crate::question::Matching;

pub use forgemark_model::settings::{
    BatchSettings, BudgetSettings, EndpointSettings, LimitSettings, PriceSettings, RoleSettings,
};

/// Distribution of the number of turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnDistribution {
    /// Every number equally often.
    Uniform,
    /// Poisson around the mean, clamped.
    Poisson,
    /// Exponential with the mean, clamped.
    Exponential,
}

/// Number of turns a conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turns {
    /// Fewest turns, at least 1.
    pub min: u32,
    /// Most turns, at least `min`.
    pub max: u32,
    /// How the number is drawn.
    pub distribution: TurnDistribution,
    /// Mean before clamping; `None` is the middle of the range.
    pub mean: Option<f64>,
}

/// What happens when there is no unused passage left for a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhaustion {
    /// Passages are offered again, the prompt asks for another angle, the row says so.
    Reuse,
    /// As `Reuse`, with a warning when the run is planned.
    Warn,
    /// No conversation is begun on used material; the run ends short of its total.
    Stop,
}

/// How fresh passages are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coverage {
    /// Documents are covered evenly for their size.
    Balanced,
    /// Any passage, shuffled.
    Off,
    /// The original's formula (least covered share of the documents, or any with probability
    /// epsilon), over the committed coverage.
    Compat {
        /// Probability of drawing from all documents, in [0, 1].
        epsilon: f64,
        /// Share of the documents that counts as least covered, in [0.05, 1].
        fraction: f64,
    },
}

/// When judges are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judging {
    /// Never in this run.
    Off,
    /// After every turn.
    Turn,
    /// Once at the end of a conversation.
    Conversation,
}

/// What a conversation must reach to count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accept {
    /// Lowest mean judge score, in [0, 10].
    pub min_score: Option<f64>,
    /// Lowest mean support score, in [0, 1].
    pub min_support: Option<f64>,
}

impl Accept {
    /// Whether anything is asked for.
    pub fn is_set(self) -> bool {
        self.min_score.is_some() || self.min_support.is_some()
    }
}

/// Which keys the artifacts carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The contract's keys and ours under `forgemark`; only good conversations in the exports.
    Forgemark,
    /// The contract's keys only, identifiers and exports as the original writes them.
    Compat,
}

/// A dialogue run, all values checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `run.run_id`, empty for automatic.
    pub run_id: String,
    /// `run.resume_run_id`, empty for none.
    pub resume_run_id: String,
    /// Conversations a wave, at least 1.
    pub batch_size: u64,
    /// Language labels, without repeats.
    pub languages: Vec<String>,
    /// Good conversations wanted, a language.
    pub quotas: Vec<u64>,
    /// Seed of all random choices.
    pub seed: u64,
    /// Conversations at the same time.
    pub concurrency: usize,
    /// Conversations between admission and commit.
    pub lookahead: usize,
    /// The run question of `run.data.seeding.question`, may be empty.
    pub question: String,
    /// Turns a conversation.
    pub turns: Turns,
    /// Seed topics: path, variant, probability; `None` when off.
    pub seed_topics: Option<(String, String, f64)>,
    /// The three roles: user, assistant, judge.
    pub user: RoleSettings,
    /// The answering side.
    pub assistant: RoleSettings,
    /// The judge.
    pub judge: RoleSettings,
    /// Endpoint pool shared by roles that name no base URL of their own.
    pub endpoints: Vec<EndpointSettings>,
    /// File with certificates of authorities that are trusted beside the machine's own, as configured.
    pub ca_file: Option<PathBuf>,
    /// How calls go as batches.
    pub batch: BatchSettings,
    /// Prices by model name.
    pub prices: BTreeMap<String, PriceSettings>,
    /// Limits of endpoints.
    pub limits: LimitSettings,
    /// Good conversations of this command after which it stops, resumable.
    pub limit: Option<u64>,
    /// Tokens, of prompts and replies, at which a conversation is dropped instead of asking on.
    pub max_conversation_tokens: Option<u64>,
    /// Spending limits of the run.
    pub budget: BudgetSettings,
    /// How fresh passages are chosen.
    pub coverage: Coverage,
    /// What happens without unused passages.
    pub exhaustion: Exhaustion,
    /// Further attempts at a question after a duplicate.
    pub dedup_retries: u32,
    /// When two questions are the same.
    pub matching: Matching,
    /// Services beside the models.
    pub services: Services,
    /// Passages a search returns.
    pub top_k: usize,
    /// Characters of a chunk.
    pub chunk_size: usize,
    /// Characters that neighbouring chunks share.
    pub chunk_overlap: usize,
    /// Folder of the documents, as configured.
    pub documents: PathBuf,
    /// Folder of the index, as configured.
    pub index_dir: PathBuf,
    /// Build the index anew.
    pub rebuild: bool,
    /// Largest document, bytes.
    pub max_document_bytes: u64,
    /// Wall-clock limit of a PDF, seconds.
    pub pdf_timeout_s: u64,
    /// Memory limit of a PDF, bytes.
    pub pdf_memory_bytes: u64,
    /// Persona file; `None` when personas are off. The built-in set when the text is empty.
    pub personas: Option<String>,
    /// When judges are asked.
    pub judging: Judging,
    /// What is judged at a time where conversations are judged later: [`Judging::Turn`] or [`Judging::Conversation`].
    pub granularity: Judging,
    /// The judges that judge later in place of [`Config::judge`]; empty for that one.
    pub panel: Vec<RoleSettings>,
    /// How often each judge is asked later, at least 1.
    pub repeats: u32,
    /// How several judgements become a score.
    pub aggregate: Aggregate,
    /// Reasons that a judge may give.
    pub judge_reasons: Vec<String>,
    /// What a conversation must reach to count.
    pub accept: Accept,
    /// Tool rounds a turn.
    pub max_tool_rounds: u32,
    /// Where artifacts go, as configured.
    pub output_dir: PathBuf,
    /// Column names of the `ShareGPT` files.
    pub columns: Columns,
    /// Which keys the artifacts carry.
    pub profile: Profile,
    /// What a bundle holds.
    pub bundle: BundleSettings,
    /// Folder of prompt overrides.
    pub prompts: Option<PathBuf>,
}

impl Config {
    /// The judges that judge later: the panel, or the one judge without one.
    pub fn judges(&self) -> Vec<&RoleSettings> {
        if self.panel.is_empty() {
            vec![&self.judge]
        } else {
            self.panel.iter().collect()
        }
    }

    /// What makes two runs the same run, part by part, so that a refusal can name the part. The
    /// totals, the physical limits and everything about endpoints but the models' names are
    /// absent, because they may change between two starts of one run.
    pub fn identity(&self) -> Vec<(&'static str, Json)> {
        let role = |settings: &RoleSettings| {
            Json::object([
                ("model", Json::from(settings.agent_name())),
                ("temperature", Json::from(settings.temperature)),
                ("max_tokens", Json::from(settings.max_tokens)),
                ("top_p", Json::from(settings.top_p)),
                ("extra", Json::Object(settings.extra.clone())),
            ])
        };
        let list = |names: &[String]| {
            Json::Array(names.iter().map(|name| Json::from(name.as_str())).collect())
        };
        let mut identity = vec![
            ("run.batch_size", Json::from(self.batch_size)),
            ("run.target_languages", list(&self.languages)),
            ("run.seed", Json::from(self.seed)),
            ("run.lookahead", Json::from(self.lookahead)),
            ("run.turns", Json::from(format!("{:?}", self.turns))),
            (
                "run.data.seeding",
                Json::from(format!("{:?} {:?}", self.question, self.seed_topics)),
            ),
            ("llm.agents.user", role(&self.user)),
            ("llm.agents.assistant", role(&self.assistant)),
            (
                "llm.agents.judge",
                if self.judging == Judging::Off {
                    Json::Null
                } else {
                    role(&self.judge)
                },
            ),
            (
                "coverage",
                Json::from(format!(
                    "{:?} {:?} {}",
                    self.coverage, self.exhaustion, self.dedup_retries
                )),
            ),
            (
                "dedup",
                Json::from(format!("Matching {{ near: {:?} }}", self.matching.near)),
            ),
            (
                "tools",
                Json::from(format!(
                    "{} {} {} {}",
                    self.top_k, self.chunk_size, self.chunk_overlap, self.max_tool_rounds
                )),
            ),
            (
                "judge",
                Json::from(format!("{:?} {:?}", self.judging, self.accept)),
            ),
            ("judge.reasons", list(&self.judge_reasons)),
            ("saving.profile", Json::from(format!("{:?}", self.profile))),
            (
                "saving.output_columns",
                self.columns
                    .iter()
                    .map(|(column, name)| (column.to_owned(), Json::from(name)))
                    .collect::<Object>()
                    .into(),
            ),
        ];
        // Named only where it is set, so that plans without it keep their identity.
        if let Some(most) = self.max_conversation_tokens {
            identity.push(("run.budget.max_tokens_per_conversation", Json::from(most)));
        }
        if let Some(cosine) = self.matching.cosine {
            identity.push(("dedup.near.cosine", Json::from(cosine)));
        }
        identity.extend(self.services.identity());
        identity
    }
}
