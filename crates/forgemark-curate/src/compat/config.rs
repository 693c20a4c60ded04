//! What the original's export can be asked for.

use forgemark_contract::json::Json;
use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;

use crate::select::{Filter, Visibility};

/// The shape of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Conversations to imitate.
    #[default]
    Sft,
    /// Preferred and other answers.
    Preference,
    /// A prompt with rewarded answers.
    Rollout,
}

impl Task {
    /// All tasks.
    pub const ALL: [Task; 3] = [Task::Sft, Task::Preference, Task::Rollout];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Task::Sft => "sft",
            Task::Preference => "preference",
            Task::Rollout => "rollout",
        }
    }

    /// The task of a word; case matters.
    pub fn of_word(word: &str) -> Option<Self> {
        Task::ALL.into_iter().find(|task| task.word() == word)
    }
}

/// The shape of a preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The best and the worst answer.
    #[default]
    Paired,
    /// One answer with a label.
    Unpaired,
    /// All answers in order.
    Ranked,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 3] = [Form::Paired, Form::Unpaired, Form::Ranked];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Form::Paired => "paired",
            Form::Unpaired => "unpaired",
            Form::Ranked => "ranked",
        }
    }

    /// The form of a word; case matters.
    pub fn of_word(word: &str) -> Option<Self> {
        Form::ALL.into_iter().find(|form| form.word() == word)
    }
}

/// What makes records one example.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Every record alone.
    None,
    /// The session.
    #[default]
    SessionId,
    /// The run.
    RunId,
    /// The tenant.
    Tenant,
    /// The source.
    Source,
    /// The bot.
    BotId,
    /// The external id up to the first of these delimiters.
    ExternalIdPrefix(String),
}

const PREFIX: &str = "external_id_prefix:";

impl GroupBy {
    /// The text of the contract.
    pub fn label(&self) -> String {
        let word = match self {
            GroupBy::None => "none",
            GroupBy::SessionId => "session_id",
            GroupBy::RunId => "run_id",
            GroupBy::Tenant => "tenant",
            GroupBy::Source => "source",
            GroupBy::BotId => "bot_id",
            GroupBy::ExternalIdPrefix(delimiter) => return format!("{PREFIX}{delimiter}"),
        };
        word.to_owned()
    }

    /// The grouping of a text of the contract.
    pub fn of_label(label: &str) -> Option<Self> {
        if let Some(delimiter) = label.strip_prefix(PREFIX) {
            return Some(GroupBy::ExternalIdPrefix(delimiter.to_owned()));
        }
        let known = [
            GroupBy::None,
            GroupBy::SessionId,
            GroupBy::RunId,
            GroupBy::Tenant,
            GroupBy::Source,
            GroupBy::BotId,
        ];
        known.into_iter().find(|group_by| group_by.label() == label)
    }

    /// The key of a record; one that lacks the field is alone, under a key made of its id.
    pub(super) fn key(&self, record: &ContextRecord) -> String {
        let value = match self {
            GroupBy::None => None,
            GroupBy::SessionId => record.session_id.as_deref(),
            GroupBy::RunId => Some(record.run_id.as_str()),
            GroupBy::Tenant => record.tenant.as_deref(),
            GroupBy::Source => record.source.as_deref(),
            GroupBy::BotId => record.bot_id.as_deref(),
            GroupBy::ExternalIdPrefix(delimiter) => record.external_id.as_deref().map(|id| {
                id.split_once(delimiter.as_str())
                    .map_or(id, |(prefix, _)| prefix)
            }),
        };
        value.map_or_else(|| format!("__rec__{}", record.id), str::to_owned)
    }
}

/// How records are divided into a train and an eval side.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The expected share of keys on the eval side, 0 to 1.
    pub eval_fraction: f64,
    /// What stays together.
    pub by: GroupBy,
    /// Another seed, another division.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Split {
            eval_fraction: 0.1,
            by: GroupBy::SessionId,
            seed: 0,
        }
    }
}

/// What to export.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The shape of the lines.
    pub task: Task,
    /// What makes records one example.
    pub group_by: GroupBy,
    /// The shape of a preference; only with [`Task::Preference`].
    pub form: Form,
    /// Which records are listed.
    pub filter: Filter,
    /// Which lifecycles are listed.
    pub visibility: Visibility,
    /// Cosine distance up to which a later record counts as a duplicate.
    pub dedup_threshold: Option<f32>,
    /// Vectors that no exported record may be near.
    pub decontaminate_against: Vec<Vec<f32>>,
    /// Cosine distance up to which a record counts as near one of them.
    pub decontaminate_threshold: Option<f32>,
    /// Records with a reward below this are dropped; those without a reward stay.
    pub min_reward: Option<f64>,
    /// What the manifest says of the filters.
    pub filters_summary: Option<Json>,
    /// Whether to write two sides.
    pub split: Option<Split>,
    /// Whether to write statistics.
    pub emit_stats: bool,
}

impl Config {
    /// The original's defaults, with lifetimes judged at `reference_time`.
    pub fn at(reference_time: Timestamp) -> Self {
        Config {
            task: Task::Sft,
            group_by: GroupBy::SessionId,
            form: Form::Paired,
            filter: Filter::none(),
            visibility: Visibility::at(reference_time),
            dedup_threshold: None,
            decontaminate_against: Vec::new(),
            decontaminate_threshold: None,
            min_reward: None,
            filters_summary: None,
            split: None,
            emit_stats: false,
        }
    }
}
