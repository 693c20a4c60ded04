//! Blocks of rows against the rows that were kept, then among themselves, then decided in order.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::thread;

use pulp::Arch;

use super::kernel::{self, PANEL, Panels};
use super::score::{Scored, tolerance};
use super::sketch::Sketcher;
use super::{Greedy, Match, Scorer, Search};

/// Rows that are decided together.
const BLOCK: usize = 1024;

/// Panels after which rows that are settled are left out, and edges are handed over.
const GROUP: usize = 64;

/// Drops each row that lies near an earlier row that was kept. Rows that cannot be compared stay; rows of different
/// lengths are never near.
pub fn first_kept_wins(rows: &[Option<&[f32]>], search: &Search) -> Greedy {
    let mut greedy = Greedy {
        keeper: vec![None; rows.len()],
        compared: 0,
        scored: 0,
    };
    for set in sets(rows, search) {
        let mut index = Index::new(&set.rows, set.dim, search);
        let mut keeper: Vec<Option<Match>> = vec![None; set.rows.len()];
        for start in (0..set.rows.len()).step_by(BLOCK) {
            let block: Vec<usize> = (start..set.rows.len().min(start + BLOCK)).collect();
            index.first_near(&block, &mut keeper);
            let open: Vec<usize> = block
                .into_iter()
                .filter(|row| keeper[*row].is_none())
                .collect();
            let near = index.near_each_other(&open);
            for row in open {
                let first = near.get(&row).and_then(|near| {
                    near.iter()
                        .find(|candidate| keeper[candidate.row].is_none())
                });
                keeper[row] = first.copied();
                if first.is_none() {
                    index.push(row);
                }
            }
        }
        greedy.compared += index.compared;
        greedy.scored += index.scored;
        for (row, keeper) in keeper.iter().enumerate() {
            greedy.keeper[set.places[row]] = keeper.map(|near| near.at(&set.places));
        }
        // An equal row has the same neighbours as the one that stands for it, and that one too.
        for copy in &set.copies {
            greedy.keeper[copy.place] = Some(keeper[copy.of].map_or(
                Match {
                    row: set.places[copy.of],
                    distance: copy.distance,
                },
                |near| near.at(&set.places),
            ));
        }
    }
    greedy
}

/// For each row the first of `held` that lies near it.
pub fn first_matches(
    rows: &[Option<&[f32]>],
    held: &[Option<&[f32]>],
    search: &Search,
) -> Vec<Option<Match>> {
    let mut matches = vec![None; rows.len()];
    let (rows, held) = (scored(rows, search.scorer), scored(held, search.scorer));
    for (dim, held) in held {
        let Some(rows) = rows.get(&dim) else { continue };
        let n_held = held.len();
        let (places, all): (Vec<usize>, Vec<Scored<'_>>) =
            held.into_iter().chain(rows.iter().copied()).unzip();
        let mut index = Index::new(&all, dim, search);
        for row in 0..n_held {
            index.push(row);
        }
        let mut keeper = vec![None; all.len()];
        for start in (n_held..all.len()).step_by(BLOCK) {
            let block: Vec<usize> = (start..all.len().min(start + BLOCK)).collect();
            index.first_near(&block, &mut keeper);
        }
        for (row, near) in keeper.iter().enumerate().skip(n_held) {
            matches[places[row]] = near.map(|near: Match| near.at(&places));
        }
    }
    matches
}

/// Hands over pairs of near rows, the later one first, that connect all rows that are connected by near pairs: all pairs
/// among different vectors, and for equal ones the pair with the first of them. The order is that of the later row.
pub fn edges(rows: &[Option<&[f32]>], search: &Search, visit: &mut dyn FnMut(usize, Match)) {
    for set in sets(rows, search) {
        let mut index = Index::new(&set.rows, set.dim, search);
        for start in (0..set.rows.len()).step_by(BLOCK) {
            let block: Vec<usize> = (start..set.rows.len().min(start + BLOCK)).collect();
            for group in (0..index.panels.len().div_ceil(PANEL)).step_by(GROUP) {
                let range = group..index.panels.len().div_ceil(PANEL).min(group + GROUP);
                for (row, near) in index.near_panels(&block, range) {
                    visit(set.places[row], near.at(&set.places));
                }
            }
            for (row, near) in index.near_each_other(&block) {
                for near in near {
                    visit(set.places[row], near.at(&set.places));
                }
            }
            for row in block {
                index.push(row);
            }
        }
        for copy in &set.copies {
            let near = Match {
                row: set.places[copy.of],
                distance: copy.distance,
            };
            visit(copy.place, near);
        }
    }
}

/// The nearest pair of a row of `left` and a row of `right`: their places and their distance in doubles. Of several
/// nearest pairs any one, always the same.
pub fn most_similar(left: &[Option<&[f32]>], right: &[Option<&[f32]>]) -> Option<(usize, Match)> {
    let search = Search {
        distance: 0.1,
        scorer: Scorer::Double,
        threads: 1,
    };
    let (left, right) = (scored(left, search.scorer), scored(right, search.scorer));
    let mut best: Option<(usize, Match)> = None;
    for (dim, held) in right {
        let Some(rows) = left.get(&dim) else { continue };
        let n_held = held.len();
        let (places, all): (Vec<usize>, Vec<Scored<'_>>) =
            held.into_iter().chain(rows.iter().copied()).unzip();
        let mut index = Index::new(&all, dim, &search);
        for row in 0..n_held {
            index.push(row);
        }
        for start in (n_held..all.len()).step_by(BLOCK) {
            let block: Vec<usize> = (start..all.len().min(start + BLOCK)).collect();
            let sketches = index.sketches(&block);
            for panel in 0..n_held.div_ceil(PANEL) {
                let reach = best.map_or(2.0, |(_, near)| near.distance);
                let found = index.reach(&sketches, panel, reach);
                for (row, column) in found {
                    let (row, held) = (block[row], column);
                    let distance = all[row].distance(&all[held], search.scorer);
                    if best.is_none_or(|(_, near)| distance < near.distance) {
                        best = Some((
                            places[row],
                            Match {
                                row: places[held],
                                distance,
                            },
                        ));
                    }
                }
            }
        }
    }
    best
}

impl Match {
    fn at(self, places: &[usize]) -> Self {
        Match {
            row: places[self.row],
            distance: self.distance,
        }
    }
}

/// Rows of one length, each different.
struct Set<'a> {
    dim: usize,
    rows: Vec<Scored<'a>>,
    /// Where each row stands among all.
    places: Vec<usize>,
    copies: Vec<Copied>,
}

/// A row that equals an earlier one bit for bit.
struct Copied {
    place: usize,
    /// The first of them, as a row of the set.
    of: usize,
    distance: f64,
}

/// Rows that can be compared, by length, each with its place.
fn scored<'a>(
    rows: &[Option<&'a [f32]>],
    scorer: Scorer,
) -> BTreeMap<usize, Vec<(usize, Scored<'a>)>> {
    let mut by_length: BTreeMap<usize, Vec<(usize, Scored<'a>)>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(row) = row.and_then(|row| Scored::new(row, scorer)) {
            by_length
                .entry(row.row.len())
                .or_default()
                .push((place, row));
        }
    }
    by_length
}

fn sets<'a>(rows: &[Option<&'a [f32]>], search: &Search) -> Vec<Set<'a>> {
    let by_length = scored(rows, search.scorer);
    by_length
        .into_iter()
        .map(|(dim, rows)| collapse(dim, rows, search))
        .collect()
}

fn collapse<'a>(dim: usize, all: Vec<(usize, Scored<'a>)>, search: &Search) -> Set<'a> {
    let mut set = Set {
        dim,
        rows: Vec::with_capacity(all.len()),
        places: Vec::with_capacity(all.len()),
        copies: Vec::new(),
    };
    let first = first_equals(&all);
    // Where each row stands in the set.
    let mut standing = vec![0_u32; all.len()];
    for (number, (place, row)) in all.into_iter().enumerate() {
        let equal = first[number] as usize;
        // In singles equal vectors can be further apart than a very small threshold.
        let distance = row.distance(&row, search.scorer);
        if equal < number && distance <= search.distance {
            set.copies.push(Copied {
                place,
                of: standing[equal] as usize,
                distance,
            });
            continue;
        }
        standing[number] = set.rows.len() as u32;
        set.rows.push(row);
        set.places.push(place);
    }
    set
}

/// For each row the first that equals it bit for bit, which may be itself.
fn first_equals(all: &[(usize, Scored<'_>)]) -> Vec<u32> {
    let hashes = all.iter().zip(0_u32..);
    let mut by_hash: Vec<(u64, u32)> = hashes.map(|((_, row), n)| (hash(row.row), n)).collect();
    by_hash.sort_unstable();
    let mut first: Vec<u32> = (0..all.len() as u32).collect();
    for same_hash in by_hash.chunk_by(|a, b| a.0 == b.0) {
        let mut different: Vec<u32> = Vec::new();
        for (_, number) in same_hash {
            let row = all[*number as usize].1.row;
            let known = different
                .iter()
                .find(|other| bits(all[**other as usize].1.row).eq(bits(row)));
            match known {
                Some(known) => first[*number as usize] = *known,
                None => different.push(*number),
            }
        }
    }
    first
}

fn bits(row: &[f32]) -> impl Iterator<Item = u32> {
    row.iter().map(|component| component.to_bits())
}

fn hash(row: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bits(row).for_each(|bits| bits.hash(&mut hasher));
    hasher.finish()
}

/// Rows that others are compared with, as panels of sketches.
struct Index<'a> {
    all: &'a [Scored<'a>],
    search: Search,
    margin: f64,
    sketcher: Sketcher,
    panels: Panels,
    /// The row behind each column.
    columns: Vec<usize>,
    arch: Arch,
    compared: u64,
    scored: u64,
}

impl<'a> Index<'a> {
    fn new(all: &'a [Scored<'a>], dim: usize, search: &Search) -> Self {
        let margin = tolerance(dim, search.scorer);
        let least = 1.0 - search.distance - margin;
        let sketcher = Sketcher::fit(all, dim, least);
        Index {
            all,
            search: *search,
            margin,
            // At most every row becomes a column; what is never written to costs no memory.
            panels: Panels::with_room(sketcher.width(), all.len()),
            sketcher,
            columns: Vec::new(),
            arch: Arch::new(),
            compared: 0,
            scored: 0,
        }
    }

    fn push(&mut self, row: usize) {
        let mut sketch = Vec::with_capacity(self.sketcher.width());
        self.sketcher.sketch(&self.all[row], &mut sketch);
        self.panels.push(&sketch);
        self.columns.push(row);
    }

    fn sketches(&self, rows: &[usize]) -> Vec<f32> {
        let mut sketches = Vec::with_capacity(rows.len() * self.sketcher.width());
        for row in rows {
            self.sketcher.sketch(&self.all[*row], &mut sketches);
        }
        sketches
    }

    /// Pairs of a place among the sketched rows and a column of the panel that may be within `distance`.
    fn reach(&self, sketches: &[f32], panel: usize, distance: f64) -> Vec<(usize, usize)> {
        let limit = self.sketcher.limit(1.0 - distance - self.margin);
        let mut found = Vec::new();
        let (width, values) = (self.sketcher.width(), self.panels.panel(panel));
        kernel::reach(self.arch, sketches, width, &values, limit, &mut found);
        let columns = found
            .into_iter()
            .map(|(row, column)| (row as usize, panel * PANEL + column as usize));
        columns
            .filter(|(_, column)| *column < self.panels.len())
            .collect()
    }

    fn within(&self, row: usize, other: usize) -> Option<Match> {
        let Search {
            distance, scorer, ..
        } = self.search;
        let near = self.all[row].within(&self.all[other], distance, self.margin, scorer)?;
        Some(Match {
            row: other,
            distance: near,
        })
    }

    /// Sets the first near row of the index for each row that has one.
    fn first_near(&mut self, rows: &[usize], keeper: &mut [Option<Match>]) {
        let results = self.in_threads(rows, |rows| self.first_near_of(rows));
        for (found, compared, scored) in results {
            self.compared += compared;
            self.scored += scored;
            for (row, near) in found {
                keeper[row] = Some(near);
            }
        }
    }

    fn first_near_of(&self, rows: &[usize]) -> (Vec<(usize, Match)>, u64, u64) {
        let width = self.sketcher.width();
        let mut active = rows.to_vec();
        let mut sketches = self.sketches(rows);
        let mut settled: Vec<Option<Match>> = vec![None; active.len()];
        let mut result = Vec::new();
        let (mut compared, mut scored) = (0, 0);
        let panels = self.panels.len().div_ceil(PANEL);
        for panel in 0..panels {
            compared += (active.len() * PANEL.min(self.panels.len() - panel * PANEL)) as u64;
            for (row, column) in self.reach(&sketches, panel, self.search.distance) {
                if settled[row].is_none() {
                    scored += 1;
                    settled[row] = self.within(active[row], self.columns[column]);
                }
            }
            if panel % GROUP == GROUP - 1 || panel + 1 == panels {
                let mut kept = 0;
                for place in 0..active.len() {
                    if let Some(near) = settled[place] {
                        result.push((active[place], near));
                        continue;
                    }
                    active[kept] = active[place];
                    sketches.copy_within(place * width..(place + 1) * width, kept * width);
                    kept += 1;
                }
                active.truncate(kept);
                sketches.truncate(kept * width);
                settled.clear();
                settled.resize(kept, None);
            }
        }
        (result, compared, scored)
    }

    /// All near pairs of a row and a column of these panels.
    fn near_panels(&self, rows: &[usize], panels: std::ops::Range<usize>) -> Vec<(usize, Match)> {
        let results = self.in_threads(rows, |rows| {
            let sketches = self.sketches(rows);
            let found = panels
                .clone()
                .flat_map(|panel| self.reach(&sketches, panel, self.search.distance));
            found
                .filter_map(|(row, column)| {
                    Some((rows[row], self.within(rows[row], self.columns[column])?))
                })
                .collect::<Vec<_>>()
        });
        let mut found: Vec<(usize, Match)> = results.into_iter().flatten().collect();
        found.sort_by_key(|(row, near)| (*row, near.row));
        found
    }

    /// For each of `rows` the earlier ones of them that are near, in their order.
    fn near_each_other(&mut self, rows: &[usize]) -> BTreeMap<usize, Vec<Match>> {
        let mut block = Index {
            panels: Panels::with_room(self.sketcher.width(), rows.len()),
            columns: Vec::with_capacity(rows.len()),
            sketcher: self.sketcher.clone(),
            ..*self
        };
        for row in rows {
            block.push(*row);
        }
        let results = self.in_threads(rows, |rows| {
            let sketches = block.sketches(rows);
            let (mut found, mut scored) = (Vec::new(), 0);
            for panel in 0..block.panels.len().div_ceil(PANEL) {
                for (row, column) in block.reach(&sketches, panel, self.search.distance) {
                    let (row, other) = (rows[row], block.columns[column]);
                    if other < row {
                        scored += 1;
                        found.extend(block.within(row, other).map(|near| (row, near)));
                    }
                }
            }
            (found, scored)
        });
        let mut near: BTreeMap<usize, Vec<Match>> = BTreeMap::new();
        for (found, scored) in results {
            self.scored += scored;
            for (row, found) in found {
                near.entry(row).or_default().push(found);
            }
        }
        self.compared += (rows.len() * rows.len().saturating_sub(1) / 2) as u64;
        near
    }

    /// The answers for parts of `rows`, in their order.
    fn in_threads<T: Send>(&self, rows: &[usize], work: impl Fn(&[usize]) -> T + Sync) -> Vec<T> {
        let size = rows.len().div_ceil(self.search.threads.max(1)).max(PANEL);
        let mut parts = rows.chunks(size);
        let Some(first) = parts.next() else {
            return Vec::new();
        };
        thread::scope(|scope| {
            let work = &work;
            let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
            let mut results = vec![work(first)];
            for other in others {
                match other.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    }
}
