//! The best few of many scores.

use std::cmp::Ordering;

use super::ChunkId;

/// A scored chunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub(super) score: f32,
    pub(super) chunk: u32,
}

impl Scored {
    /// The order of answers: a higher score first, then a lower id.
    fn order(self, other: Scored) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.chunk.cmp(&other.chunk))
    }

    fn is_before(self, other: Scored) -> bool {
        self.order(other).is_lt()
    }
}

/// Keeps the best `limit` of what is offered: a heap with the worst on top.
#[derive(Debug, Default)]
pub(super) struct Top {
    limit: usize,
    heap: Vec<Scored>,
}

impl Top {
    /// Empties it and sets how many it keeps.
    pub(super) fn reset(&mut self, limit: usize) {
        self.limit = limit;
        self.heap.clear();
    }

    /// Offers a chunk. The filter is asked only when the chunk would be kept.
    pub(super) fn offer(&mut self, offered: Scored, filter: &dyn Fn(ChunkId) -> bool) {
        let full = self.heap.len() >= self.limit;
        if full
            && !self
                .heap
                .first()
                .is_some_and(|worst| offered.is_before(*worst))
        {
            return;
        }
        if !filter(ChunkId(offered.chunk)) {
            return;
        }
        if full {
            if let Some(worst) = self.heap.first_mut() {
                *worst = offered;
            }
            self.sink();
        } else {
            self.heap.push(offered);
            self.rise();
        }
    }

    /// What was kept, best first.
    pub(super) fn sorted(&mut self) -> &[Scored] {
        self.heap.sort_unstable_by(|a, b| a.order(*b));
        &self.heap
    }

    fn rise(&mut self) {
        let mut at = self.heap.len() - 1;
        while at > 0 {
            let above = (at - 1) / 2;
            let (Some(child), Some(parent)) = (self.heap.get(at), self.heap.get(above)) else {
                return;
            };
            if !parent.is_before(*child) {
                return;
            }
            self.heap.swap(at, above);
            at = above;
        }
    }

    fn sink(&mut self) {
        let mut at = 0;
        loop {
            let mut worst = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if let (Some(below), Some(current)) = (self.heap.get(child), self.heap.get(worst))
                    && current.is_before(*below)
                {
                    worst = child;
                }
            }
            if worst == at {
                return;
            }
            self.heap.swap(at, worst);
            at = worst;
        }
    }
}
