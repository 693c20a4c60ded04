//! Which endpoint served a conversation last, in fixed memory.
//!
//! An endpoint that has just served a conversation still holds its prefix in its cache, so the next call of the same
//! conversation is cheaper and faster there. The memory is a table without collision handling: a forgotten or mistaken entry
//! costs a cache hit, nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

/// Entries; a power of two, several times the conversations in flight at a time.
const SLOTS: usize = 1 << 13;

/// The table. Each entry is the upper half of the conversation's hash beside the endpoint's number plus one.
#[derive(Debug)]
pub(super) struct Affinity {
    slots: Vec<AtomicU32>,
}

impl Affinity {
    /// A table for `endpoints` endpoints; with a single one there is nothing to remember.
    pub(super) fn new(endpoints: usize) -> Self {
        let slots = if endpoints > 1 { SLOTS } else { 0 };
        Affinity {
            slots: (0..slots).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    fn slot(&self, conversation: u64) -> Option<&AtomicU32> {
        self.slots.get(conversation as usize & (SLOTS - 1))
    }

    /// The endpoint that served the conversation last.
    pub(super) fn get(&self, conversation: u64) -> Option<usize> {
        let entry = self.slot(conversation)?.load(Ordering::Relaxed);
        let index = (entry & 0xFFFF).checked_sub(1)?;
        (entry >> 16 == tag(conversation)).then_some(index as usize)
    }

    /// Remembers who served it.
    pub(super) fn set(&self, conversation: u64, index: usize) {
        if let (Some(slot), Ok(number)) = (self.slot(conversation), u16::try_from(index + 1)) {
            slot.store(
                tag(conversation) << 16 | u32::from(number),
                Ordering::Relaxed,
            );
        }
    }
}

fn tag(conversation: u64) -> u32 {
    (conversation >> 48) as u32
}
