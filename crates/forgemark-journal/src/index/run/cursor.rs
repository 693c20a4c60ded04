//! Reading runs from end to end, and merging them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{BLOCK, Block, Entry, Run};
use crate::error::JournalError;

/// Blocks that are read at once.
const AHEAD: u64 = 16;

/// The entries of a run in order.
#[derive(Debug)]
struct Cursor<'a> {
    run: &'a Run,
    /// Number of the next block to read.
    next: u64,
    buffer: Vec<u8>,
    block: Block,
    place: usize,
}

impl<'a> Cursor<'a> {
    fn new(run: &'a Run) -> Self {
        Cursor {
            run,
            next: 0,
            buffer: Vec::new(),
            block: Block::new(),
            place: 0,
        }
    }

    fn next(&mut self) -> Result<Option<Entry>, JournalError> {
        if self.place == self.block.count {
            if self.next == self.run.blocks {
                return Ok(None);
            }
            let ahead = (self.next % AHEAD) as usize * BLOCK;
            if ahead == 0 {
                let blocks = AHEAD.min(self.run.blocks - self.next);
                self.buffer.resize(blocks as usize * BLOCK, 0);
                self.run
                    .file
                    .read_exact_at(&mut self.buffer, self.next * BLOCK as u64)
                    .map_err(JournalError::read(&self.run.path))?;
            }
            self.block
                .bytes
                .copy_from_slice(&self.buffer[ahead..ahead + BLOCK]);
            if self.block.check(self.next).is_none() {
                return Err(self.run.damage(self.next, "checksum of a block"));
            }
            self.next += 1;
            self.place = 0;
        }
        let entry = self.block.entry(self.place);
        self.place += 1;
        Ok(Some(entry))
    }
}

/// Gives the entries of all runs and of `fresh`, which is sorted, to `push` in ascending order; repeated ones are repeated.
pub(in crate::index) fn merge(
    fresh: &[Entry],
    runs: &[Arc<Run>],
    mut push: impl FnMut(Entry) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let mut cursors: Vec<Cursor<'_>> = runs.iter().map(|run| Cursor::new(run)).collect();
    let mut heads = BinaryHeap::with_capacity(cursors.len());
    for (source, cursor) in cursors.iter_mut().enumerate() {
        if let Some(entry) = cursor.next()? {
            heads.push(Reverse((entry, source)));
        }
    }
    let mut fresh = fresh.iter().copied().peekable();
    while let Some(Reverse((entry, source))) = heads.pop() {
        while let Some(first) = fresh.next_if(|first| *first <= entry) {
            push(first)?;
        }
        push(entry)?;
        if let Some(entry) = cursors[source].next()? {
            heads.push(Reverse((entry, source)));
        }
    }
    fresh.try_for_each(push)
}
