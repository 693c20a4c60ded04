//! What a cut of the default profile is made by.

use crate::error::{CurateError, Result};
use crate::redact::Kind;
use crate::select::{Filter, Path, Visibility};
use crate::similar::text::Proposals;
use crate::tokens::TokenRule;

/// What to make, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The shape of the examples.
    pub task: Task,
    /// What is kept or dropped together.
    pub unit: Unit,
    /// The values that make records one group; records that lack one of them are alone.
    pub group_by: Vec<Path>,
    /// In which order units are looked at: the first of several duplicates stays.
    pub order: Order,
    /// Which lifecycles are seen.
    pub visibility: Visibility,
    /// Which records are seen.
    pub filter: Filter,
    /// Roles whose texts and vectors stand for a unit in the stages; with none, all but `system`.
    pub scope: Vec<String>,
    /// Smallest reward.
    pub reward: Option<RewardRule>,
    /// Whether units of one wording (normal form) are duplicates.
    pub exact: bool,
    /// Near duplicates by wording.
    pub near: Option<NearRule>,
    /// Near duplicates by meaning.
    pub semantic: Option<SemanticRule>,
    /// What must not be trained on.
    pub holdout: Option<HoldoutRule>,
    /// Secrets and personal data.
    pub redact: Option<RedactRule>,
    /// Which languages a unit may be in.
    pub language: Option<LanguageRule>,
    /// How long a unit may be.
    pub length: Option<LengthRule>,
    /// How many tokens a unit may have, all of its messages together.
    pub tokens: Option<TokenRule>,
    /// Which answers of several a conversation goes on with.
    pub answers: Answers,
}

/// The shape of the examples.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Conversations to imitate, one for each branch.
    Sft,
    /// A better and a worse answer to one prompt.
    Pairs(PairRule),
    /// An answer and whether it is good.
    Labels(LabelRule),
    /// All answers to a prompt, best first.
    Ranked,
    /// All answers to a prompt with their rewards.
    Rollout {
        /// Whether prompts whose answers all have one reward are left out: they teach a policy nothing.
        drop_zero_variance: bool,
    },
}

impl Task {
    /// The word for it in manifests.
    pub fn word(&self) -> &'static str {
        match self {
            Task::Sft => "sft",
            Task::Pairs(_) => "pairs",
            Task::Labels(_) => "labels",
            Task::Ranked => "ranked",
            Task::Rollout { .. } => "rollout",
        }
    }
}

/// What is kept or dropped together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Single messages.
    Record,
    /// An answer with what it answers.
    TurnPair,
    /// All messages of a session.
    Conversation,
    /// The messages from the first to a last one.
    Branch,
    /// All answers to one prompt; their prompt stands for them.
    CandidateGroup,
}

impl Unit {
    /// The word for it in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Record => "record",
            Unit::TurnPair => "turn_pair",
            Unit::Conversation => "conversation",
            Unit::Branch => "branch",
            Unit::CandidateGroup => "candidate_group",
        }
    }
}

/// A total order of units; ties are settled by time, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the rows came.
    Given,
    /// By the time and the id of the first record.
    Time,
    /// The highest reward first, units without one last.
    Reward,
    /// The longest text first.
    Length,
}

impl Order {
    /// The word for it in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Order::Given => "given",
            Order::Time => "time",
            Order::Reward => "reward",
            Order::Length => "length",
        }
    }
}

/// What to do where a value is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// The cut fails and names the record.
    Error,
    /// The unit stays.
    Keep,
    /// The unit is dropped.
    Drop,
}

/// Smallest reward of a unit: the highest among its answers for candidate groups, else that of its last rewarded record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RewardRule {
    /// Equality stays.
    pub min: f64,
    /// For units without any.
    pub on_missing: OnMissing,
}

/// Near duplicates by wording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearRule {
    /// Characters of a shingle.
    pub shingle: usize,
    /// Smallest Jaccard index, above 0 and at most 1.
    pub jaccard: f64,
    /// Where candidates come from.
    pub proposals: Proposals,
}

/// Near duplicates by meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SemanticRule {
    /// Largest cosine distance, 0 to 2.
    pub distance: f64,
    /// For units without a usable vector.
    pub on_missing: OnMissing,
    /// Threads to use.
    pub threads: usize,
}

/// What must not be trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldoutRule {
    /// The evaluation items.
    pub items: Vec<HoldoutItem>,
    /// Words of an n-gram; items with fewer are compared as a whole.
    pub n: usize,
    /// Smallest share of an item's n-grams that must occur in a unit, above 0 and at most 1.
    pub share: f64,
    /// Largest cosine distance to an item with a vector.
    pub distance: Option<f64>,
    /// For units without a usable vector, where distances are asked for.
    pub on_missing: OnMissing,
    /// Threads to use.
    pub threads: usize,
}

/// One evaluation item.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldoutItem {
    /// Its name in reports.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Its vector.
    pub vector: Option<Vec<f32>>,
}

/// Secrets and personal data: what is looked for, in every text of a message, before any stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactRule {
    /// What is looked for.
    pub kinds: Vec<Kind>,
    /// What is done with it.
    pub on_find: OnFind,
}

/// What is done with a message in which something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFind {
    /// Each find is replaced by its kind in brackets.
    Replace,
    /// The message is not used; a conversation ends before it.
    Drop,
}

/// Which languages a unit may be in, told from its trigrams and its script.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageRule {
    /// ISO 639-3 codes, such as `eng` and `deu`.
    pub allowed: Vec<String>,
    /// Confidence from which a language is believed, 0 to 1.
    pub confidence: f64,
    /// For units whose language is not believed; short texts often are such.
    pub on_unsure: OnMissing,
}

/// How long a unit may be, in characters and in white-space words; both ends are fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRule {
    /// Fewest characters.
    pub min_characters: usize,
    /// Most characters.
    pub max_characters: usize,
    /// Most words.
    pub max_words: usize,
}

/// Which answers of several a conversation goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Each is a branch.
    All,
    /// Only the best one, by label, rank or reward; where nothing separates them the first.
    Best,
}

/// How pairs are chosen among the answers to one prompt. Answers without a score are not paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRule {
    /// Which pairs.
    pub choose: Choose,
    /// Smallest difference of scores.
    pub margin: f64,
    /// Smallest score of the better answer.
    pub min_chosen: Option<f64>,
    /// What to do when several answers share the best or the worst score.
    pub ties: Ties,
    /// Whether answers of one wording may be a pair.
    pub identical: bool,
}

/// Which pairs of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choose {
    /// The best and the worst.
    BestWorst,
    /// All with different scores.
    All,
    /// This many with the largest difference.
    Top(usize),
}

/// What to do when several answers share a score at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The first of them counts.
    First,
    /// No pair is made with a score that several share.
    Skip,
}

/// When a reward makes an answer good or bad; an explicit label comes first. Rewards between the two make no example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelRule {
    /// Good from here.
    pub good: f64,
    /// Bad up to here.
    pub bad: f64,
}

impl Recipe {
    /// Every visible record of a session in order, nothing dropped: where a recipe begins.
    pub fn new(task: Task, visibility: Visibility) -> Self {
        let unit = match task {
            Task::Sft => Unit::Conversation,
            _ => Unit::CandidateGroup,
        };
        Recipe {
            task,
            unit,
            group_by: vec![Path::column("session_id")],
            order: Order::Time,
            visibility,
            filter: Filter::none(),
            scope: Vec::new(),
            reward: None,
            exact: false,
            near: None,
            semantic: None,
            holdout: None,
            redact: None,
            language: None,
            length: None,
            tokens: None,
            answers: Answers::All,
        }
    }

    /// Whether a stage that looks at single units looks at their texts.
    pub(crate) fn reads_texts_alone(&self) -> bool {
        self.holdout.is_some() || self.language.is_some() || self.length.is_some()
    }

    /// Whether every value can be followed.
    ///
    /// # Errors
    /// [`CurateError::Recipe`] names the first that cannot.
    pub fn check(&self) -> Result<()> {
        let fail = |key, what: String| Err(CurateError::Recipe { key, what });
        if let Some(near) = self.near {
            if !(near.jaccard > 0.0 && near.jaccard <= 1.0) {
                return fail(
                    "near.jaccard",
                    format!("{} is not above 0 and at most 1", near.jaccard),
                );
            }
            if near.shingle == 0 {
                return fail(
                    "near.shingle",
                    "a shingle has at least 1 character".to_owned(),
                );
            }
        }
        if let Some(semantic) = self.semantic
            && !(0.0..=2.0).contains(&semantic.distance)
        {
            return fail(
                "semantic.distance",
                format!("{} is not between 0 and 2", semantic.distance),
            );
        }
        if let Some(holdout) = &self.holdout {
            if !(holdout.share > 0.0 && holdout.share <= 1.0) {
                return fail(
                    "holdout.share",
                    format!("{} is not above 0 and at most 1", holdout.share),
                );
            }
            if holdout.n == 0 {
                return fail("holdout.n", "an n-gram has at least 1 word".to_owned());
            }
            if holdout.items.is_empty() {
                return fail(
                    "holdout.items",
                    "there is nothing to compare with".to_owned(),
                );
            }
        }
        if let Some(language) = &self.language
            && let Some(unknown) = language
                .allowed
                .iter()
                .find(|code| !forgemark_language::is_known(code))
        {
            return fail(
                "language.allowed",
                format!("{unknown} is no ISO 639-3 code of a language that can be told"),
            );
        }
        match &self.task {
            Task::Pairs(rule) if rule.margin.is_nan() || rule.margin < 0.0 => {
                fail("pairs.margin", format!("{} is not 0 or more", rule.margin))
            }
            Task::Labels(rule)
                if rule.good.is_nan() || rule.bad.is_nan() || rule.bad >= rule.good =>
            {
                fail(
                    "labels.bad",
                    format!("{} is not below labels.good, {}", rule.bad, rule.good),
                )
            }
            _ => Ok(()),
        }
    }
}
