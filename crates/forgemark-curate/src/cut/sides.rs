//! The files of each side: rows in the trainer's format, and beside them where each is from.

use super::examples::{Examples, Heads};
use super::{PROVENANCE, Plan, Side};
use crate::compat::fraction;
use crate::encode::{RowsWriter, Shards};
use crate::error::{CurateError, Result};
use crate::formats::{self, Layout, Task};
use crate::output::{FileDigest, LineFile, Output};
use crate::spill::code::{Key, Pack, Unpack};
use crate::spill::{Scratch, Sorter, Spool};
use crate::split::Sides;

/// What is written.
pub(super) struct Content<'c> {
    pub(super) layout: Layout,
    pub(super) heads: &'c mut Heads,
    pub(super) examples: &'c mut Examples,
    pub(super) sides: Option<&'c Sides>,
}

/// Writes all sides and adds their files to `files`.
pub(super) fn write(
    plan: &Plan,
    content: Content<'_>,
    scratch: &dyn Scratch,
    output: &mut dyn Output,
    files: &mut Vec<FileDigest>,
) -> Result<Vec<Side>> {
    let Content {
        layout,
        heads,
        examples,
        sides,
    } = content;
    let task = Task::from(&plan.recipe.task);
    let columns = layout.columns(task).ok_or_else(|| CurateError::Recipe {
        key: "shape",
        what: format!("{} has no rows for {}", plan.format.word(), task.word()),
    })?;
    let one = [(String::new(), 1.0)];
    let names = plan.split.as_ref().map_or(&one[..], |rule| &rule.sides);
    let mut written = Vec::new();
    for (number, (name, share)) in names.iter().enumerate() {
        let mut order = order(heads, sides, number, plan.shuffle, scratch)?;
        let n_examples = order.len();
        let dot = if name.is_empty() { "" } else { "." };
        let stem = format!("{}{dot}{name}", plan.name);
        let mut provenance = Spool::new(scratch)?;
        // Only shards have to know how many rows there will be.
        let total = match plan.encoding.shards {
            Shards::One => 0,
            _ => count(layout, &mut order, examples)?,
        };
        let mut rows = RowsWriter::create(output, &stem, columns, plan.encoding, total)?;
        let mut entries = order.read()?;
        while let Some(place) = entries.next()? {
            let (example, from) = examples.at(Unpack(place).uint()?)?;
            let first = rows.written();
            // The rules were tried on every example before.
            for row in formats::lines(layout, &example, name, first as usize).unwrap_or_default() {
                rows.write(output, row)?;
                provenance.push(&from)?;
            }
        }
        let n_lines = rows.written();
        let of_rows = rows.finish(output)?;
        let names = of_rows.iter().map(|file| file.name.clone()).collect();
        files.extend(of_rows);
        let name_of = format!("{stem}{PROVENANCE}");
        files.push(write_spool(&mut provenance, &name_of, output)?);
        written.push(Side {
            name: name.clone(),
            share: *share,
            examples: n_examples,
            lines: n_lines,
            files: names,
        });
    }
    Ok(written)
}

/// The rows of a side.
fn count(layout: Layout, order: &mut Spool, examples: &mut Examples) -> Result<u64> {
    if !layout.completions() {
        return Ok(order.len());
    }
    let mut rows = 0;
    let mut entries = order.read()?;
    while let Some(place) = entries.next()? {
        let (example, _) = examples.at(Unpack(place).uint()?)?;
        rows += layout.count(&example);
    }
    Ok(rows)
}

/// The places of the examples of a side, in the order in which they are written.
fn order(
    heads: &mut Heads,
    sides: Option<&Sides>,
    side: usize,
    shuffle: Option<u64>,
    scratch: &dyn Scratch,
) -> Result<Spool> {
    let mut order = Spool::new(scratch)?;
    let mut shuffled = Sorter::new(scratch);
    let mut entries = heads.read()?;
    let mut number = 0;
    while let Some(head) = entries.next()? {
        let on_side = sides.is_none_or(|sides| usize::from(sides.of[number]) == side);
        number += 1;
        if !on_side {
            continue;
        }
        let mut place = Pack::default();
        place.uint(head.place);
        match shuffle {
            Some(seed) => {
                let key = Key::default().float(fraction(seed, &head.id));
                shuffled.push(&key.0, &place.0)?;
            }
            None => _ = order.push(&place.0)?,
        }
    }
    let mut shuffled = shuffled.finish()?;
    let mut entries = shuffled.read()?;
    while let Some((_, place)) = entries.next()? {
        order.push(place)?;
    }
    Ok(order)
}

/// Writes a file of lines that were kept.
pub(super) fn write_spool(
    lines: &mut Spool,
    name: &str,
    output: &mut dyn Output,
) -> Result<FileDigest> {
    let mut file = LineFile::create(output, name)?;
    append_spool(lines, &mut file)?;
    file.finish()
}

pub(super) fn append_spool(lines: &mut Spool, file: &mut LineFile<'_>) -> Result<()> {
    let mut entries = lines.read()?;
    while let Some(line) = entries.next()? {
        file.write(|out| out.extend_from_slice(line))?;
    }
    Ok(())
}

pub(super) fn append_sorted(lines: Sorter<'_>, file: &mut LineFile<'_>) -> Result<()> {
    let mut lines = lines.finish()?;
    let mut entries = lines.read()?;
    while let Some((_, line)) = entries.next()? {
        file.write(|out| out.extend_from_slice(line))?;
    }
    Ok(())
}
