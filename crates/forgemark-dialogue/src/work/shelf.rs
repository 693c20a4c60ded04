//! Passages at hand.

use std::sync::{Mutex, PoisonError};

use forgemark_corpus::{ChunkId, Corpus};

use crate::passages::Passage;

/// How many are kept, so that a large corpus is not in memory twice.
const PLACES: usize = 2_048;

/// The passages that were asked for lately: a conversation shows the same few to user, assistant and judge, turn after
/// turn. A chunk has one place, which it shares with others.
#[derive(Debug)]
pub(crate) struct Shelf {
    places: Mutex<Vec<Option<(ChunkId, Passage)>>>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            places: Mutex::new(vec![None; PLACES]),
        }
    }
}

impl Shelf {
    /// The passages of these chunks, in their order. Their texts are shared, not copied.
    pub(crate) fn passages(&self, corpus: &Corpus, chunks: &[ChunkId]) -> Vec<Passage> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut take = |chunk: ChunkId| {
            let place = places.get_mut(chunk.0 as usize % PLACES)?;
            match place {
                Some((known, passage)) if *known == chunk => Some(passage.clone()),
                _ => {
                    let passage = read(corpus, chunk);
                    *place = Some((chunk, passage.clone()));
                    Some(passage)
                }
            }
        };
        chunks
            .iter()
            .map(|chunk| take(*chunk).unwrap_or_else(|| read(corpus, *chunk)))
            .collect()
    }
}

fn read(corpus: &Corpus, chunk: ChunkId) -> Passage {
    Passage {
        topic_id: corpus.topic_id(chunk).into(),
        source: corpus.source(chunk).into(),
        descriptor: corpus.descriptor(chunk).into(),
        page: corpus.page(chunk),
        text: corpus.text(chunk).into(),
    }
}
