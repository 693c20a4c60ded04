//! The scheduler of every pipeline.
//!
//! A pipeline is a list of items with a total order ([`ItemKey`]). Items run at the same time, yet
//! the result is the one that a machine with a single slot would give, whatever the latencies are:
//!
//! ```text
//!  Pipeline::next ──> admitted ──> running (n slots) ──> finished ──> Pipeline::commit
//!   (key order)          │             │    ▲               │            (key order)
//!                        │     decide  ▼    │ rewind        │
//!                        │         Speculation <────────────┘ checked once more
//!                        └── at most `lookahead` items between admission and commit
//! ```
//!
//! Items compete only through [`ItemCtx::decide`]: a claim (for dialogues: a question) is
//! judged against the claims of lower keys. What a lower item claims may still change, so a
//! judgment is tentative until everything below is final. When a lower claim appears or vanishes
//! the affected higher items are rewound at once and run again from the first decision that came
//! out differently; a replay costs no paid call because the caller's journal knows the replies.
//!
//! Invariants: this crate knows no model, no file format and no clock; commits happen in key order
//! and exactly once an item; nothing here decides by arrival order.

mod cancel;
mod scheduler;
mod speculation;

pub use cancel::{Cancel, Hooked};
pub use scheduler::{
    Ended, Flow, ItemCtx, Limits, Next, Open, Pipeline, Progress, ProgressSnapshot, Report, Stop,
    View, Work, drive,
};
pub use speculation::{Claims, Knowledge, Rewind, Speculation, Stale, Verdict};

/// Position of an item in the order of a run: groups (for dialogues: languages) one after the
/// other, ordinals inside a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Index of the group, from 0.
    pub group: u32,
    /// Ordinal inside the group, from 0.
    pub ordinal: u64,
}

impl std::fmt::Display for ItemKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.group, self.ordinal)
    }
}
