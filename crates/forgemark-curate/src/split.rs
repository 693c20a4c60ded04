//! Sides of a cut that share nothing: no session, no group, no near duplicate.
//!
//! Groups that share a value, a dropped duplicate or a near pair are one component; a component is on one side. Sides are
//! chosen by a hash (stable when rows are added), by exact quotas, if wanted within each stratum, or by time.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use forgemark_contract::json::{Json, to_compact};

use crate::compat::fraction;
use crate::cut::{Head, Heads};
use crate::error::{CurateError, Result};
use crate::recipe::Recipe;
use crate::select::Path;
use crate::similar::vectors::{self, Scorer, Search};
use crate::spill::code::{Key, Pack, Unpack};
use crate::spill::{Scratch, Sorted, Sorter, Spool};
use crate::stages::{fingerprint, represent};
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
pub(crate) struct Sides {
    /// For each example the place of its side in the rule.
    pub(crate) of: Vec<u16>,
    /// Components.
    pub(crate) components: usize,
    /// For each two sides the most similar pair of examples, with its cosine, where both have vectors.
    pub(crate) closest: Vec<Closest>,
}

/// The most similar pair of examples of two sides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Closest {
    /// The places of the sides.
    pub(crate) sides: (usize, usize),
    /// The names of the examples.
    pub(crate) examples: (String, String),
    /// Their cosine.
    pub(crate) similarity: f64,
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

    pub(crate) fn check(&self) -> Result<()> {
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

/// What ties groups together, gathered while they are read.
pub(crate) struct Ties<'s> {
    /// The values of [`SplitRule::together`], each with the number of a group that has it.
    values: Sorter<'s>,
    groups: u64,
}

/// What stands before the first id of a unit among the values, where the numbers of paths stand.
const UNIT: u8 = u8::MAX;

impl<'s> Ties<'s> {
    /// Ties the group to all others that name a unit by this first id: its own, or that which one of its units gave way to
    /// in an earlier cut.
    pub(crate) fn name(&mut self, first_id: &str, group: u64) -> Result<()> {
        let print = fingerprint(first_id.as_bytes()).to_be_bytes();
        let mut tied = Pack::default();
        tied.uint(group);
        self.values.push(&[&[UNIT][..], &print].concat(), &tied.0)
    }

    pub(crate) fn new(scratch: &'s dyn Scratch) -> Self {
        Ties {
            values: Sorter::new(scratch),
            groups: 0,
        }
    }

    /// Takes the next groups.
    pub(crate) fn see(&mut self, forest: &Forest, rule: &SplitRule) -> Result<()> {
        for group in &forest.groups {
            for (number, path) in rule.together.iter().enumerate() {
                let mut last = None;
                for record in &group.records {
                    let value = path.value(&forest.records[*record]);
                    let Some(value) = value.filter(|value| !value.is_null()) else {
                        continue;
                    };
                    let print = fingerprint(&to_compact(value.as_ref()));
                    if last.replace(print) != Some(print) {
                        let key = [&[number as u8][..], &print.to_be_bytes()].concat();
                        let mut tied = Pack::default();
                        tied.uint(self.groups);
                        self.values.push(&key, &tied.0)?;
                    }
                }
            }
            self.groups += 1;
        }
        Ok(())
    }
}

/// What is known of an example for the division into sides: fills the entries of its head.
pub(crate) fn describe(
    head: &mut Head,
    forest: &Forest,
    recipe: &Recipe,
    records: &[usize],
    rule: &SplitRule,
) {
    let rows = || records.iter().map(|record| &forest.records[*record]);
    let oldest = rows().map(|row| (row.created_at.0, &row.id)).min();
    head.oldest = oldest.map_or_else(Default::default, |(at, id)| (at, id.clone()));
    head.newest = rows().map(|row| row.created_at.0).max().unwrap_or_default();
    if let How::Quota {
        stratum: Some(path),
    } = &rule.how
    {
        let value = rows().next().and_then(|row| path.value(row));
        head.stratum = value.map_or_else(Vec::new, |value| to_compact(value.as_ref()));
    }
    head.vector = represent(forest, recipe, records).map(Cow::into_owned);
}

/// Divides examples. `twins` are pairs of numbers of groups that belong together.
///
/// # Errors
/// A temporary file that cannot be used.
pub(crate) fn split(
    heads: &mut Heads,
    ties: Ties<'_>,
    twins: Option<&mut Spool>,
    rule: &SplitRule,
    scratch: &dyn Scratch,
) -> Result<Sides> {
    let mut sets = Sets::new(ties.groups as usize);
    join_values(ties, &mut sets)?;
    if let Some(twins) = twins {
        let mut entries = twins.read()?;
        while let Some(pair) = entries.next()? {
            let mut pair = Unpack(pair);
            sets.join(pair.uint()? as usize, pair.uint()? as usize);
        }
    }
    let mut groups: Vec<u32> = Vec::new();
    let (mut vectors, mut ends) = (Vec::new(), Vec::new());
    let mut entries = heads.read()?;
    while let Some(head) = entries.next()? {
        groups.push(head.group as u32);
        vectors.extend_from_slice(head.vector.as_deref().unwrap_or_default());
        ends.push((head.vector.is_some(), vectors.len()));
    }
    let mut start = 0;
    let rows: Vec<Option<&[f32]>> = ends
        .iter()
        .map(|(there, end)| {
            let row = &vectors[std::mem::replace(&mut start, *end)..*end];
            there.then_some(row)
        })
        .collect();
    if let Some(distance) = rule.near {
        let search = Search {
            distance,
            scorer: Scorer::Double,
            threads: rule.threads,
        };
        vectors::edges(&rows, &search, &mut |later, near| {
            sets.join(groups[near.row] as usize, groups[later] as usize);
        });
    }
    let (side_of, components) = assign(heads, &mut sets, rule, scratch)?;
    let of: Vec<u16> = groups
        .iter()
        .map(|group| side_of[sets.root(*group as usize)])
        .collect();
    let closest = closest(heads, &rows, &of, rule)?;
    Ok(Sides {
        of,
        components,
        closest,
    })
}

fn join_values(ties: Ties<'_>, sets: &mut Sets) -> Result<()> {
    let mut values = ties.values.finish()?;
    let mut entries = values.read()?;
    let mut first: (Vec<u8>, usize) = (Vec::new(), 0);
    while let Some((value, group)) = entries.next()? {
        let group = Unpack(group).uint()? as usize;
        if first.0 == value {
            sets.join(first.1, group);
        } else {
            first = (value.to_vec(), group);
        }
    }
    Ok(())
}

fn closest(
    heads: &mut Heads,
    rows: &[Option<&[f32]>],
    of: &[u16],
    rule: &SplitRule,
) -> Result<Vec<Closest>> {
    let side = |side: usize| -> Vec<Option<&[f32]>> {
        let rows = rows.iter().zip(of);
        rows.map(|(row, of)| row.filter(|_| usize::from(*of) == side))
            .collect()
    };
    let mut found = Vec::new();
    for a in 0..rule.sides.len() {
        for b in 0..a {
            if let Some((left, near)) = vectors::most_similar(&side(a), &side(b)) {
                found.push(((b, a), (near.row, left), 1.0 - near.distance));
            }
        }
    }
    let mut names: HashMap<usize, String> = HashMap::new();
    let mut entries = heads.read()?;
    for place in 0.. {
        let Some(head) = entries.next()? else { break };
        if found
            .iter()
            .any(|(_, pair, _)| pair.0 == place || pair.1 == place)
        {
            names.insert(place, head.id);
        }
    }
    let name = |place: usize| names.get(&place).cloned().unwrap_or_default();
    let closest = found.into_iter().map(|(sides, pair, similarity)| Closest {
        sides,
        examples: (name(pair.0), name(pair.1)),
        similarity,
    });
    Ok(closest.collect())
}

/// Groups that stay together and have examples.
struct Component {
    root: u64,
    /// The place of its first example.
    first: u64,
    examples: u64,
    /// The oldest record names it, so that rows that are added later do not move it.
    oldest: (i64, String),
    newest: i64,
    stratum: Vec<u8>,
}

/// Shows the components in no order that matters.
fn components(
    heads: &mut Heads,
    sets: &mut Sets,
    scratch: &dyn Scratch,
    mut see: impl FnMut(Component) -> Result<()>,
) -> Result<usize> {
    let mut by_root = Sorter::new(scratch);
    let mut entries = heads.read()?;
    for place in 0_u64.. {
        let Some(head) = entries.next()? else { break };
        let root = sets.root(head.group as usize) as u64;
        let mut value = Pack::default();
        value
            .int(head.oldest.0)
            .text(&head.oldest.1)
            .int(head.newest)
            .bytes(&head.stratum);
        by_root.push(&Key::default().uint(root).uint(place).0, &value.0)?;
    }
    let mut by_root = by_root.finish()?;
    let mut entries = by_root.read()?;
    let mut open: Option<Component> = None;
    let mut count = 0;
    while let Some((key, value)) = entries.next()? {
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&key[at..at + 8]);
            u64::from_be_bytes(bytes)
        };
        let (root, first) = (number(0), number(8));
        let mut value = Unpack(value);
        let oldest = (value.int()?, value.text()?.to_owned());
        let newest = value.int()?;
        if let Some(open) = open.as_mut().filter(|open| open.root == root) {
            open.examples += 1;
            open.newest = open.newest.max(newest);
            if oldest < open.oldest {
                open.oldest = oldest;
            }
            continue;
        }
        let next = Component {
            root,
            first,
            examples: 1,
            oldest,
            newest,
            stratum: value.bytes()?.to_vec(),
        };
        count += 1;
        open.replace(next).map_or(Ok(()), &mut see)?;
    }
    open.map_or(Ok(()), see)?;
    Ok(count)
}

/// The side of each component under the number of its root, and how many there are.
fn assign(
    heads: &mut Heads,
    sets: &mut Sets,
    rule: &SplitRule,
    scratch: &dyn Scratch,
) -> Result<(Vec<u16>, usize)> {
    let mut side_of = vec![0_u16; sets.0.len()];
    let mut ordered = Sorter::new(scratch);
    let mut totals: HashMap<Vec<u8>, u64> = HashMap::new();
    let count = components(heads, sets, scratch, |component| {
        let hashed = fraction(rule.seed, &component.oldest.1);
        let key = match &rule.how {
            How::Hash => {
                side_of[component.root as usize] = side_at(rule, hashed) as u16;
                return Ok(());
            }
            How::Quota { .. } => Key::default().bytes(&component.stratum).float(hashed),
            How::Time => Key::default()
                .bytes(&component.stratum)
                .int(component.newest)
                .text(&component.oldest.1),
        };
        let mut value = Pack::default();
        value
            .bytes(&component.stratum)
            .uint(component.root)
            .uint(component.examples);
        ordered.push(&key.uint(component.first).0, &value.0)?;
        *totals.entry(component.stratum).or_default() += component.examples;
        Ok(())
    })?;
    fill(ordered.finish()?, &totals, rule, &mut side_of)?;
    Ok((side_of, count))
}

/// Fills the sides one after the other, each up to its share, in every stratum.
fn fill(
    mut ordered: Sorted,
    totals: &HashMap<Vec<u8>, u64>,
    rule: &SplitRule,
    side_of: &mut [u16],
) -> Result<()> {
    let mut entries = ordered.read()?;
    let mut open: (Vec<u8>, f64) = (Vec::new(), 0.0);
    while let Some((_, value)) = entries.next()? {
        let mut value = Unpack(value);
        let (stratum, root) = (value.bytes()?, value.uint()? as usize);
        let size = value.uint()? as f64;
        if open.0 != stratum {
            open = (stratum.to_vec(), 0.0);
        }
        let total = totals.get(stratum).copied().unwrap_or_default() as f64;
        // The middle of a component decides, so that rounding favours neither side.
        let middle = (open.1 + size / 2.0) / total;
        side_of[root] = side_at(rule, middle) as u16;
        open.1 += size;
    }
    Ok(())
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

/// Disjoint sets of groups.
struct Sets(Vec<u32>);

impl Sets {
    fn new(count: usize) -> Self {
        Sets((0..count as u32).collect())
    }

    fn root(&mut self, mut group: usize) -> usize {
        while self.0[group] as usize != group {
            self.0[group] = self.0[self.0[group] as usize];
            group = self.0[group] as usize;
        }
        group
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b) as u32;
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

impl MixRule {
    /// The part that an example of these records belongs to.
    pub(crate) fn part(&self, forest: &Forest, records: &[usize]) -> Option<u64> {
        let record = records.first().map(|record| &forest.records[*record]);
        let value = record.and_then(|row| self.by.value(row));
        let value = value.as_deref().unwrap_or(&Json::Null);
        let part = self.parts.iter().position(|(of, _)| of == value);
        part.map(|part| part as u64)
    }
}

/// The heads of the examples that a mixture takes, as many as the parts allow without repeating one; `leave_out` takes the
/// others. Both in their order.
pub(crate) fn mix(
    heads: &mut Heads,
    rule: &MixRule,
    scratch: &dyn Scratch,
    mut leave_out: impl FnMut(Head) -> Result<()>,
) -> Result<Heads> {
    let sum: f64 = rule.parts.iter().map(|(_, part)| part).sum();
    let mut sizes = vec![0_u64; rule.parts.len()];
    let mut pools = Sorter::new(scratch);
    let mut entries = heads.read()?;
    for place in 0_u64.. {
        let Some(head) = entries.next()? else { break };
        if let Some(part) = head.part {
            sizes[part as usize] += 1;
            let key = Key::default()
                .uint(part)
                .float(fraction(rule.seed, &head.id));
            pools.push(&key.uint(place).0, &[])?;
        }
    }
    let parts = || {
        sizes
            .iter()
            .zip(&rule.parts)
            .map(|(size, (_, part))| (*size, *part))
    };
    let total = parts()
        .filter(|(_, part)| *part > 0.0)
        .map(|(size, part)| size as f64 * sum / part)
        .fold(f64::INFINITY, f64::min);
    // A share that is a whole number must not lose one to rounding.
    let mut room: Vec<u64> = parts()
        .map(|(_, part)| {
            if part > 0.0 {
                (total * part / sum + 1e-9) as u64
            } else {
                0
            }
        })
        .collect();
    let mut taken = vec![false; heads.len() as usize];
    let mut pools = pools.finish()?;
    let mut entries = pools.read()?;
    while let Some((key, _)) = entries.next()? {
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&key[at..at + 8]);
            u64::from_be_bytes(bytes) as usize
        };
        let room = &mut room[number(0)];
        if *room > 0 {
            *room -= 1;
            taken[number(16)] = true;
        }
    }
    let mut mixed = Heads::new(scratch)?;
    let mut entries = heads.read()?;
    for taken in taken {
        let Some(head) = entries.next()? else { break };
        if taken {
            mixed.push(&head)?;
        } else {
            leave_out(head)?;
        }
    }
    Ok(mixed)
}
