//! The coverage deck: which passages a conversation may use up.
//!
//! Every conversation gets a reservation of passages that no other conversation of its window has
//! reserved, dealt so that documents are covered evenly. What the deck looks like for ordinal n is
//! a function of the committed coverage at n minus the window plus the reservations of the
//! ordinals between, so it does not depend on which conversation happens to be faster. When a
//! conversation is settled (it has left the window), its reservation goes back and what it really
//! covered counts instead.

use std::collections::{BTreeSet, VecDeque};

use forgemark_corpus::ChunkId;

use crate::rng::Rng;

/// Passages of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Reserved passages, in the order of dealing.
    pub(crate) chunks: Vec<ChunkId>,
    /// Highest use count among them when they were dealt: 0 for new material, otherwise the
    /// passage was covered or reserved that many times before and the material is exhausted.
    pub(crate) uses: u32,
}

/// How documents take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balance {
    /// The document with the lowest coverage for its size comes first.
    Documents,
    /// All passages are one shuffled pile.
    None,
}

struct Document {
    chunks: u64,
    /// Covered plus reserved passages of the document.
    used: u64,
    /// Seeded position among documents of equal coverage.
    rank: u64,
    /// Passages by (use count, seeded position).
    pile: BTreeSet<(u32, u32, ChunkId)>,
}

/// The deck of one language.
pub(crate) struct Deck {
    documents: Vec<Document>,
    /// Documents by (coverage, rank, index).
    order: BTreeSet<(u64, u64, usize)>,
    /// Use count, seeded position and document of each passage.
    chunks: Vec<(u32, u32, usize)>,
    /// Reservations of the window, oldest first.
    window: VecDeque<Reservation>,
}

impl std::fmt::Debug for Deck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deck")
            .field("documents", &self.documents.len())
            .finish_non_exhaustive()
    }
}

/// Coverage is compared as used/size in fixed point, so that equal ratios are equal.
const RATIO: u64 = 1 << 20;

impl Document {
    fn coverage(&self) -> u64 {
        self.used * RATIO / self.chunks.max(1)
    }
}

impl Deck {
    /// A deck over `chunks`, given as the document index of each passage in passage order;
    /// `used` are coverage counts from earlier runs.
    pub(crate) fn new(
        document_of: &[u32],
        used: &[u32],
        balance: Balance,
        seed: u64,
        group: u32,
    ) -> Self {
        let mut rng = Rng::new(seed, &[u64::from(group)], "deck");
        let mut positions: Vec<u32> = (0..document_of.len() as u32).collect();
        rng.shuffle(&mut positions);
        let n_documents = match balance {
            Balance::Documents => document_of
                .iter()
                .max()
                .map_or(0, |last| *last as usize + 1),
            Balance::None => usize::from(!document_of.is_empty()),
        };
        let mut ranks: Vec<u64> = (0..n_documents as u64).collect();
        rng.shuffle(&mut ranks);
        let mut documents: Vec<Document> = ranks
            .into_iter()
            .map(|rank| Document {
                chunks: 0,
                used: 0,
                rank,
                pile: BTreeSet::new(),
            })
            .collect();
        let mut chunks = Vec::with_capacity(document_of.len());
        for (index, document) in document_of.iter().enumerate() {
            let document = match balance {
                Balance::Documents => *document as usize,
                Balance::None => 0,
            };
            let uses = used.get(index).copied().unwrap_or(0);
            let position = positions[index];
            chunks.push((uses, position, document));
            let entry = &mut documents[document];
            entry.chunks += 1;
            entry.used += u64::from(uses);
            entry.pile.insert((uses, position, ChunkId(index as u32)));
        }
        let order = documents
            .iter()
            .enumerate()
            .filter(|(_, document)| document.chunks > 0)
            .map(|(index, document)| (document.coverage(), document.rank, index))
            .collect();
        Self {
            documents,
            order,
            chunks,
            window: VecDeque::new(),
        }
    }

    /// Reserves up to `n` passages for the next ordinal.
    pub(crate) fn reserve(&mut self, n: usize) -> Reservation {
        self.reserve_in(n, |_| true)
    }

    /// Reserves up to `n` passages of documents that `may` be used, by their index.
    pub(crate) fn reserve_in(&mut self, n: usize, may: impl Fn(usize) -> bool) -> Reservation {
        let mut dealt = Vec::with_capacity(n);
        let mut highest = 0;
        while dealt.len() < n.min(self.chunks.len()) {
            let Some(card) = self.next_card(&dealt, &may) else {
                break;
            };
            highest = highest.max(self.chunks[card.0 as usize].0);
            self.add(card, 1);
            dealt.push(card);
        }
        let reservation = Reservation {
            chunks: dealt,
            uses: highest,
        };
        self.window.push_back(reservation.clone());
        reservation
    }

    /// Highest use count that reserving `n` passages would meet; above 0 the material is exhausted.
    pub(crate) fn next_use(&self, n: usize) -> u32 {
        let unused: usize = self
            .documents
            .iter()
            .map(|document| {
                document
                    .pile
                    .iter()
                    .take(n)
                    .filter(|(uses, _, _)| *uses == 0)
                    .count()
            })
            .sum();
        // A small corpus may have fewer passages than an offer; one unused passage is material.
        u32::from(unused == 0)
    }

    /// Reserves passages by the original's formula: with probability `epsilon` from all documents,
    /// else from those never covered, else from the least covered share; passages that were
    /// covered before only when there is no other.
    pub(crate) fn draw_compat(
        &mut self,
        n: usize,
        epsilon: f64,
        fraction: f64,
        rng: &mut Rng,
    ) -> Reservation {
        let all: Vec<usize> = self
            .order
            .iter()
            .map(|(_, _, document)| *document)
            .collect();
        let pool: Vec<usize> = if rng.unit() < epsilon {
            all
        } else {
            let unused: Vec<usize> = all
                .iter()
                .copied()
                .filter(|document| self.documents[*document].used == 0)
                .collect();
            if unused.is_empty() {
                let keep = ((all.len() as f64 * fraction).floor() as usize).max(1);
                all.into_iter().take(keep).collect()
            } else {
                unused
            }
        };
        let mut fresh: Vec<ChunkId> = Vec::new();
        let mut used: Vec<ChunkId> = Vec::new();
        for document in pool {
            for (uses, _, chunk) in &self.documents[document].pile {
                if *uses == 0 {
                    fresh.push(*chunk);
                } else {
                    used.push(*chunk);
                }
            }
        }
        rng.shuffle(&mut fresh);
        rng.shuffle(&mut used);
        fresh.extend(used);
        fresh.truncate(n);
        let uses = fresh
            .iter()
            .map(|chunk| self.chunks[chunk.0 as usize].0)
            .max()
            .unwrap_or(0);
        // Nothing is reserved: the original offers the same passage to several conversations.
        self.window.push_back(Reservation {
            chunks: Vec::new(),
            uses,
        });
        Reservation {
            chunks: fresh,
            uses,
        }
    }

    /// The best passage that is not among `dealt`: least covered document first, and within it the
    /// least used passage; a used passage only when no document has an unused one.
    fn next_card(&self, dealt: &[ChunkId], may: impl Fn(usize) -> bool) -> Option<ChunkId> {
        let mut best: Option<(u32, ChunkId)> = None;
        for (_, _, document) in self.order.iter().filter(|(_, _, document)| may(*document)) {
            let card = self.documents[*document]
                .pile
                .iter()
                .find(|(_, _, chunk)| !dealt.contains(chunk));
            if let Some((uses, _, chunk)) = card {
                if *uses == 0 {
                    return Some(*chunk);
                }
                if best.is_none_or(|(least, _)| *uses < least) {
                    best = Some((*uses, *chunk));
                }
            }
        }
        best.map(|(_, chunk)| chunk)
    }

    /// Takes the oldest ordinal out of the window and counts what it really covered.
    pub(crate) fn settle(&mut self, covered: &[ChunkId]) {
        if let Some(reservation) = self.window.pop_front() {
            for chunk in reservation.chunks {
                self.add(chunk, -1);
            }
        }
        for chunk in covered {
            self.add(*chunk, 1);
        }
    }

    fn add(&mut self, chunk: ChunkId, change: i32) {
        let Some(cell) = self.chunks.get_mut(chunk.0 as usize) else {
            return;
        };
        let (before, position, document) = *cell;
        let after = before.saturating_add_signed(change);
        cell.0 = after;
        let entry = &mut self.documents[document];
        self.order.remove(&(entry.coverage(), entry.rank, document));
        entry.pile.remove(&(before, position, chunk));
        entry.pile.insert((after, position, chunk));
        entry.used = entry.used.saturating_add_signed(i64::from(change));
        self.order.insert((entry.coverage(), entry.rank, document));
    }
}

#[cfg(test)]
mod tests;
