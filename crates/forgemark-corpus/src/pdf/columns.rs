//! Reading order: which cells belong to one column, and which column comes first.
//!
//! A page is cut at a gutter, a corridor beside which lines of prose stand on both sides. What crosses the corridor (a
//! title, an abstract, a wide figure) cuts the page into bands; in each band the left column is read before the right
//! one, or the right one first where most letters are Arabic or Hebrew. Tables have short cells and are no prose, so
//! their rows stay together. Where no gutter is found the cells are read by rows.

use super::Cell;

/// Deepest nesting of columns in columns.
const MAX_DEPTH: usize = 6;
/// Lines that must begin at the same place before that place can be the edge of a column.
const MIN_LINES: usize = 3;
/// Words of a line of prose, in the middle of a column's lines.
const PROSE_WORDS: usize = 4;
/// Candidate edges to try, those with most lines first.
const MAX_CANDIDATES: usize = 12;

/// The cells of a page as leaves in reading order, each in rows from top to bottom. Upright text comes last.
pub(super) fn order(cells: Vec<Cell>) -> Vec<Vec<Cell>> {
    let (upright, level): (Vec<Cell>, Vec<Cell>) = cells.into_iter().partition(Cell::is_upright);
    let mut leaves = Vec::new();
    split(level, 0, &mut leaves);
    leaves.extend((!upright.is_empty()).then_some(upright));
    leaves
}

fn split(cells: Vec<Cell>, depth: usize, leaves: &mut Vec<Vec<Cell>>) {
    if cells.is_empty() {
        return;
    }
    let gutter = if depth < MAX_DEPTH {
        gutter(&cells)
    } else {
        None
    };
    let Some(edge) = gutter else {
        leaves.push(cells);
        return;
    };
    let right_first = is_right_to_left(&cells);
    let mut crossing: Vec<Cell> = Vec::new();
    let mut sides: Vec<(bool, Cell)> = Vec::new();
    for cell in cells {
        if cell.l < edge && cell.r > edge {
            crossing.push(cell);
        } else {
            sides.push((cell.l >= edge, cell));
        }
    }
    crossing.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    let mut bands: Vec<(Vec<Cell>, Vec<Cell>)> = vec![Default::default(); crossing.len() + 1];
    for (on_right, cell) in sides {
        let band = crossing.partition_point(|wide| wide.middle() < cell.middle());
        if let Some((left, right)) = bands.get_mut(band) {
            if on_right { right } else { left }.push(cell);
        }
    }
    // Wide lines with nothing between them are one block.
    let mut wide: Vec<Cell> = Vec::new();
    let mut crossing = crossing.into_iter();
    for (mut left, mut right) in bands {
        if let Some(end) = tail(&wide, &left, &right) {
            wide.push(end);
            left.clear();
            right.clear();
        }
        if !left.is_empty() || !right.is_empty() {
            leaves.extend((!wide.is_empty()).then(|| std::mem::take(&mut wide)));
            let (first, second) = if right_first {
                (right, left)
            } else {
                (left, right)
            };
            split(first, depth + 1, leaves);
            split(second, depth + 1, leaves);
        }
        wide.extend(crossing.next());
    }
    leaves.extend((!wide.is_empty()).then_some(wide));
}

/// The short last line of a wide paragraph, which ends before the gutter: alone in its band and close to a wide line.
fn tail(wide: &[Cell], left: &[Cell], right: &[Cell]) -> Option<Cell> {
    let ((Some(above), [only], []) | (Some(above), [], [only])) = (wide.last(), left, right) else {
        return None;
    };
    let (small, large) = (
        above.height().min(only.height()),
        above.height().max(only.height()),
    );
    let close = (only.t - above.b).abs() < 0.8 * small && small >= 0.8 * large;
    close.then(|| only.clone())
}

/// The left edge of a right-hand column, or `None` when these cells are one column.
fn gutter(cells: &[Cell]) -> Option<f32> {
    let prose: Vec<&Cell> = cells.iter().filter(|cell| cell.words() >= 2).collect();
    if prose.len() < 2 * MIN_LINES {
        return None;
    }
    let left = prose.iter().map(|c| c.l).fold(f32::MAX, f32::min);
    let right = prose.iter().map(|c| c.r).fold(f32::MIN, f32::max);
    let margin = (right - left) * 0.12;
    let height = median(prose.iter().map(|c| c.height()))?;
    candidates(&prose, height)
        .into_iter()
        .filter_map(|edge| widen(&prose, edge, height))
        .filter(|edge| *edge > left + margin && *edge < right - margin)
        .filter_map(|edge| Some((weight(&prose, edge, height)?, edge)))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, edge)| edge)
}

/// Places where several lines begin, those with most lines first.
fn candidates(prose: &[&Cell], height: f32) -> Vec<f32> {
    let mut starts: Vec<f32> = prose.iter().map(|cell| cell.l).collect();
    starts.sort_by(f32::total_cmp);
    let mut groups: Vec<(usize, f32)> = Vec::new();
    let mut last = f32::MIN;
    for start in starts {
        match groups.last_mut() {
            Some((n, _)) if start - last <= 0.3 * height => *n += 1,
            _ => groups.push((1, start - 0.1 * height)),
        }
        last = start;
    }
    groups.retain(|(n, _)| *n >= MIN_LINES);
    groups.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    groups.truncate(MAX_CANDIDATES);
    groups.into_iter().map(|(_, edge)| edge).collect()
}

/// Moves an edge to the left end of what stands right of the corridor before it: not every line of a column begins at
/// its edge.
fn widen(prose: &[&Cell], edge: f32, height: f32) -> Option<f32> {
    let inner = prose
        .iter()
        .filter(|c| {
            c.r <= edge
                && prose
                    .iter()
                    .any(|other| other.l >= edge && beside(c, other))
        })
        .map(|c| c.r)
        .fold(f32::MIN, f32::max);
    let first = prose
        .iter()
        .map(|c| c.l)
        .filter(|l| *l > inner + 0.3 * height)
        .fold(f32::MAX, f32::min);
    (inner > f32::MIN && first < f32::MAX).then(|| first.min(edge) - 0.1 * height)
}

/// How much text a cut at `edge` puts side by side, in characters of the smaller side, or `None` when it is no gutter.
fn weight(prose: &[&Cell], edge: f32, height: f32) -> Option<usize> {
    let mut left: Vec<&Cell> = prose.iter().copied().filter(|c| c.r <= edge).collect();
    let right: Vec<&Cell> = prose.iter().copied().filter(|c| c.l >= edge).collect();
    // Only what stands beside the other side says anything about a gutter.
    left.retain(|cell| right.iter().any(|other| beside(cell, other)));
    let right: Vec<&Cell> = right
        .into_iter()
        .filter(|cell| left.iter().any(|other| beside(cell, other)))
        .collect();
    if left.len() < MIN_LINES || right.len() < MIN_LINES {
        return None;
    }
    let inner = left.iter().map(|c| c.r).fold(f32::MIN, f32::max);
    if edge - inner < 0.3 * height {
        return None;
    }
    if median_words(&left)? < PROSE_WORDS || median_words(&right)? < PROSE_WORDS {
        return None;
    }
    // Lines that run through the gutter beside lines on both sides contradict it.
    let against = prose
        .iter()
        .filter(|c| c.l < edge && c.r > edge)
        .filter(|c| {
            left.iter().any(|other| beside(c, other)) && right.iter().any(|other| beside(c, other))
        })
        .count();
    if against * 8 > left.len().min(right.len()) {
        return None;
    }
    let letters = |side: &[&Cell]| side.iter().map(|c| c.text.len()).sum::<usize>();
    Some(letters(&left).min(letters(&right)))
}

/// Whether two cells share most of a line's height.
fn beside(a: &Cell, b: &Cell) -> bool {
    a.b.min(b.b) - a.t.max(b.t) > 0.4 * a.height().min(b.height())
}

fn median_words(cells: &[&Cell]) -> Option<usize> {
    median(cells.iter().map(|c| c.words() as f32)).map(|n| n as usize)
}

fn median(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Whether most letters are of a script that runs from right to left.
pub(super) fn is_right_to_left(cells: &[Cell]) -> bool {
    let (mut rtl, mut other) = (0, 0);
    for character in cells
        .iter()
        .flat_map(|cell| cell.text.chars())
        .filter(|c| c.is_alphabetic())
    {
        if matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
        {
            rtl += 1;
        } else {
            other += 1;
        }
    }
    rtl > other
}
