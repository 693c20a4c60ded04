//! The declared rule for a request that is longer than the context.
//!
//! Each time an endpoint says so, the oldest messages of the droppable range go: one pair (a question and its answer) at
//! each of the first four tries, then 2, 4, 8 and 16 pairs, and never a tool's result without its call or the other way
//! round. After eight tries, or when nothing droppable is left, the call is a typed failure. The journal stores the reply
//! under the key of the untrimmed request, and the history says how many messages were dropped, so a resumed run need not
//! learn it again.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::chat::{ChatRequest, Role};

/// Pairs that go at each try.
const PAIRS: [usize; 8] = [1, 1, 1, 1, 2, 4, 8, 16];

/// How far the trimming of one call has gone.
#[derive(Debug)]
pub(super) struct Trimmer {
    tries: usize,
    start: usize,
    /// The first message of the droppable range that is still there.
    kept: usize,
    end: usize,
}

impl Trimmer {
    pub(super) fn new(droppable: Range<usize>) -> Self {
        Trimmer {
            tries: 0,
            start: droppable.start,
            kept: droppable.start,
            end: droppable.end,
        }
    }

    /// The request with more messages dropped, and how many are gone by now; `None` when no more may go. `request` is the
    /// whole one.
    pub(super) fn next(&mut self, request: &ChatRequest) -> Option<(ChatRequest, usize)> {
        let pairs = *PAIRS.get(self.tries)?;
        self.tries += 1;
        let end = self.end.min(request.messages.len());
        let wanted = self.kept.saturating_add(pairs * 2).min(end);
        let kept = boundary(request, self.kept, wanted, end)?;
        self.kept = kept;
        let mut messages = Vec::with_capacity(request.messages.len());
        messages.extend_from_slice(request.messages.get(..self.start)?);
        messages.extend_from_slice(request.messages.get(kept..)?);
        let trimmed = ChatRequest {
            messages,
            tools: request.tools.clone(),
            tool_choice: request.tool_choice.clone(),
            format: request.format.clone(),
            sample: request.sample,
            droppable: 0..0,
        };
        Some((trimmed, kept - self.start))
    }
}

/// The place at or after `wanted`, else the last before it, at which no tool result is cut off from its call.
fn boundary(request: &ChatRequest, kept: usize, wanted: usize, end: usize) -> Option<usize> {
    let starts_well = |place: &usize| {
        request
            .messages
            .get(*place)
            .is_none_or(|message| message.role != Role::Tool)
    };
    (wanted..=end)
        .find(starts_well)
        .or_else(|| (kept..wanted).rev().find(starts_well))
        .filter(|place| *place > kept)
}
