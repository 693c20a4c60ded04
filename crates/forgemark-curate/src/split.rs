//! Sides of a cut that share nothing: no session, no group, no near duplicate.
//!
//! Groups that share a value, a dropped duplicate or a near pair are one component; a component is on one side. Sides are
//! chosen by a hash (stable when rows are added), by exact quotas, if wanted within each stratum, or by time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use forgemark_contract::json::{Json, to_compact};

use crate::compat::fraction;
use crate::error::{CurateError, Result};
use crate::recipe::Recipe;
use crate::select::Path;
use crate::shape::Example;
use crate::similar::vectors::{self, Scorer, Search};
use crate::stages::{Verdict, represent};
use crate::tree::Forest;

/// How examples are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRule {
    /// The sides with their shares, which sum to 1; `train` and `eval`, for example.
    pub sides: Vec<(String, f64)>,
    /// How a component gets its side.
    pub how: How,
    /// Another seed, another division.
    pub seed: u64,
    /// Values that stay on one side, besides groups.
    pub together: Vec<Path>,
    /// Cosine distance up to which two examples stay on one side.
    pub near: Option<f64>,
    /// Threads to use.
    pub threads: usize,
}

/// How a component gets its side.
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// By a hash of its first record's id: shares hold in expectation, and old components stay when rows are added.
    Hash,
    /// By quotas: shares of examples hold up to the size of a component, in each stratum.
    Quota {
        /// The value that makes a stratum, taken from the first record.
        stratum: Option<Path>,
    },
    /// By the time of its last record: the sides follow one another.
    Time,
}

/// Which example is on which side, and how alike the sides are.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// For each example the place of its side in the rule.
    pub of: Vec<usize>,
    /// Components.
    pub components: usize,
    /// For each two sides the most similar pair of examples, with its cosine, where both have vectors.
    pub closest: Vec<Closest>,
}

/// The most similar pair of examples of two sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Closest {
    /// The places of the sides.
    pub sides: (usize, usize),
    /// The places of the examples.
    pub examples: (usize, usize),
    /// Their cosine.
    pub similarity: f64,
}

impl SplitRule {
    /// Two sides by hash, sessions kept whole.
    pub fn train_eval(eval: f64, seed: u64) -> Self {
        SplitRule {
            sides: vec![("train".to_owned(), 1.0 - eval), ("eval".to_owned(), eval)],
            how: How::Hash,
            seed,
            together: vec![Path::column("session_id")],
            near: None,
            threads: 1,
        }
    }

    fn check(&self) -> Result<()> {
        let sum: f64 = self.sides.iter().map(|(_, share)| share).sum();
        let fine = self
            .sides
            .iter()
            .all(|(_, share)| (0.0..=1.0).contains(share));
        if !fine || (sum - 1.0).abs() > 1e-9 {
            return Err(CurateError::Recipe {
                key: "split.sides",
                what: format!("the shares sum to {sum}, not to 1"),
            });
        }
        Ok(())
    }
}

/// Divides examples.
///
/// # Errors
/// [`CurateError::Recipe`] when the shares do not sum to 1.
pub fn split(
    forest: &Forest,
    verdict: &Verdict,
    recipe: &Recipe,
    examples: &[Example],
    rule: &SplitRule,
) -> Result<Sides> {
    rule.check()?;
    let shown: Vec<_> = examples
        .iter()
        .map(|example| represent(forest, recipe, &example.records).1)
        .collect();
    let rows: Vec<Option<&[f32]>> = shown.iter().map(Option::as_deref).collect();
    let components = components(forest, verdict, examples, &rows, rule);
    let of_component = assign(forest, examples, &components, rule);
    let of: Vec<usize> = components
        .of
        .iter()
        .map(|component| of_component[*component])
        .collect();
    let mut closest = Vec::new();
    for a in 0..rule.sides.len() {
        for b in 0..a {
            let side = |side: usize| -> Vec<Option<&[f32]>> {
                rows.iter()
                    .zip(&of)
                    .map(|(row, of)| row.filter(|_| *of == side))
                    .collect()
            };
            if let Some((left, near)) = vectors::most_similar(&side(a), &side(b)) {
                closest.push(Closest {
                    sides: (b, a),
                    examples: (near.row, left),
                    similarity: 1.0 - near.distance,
                });
            }
        }
    }
    Ok(Sides {
        of,
        components: components.members.len(),
        closest,
    })
}

struct Components {
    /// For each example.
    of: Vec<usize>,
    /// The examples of each, in order.
    members: Vec<Vec<usize>>,
}

fn components(
    forest: &Forest,
    verdict: &Verdict,
    examples: &[Example],
    rows: &[Option<&[f32]>],
    rule: &SplitRule,
) -> Components {
    let mut sets = Sets::new(forest.records.len());
    for group in &forest.groups {
        sets.join_all(&group.records);
    }
    for path in &rule.together {
        let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
        for (record, row) in forest.records.iter().enumerate() {
            if let Some(value) = path.value(row).filter(|value| !value.is_null()) {
                let first = *first.entry(to_compact(value.as_ref())).or_insert(record);
                sets.join(first, record);
            }
        }
    }
    // What was dropped as a duplicate ties its conversation to the one that it repeats.
    for (later, first) in &verdict.twins {
        sets.join(*first, *later);
    }
    let head = |example: usize| {
        examples[example]
            .records
            .first()
            .copied()
            .unwrap_or_default()
    };
    if let Some(distance) = rule.near {
        let search = Search {
            distance,
            scorer: Scorer::Double,
            threads: rule.threads,
        };
        vectors::edges(rows, &search, &mut |later, near| {
            sets.join(head(near.row), head(later));
        });
    }
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut of = Vec::with_capacity(examples.len());
    for example in 0..examples.len() {
        let number = *numbers.entry(sets.root(head(example))).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[number].push(example);
        of.push(number);
    }
    Components { of, members }
}

/// The side of each component.
fn assign(
    forest: &Forest,
    examples: &[Example],
    components: &Components,
    rule: &SplitRule,
) -> Vec<usize> {
    let records = |component: &usize| {
        let members = components.members[*component].iter();
        members.flat_map(|example| {
            examples[*example]
                .records
                .iter()
                .map(|record| &forest.records[*record])
        })
    };
    // The oldest id names a component, so that rows that are added later do not move it.
    let name = |component: &usize| {
        records(component)
            .map(|row| (row.created_at, row.id.as_str()))
            .min()
            .map_or("", |(_, id)| id)
    };
    let hashed = |component: &usize| fraction(rule.seed, name(component));
    let mut sides = vec![0; components.members.len()];
    let all: Vec<usize> = (0..components.members.len()).collect();
    match &rule.how {
        How::Hash => {
            for component in all {
                sides[component] = side_at(rule, hashed(&component));
            }
        }
        How::Quota { stratum } => {
            let mut strata: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
            for component in all {
                let value = stratum.as_ref().and_then(|path| {
                    path.value(records(&component).next()?)
                        .map(|value| to_compact(value.as_ref()))
                });
                strata
                    .entry(value.unwrap_or_default())
                    .or_default()
                    .push(component);
            }
            for mut stratum in strata.into_values() {
                stratum.sort_by(|a, b| hashed(a).total_cmp(&hashed(b)));
                fill(&stratum, components, rule, &mut sides);
            }
        }
        How::Time => {
            let mut ordered = all;
            ordered.sort_by_cached_key(|component| {
                (
                    records(component).map(|row| row.created_at).max(),
                    name(component).to_owned(),
                )
            });
            fill(&ordered, components, rule, &mut sides);
        }
    }
    sides
}

/// Fills the sides one after the other, each up to its share.
fn fill(ordered: &[usize], components: &Components, rule: &SplitRule, sides: &mut [usize]) {
    let size = |component: &usize| components.members[*component].len() as f64;
    let total: f64 = ordered.iter().map(size).sum();
    let mut before = 0.0;
    for component in ordered {
        // The middle of a component decides, so that rounding favours neither side.
        let middle = (before + size(component) / 2.0) / total;
        sides[*component] = side_at(rule, middle);
        before += size(component);
    }
}

fn side_at(rule: &SplitRule, at: f64) -> usize {
    let mut end = 0.0;
    let found = rule.sides.iter().position(|(_, share)| {
        end += share;
        at < end
    });
    // The shares sum to 1 up to rounding.
    found
        .or_else(|| rule.sides.iter().rposition(|(_, share)| *share > 0.0))
        .unwrap_or(0)
}

/// Disjoint sets of records.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Sets((0..count).collect())
    }

    fn root(&mut self, mut record: usize) -> usize {
        while self.0[record] != record {
            self.0[record] = self.0[self.0[record]];
            record = self.0[record];
        }
        record
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn join_all(&mut self, records: &[usize]) {
        for pair in records.windows(2) {
            self.join(pair[0], pair[1]);
        }
    }
}

/// A share of each of several values of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct MixRule {
    /// The value, taken from an example's first record; a missing one is `null`.
    pub by: Path,
    /// The parts of the values, which need not sum to 1; values that are not named are left out.
    pub parts: Vec<(Json, f64)>,
    /// Which examples are taken where there are too many.
    pub seed: u64,
}

/// The places of the examples that a mixture takes, ascending: as many as the parts allow without repeating one.
pub fn mix(forest: &Forest, examples: &[Example], rule: &MixRule) -> Vec<usize> {
    let sum: f64 = rule.parts.iter().map(|(_, part)| part).sum();
    let mut pools: Vec<Vec<usize>> = vec![Vec::new(); rule.parts.len()];
    for (place, example) in examples.iter().enumerate() {
        let record = example
            .records
            .first()
            .map(|record| &forest.records[*record]);
        let value = record.and_then(|row| rule.by.value(row));
        let value = value.as_deref().unwrap_or(&Json::Null);
        if let Some(part) = rule.parts.iter().position(|(of, _)| of == value) {
            pools[part].push(place);
        }
    }
    let parts = || {
        pools
            .iter()
            .zip(&rule.parts)
            .filter(|(_, (_, part))| *part > 0.0)
    };
    let total = parts()
        .map(|(pool, (_, part))| pool.len() as f64 * sum / part)
        .fold(f64::INFINITY, f64::min);
    let mut taken: Vec<usize> = parts()
        .flat_map(|(pool, (_, part))| {
            let mut pool = pool.clone();
            pool.sort_by(|a, b| {
                fraction(rule.seed, &examples[*a].id)
                    .total_cmp(&fraction(rule.seed, &examples[*b].id))
            });
            // A share that is a whole number must not lose one to rounding.
            pool.truncate((total * part / sum + 1e-9) as usize);
            pool
        })
        .collect();
    taken.sort_unstable();
    taken
}
