//! The stages of the default profile: units in their declared order, each stage optional, each decision explained.
//!
//! ```text
//! rows ─ lifecycle, filter ─ units ─ reward ─ exact ─ near ─ semantic ─ holdout ─ language ─ length ─ decisions
//! ```
//!
//! A later stage sees only what the earlier ones kept. A unit is dropped as a whole or not at all, and nothing is cut out of
//! the middle of a conversation: a turn that only need not be learned (a duplicate, a low reward, a wrong length) stays as
//! context and is not trained on; one that must not be there (held out, contradicted) ends the conversation before it.

mod holdout;
mod units;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use forgemark_contract::json::{WriteJson, Writer};
use forgemark_contract::text::python_lower_collapse;

use crate::error::{CurateError, Result};
use crate::recipe::{OnMissing, Order, Recipe, Unit};
use crate::similar::text::{self, Wording};
use crate::similar::vectors::{self, Scorer, Search};
use crate::tree::{Candidates, Forest, moment};

pub use units::{Item, represent};

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

/// What the stages decided.
#[derive(Debug)]
pub struct Verdict {
    /// For each record of the forest.
    pub fates: Vec<Fate>,
    /// The last records of branches that were dropped as a whole.
    pub dropped_leaves: HashSet<usize>,
    /// One for each unit, in the declared order.
    pub decisions: Vec<Decision>,
    /// Units that were left after each stage that ran.
    pub left: Vec<(&'static str, usize)>,
    /// Pairs of first records that are near duplicates, later first: what was dropped and why it belongs together.
    pub twins: Vec<(usize, usize)>,
}

/// Runs the stages of `recipe` over the units of `forest`.
///
/// # Errors
/// [`CurateError::NoVector`] and [`CurateError::NoReward`] where a value is missing and the rule says so.
pub fn run(forest: &Forest, recipe: &Recipe) -> Result<Verdict> {
    let mut items = units::items(forest, recipe);
    sort(&mut items, forest, recipe.order);
    let mut stages = Stages {
        forest,
        reasons: vec![None; items.len()],
        items,
        left: Vec::new(),
        twins: Vec::new(),
    };
    stages.left.push(("units", stages.items.len()));
    stages.reward(recipe)?;
    stages.exact(recipe);
    stages.near(recipe);
    stages.semantic(recipe)?;
    stages.holdout(recipe)?;
    stages.language(recipe)?;
    stages.length(recipe);
    Ok(stages.verdict(recipe.unit))
}

/// The stages whose finds must not be in a cut, not even as context.
const FORBIDDING: [&str; 1] = ["holdout"];

struct Stages<'f> {
    forest: &'f Forest,
    items: Vec<Item<'f>>,
    reasons: Vec<Option<Reason>>,
    left: Vec<(&'static str, usize)>,
    twins: Vec<(usize, usize)>,
}

impl<'f> Stages<'f> {
    /// The places of units that no stage has dropped.
    fn open(&self) -> Vec<usize> {
        let open = self
            .reasons
            .iter()
            .enumerate()
            .filter(|(_, reason)| reason.is_none());
        open.map(|(place, _)| place).collect()
    }

    fn first_id(&self, item: usize) -> &'f str {
        self.items[item]
            .records
            .first()
            .map_or("", |record| &self.forest.records[*record].id)
    }

    fn close(&mut self, stage: &'static str) {
        let left = self
            .reasons
            .iter()
            .filter(|reason| reason.is_none())
            .count();
        self.left.push((stage, left));
    }

    fn reward(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(rule) = recipe.reward else {
            return Ok(());
        };
        for item in self.open() {
            self.reasons[item] = match (self.items[item].reward, rule.on_missing) {
                (Some(reward), _) if reward >= rule.min => None,
                (Some(reward), _) => {
                    Some(Reason::new("reward", format!("below {}", rule.min)).scored(reward))
                }
                (None, OnMissing::Keep) => None,
                (None, OnMissing::Drop) => Some(Reason::new("reward", "no reward")),
                (None, OnMissing::Error) => {
                    return Err(CurateError::NoReward {
                        record: self.first_id(item).to_owned(),
                    });
                }
            };
        }
        self.close("reward");
        Ok(())
    }

    fn exact(&mut self, recipe: &Recipe) {
        if !recipe.exact {
            return;
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        for item in self.open() {
            let normal = python_lower_collapse(&self.items[item].text);
            if normal.is_empty() {
                continue;
            }
            if let Some(first) = seen.get(&normal).copied() {
                let reason = Reason::new("exact", "the same wording").by(self.first_id(first), 1.0);
                self.drop_for(item, first, reason);
            } else {
                seen.insert(normal, item);
            }
        }
        self.close("exact");
    }

    fn drop_for(&mut self, item: usize, keeper: usize, reason: Reason) {
        if let (Some(later), Some(first)) = (
            self.items[item].records.first(),
            self.items[keeper].records.first(),
        ) {
            self.twins.push((*later, *first));
        }
        self.reasons[item] = Some(reason);
    }

    fn near(&mut self, recipe: &Recipe) {
        let Some(rule) = recipe.near else { return };
        let open = self.open();
        let texts: Vec<&str> = open
            .iter()
            .map(|item| self.items[*item].text.as_str())
            .collect();
        let wording = Wording {
            shingle: rule.shingle,
            jaccard: rule.jaccard,
            proposals: rule.proposals,
        };
        let keepers = text::first_kept_wins(&texts, &wording);
        for (item, near) in open.iter().zip(keepers) {
            if let Some(near) = near {
                let keeper = open[near.row];
                let reason = Reason::new("near", "nearly the same wording")
                    .by(self.first_id(keeper), near.jaccard);
                self.drop_for(*item, keeper, reason);
            }
        }
        self.close("near");
    }

    fn semantic(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(rule) = recipe.semantic else {
            return Ok(());
        };
        let open = self.with_vectors("semantic", rule.on_missing)?;
        let rows: Vec<Option<&[f32]>> = open
            .iter()
            .map(|item| self.items[*item].vector.as_deref())
            .collect();
        let search = Search {
            distance: rule.distance,
            scorer: Scorer::Double,
            threads: rule.threads,
        };
        let keepers = vectors::first_kept_wins(&rows, &search).keeper;
        for (item, near) in open.iter().zip(keepers) {
            if let Some(near) = near {
                let keeper = open[near.row];
                let reason = Reason::new("semantic", "nearly the same meaning")
                    .by(self.first_id(keeper), near.distance);
                self.drop_for(*item, keeper, reason);
            }
        }
        self.close("semantic");
        Ok(())
    }

    /// The open units that have a usable vector; of the others as the rule says.
    fn with_vectors(&mut self, stage: &'static str, on_missing: OnMissing) -> Result<Vec<usize>> {
        let mut usable = Vec::new();
        for item in self.open() {
            match (
                vectors::unusable(self.items[item].vector.as_deref()),
                on_missing,
            ) {
                (None, _) => usable.push(item),
                (Some(_), OnMissing::Keep) => {}
                (Some(why), OnMissing::Drop) => {
                    self.reasons[item] =
                        Some(Reason::new(stage, format!("no usable vector: {why}")));
                }
                (Some(why), OnMissing::Error) => {
                    return Err(CurateError::NoVector {
                        stage,
                        record: self.first_id(item).to_owned(),
                        why,
                    });
                }
            }
        }
        Ok(usable)
    }

    fn holdout(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(rule) = &recipe.holdout else {
            return Ok(());
        };
        let grams = holdout::Grams::new(&rule.items, rule.n, rule.share);
        for item in self.open() {
            if let Some(found) = grams.find(&self.items[item].text) {
                let mut reason = Reason::new("holdout", "it repeats an evaluation item")
                    .by(&rule.items[found.item].id, found.share);
                reason.span = Some(found.span);
                self.reasons[item] = Some(reason);
            }
        }
        if let Some(distance) = rule.distance {
            let open = self.with_vectors("holdout", rule.on_missing)?;
            let rows: Vec<Option<&[f32]>> = open
                .iter()
                .map(|item| self.items[*item].vector.as_deref())
                .collect();
            let held: Vec<Option<&[f32]>> = rule
                .items
                .iter()
                .map(|item| item.vector.as_deref())
                .collect();
            let search = Search {
                distance,
                scorer: Scorer::Double,
                threads: rule.threads,
            };
            let matches = vectors::first_matches(&rows, &held, &search);
            for (item, near) in open.iter().zip(matches) {
                if let Some(near) = near {
                    let reason =
                        Reason::new("holdout", "it means nearly what an evaluation item means");
                    self.reasons[*item] = Some(reason.by(&rule.items[near.row].id, near.distance));
                }
            }
        }
        self.close("holdout");
        Ok(())
    }

    fn language(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(rule) = &recipe.language else {
            return Ok(());
        };
        for item in self.open() {
            let told = whatlang::detect(&self.items[item].text)
                .filter(|info| info.confidence() >= rule.confidence);
            self.reasons[item] = match (told, rule.on_unsure) {
                (Some(info), _) if rule.allowed.iter().any(|code| code == info.lang().code()) => {
                    None
                }
                (Some(info), _) => {
                    Some(Reason::new("language", info.lang().code()).scored(info.confidence()))
                }
                (None, OnMissing::Keep) => None,
                (None, OnMissing::Drop) => Some(Reason::new("language", "it cannot be told")),
                (None, OnMissing::Error) => {
                    return Err(CurateError::NoLanguage {
                        record: self.first_id(item).to_owned(),
                    });
                }
            };
        }
        self.close("language");
        Ok(())
    }

    fn length(&mut self, recipe: &Recipe) {
        let Some(rule) = recipe.length else { return };
        for item in self.open() {
            let text = &self.items[item].text;
            let (characters, words) = (text.chars().count(), text.split_whitespace().count());
            let why = if characters < rule.min_characters {
                Some((
                    format!("fewer than {} characters", rule.min_characters),
                    characters,
                ))
            } else if characters > rule.max_characters {
                Some((
                    format!("more than {} characters", rule.max_characters),
                    characters,
                ))
            } else if words > rule.max_words {
                Some((format!("more than {} words", rule.max_words), words))
            } else {
                None
            };
            self.reasons[item] = why.map(|(why, n)| Reason::new("length", why).scored(n as f64));
        }
        self.close("length");
    }

    fn verdict(self, unit: Unit) -> Verdict {
        let mut fates = vec![Fate::Train; self.forest.records.len()];
        let mut dropped_leaves = HashSet::new();
        let mut decisions = Vec::with_capacity(self.items.len());
        for (item, reason) in self.items.into_iter().zip(self.reasons) {
            if let Some(reason) = &reason {
                let forbidden = FORBIDDING.contains(&reason.stage);
                if unit == Unit::Branch && !forbidden {
                    dropped_leaves.extend(item.records.last());
                } else {
                    // All of what is forbidden is gone; of what need not be learned only what the unit owns.
                    let (records, fate) = if forbidden {
                        (&item.records, Fate::Gone)
                    } else if matches!(unit, Unit::Conversation | Unit::CandidateGroup) {
                        (&item.owned, Fate::Gone)
                    } else {
                        (&item.owned, Fate::Context)
                    };
                    for record in records {
                        fates[*record] = fates[*record].max(fate);
                    }
                }
            }
            let ids = item
                .records
                .iter()
                .map(|record| self.forest.records[*record].id.clone());
            decisions.push(Decision {
                unit: unit.word(),
                records: ids.collect(),
                dropped: reason,
            });
        }
        Verdict {
            fates,
            dropped_leaves,
            decisions,
            left: self.left,
            twins: self.twins,
        }
    }
}

fn sort(items: &mut [Item<'_>], forest: &Forest, order: Order) {
    let first = |item: &Item<'_>| {
        item.records
            .first()
            .map(|record| moment(&forest.records[*record]))
    };
    match order {
        Order::Given => items.sort_by_key(|item| item.records.iter().min().copied()),
        Order::Time => items.sort_by_cached_key(first),
        Order::Reward => {
            items.sort_by_cached_key(first);
            let reward = |item: &Item<'_>| item.reward.unwrap_or(f64::NEG_INFINITY);
            items.sort_by(|a, b| reward(b).total_cmp(&reward(a)));
        }
        Order::Length => {
            items.sort_by_cached_key(first);
            items.sort_by_cached_key(|item| std::cmp::Reverse(item.text.chars().count()));
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
