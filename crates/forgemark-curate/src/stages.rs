//! The stages of the default profile: units in their declared order, each stage optional, each decision explained.
//!
//! ```text
//! rows ─ lifecycle, filter ─ units ─ reward ─ exact ─ near ─ semantic ─ holdout ─ language ─ length ─ decisions
//! ```
//!
//! A later stage sees only what the earlier ones kept. Those from exact to semantic compare units with each other (`among`); the
//! others look at one unit at a time (`alone`). A unit is dropped as a whole or not at all, and nothing is cut out of
//! the middle of a conversation: a turn that only need not be learned (a duplicate, a low reward, a wrong length) stays as
//! context and is not trained on; one that must not be there (held out, contradicted) ends the conversation before it.

mod alone;
mod among;
mod holdout;
mod order;
mod units;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use forgemark_contract::json::{WriteJson, Writer};
use sha2::{Digest, Sha256};

use crate::recipe::{Recipe, Unit};
use crate::tree::{Candidates, Forest};

pub(crate) use alone::Alone;
pub(crate) use among::{Among, Answers, Found, Gather, first_id};
pub(crate) use holdout::Grams;
pub(crate) use order::{Prior, place};
pub use units::{Item, represent};
pub(crate) use units::{Wanted, items};

/// The stages in their order.
pub(crate) const STAGES: [&str; 8] = [
    "reward", "exact", "near", "semantic", "holdout", "language", "length", "tokens",
];

/// Whether a stage of [`STAGES`] runs.
pub(crate) fn runs(recipe: &Recipe, stage: &str) -> bool {
    match stage {
        "reward" => recipe.reward.is_some(),
        "exact" => recipe.exact,
        "near" => recipe.near.is_some(),
        "semantic" => recipe.semantic.is_some(),
        "holdout" => recipe.holdout.is_some(),
        "language" => recipe.language.is_some(),
        "length" => recipe.length.is_some(),
        "tokens" => recipe.tokens.is_some(),
        _ => false,
    }
}

/// The first half of a SHA-256: what stands for a text that is only compared. Nobody knows two texts of one fingerprint.
pub(crate) fn fingerprint(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    digest[..16]
        .iter()
        .fold(0, |all, byte| all << 8 | u128::from(*byte))
}

/// What became of a unit, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What was decided on.
    pub unit: &'static str,
    /// The records that it is about.
    pub records: Vec<String>,
    /// Why it was dropped; `None` when it stays.
    pub dropped: Option<Reason>,
}

/// Why a unit was dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The stage.
    pub stage: &'static str,
    /// What it found, as a fragment.
    pub why: String,
    /// The first record of the unit that it gives way to, or the evaluation item that it repeats.
    pub by: Option<String>,
    /// The reward, distance, index or share that decided.
    pub score: Option<f64>,
    /// The words that it shares with an evaluation item.
    pub span: Option<String>,
}

impl Reason {
    pub(crate) fn new(stage: &'static str, why: impl Into<String>) -> Self {
        Reason {
            stage,
            why: why.into(),
            by: None,
            score: None,
            span: None,
        }
    }

    fn by(self, by: &str, score: f64) -> Self {
        Reason {
            by: Some(by.to_owned()),
            score: Some(score),
            ..self
        }
    }

    fn scored(self, score: f64) -> Self {
        Reason {
            score: Some(score),
            ..self
        }
    }
}

impl WriteJson for Decision {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.field("unit", self.unit);
        w.field("records", &self.records);
        w.field("kept", &self.dropped.is_none());
        if let Some(reason) = &self.dropped {
            w.field("stage", reason.stage);
            w.field("why", &reason.why);
            if let Some(by) = &reason.by {
                w.field("by", by);
            }
            if let Some(score) = &reason.score {
                w.field("score", score);
            }
            if let Some(span) = &reason.span {
                w.field("span", span);
            }
        }
        w.end_object();
    }
}

/// What may be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Fate {
    /// Anything.
    #[default]
    Train,
    /// It may stand before something that is trained on.
    Context,
    /// It may not be in a cut.
    Gone,
}

/// What the stages decided on the records of some groups.
#[derive(Debug)]
pub struct Verdict {
    /// For each record of the forest.
    pub fates: Vec<Fate>,
    /// The last records of branches that were dropped as a whole.
    pub dropped_leaves: HashSet<usize>,
}

/// The stages whose finds must not be in a cut, not even as context.
const FORBIDDING: [&str; 1] = ["holdout"];

impl Verdict {
    /// Everything of `forest` may be trained on.
    pub(crate) fn new(forest: &Forest) -> Self {
        Verdict {
            fates: vec![Fate::Train; forest.records.len()],
            dropped_leaves: HashSet::new(),
        }
    }

    /// Drops a unit.
    pub(crate) fn drop(&mut self, unit: Unit, item: &Item<'_>, reason: &Reason) {
        let forbidden = FORBIDDING.contains(&reason.stage);
        if unit == Unit::Branch && !forbidden {
            self.dropped_leaves.extend(item.records.last());
            return;
        }
        // All of what is forbidden is gone; of what need not be learned only what the unit owns.
        let (records, fate) = if forbidden {
            (&item.records, Fate::Gone)
        } else if matches!(unit, Unit::Conversation | Unit::CandidateGroup) {
            (&item.owned, Fate::Gone)
        } else {
            (&item.owned, Fate::Context)
        };
        for record in records {
            self.fates[*record] = self.fates[*record].max(fate);
        }
    }
}

/// The sets of answers whose records may be trained on.
pub(crate) fn open_candidates(
    forest: &Forest,
    verdict: &Verdict,
    group: &crate::tree::Group,
) -> Vec<Candidates> {
    let is_gone = |record: &usize| verdict.fates[*record] == Fate::Gone;
    let mut sets = forest.candidates(group);
    for set in &mut sets {
        set.answers.retain(|answer| {
            !answer.iter().any(is_gone)
                && answer
                    .first()
                    .is_some_and(|first| verdict.fates[*first] == Fate::Train)
        });
    }
    sets.retain(|set| !set.answers.is_empty() && !set.prompt.iter().any(is_gone));
    sets
}
