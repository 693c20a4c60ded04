//! How far judges agree with one another and with people.

use std::collections::BTreeMap;

use forgemark_contract::arena::ClaimKey;
use forgemark_stats::rating::Labelled;
use forgemark_stats::{Alpha, Kappa, PairAgreement, Vote, alpha, cohen_kappa, pairwise};

use super::Share;
use crate::adjudicate::{Adjudicator, Outcome, Verdict};
use crate::graph::Name;
use crate::policy::{Quorum, Rule, Unanimity};

/// Agreement on the claims of an arena that something makes; failed decisions do not count.
#[derive(Debug)]
pub struct Agreement {
    /// Krippendorff's alpha of the judges, for each scope and level.
    pub alphas: Vec<AlphaOf>,
    /// The judges by name, in the order of the numbers in `pairs`.
    pub judges: Vec<(String, JudgeStats)>,
    /// How often two judges take the same side, over all attempts.
    pub pairs: Vec<PairAgreement>,
    /// The panel beside people.
    pub panel: Panel,
}

/// One alpha.
#[derive(Debug)]
pub struct AlphaOf {
    /// Whether only live questions count.
    pub live: bool,
    /// Whether words are compared, in place of sides.
    pub words: bool,
    /// The alpha; `None` where it is not defined.
    pub alpha: Option<Alpha>,
}

/// One judge, over all attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JudgeStats {
    /// Decisions that failed, of all.
    pub failed: Share,
    /// Decisions for the claimant, of those that take a side.
    pub claimant: Share,
    /// Decisions on the side of most of the other judges, where these have one.
    pub with_others: Share,
    /// Decisions on the side that people agree on.
    pub with_people: Share,
}

/// The panel where all its judges take one side, beside people where they agree on one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Panel {
    /// Counts of both.
    pub labelled: Labelled,
    /// Cohen's kappa of the two.
    pub kappa: Option<Kappa>,
    /// People's side and the verdict of most judges, on the claims where the panel is not unanimous.
    pub contested: Share,
}

impl Agreement {
    pub(super) fn new(adjudicator: &Adjudicator<'_>, resamples: u32, seed: u64) -> Self {
        let docket = adjudicator.docket;
        let mut judges: Vec<Name> = docket.graph.judges().iter().copied().collect();
        judges.sort_unstable_by_key(|judge| docket.graph.text(*judge));
        let numbers: BTreeMap<Name, u32> = judges.iter().copied().zip(0..).collect();
        let votes = |live: bool, value: &dyn Fn(Verdict) -> Option<u32>| -> Vec<Vote> {
            let mut votes = Vec::new();
            for (unit, key) in docket.claims.iter().enumerate() {
                if live && !docket.graph.is_live(&key.answer.question) {
                    continue;
                }
                for (judge, verdict) in docket.cases.get(key).into_iter().flat_map(|c| &c.judges) {
                    if let Some(value) = value(*verdict) {
                        let (unit, rater) = (unit as u32, numbers[judge]);
                        votes.push(Vote { unit, rater, value });
                    }
                }
            }
            votes
        };
        let mixed = adjudicator.policy.evaluator.mixed;
        let word = |verdict: Verdict| (verdict != Verdict::Nothing).then_some(verdict as u32);
        let side = |verdict: Verdict| verdict.side(mixed).map(|side| side as u32);
        let mut alphas = Vec::new();
        for live in [true, false] {
            for words in [true, false] {
                let votes = if words {
                    votes(live, &word)
                } else {
                    votes(live, &side)
                };
                let alpha = alpha(&votes, resamples, seed);
                alphas.push(AlphaOf { live, words, alpha });
            }
        }
        let stats = judge_stats(adjudicator);
        let named = |judge: &Name| {
            let stats = stats.get(judge).copied().unwrap_or_default();
            (docket.graph.text(*judge).to_owned(), stats)
        };
        Agreement {
            alphas,
            pairs: pairwise(&votes(false, &side)),
            judges: judges.iter().map(named).collect(),
            panel: panel(adjudicator),
        }
    }
}

/// The side that people agree on about a claim, whatever the rule's order.
fn people(adjudicator: &Adjudicator<'_>, key: &ClaimKey<Name>) -> Option<Outcome> {
    let case = adjudicator.docket.cases.get(key)?;
    let side = adjudicator.people(adjudicator.rule_of(key), key, case)?;
    matches!(side, Outcome::Claimant | Outcome::Defender).then_some(side)
}

fn judge_stats(adjudicator: &Adjudicator<'_>) -> BTreeMap<Name, JudgeStats> {
    let docket = adjudicator.docket;
    let mut stats: BTreeMap<Name, JudgeStats> = BTreeMap::new();
    for key in &docket.claims {
        let Some(case) = docket.cases.get(key) else {
            continue;
        };
        let mixed = adjudicator.rule_of(key).mixed;
        let people = people(adjudicator, key);
        let sides: Vec<(Name, Option<Outcome>)> = (case.judges.iter())
            .map(|(judge, verdict)| (*judge, verdict.side(mixed)))
            .collect();
        for ((judge, side), (_, verdict)) in sides.iter().zip(&case.judges) {
            let stats = stats.entry(*judge).or_default();
            stats.failed.add(*verdict == Verdict::Nothing);
            let Some(side) = *side else { continue };
            stats.claimant.add(side == Outcome::Claimant);
            let others = |wanted: Outcome| {
                let others = sides.iter().filter(|(other, _)| other != judge);
                others.filter(|(_, side)| *side == Some(wanted)).count()
            };
            let (claimant, defender) = (others(Outcome::Claimant), others(Outcome::Defender));
            if claimant != defender {
                let most = if claimant > defender {
                    Outcome::Claimant
                } else {
                    Outcome::Defender
                };
                stats.with_others.add(side == most);
            }
            if let Some(people) = people {
                stats.with_people.add(side == people);
            }
        }
    }
    stats
}

fn panel(adjudicator: &Adjudicator<'_>) -> Panel {
    let docket = adjudicator.docket;
    let mut found = Panel::default();
    let mut pairs = Vec::new();
    for key in &docket.claims {
        let (Some(case), Some(people)) = (docket.cases.get(key), people(adjudicator, key)) else {
            continue;
        };
        let rule = Rule {
            quorum: Quorum::None,
            unanimity: Unanimity::Side,
            ..*adjudicator.rule_of(key)
        };
        if let Some(side @ (Outcome::Claimant | Outcome::Defender)) =
            adjudicator.panel(&rule, key, case)
        {
            pairs.push((side, people));
            let wrong = u64::from(side != people);
            if side == Outcome::Claimant {
                found.labelled.upheld += 1;
                found.labelled.upheld_wrongly += wrong;
            } else {
                found.labelled.rejected += 1;
                found.labelled.rejected_wrongly += wrong;
            }
            continue;
        }
        let most = Rule {
            unanimity: Unanimity::Majority,
            ..rule
        };
        if let Some(side @ (Outcome::Claimant | Outcome::Defender)) =
            adjudicator.panel(&most, key, case)
        {
            found.contested.add(side == people);
        }
    }
    found.kappa = cohen_kappa(&pairs);
    found
}
