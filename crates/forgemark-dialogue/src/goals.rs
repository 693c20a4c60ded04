//! Quotas as goals: what a run should have of each document, topic, persona, mode and difficulty.
//!
//! ```text
//! goals ─> Gauge (one a dimension and language) ─ due? ─> what a conversation is planned with
//!            ^ assigned to the ordinals of the window, made by those that have left it
//! ```
//!
//! Like the deck, a gauge knows for ordinal n only what the ordinals up to n minus `run.lookahead` have really made and what
//! those between were assigned, so it does not depend on which conversation is faster. A conversation that replaces a
//! dropped one knows more: everything up to the drop that made room for it, which is settled whenever it is planned.
//!
//! The rule: counts that are not reached come first, the one that lacks the largest part of its goal before others. Then the
//! share that is furthest behind, if it is behind by half a unit or more. Else the choice is free among what has no goal.
//!
//! Counts are divided over the languages, because languages are planned apart; shares are the same in each.

use std::collections::{BTreeMap, VecDeque};

use forgemark_contract::json::{Json, Object};

/// What goals may be set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Documents, by path; units are turns, by the passage that a turn covers.
    Document,
    /// Seed topics; units are conversations.
    Topic,
    /// Personas of the asking side, by id; units are conversations.
    Persona,
    /// Question modes; units are turns.
    Mode,
    /// Difficulties; units are turns.
    Difficulty,
    /// Languages; units are conversations. Their goals are exact totals.
    Language,
}

impl Dimension {
    /// All of them, in the order of tables.
    pub const ALL: [Dimension; 6] = [
        Dimension::Document,
        Dimension::Topic,
        Dimension::Persona,
        Dimension::Mode,
        Dimension::Difficulty,
        Dimension::Language,
    ];

    /// The word in configuration and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Dimension::Document => "document",
            Dimension::Topic => "topic",
            Dimension::Persona => "persona",
            Dimension::Mode => "mode",
            Dimension::Difficulty => "difficulty",
            Dimension::Language => "language",
        }
    }

    /// Whether units are turns; else they are conversations.
    pub fn is_of_turns(self) -> bool {
        matches!(
            self,
            Dimension::Document | Dimension::Mode | Dimension::Difficulty
        )
    }
}

/// What is wanted of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// This many units.
    Count(u64),
    /// This share of all units, in (0, 1].
    Share(f64),
}

impl Goal {
    fn to_json(self) -> Json {
        match self {
            Goal::Count(count) => Json::from(count),
            Goal::Share(share) => Json::from(share),
        }
    }

    /// Reads a whole number as a count, a fraction up to 1 or a text such as `40%` as a share.
    pub(crate) fn from_json(value: &Json) -> Option<Self> {
        if let Some(count) = value.as_u64() {
            return Some(Goal::Count(count));
        }
        let share = match value.as_str() {
            Some(text) => text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0,
            None => value.as_f64()?,
        };
        (share > 0.0 && share <= 1.0).then_some(Goal::Share(share))
    }

    /// The units that this is of so many.
    fn of(self, units: u64) -> u64 {
        match self {
            Goal::Count(count) => count,
            Goal::Share(share) => (share * units as f64).round() as u64,
        }
    }
}

/// The goals of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Goals(BTreeMap<Dimension, Vec<(String, Goal)>>);

impl Goals {
    /// Sets the goals of a dimension.
    pub(crate) fn set(&mut self, dimension: Dimension, goals: Vec<(String, Goal)>) {
        if !goals.is_empty() {
            self.0.insert(dimension, goals);
        }
    }

    /// Takes the goals of a dimension away.
    pub(crate) fn remove(&mut self, dimension: Dimension) {
        self.0.remove(&dimension);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The goals of a dimension.
    pub fn of(&self, dimension: Dimension) -> &[(String, Goal)] {
        self.0.get(&dimension).map_or(&[], Vec::as_slice)
    }

    /// The goals as the journal keeps them.
    pub fn to_json(&self) -> Json {
        let dimensions = self.0.iter().map(|(dimension, goals)| {
            let goals = goals
                .iter()
                .map(|(name, goal)| (name.as_str(), goal.to_json()));
            (dimension.as_str(), Json::Object(goals.collect::<Object>()))
        });
        Json::Object(dimensions.collect::<Object>())
    }

    /// Reads what [`Goals::to_json`] wrote.
    pub(crate) fn from_json(value: &Json) -> Self {
        let mut read = Self::default();
        for dimension in Dimension::ALL {
            let Some(goals) = value.at(dimension.as_str()).as_object() else {
                continue;
            };
            let goals = goals
                .iter()
                .filter_map(|(name, goal)| Some((name.to_owned(), Goal::from_json(goal)?)));
            read.set(dimension, goals.collect());
        }
        read
    }
}

/// What conversations have, by value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// Conversations.
    pub conversations: u64,
    /// Their turns.
    pub turns: u64,
    counts: BTreeMap<(Dimension, String), u64>,
}

impl Made {
    /// One conversation of so many turns, of which nothing is known yet.
    pub(crate) fn of_one(turns: u64) -> Self {
        Self {
            conversations: 1,
            turns,
            counts: BTreeMap::new(),
        }
    }

    /// Units of a dimension.
    pub fn units(&self, dimension: Dimension) -> u64 {
        if dimension.is_of_turns() {
            self.turns
        } else {
            self.conversations
        }
    }

    /// Units that have this value.
    pub fn count(&self, dimension: Dimension, name: &str) -> u64 {
        let key = (dimension, name.to_owned());
        self.counts.get(&key).copied().unwrap_or(0)
    }

    pub(crate) fn note(&mut self, dimension: Dimension, name: &str) {
        if !name.is_empty() {
            *self.counts.entry((dimension, name.to_owned())).or_insert(0) += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Made) {
        self.conversations += other.conversations;
        self.turns += other.turns;
        for (key, n) in &other.counts {
            *self.counts.entry(key.clone()).or_insert(0) += n;
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        let mut made = Object::new();
        for dimension in Dimension::ALL {
            let counts = self.counts.iter().filter(|((of, _), _)| *of == dimension);
            let counts: Object = counts
                .map(|((_, name), n)| (name.as_str(), Json::from(*n)))
                .collect();
            if !counts.is_empty() {
                made.insert(dimension.as_str(), Json::Object(counts));
            }
        }
        Json::Object(made)
    }

    /// Reads what [`Made::to_json`] wrote for one conversation of so many turns.
    pub(crate) fn from_json(value: &Json, turns: u64) -> Self {
        let mut made = Self::of_one(turns);
        for dimension in Dimension::ALL {
            let counts = value.at(dimension.as_str()).as_object();
            for (name, n) in counts.into_iter().flat_map(Object::iter) {
                let n = n.as_u64().unwrap_or(0);
                made.counts.insert((dimension, name.to_owned()), n);
            }
        }
        made
    }
}

/// How far one goal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What it is about.
    pub dimension: Dimension,
    /// The value.
    pub name: String,
    /// Units that are wanted: the count, or the share of the units that were made.
    pub goal: u64,
    /// Units that there are.
    pub made: u64,
}

impl Gap {
    /// Units that are missing.
    pub fn missing(&self) -> u64 {
        self.goal.saturating_sub(self.made)
    }
}

/// How far the goals are.
pub fn gaps(goals: &Goals, made: &Made) -> Vec<Gap> {
    let gap = |dimension: Dimension, name: &str, goal: Goal| Gap {
        dimension,
        name: name.to_owned(),
        goal: goal.of(made.units(dimension)),
        made: made.count(dimension, name),
    };
    goals
        .0
        .iter()
        .flat_map(|(dimension, goals)| {
            goals
                .iter()
                .map(|(name, goal)| gap(*dimension, name, *goal))
        })
        .collect()
}

/// The values that a conversation is planned with: for each unit the place of its goal, or none.
type Assigned = Vec<Option<usize>>;

/// The goals of one dimension in one language.
#[derive(Debug)]
struct Gauge {
    goals: Vec<(String, Goal)>,
    /// Units with each goal's value: made by settled conversations, assigned to the others.
    made: Vec<u64>,
    units: u64,
}

impl Gauge {
    /// The goal that the next unit serves, of those that `may` be served now. `must`: there is no value without a goal.
    fn due(&self, must: bool, may: impl Fn(&str) -> bool) -> Option<usize> {
        let mut count: Option<(f64, usize)> = None;
        let mut share: Option<(f64, usize)> = None;
        let better = |best: Option<(f64, usize)>, gap: f64| best.is_none_or(|(most, _)| gap > most);
        for (place, ((name, goal), made)) in self.goals.iter().zip(&self.made).enumerate() {
            if !may(name) {
                continue;
            }
            match goal {
                Goal::Count(wanted) => {
                    let gap = (*wanted as f64 - *made as f64) / (*wanted).max(1) as f64;
                    if better(count, gap) {
                        count = Some((gap, place));
                    }
                }
                Goal::Share(wanted) => {
                    let gap = wanted * (self.units + 1) as f64 - *made as f64;
                    if better(share, gap) {
                        share = Some((gap, place));
                    }
                }
            }
        }
        match (count, share) {
            (Some((gap, place)), _) if gap > 0.0 => Some(place),
            (_, Some((gap, place))) if gap >= 0.5 || must => Some(place),
            (Some((_, place)), None) if must => Some(place),
            _ => None,
        }
    }

    fn add(&mut self, unit: Option<usize>) {
        self.units += 1;
        if let Some(made) = unit.and_then(|place| self.made.get_mut(place)) {
            *made += 1;
        }
    }

    /// Takes back what was assigned and counts what was made.
    fn settle(&mut self, dimension: Dimension, assigned: &Assigned, made: &Made) {
        self.units = self.units.saturating_sub(assigned.len() as u64) + made.units(dimension);
        for place in assigned.iter().flatten() {
            if let Some(n) = self.made.get_mut(*place) {
                *n = n.saturating_sub(1);
            }
        }
        for ((name, _), n) in self.goals.iter().zip(&mut self.made) {
            *n += made.count(dimension, name);
        }
    }
}

/// The gauges of one language.
#[derive(Debug)]
pub(crate) struct Steering {
    gauges: BTreeMap<Dimension, Gauge>,
    /// What the ordinals of the window were assigned, oldest first.
    window: VecDeque<BTreeMap<Dimension, Assigned>>,
    /// What the committed ordinals of the window have made, oldest first.
    unsettled: VecDeque<Made>,
    /// The first ordinal of the window.
    settled: u64,
    /// Dropped ordinals, in order.
    drops: Vec<u64>,
}

impl Steering {
    /// The gauges of language `group` of `groups` that have conversations.
    pub(crate) fn new(goals: &Goals, group: u64, groups: u64) -> Self {
        let part = |goal: Goal| match goal {
            Goal::Share(_) => goal,
            Goal::Count(count) => {
                let groups = groups.max(1);
                Goal::Count(count / groups + u64::from(group < count % groups))
            }
        };
        let gauges = goals
            .0
            .iter()
            .filter(|(dimension, _)| **dimension != Dimension::Language)
            .map(|(dimension, goals)| {
                let goals: Vec<(String, Goal)> = goals
                    .iter()
                    .map(|(name, goal)| (name.clone(), part(*goal)))
                    .collect();
                let gauge = Gauge {
                    made: vec![0; goals.len()],
                    goals,
                    units: 0,
                };
                (*dimension, gauge)
            })
            .collect();
        Self {
            gauges,
            window: VecDeque::new(),
            unsettled: VecDeque::new(),
            settled: 0,
            drops: Vec::new(),
        }
    }

    /// Whether there is anything to steer.
    pub(crate) fn is_idle(&self) -> bool {
        self.gauges.is_empty()
    }

    /// Counts a committed conversation; `None` for a dropped one.
    pub(crate) fn count(&mut self, ordinal: u64, made: Option<&Made>) {
        if self.is_idle() {
            return;
        }
        if made.is_none() {
            self.drops.push(ordinal);
        }
        self.unsettled.push_back(made.cloned().unwrap_or_default());
    }

    /// Begins the plan of an ordinal: settles what it may know of.
    pub(crate) fn begin(&mut self, ordinal: u64, quota: u64, lookahead: u64) {
        if self.is_idle() {
            return;
        }
        // Beyond the quota a conversation is admitted by a drop, and all before that drop is committed.
        let opener = ordinal
            .checked_sub(quota)
            .and_then(|place| self.drops.get(usize::try_from(place).ok()?))
            .map_or(0, |dropped| dropped + 1);
        let upto = (ordinal + 1).saturating_sub(lookahead).max(opener);
        while self.settled < upto {
            let (Some(assigned), Some(made)) = (self.window.front(), self.unsettled.front()) else {
                break;
            };
            for (dimension, gauge) in &mut self.gauges {
                let nothing = Assigned::new();
                let assigned = assigned.get(dimension).unwrap_or(&nothing);
                gauge.settle(*dimension, assigned, made);
            }
            self.window.pop_front();
            self.unsettled.pop_front();
            self.settled += 1;
        }
        self.window.push_back(BTreeMap::new());
    }

    /// Chooses the value of the next `units` units of a dimension together, for the conversation that was begun last. `None`
    /// where the choice is free, among what [`Steering::has_goal`] says no to.
    pub(crate) fn choose(
        &mut self,
        dimension: Dimension,
        units: u64,
        must: bool,
        may: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let gauge = self.gauges.get_mut(&dimension)?;
        let due = gauge.due(must, may);
        self.assign(dimension, due, units);
        let gauge = self.gauges.get(&dimension)?;
        Some(gauge.goals.get(due?)?.0.clone())
    }

    /// Notes units whose value is settled otherwise.
    pub(crate) fn fix(&mut self, dimension: Dimension, name: &str) {
        if let Some(gauge) = self.gauges.get(&dimension) {
            let place = gauge.goals.iter().position(|(known, _)| known == name);
            self.assign(dimension, place, 1);
        }
    }

    fn assign(&mut self, dimension: Dimension, place: Option<usize>, units: u64) {
        let (Some(gauge), Some(last)) = (self.gauges.get_mut(&dimension), self.window.back_mut())
        else {
            return;
        };
        for _ in 0..units {
            gauge.add(place);
            last.entry(dimension).or_default().push(place);
        }
    }

    /// Whether a dimension has goals.
    pub(crate) fn steers(&self, dimension: Dimension) -> bool {
        self.gauges.contains_key(&dimension)
    }

    /// Whether a value has a goal.
    pub(crate) fn has_goal(&self, dimension: Dimension, name: &str) -> bool {
        self.gauges
            .get(&dimension)
            .is_some_and(|gauge| gauge.goals.iter().any(|(known, _)| known == name))
    }
}

mod steered;
#[cfg(test)]
mod tests;

pub(crate) use steered::{Steered, unreachable};
