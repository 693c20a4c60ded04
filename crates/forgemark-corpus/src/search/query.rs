//! Answering a query.

use std::cell::RefCell;

use super::top::{Scored, Top};
use super::vectors::{self, Counter, Near, Trigram};
use super::{ChunkId, ChunkVectors, Hit, SearchIndex, tokens};

/// The constant of reciprocal rank fusion.
const FUSION: f64 = 60.0;

/// A distinct token of the query.
#[derive(Debug, Clone, Copy)]
struct QueryToken {
    hash: u64,
    count: u32,
    /// Its number in the dictionary, if it has one.
    number: Option<u32>,
    idf: f32,
    /// Its characters in the room.
    start: usize,
    end: usize,
}

/// The distinct tokens, found by hash.
#[derive(Debug, Default)]
struct QueryTokens {
    tokens: Vec<QueryToken>,
    /// An open table of positions in `tokens`, counted from 1; 0 is free. At most half full, its length a power of two.
    slots: Vec<u32>,
}

impl QueryTokens {
    fn clear(&mut self) {
        self.tokens.clear();
        self.slots.clear();
        self.slots.resize(256, 0);
    }

    /// The token of this hash, or the free slot for it.
    fn find(&self, hash: u64) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some(number) = self.slots.get(slot).filter(|number| **number > 0) {
            let at = *number as usize - 1;
            if self.tokens.get(at).is_some_and(|token| token.hash == hash) {
                return Ok(at);
            }
            slot = (slot + 1) & mask;
        }
        Err(slot)
    }

    fn push(&mut self, token: QueryToken, slot: usize) {
        self.tokens.push(token);
        if let Some(free) = self.slots.get_mut(slot) {
            *free = self.tokens.len() as u32;
        }
        if self.tokens.len() * 2 > self.slots.len() {
            let length = self.slots.len() * 2;
            self.slots.clear();
            self.slots.resize(length, 0);
            for at in 0..self.tokens.len() {
                let slot = self
                    .tokens
                    .get(at)
                    .and_then(|token| self.find(token.hash).err());
                if let Some(free) = slot.and_then(|slot| self.slots.get_mut(slot)) {
                    *free = at as u32 + 1;
                }
            }
        }
    }
}

/// Room to work in, one a thread, so that searches share nothing. Between searches all scores are 0.
#[derive(Default)]
struct Room {
    scratch: tokens::Scratch,
    query: QueryTokens,
    characters: Vec<char>,
    trigrams: Vec<Trigram>,
    near: Vec<Near>,
    counter: Counter,
    scores: Vec<f32>,
    touched: Vec<u32>,
    by_keyword: Top,
    by_vector: Top,
    fused: Vec<Hit>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Vectors of a model's in place of ours, and that of the query.
type Given<'a> = Option<(&'a ChunkVectors, &'a [f32])>;

impl SearchIndex {
    /// See [`Corpus::search`](crate::Corpus::search).
    pub(crate) fn search(
        &self,
        query: &str,
        given: Given<'_>,
        k: usize,
        filter: &dyn Fn(ChunkId) -> bool,
    ) -> Vec<Hit> {
        if k == 0 {
            return Vec::new();
        }
        ROOM.with(|room| match room.try_borrow_mut() {
            Ok(mut room) => self.search_in(&mut room, query, given, k, filter),
            // The filter of a search may search; it gets a room of its own.
            Err(_) => self.search_in(&mut Room::default(), query, given, k, filter),
        })
    }

    fn search_in(
        &self,
        room: &mut Room,
        query: &str,
        given: Given<'_>,
        k: usize,
        filter: &dyn Fn(ChunkId) -> bool,
    ) -> Vec<Hit> {
        self.read_query(room, query);
        // Below this depth a chunk cannot come far up even if both lists hold it.
        let depth = k.saturating_mul(4).max(40);
        room.by_keyword.reset(depth);
        room.by_vector.reset(depth);
        if room.scores.len() < self.keywords.n_chunks() {
            room.scores.resize(self.keywords.n_chunks(), 0.0);
        }
        self.by_keyword(room, filter);
        match given {
            None => self.by_vector(room, filter),
            Some((vectors, of_query)) => {
                for (chunk, score) in (0_u32..).zip(vectors.products(of_query)) {
                    room.by_vector.offer(Scored { score, chunk }, filter);
                }
            }
        }
        fuse(room, k)
    }

    /// Splits the query into distinct tokens, in order of first appearance, and looks them up.
    fn read_query(&self, room: &mut Room, query: &str) {
        room.query.clear();
        room.characters.clear();
        let Room {
            scratch,
            query: found,
            characters,
            ..
        } = room;
        tokens::each_token(query, scratch, |token| {
            let hash = token.hash;
            match found.find(hash) {
                Ok(at) => {
                    if let Some(known) = found.tokens.get_mut(at) {
                        known.count += 1;
                    }
                }
                Err(slot) => {
                    let number = self.dictionary.get(&hash).copied();
                    let idf = number
                        .and_then(|number| self.idf.get(number as usize))
                        .copied();
                    let start = characters.len();
                    if number.is_none() {
                        token.spell(characters);
                    }
                    let token = QueryToken {
                        hash,
                        count: 1,
                        number,
                        idf: idf.unwrap_or(self.unknown_idf),
                        start,
                        end: characters.len(),
                    };
                    found.push(token, slot);
                }
            }
        });
    }

    fn by_keyword(&self, room: &mut Room, filter: &dyn Fn(ChunkId) -> bool) {
        for token in &room.query.tokens {
            if let Some(number) = token.number {
                self.keywords.score(
                    number,
                    token.idf * token.count as f32,
                    &mut room.scores,
                    &mut room.touched,
                );
            }
        }
        for chunk in room.touched.drain(..) {
            if let Some(score) = room.scores.get_mut(chunk as usize) {
                let score = std::mem::take(score);
                room.by_keyword.offer(Scored { score, chunk }, filter);
            }
        }
    }

    fn by_vector(&self, room: &mut Room, filter: &dyn Fn(ChunkId) -> bool) {
        let mut square = 0.0;
        for token in &room.query.tokens {
            let weight = token.idf * (1.0 + (token.count as f32).ln());
            square += weight * weight;
            if token.idf < self.least_idf {
                continue;
            }
            let near = if let Some(number) = token.number {
                self.vectors.near(number)
            } else {
                room.trigrams.clear();
                room.near.clear();
                vectors::trigrams(
                    room.characters
                        .get(token.start..token.end)
                        .unwrap_or_default(),
                    &mut room.trigrams,
                );
                self.vectors
                    .find_near(&room.trigrams, &mut room.counter, &mut room.near);
                &room.near
            };
            for near in near {
                let own = self
                    .idf
                    .get(near.token as usize)
                    .copied()
                    .unwrap_or_default();
                self.keywords.product(
                    near.token,
                    weight * near.product * own,
                    &mut room.scores,
                    &mut room.touched,
                );
            }
        }
        let scale = if square > 0.0 {
            1.0 / square.sqrt()
        } else {
            0.0
        };
        for chunk in room.touched.drain(..) {
            if let Some(score) = room.scores.get_mut(chunk as usize) {
                let score = std::mem::take(score) * scale * self.keywords.scale(chunk);
                room.by_vector.offer(Scored { score, chunk }, filter);
            }
        }
    }
}

fn fuse(room: &mut Room, k: usize) -> Vec<Hit> {
    room.fused.clear();
    for list in [&mut room.by_keyword, &mut room.by_vector] {
        for (rank, scored) in (1_u32..).zip(list.sorted()) {
            room.fused.push(Hit {
                chunk: ChunkId(scored.chunk),
                score: 1.0 / (FUSION + f64::from(rank)),
            });
        }
    }
    // Both parts of a chunk stand together now, the one of the keyword list first, so sums do not depend on ranks.
    room.fused.sort_by_key(|hit| hit.chunk);
    room.fused.dedup_by(|second, first| {
        let same = second.chunk == first.chunk;
        if same {
            first.score += second.score;
        }
        same
    });
    room.fused
        .sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
    room.fused.iter().take(k).copied().collect()
}
