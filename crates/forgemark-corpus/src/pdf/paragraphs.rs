//! Lines and paragraphs from the cells of a column.
//!
//! A paragraph ends where the distance to the next line is larger than usual, where the size of the letters changes,
//! where a list item begins, where a line ends although the next word would have fitted, and at a first-line indent after
//! the end of a sentence. A sentence that plainly goes on (no full stop, then a small letter) is not cut by any of these
//! but a large distance.

use super::{Cell, columns, join};

/// A paragraph: its lines in order, and the height of its letters in points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paragraph {
    pub(super) lines: Vec<String>,
    pub(super) height: f32,
}

/// One line of a column.
struct Row {
    l: f32,
    t: f32,
    r: f32,
    /// Wide gaps between its cells: two make it the row of a table.
    gaps: usize,
    /// Height of the letters: that of the widest cell, because signs set high or low stretch the others.
    height: f32,
    text: String,
}

/// Whether two heights may be those of lines of one paragraph. Signs set high or low stretch a line.
fn similar_size(a: f32, b: f32) -> bool {
    a.min(b) >= 0.8 * a.max(b)
}

/// Whether two heights are those of the same size of letters.
pub(super) fn same_size(a: f32, b: f32) -> bool {
    a.min(b) >= 0.92 * a.max(b)
}

/// The paragraphs of a page from its leaves in reading order.
pub(super) fn of_page(leaves: Vec<Vec<Cell>>) -> Vec<Paragraph> {
    let mut columns: Vec<Vec<Paragraph>> = leaves.into_iter().map(of_column).collect();
    let body = body_height(columns.iter().flatten());
    let mut notes = Vec::new();
    let last = columns.len().saturating_sub(1);
    for column in columns.iter_mut().take(last) {
        // Footnotes under a column would stand in the middle of the sentence that goes on in the next one.
        let is_note = |p: &Paragraph| p.height < 0.88 * body;
        let keep = column
            .iter()
            .rposition(|p| !is_note(p))
            .map_or(column.len(), |at| at + 1);
        notes.push(column.split_off(keep));
    }
    let mut out: Vec<Paragraph> = Vec::new();
    for mut column in columns {
        if let (Some(open), Some(next)) = (out.last_mut(), column.first_mut())
            && same_size(open.height, next.height)
            && let (Some(end), Some(start)) = (open.lines.last(), next.lines.first())
            && join::runs_on(end, start)
        {
            open.lines.append(&mut next.lines);
            column.remove(0);
        }
        out.append(&mut column);
    }
    out.extend(notes.into_iter().flatten());
    out
}

/// The height of most letters.
fn body_height<'a>(paragraphs: impl Iterator<Item = &'a Paragraph>) -> f32 {
    let mut sizes: Vec<(f32, usize)> = paragraphs
        .map(|p| (p.height, p.lines.iter().map(String::len).sum()))
        .collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sizes.iter().map(|(_, n)| n).sum::<usize>() / 2;
    let mut passed = 0;
    for (height, letters) in sizes {
        passed += letters;
        if passed > half {
            return height;
        }
    }
    0.0
}

fn of_column(cells: Vec<Cell>) -> Vec<Paragraph> {
    if cells.iter().all(Cell::is_upright) {
        // Labels of axes and trees: words without lines.
        let height = cells.iter().map(Cell::width).fold(0.0, f32::max);
        let lines: Vec<String> = cells.into_iter().map(|cell| cell.text).collect();
        return Vec::from_iter((!lines.is_empty()).then_some(Paragraph { lines, height }));
    }
    let rows = rows(cells);
    let left = rows.iter().map(|row| row.l).fold(f32::MAX, f32::min);
    let right = rows.iter().map(|row| row.r).fold(f32::MIN, f32::max);
    let pitch = pitch(&rows);
    let mut out: Vec<Paragraph> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|before| rows.get(before));
        let starts = previous
            .is_none_or(|previous| breaks(previous, row, rows.get(at + 1), left, right, pitch));
        match out.last_mut() {
            Some(paragraph) if !starts => {
                paragraph.lines.push(row.text.clone());
                paragraph.height = paragraph.height.min(row.height);
            }
            _ => out.push(Paragraph {
                lines: vec![row.text.clone()],
                height: row.height,
            }),
        }
    }
    out
}

/// Whether `row` begins a new paragraph after `previous`.
fn breaks(
    previous: &Row,
    row: &Row,
    next: Option<&Row>,
    left: f32,
    right: f32,
    pitch: f32,
) -> bool {
    let distance = row.t - previous.t;
    if distance > 1.9 * pitch.max(previous.height) || !similar_size(previous.height, row.height) {
        return true;
    }
    if previous.gaps > 1 || row.gaps > 1 {
        return true;
    }
    if join::runs_on(&previous.text, &row.text) && distance < 1.6 * pitch {
        return false;
    }
    if distance > 1.3 * pitch || is_item(&row.text) {
        return true;
    }
    let letters = row.text.chars().count().max(1);
    let letter = (row.r - row.l) / letters as f32;
    let word = row
        .text
        .split_whitespace()
        .next()
        .map_or(0, |word| word.chars().count());
    if previous.r + (word as f32 + 2.5) * letter < right {
        // The first word of this line would have fitted on the line before.
        return true;
    }
    let indent = 0.4 * row.height;
    let indented = row.l > left + indent
        && previous.l <= left + indent
        && next.is_none_or(|n| n.l <= left + indent);
    indented && join::ends_sentence(&previous.text)
}

/// The usual distance between the tops of two lines of running text.
fn pitch(rows: &[Row]) -> f32 {
    let mut distances: Vec<f32> = rows
        .iter()
        .zip(rows.iter().skip(1))
        .filter(|(a, b)| similar_size(a.height, b.height))
        .map(|(a, b)| (b.t - a.t, a.height))
        .filter(|(distance, height)| *distance > 0.5 * height && *distance < 3.0 * height)
        .map(|(distance, _)| distance)
        .collect();
    distances.sort_by(f32::total_cmp);
    let fallback = rows.first().map_or(12.0, |row| 1.3 * row.height);
    distances
        .get(distances.len() / 2)
        .copied()
        .unwrap_or(fallback)
}

/// The cells of a column as lines from top to bottom.
fn rows(mut cells: Vec<Cell>) -> Vec<Row> {
    let right_to_left = columns::is_right_to_left(&cells);
    cells.sort_by(|a, b| a.middle().total_cmp(&b.middle()).then(a.l.total_cmp(&b.l)));
    let mut lines: Vec<(f32, f32, Vec<Cell>)> = Vec::new();
    for cell in cells {
        match lines.last_mut() {
            Some((t, b, line))
                if b.min(cell.b) - t.max(cell.t) > 0.5 * (*b - *t).min(cell.height()) =>
            {
                // The line keeps the box of its tallest cell, else a ladder of shifted cells would become one line.
                if cell.height() > *b - *t {
                    (*t, *b) = (cell.t, cell.b);
                }
                line.push(cell);
            }
            _ => lines.push((cell.t, cell.b, vec![cell])),
        }
    }
    lines
        .into_iter()
        .map(|(_, _, line)| row(line, right_to_left))
        .collect()
}

fn row(mut cells: Vec<Cell>, right_to_left: bool) -> Row {
    if right_to_left {
        cells.sort_by(|a, b| b.r.total_cmp(&a.r));
    } else {
        cells.sort_by(|a, b| a.l.total_cmp(&b.l));
    }
    let widest = cells.iter().max_by(|a, b| a.width().total_cmp(&b.width()));
    let (t, b) = widest.map_or((0.0, 0.0), |cell| (cell.t, cell.b));
    let height = b - t;
    let gaps = cells
        .iter()
        .zip(cells.iter().skip(1))
        .filter(|(a, b)| b.l.max(a.l) - a.r.min(b.r) > 1.2 * height)
        .count();
    Row {
        l: cells.iter().map(|c| c.l).fold(f32::MAX, f32::min),
        t,
        r: cells.iter().map(|c| c.r).fold(f32::MIN, f32::max),
        gaps,
        height,
        text: cells
            .iter()
            .map(|c| c.text.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Whether a line begins with a bullet or a number of a list or of a reference.
fn is_item(text: &str) -> bool {
    let Some((mark, rest)) = text.split_once(' ') else {
        return false;
    };
    if rest.trim().is_empty() {
        return false;
    }
    if matches!(
        mark,
        "•" | "▪" | "◦" | "‣" | "·" | "–" | "—" | "-" | "*" | "■" | "►" | "➢" | "✓"
    ) {
        return true;
    }
    let number = mark
        .strip_prefix('[')
        .and_then(|m| m.strip_suffix(']'))
        .or_else(|| mark.strip_prefix('(').and_then(|m| m.strip_suffix(')')))
        .or_else(|| mark.strip_suffix(['.', ')']));
    number.is_some_and(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
}
