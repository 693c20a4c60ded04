//! Stages that compare units with each other, in the declared order.
//!
//! ```text
//! units, group by group ─ Gather ─ in the declared order ─ exact ─ near ─ semantic ─ vectors of the holdout ─> answers, group by group
//! ```
//!
//! Of a unit only what a stage looks at is kept, and on disk: a fingerprint for equal texts, the text for near ones, the vector
//! where vectors are compared. Near texts and vectors are in memory while their stage runs.

use forgemark_contract::text::python_lower_collapse;

use super::order::{self, Prior};
use super::{Item, Reason, STAGES, alone, fingerprint};
use crate::error::{CurateError, Result};
use crate::recipe::{NearRule, OnMissing, Recipe, SemanticRule};
use crate::similar::text::{self, Wording};
use crate::similar::vectors::{self, Scorer, Search};
use crate::spill::code::{Pack, Unpack};
use crate::spill::{Merge, Scratch, Sorted, Sorter, Spool};
use crate::tree::Forest;

/// What comparing a unit with others has found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// It gives way to another unit.
    Dropped(Reason),
    /// It means nearly what an evaluation item means.
    Held(Reason),
    /// It cannot be compared with evaluation items: why.
    NoVector(&'static str),
}

/// Takes the units, group by group.
pub(crate) struct Gather<'r, 's> {
    recipe: &'r Recipe,
    prior: Option<&'r Prior>,
    scratch: &'s dyn Scratch,
    units: Sorter<'s>,
    number: u64,
}

impl<'r, 's> Gather<'r, 's> {
    /// Whether a recipe compares units at all.
    pub(crate) fn is_needed(recipe: &Recipe) -> bool {
        recipe.exact || recipe.near.is_some() || Self::reads_vectors(recipe)
    }

    /// Whether it compares vectors.
    pub(crate) fn reads_vectors(recipe: &Recipe) -> bool {
        let held = recipe.holdout.as_ref().and_then(|rule| rule.distance);
        recipe.semantic.is_some() || held.is_some()
    }

    pub(crate) fn new(
        recipe: &'r Recipe,
        prior: Option<&'r Prior>,
        scratch: &'s dyn Scratch,
    ) -> Self {
        Gather {
            recipe,
            prior,
            scratch,
            units: Sorter::new(scratch),
            number: 0,
        }
    }

    /// Takes the next unit.
    pub(crate) fn add(
        &mut self,
        item: &Item<'_>,
        forest: &Forest,
        ordinals: &[u64],
        groups_before: u64,
    ) -> Result<()> {
        let number = self.number;
        self.number += 1;
        let order = self.recipe.order;
        let (key, earlier) = order::place(item, forest, ordinals, order, number, self.prior);
        // What an earlier cut dropped takes part up to the stage that dropped it, as it did there.
        let until = match earlier.map(|earlier| earlier.dropped.as_ref()) {
            Some(Some(reason)) => stage(reason.stage),
            Some(None) => STAGES.len(),
            None if alone::may_stay(self.recipe.reward, item) => STAGES.len(),
            None => 0,
        };
        if until == 0 {
            return Ok(());
        }
        let normal = self
            .recipe
            .exact
            .then(|| python_lower_collapse(&item.text))
            .filter(|normal| !normal.is_empty());
        let vector = item
            .vector
            .as_deref()
            .filter(|_| Self::reads_vectors(self.recipe));
        let mut value = Pack::default();
        value
            .uint(number)
            .uint(groups_before + item.group as u64)
            .byte(until as u8)
            .text(first_id(item, forest))
            .maybe(normal, |value, normal| {
                let print = fingerprint(normal.as_bytes());
                value.bytes(&print.to_be_bytes());
            })
            .text(match self.recipe.near {
                Some(_) => &item.text,
                None => "",
            })
            .maybe(vector, |value, vector| {
                value.uint(vector.len() as u64);
                for x in vector {
                    value.0.extend_from_slice(&x.to_le_bytes());
                }
            });
        self.units.push(&key.0, &value.0)
    }

    /// Compares them.
    pub(crate) fn compare(self) -> Result<Among> {
        let mut decider = Decider {
            units: self.units.finish()?,
            scratch: self.scratch,
            closed: Vec::new(),
            answers: Sorter::new(self.scratch),
            twins: Spool::new(self.scratch)?,
        };
        if self.recipe.exact {
            decider.exact()?;
        }
        if let Some(rule) = self.recipe.near {
            decider.near(&rule)?;
        }
        if let Some(rule) = self.recipe.semantic {
            decider.semantic(&rule)?;
        }
        decider.holdout(self.recipe)?;
        Ok(Among {
            answers: decider.answers.finish()?,
            twins: decider.twins,
        })
    }
}

/// The place of a stage among all.
fn stage(name: &str) -> usize {
    let place = STAGES.iter().position(|stage| *stage == name);
    place.unwrap_or(0)
}

pub(crate) fn first_id<'f>(item: &Item<'_>, forest: &'f Forest) -> &'f str {
    let first = item.records.first();
    first.map_or("", |record| &forest.records[*record].id)
}

/// What comparing units has found.
pub(crate) struct Among {
    answers: Sorted,
    /// Pairs of numbers of groups of which one has a unit that gave way to one of the other.
    pub(crate) twins: Spool,
}

impl Among {
    /// The answers, in the order in which the units were gathered.
    pub(crate) fn answers(&mut self) -> Result<Answers<'_>> {
        let mut answers = Answers {
            entries: self.answers.read()?,
            next: None,
        };
        answers.advance()?;
        Ok(answers)
    }
}

/// Answers in the order in which units were gathered.
pub(crate) struct Answers<'a> {
    entries: Merge<'a>,
    next: Option<(u64, Found)>,
}

impl Answers<'_> {
    fn advance(&mut self) -> Result<()> {
        self.next = match self.entries.next()? {
            Some((key, value)) => {
                let mut number = [0; 8];
                number.copy_from_slice(&key[..8]);
                Some((u64::from_be_bytes(number), unpack(value)?))
            }
            None => None,
        };
        Ok(())
    }

    /// What was found of a unit. Numbers are asked for in their order.
    pub(crate) fn of(&mut self, number: u64) -> Result<Option<Found>> {
        match self.next.take_if(|(of, _)| *of == number) {
            Some((_, found)) => {
                self.advance()?;
                Ok(Some(found))
            }
            None => Ok(None),
        }
    }
}

/// Reasons why a vector cannot be compared, as [`vectors::unusable`] gives them.
const UNUSABLE: [&str; 4] = [
    "it has none",
    "it is empty",
    "a component is not finite",
    "its length is 0",
];

fn pack(found: &Found) -> Vec<u8> {
    let mut pack = Pack::default();
    match found {
        Found::NoVector(why) => {
            let place = UNUSABLE.iter().position(|other| other == why);
            pack.byte(0).uint(place.unwrap_or(0) as u64);
        }
        Found::Dropped(reason) | Found::Held(reason) => {
            pack.byte(if matches!(found, Found::Held(_)) {
                1
            } else {
                2
            })
            .uint(stage(reason.stage) as u64)
            .text(&reason.why)
            .maybe(reason.by.as_deref(), |pack, by| {
                pack.text(by);
            })
            .maybe(reason.score, |pack, score| {
                pack.float(score);
            });
        }
    }
    pack.0
}

fn unpack(bytes: &[u8]) -> Result<Found> {
    let mut bytes = Unpack(bytes);
    let kind = bytes.byte()?;
    let word = bytes.uint()? as usize;
    if kind == 0 {
        return Ok(Found::NoVector(UNUSABLE.get(word).copied().unwrap_or("")));
    }
    let reason = Reason {
        stage: STAGES.get(word).copied().unwrap_or(""),
        why: bytes.text()?.to_owned(),
        by: bytes.maybe(Unpack::text)?.map(str::to_owned),
        score: bytes.maybe(Unpack::float)?,
        span: None,
    };
    Ok(if kind == 1 {
        Found::Held(reason)
    } else {
        Found::Dropped(reason)
    })
}

/// A unit as it was kept.
struct Kept<'b> {
    place: usize,
    number: u64,
    group: u64,
    /// The place of the stage that takes it out whatever this cut finds.
    until: usize,
    id: &'b str,
    print: Option<&'b [u8]>,
    text: &'b str,
    /// Singles, four bytes each.
    vector: Option<&'b [u8]>,
}

impl<'b> Kept<'b> {
    fn of(place: usize, value: &'b [u8]) -> Result<Self> {
        let mut value = Unpack(value);
        Ok(Kept {
            place,
            number: value.uint()?,
            group: value.uint()?,
            until: value.byte()?.into(),
            id: value.text()?,
            print: value.maybe(Unpack::bytes)?,
            text: value.text()?,
            vector: value.maybe(|value| {
                value.uint()?;
                Ok(std::mem::take(&mut value.0))
            })?,
        })
    }
}

/// Names of units that are compared in memory.
#[derive(Default)]
struct Names {
    places: Vec<usize>,
    numbers: Vec<u64>,
    groups: Vec<u64>,
    ids: Texts,
}

impl Names {
    fn push(&mut self, unit: &Kept<'_>) {
        self.places.push(unit.place);
        self.numbers.push(unit.number);
        self.groups.push(unit.group);
        self.ids.push(unit.id);
    }
}

/// Texts in one piece of memory.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[place]]
    }

    fn views(&self) -> Vec<&str> {
        (0..self.ends.len()).map(|place| self.get(place)).collect()
    }
}

/// Vectors in one piece of memory.
#[derive(Default)]
struct Vectors {
    all: Vec<f32>,
    ends: Vec<usize>,
}

impl Vectors {
    fn push(&mut self, vector: &[f32]) {
        self.all.extend_from_slice(vector);
        self.ends.push(self.all.len());
    }

    fn views(&self) -> Vec<Option<&[f32]>> {
        let mut start = 0;
        let ends = self.ends.iter();
        ends.map(|end| Some(&self.all[std::mem::replace(&mut start, *end)..*end]))
            .collect()
    }
}

struct Decider<'s> {
    units: Sorted,
    scratch: &'s dyn Scratch,
    /// For each unit in the declared order whether a stage has dropped it; what is beyond the end is open.
    closed: Vec<bool>,
    answers: Sorter<'s>,
    twins: Spool,
}

impl Decider<'_> {
    /// Shows every unit that is open at a stage, in the declared order.
    fn open(&mut self, at: &str, mut see: impl FnMut(Kept<'_>) -> Result<()>) -> Result<()> {
        let at = stage(at);
        let mut entries = self.units.read()?;
        let mut place = 0;
        while let Some((_, value)) = entries.next()? {
            if !self.closed.get(place).copied().unwrap_or(false) {
                let unit = Kept::of(place, value)?;
                if unit.until > at {
                    see(unit)?;
                }
            }
            place += 1;
        }
        Ok(())
    }

    fn answer(&mut self, number: u64, found: &Found) -> Result<()> {
        self.answers.push(&number.to_be_bytes(), &pack(found))
    }

    fn close(&mut self, place: usize) {
        if self.closed.len() <= place {
            self.closed.resize(place + 1, false);
        }
        self.closed[place] = true;
    }

    /// Drops a unit of `names` for another of them.
    fn give_way(
        &mut self,
        names: &Names,
        later: usize,
        keeper: usize,
        reason: Reason,
        score: f64,
    ) -> Result<()> {
        self.close(names.places[later]);
        self.twin(names.groups[later], names.groups[keeper])?;
        let reason = reason.by(names.ids.get(keeper), score);
        self.answer(names.numbers[later], &Found::Dropped(reason))
    }

    fn twin(&mut self, later: u64, keeper: u64) -> Result<()> {
        let mut twin = Pack::default();
        twin.uint(later).uint(keeper);
        self.twins.push(&twin.0).map(drop)
    }

    fn exact(&mut self) -> Result<()> {
        let mut equal = Sorter::new(self.scratch);
        self.open("exact", |unit| {
            let Some(print) = unit.print else {
                return Ok(());
            };
            let mut value = Pack::default();
            value.uint(unit.number).uint(unit.group).text(unit.id);
            let place = (unit.place as u64).to_be_bytes();
            equal.push(&[print, &place].concat(), &value.0)
        })?;
        let mut equal = equal.finish()?;
        let mut entries = equal.read()?;
        let mut keeper = (Vec::new(), 0, String::new());
        while let Some((key, value)) = entries.next()? {
            let (print, place) = key.split_at(key.len().saturating_sub(8));
            let mut value = Unpack(value);
            let (number, group, id) = (value.uint()?, value.uint()?, value.text()?);
            if print != keeper.0 {
                keeper = (print.to_vec(), group, id.to_owned());
                continue;
            }
            let mut bytes = [0; 8];
            bytes.copy_from_slice(place);
            self.close(u64::from_be_bytes(bytes) as usize);
            self.twin(group, keeper.1)?;
            let reason = Reason::new("exact", "the same wording").by(&keeper.2, 1.0);
            self.answer(number, &Found::Dropped(reason))?;
        }
        Ok(())
    }

    fn near(&mut self, rule: &NearRule) -> Result<()> {
        let (mut names, mut texts) = (Names::default(), Texts::default());
        self.open("near", |unit| {
            names.push(&unit);
            texts.push(unit.text);
            Ok(())
        })?;
        let wording = Wording {
            shingle: rule.shingle,
            jaccard: rule.jaccard,
            proposals: rule.proposals,
        };
        let keepers = text::first_kept_wins(&texts.views(), &wording);
        for (later, near) in keepers.into_iter().enumerate() {
            if let Some(near) = near {
                let reason = Reason::new("near", "nearly the same wording");
                self.give_way(&names, later, near.row, reason, near.jaccard)?;
            }
        }
        Ok(())
    }

    fn semantic(&mut self, rule: &SemanticRule) -> Result<()> {
        let mut unusable: Vec<(usize, u64, &'static str)> = Vec::new();
        let (names, rows) = self.vectors("semantic", |unit, why| match rule.on_missing {
            OnMissing::Keep => Ok(()),
            OnMissing::Drop => {
                unusable.push((unit.place, unit.number, why));
                Ok(())
            }
            OnMissing::Error => Err(CurateError::NoVector {
                stage: "semantic",
                record: unit.id.to_owned(),
                why,
            }),
        })?;
        for (place, number, why) in unusable {
            self.close(place);
            let reason = Reason::new("semantic", format!("no usable vector: {why}"));
            self.answer(number, &Found::Dropped(reason))?;
        }
        let search = Search {
            distance: rule.distance,
            scorer: Scorer::Double,
            threads: rule.threads,
        };
        let keepers = vectors::first_kept_wins(&rows.views(), &search).keeper;
        for (later, near) in keepers.into_iter().enumerate() {
            if let Some(near) = near {
                let reason = Reason::new("semantic", "nearly the same meaning");
                self.give_way(&names, later, near.row, reason, near.distance)?;
            }
        }
        Ok(())
    }

    /// The open units with a usable vector; `missing` takes the others.
    fn vectors(
        &mut self,
        at: &str,
        mut missing: impl FnMut(&Kept<'_>, &'static str) -> Result<()>,
    ) -> Result<(Names, Vectors)> {
        let (mut names, mut rows) = (Names::default(), Vectors::default());
        self.open(at, |unit| {
            let vector: Option<Vec<f32>> = unit.vector.map(|bytes| {
                let singles = bytes.chunks_exact(4);
                singles
                    .map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]))
                    .collect()
            });
            if let Some(why) = vectors::unusable(vector.as_deref()) {
                return missing(&unit, why);
            }
            names.push(&unit);
            rows.push(vector.as_deref().unwrap_or_default());
            Ok(())
        })?;
        Ok((names, rows))
    }

    /// Says of units that mean nearly what an evaluation item means that they do; what they are dropped for is decided when
    /// their words have been looked at.
    fn holdout(&mut self, recipe: &Recipe) -> Result<()> {
        let Some(rule) = &recipe.holdout else {
            return Ok(());
        };
        let Some(distance) = rule.distance else {
            return Ok(());
        };
        let mut unusable: Vec<(u64, &'static str)> = Vec::new();
        let (names, rows) = self.vectors("holdout", |unit, why| {
            unusable.push((unit.number, why));
            Ok(())
        })?;
        for (number, why) in unusable {
            self.answer(number, &Found::NoVector(why))?;
        }
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
        let matches = vectors::first_matches(&rows.views(), &held, &search);
        for (number, near) in names.numbers.iter().zip(matches) {
            if let Some(near) = near {
                let reason =
                    Reason::new("holdout", "it means nearly what an evaluation item means");
                let reason = reason.by(&rule.items[near.row].id, near.distance);
                self.answer(*number, &Found::Held(reason))?;
            }
        }
        Ok(())
    }
}
