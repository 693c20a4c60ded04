//! An order over more entries than memory holds: runs that were sorted in a buffer, merged when they are read.

use std::ops::Range;

use super::{Reel, Scratch, Tape};
use crate::error::Result;

/// Bytes of entries that are sorted at once.
const BUFFER: usize = 8 << 20;

/// Bytes of the lengths of a key and a value in front of both.
const LENGTHS: usize = 8;

/// Takes entries in any order. Entries of equal keys keep the order in which they came.
pub(crate) struct Sorter<'s> {
    scratch: &'s dyn Scratch,
    buffer: usize,
    data: Vec<u8>,
    slots: Vec<Slot>,
    tape: Option<Tape>,
    runs: Vec<Range<u64>>,
    entries: u64,
}

/// Where an entry stands in the buffer.
pub(crate) struct Slot {
    /// The first bytes of the key, which settle most comparisons.
    head: u64,
    at: u32,
    key: u32,
    value: u32,
}

impl Slot {
    fn key<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        &data[self.at as usize..][..self.key as usize]
    }

    fn value<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        &data[self.at as usize + self.key as usize..][..self.value as usize]
    }
}

fn head(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let size = key.len().min(8);
    bytes[..size].copy_from_slice(&key[..size]);
    u64::from_be_bytes(bytes)
}

impl<'s> Sorter<'s> {
    pub(crate) fn new(scratch: &'s dyn Scratch) -> Self {
        Self::with_buffer(scratch, BUFFER)
    }

    /// A sorter that sorts so many bytes at once.
    pub(super) fn with_buffer(scratch: &'s dyn Scratch, buffer: usize) -> Self {
        Sorter {
            scratch,
            buffer,
            data: Vec::new(),
            slots: Vec::new(),
            tape: None,
            runs: Vec::new(),
            entries: 0,
        }
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let size = self.data.len() + self.slots.len() * size_of::<Slot>();
        if size + key.len() + value.len() > self.buffer && !self.slots.is_empty() {
            self.spill()?;
        }
        self.slots.push(Slot {
            head: head(key),
            at: self.data.len() as u32,
            key: key.len() as u32,
            value: value.len() as u32,
        });
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
        self.entries += 1;
        Ok(())
    }

    /// Entries so far.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    fn sort(&mut self) {
        let data = &self.data;
        self.slots.sort_unstable_by(|a, b| {
            let by_key = a
                .head
                .cmp(&b.head)
                .then_with(|| a.key(data).cmp(b.key(data)));
            by_key.then(a.at.cmp(&b.at)).then(a.value.cmp(&b.value))
        });
    }

    fn spill(&mut self) -> Result<()> {
        self.sort();
        let mut tape = match self.tape.take() {
            Some(tape) => tape,
            None => Tape::new(self.scratch)?,
        };
        let start = tape.end;
        let mut out = Vec::with_capacity(super::CHUNK * 2);
        for slot in &self.slots {
            out.extend_from_slice(&slot.key.to_le_bytes());
            out.extend_from_slice(&slot.value.to_le_bytes());
            out.extend_from_slice(slot.key(&self.data));
            out.extend_from_slice(slot.value(&self.data));
            if out.len() >= super::CHUNK {
                tape.append(&out)?;
                out.clear();
            }
        }
        tape.append(&out)?;
        self.runs.push(start..tape.end);
        self.tape = Some(tape);
        self.data.clear();
        self.slots.clear();
        Ok(())
    }

    /// Ends the taking of entries.
    pub(crate) fn finish(mut self) -> Result<Sorted> {
        if self.tape.is_some() && !self.slots.is_empty() {
            self.spill()?;
        }
        self.sort();
        let (data, slots) = if self.slots.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            (self.data, self.slots)
        };
        Ok(Sorted {
            data,
            slots,
            tape: self.tape,
            runs: self.runs,
        })
    }
}

/// Entries in the order of their keys; can be read several times.
pub(crate) struct Sorted {
    data: Vec<u8>,
    slots: Vec<Slot>,
    tape: Option<Tape>,
    runs: Vec<Range<u64>>,
}

impl Sorted {
    /// Reads from the smallest key.
    pub(crate) fn read(&mut self) -> Result<Merge<'_>> {
        let Some(tape) = &mut self.tape else {
            return Ok(Merge::Memory {
                data: &self.data,
                slots: self.slots.iter(),
            });
        };
        let mut runs = Vec::with_capacity(self.runs.len());
        for range in &self.runs {
            let mut run = Run {
                reel: Reel::new(range.start, range.end),
                key: 0,
                value: 0,
            };
            if run.advance(tape)? {
                runs.push(run);
            }
        }
        let mut merge = Runs {
            tape,
            heap: (0..runs.len()).collect(),
            all: runs,
            given: false,
        };
        for place in (0..merge.heap.len() / 2).rev() {
            merge.sift_down(place);
        }
        Ok(Merge::Runs(merge))
    }
}

/// Entries from the smallest key on.
pub(crate) enum Merge<'s> {
    /// All of them are in memory.
    Memory {
        data: &'s [u8],
        slots: std::slice::Iter<'s, Slot>,
    },
    /// Sorted runs of a tape.
    Runs(Runs<'s>),
}

impl Merge<'_> {
    /// The next key with its value.
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        match self {
            Merge::Memory { data, slots } => {
                let slot = slots.next();
                Ok(slot.map(|slot| (slot.key(data), slot.value(data))))
            }
            Merge::Runs(runs) => runs.next(),
        }
    }
}

/// Sorted runs that are read together.
pub(crate) struct Runs<'s> {
    tape: &'s mut Tape,
    all: Vec<Run>,
    /// The runs as a heap, that with the smallest entry first.
    heap: Vec<usize>,
    /// Whether the first entry of the heap was given out.
    given: bool,
}

/// A run, and its entry that comes next.
struct Run {
    reel: Reel,
    key: usize,
    value: usize,
}

impl Run {
    /// Makes the next entry ready; `false` at the end.
    fn advance(&mut self, tape: &mut Tape) -> Result<bool> {
        if self.reel.is_empty() {
            return Ok(false);
        }
        self.reel.hold(tape, LENGTHS)?;
        let lengths = self.reel.take(LENGTHS)?;
        let length = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&lengths[at..at + 4]);
            u32::from_le_bytes(bytes) as usize
        };
        (self.key, self.value) = (length(0), length(4));
        self.reel.hold(tape, self.key + self.value)?;
        self.reel.take(self.key + self.value)?;
        Ok(true)
    }

    fn entry(&self) -> (&[u8], &[u8]) {
        let start = self.reel.place - self.key - self.value;
        self.reel.buffer[start..self.reel.place].split_at(self.key)
    }
}

impl Runs<'_> {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if self.given
            && let Some(first) = self.heap.first().copied()
        {
            if !self.all[first].advance(self.tape)? {
                self.heap.swap_remove(0);
            }
            self.sift_down(0);
        }
        self.given = true;
        Ok(self.heap.first().map(|first| self.all[*first].entry()))
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        let key = |run: usize| (self.all[run].entry().0, run);
        key(a) < key(b)
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let mut smallest = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.is_before(self.heap[child], self.heap[smallest])
                {
                    smallest = child;
                }
            }
            if smallest == place {
                return;
            }
            self.heap.swap(place, smallest);
            place = smallest;
        }
    }
}
