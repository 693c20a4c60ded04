use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;

/// Three documents of 12, 6 and 3 passages.
fn documents() -> Vec<u32> {
    [vec![0; 12], vec![1; 6], vec![2; 3]].concat()
}

fn deck(used: &[u32], balance: Balance, seed: u64) -> Deck {
    Deck::new(&documents(), used, balance, seed, 0)
}

fn by_document(chunks: &[ChunkId]) -> BTreeMap<u32, usize> {
    let documents = documents();
    let mut counts = BTreeMap::new();
    for chunk in chunks {
        *counts.entry(documents[chunk.index()]).or_default() += 1;
    }
    counts
}

#[test]
fn every_passage_is_dealt_once_before_any_is_dealt_again() {
    for balance in [Balance::Documents, Balance::None] {
        let mut deck = deck(&[], balance, 3);
        let mut seen: Vec<ChunkId> = (0..7)
            .flat_map(|_| {
                let reservation = deck.reserve(3);
                assert_eq!((reservation.chunks.len(), reservation.uses), (3, 0));
                reservation.chunks
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 21, "{balance:?}");
        assert_eq!(deck.reserve(3).uses, 1, "the material is exhausted");
    }
}

#[test]
fn documents_take_turns_for_their_size() {
    let mut deck = deck(&[], Balance::Documents, 3);
    let dealt: Vec<ChunkId> = (0..7).map(|_| deck.reserve(1).chunks[0]).collect();
    // A third of each: 4 of 12, 2 of 6, 1 of 3.
    assert_eq!(
        by_document(&dealt),
        BTreeMap::from([(0, 4), (1, 2), (2, 1)])
    );
}

#[test]
fn earlier_coverage_counts() {
    let mut used = vec![0; 21];
    for cell in &mut used[..12] {
        *cell = 1;
    }
    let mut deck = deck(&used, Balance::Documents, 3);
    let first: Vec<ChunkId> = (0..9).flat_map(|_| deck.reserve(1).chunks).collect();
    assert_eq!(
        by_document(&first),
        BTreeMap::from([(1, 6), (2, 3)]),
        "the unused ones first"
    );
    assert_eq!(deck.reserve(1).uses, 1);
}

#[test]
fn a_settled_reservation_goes_back_but_for_what_was_covered() {
    let mut deck = deck(&[], Balance::None, 3);
    let reserved = deck.reserve(21).chunks;
    assert_eq!(deck.next_use(1), 1, "all is reserved");
    deck.settle(&reserved[..2]);
    assert_eq!(deck.next_use(1), 0);
    let again = deck.reserve(19);
    assert_eq!(again.uses, 0);
    assert!(
        reserved[..2]
            .iter()
            .all(|covered| !again.chunks.contains(covered))
    );
}

#[test]
fn the_deal_depends_on_seed_and_language_and_on_nothing_else() {
    let deal = |seed, group| {
        let mut deck = Deck::new(&documents(), &[], Balance::Documents, seed, group);
        (0..5).map(|_| deck.reserve(2).chunks).collect::<Vec<_>>()
    };
    assert_eq!(deal(1, 0), deal(1, 0));
    assert_ne!(deal(1, 0), deal(2, 0));
    assert_ne!(deal(1, 0), deal(1, 1));
}

#[test]
fn an_offer_larger_than_the_corpus_is_the_corpus() {
    let mut deck = Deck::new(&[0, 0], &[], Balance::Documents, 0, 0);
    assert_eq!(deck.reserve(6).chunks.len(), 2);
    let mut empty = Deck::new(&[], &[], Balance::Documents, 0, 0);
    assert_eq!(
        empty.reserve(6),
        Reservation {
            chunks: Vec::new(),
            uses: 0
        }
    );
    assert_eq!(empty.next_use(6), 1, "nothing is left of nothing");
}

#[test]
fn the_compat_draw_prefers_documents_that_were_never_covered() {
    let mut used = vec![0; 21];
    used[0] = 1;
    used[12] = 1;
    let mut deck = deck(&used, Balance::Documents, 3);
    let mut rng = Rng::new(0, &[0], "test");
    for _ in 0..20 {
        let offer = deck.draw_compat(3, 0.0, 0.2, &mut rng);
        assert_eq!(by_document(&offer.chunks), BTreeMap::from([(2, 3)]));
    }
    // With epsilon 1 every document is in the draw.
    let all: Vec<ChunkId> = (0..50)
        .flat_map(|_| deck.draw_compat(3, 1.0, 0.2, &mut rng).chunks)
        .collect();
    assert_eq!(by_document(&all).len(), 3);
    // Covered passages only when there is no other.
    let offer = deck.draw_compat(21, 1.0, 0.2, &mut rng);
    assert_eq!((offer.chunks.len(), offer.uses), (21, 1));
    assert!(
        offer.chunks[19..]
            .iter()
            .all(|chunk| [0, 12].contains(&chunk.0))
    );
}

proptest! {
    /// Whatever is reserved and settled in between, the books equal a recount, and no passage stands
    /// in two reservations of the window while an unused one is left.
    #[test]
    fn the_books_balance(seed in 0u64..1_000, window in 1usize..6, covered in vec(0u32..21, 0..40)) {
        let mut deck = deck(&[], Balance::Documents, seed);
        let mut open: VecDeque<Vec<ChunkId>> = VecDeque::new();
        let mut count = [0u32; 21];
        for chunk in covered {
            if open.len() == window {
                let oldest = open.pop_front().unwrap();
                for chunk in oldest {
                    count[chunk.index()] -= 1;
                }
                deck.settle(&[ChunkId(chunk)]);
                count[chunk as usize] += 1;
            }
            let expected = *count.iter().min().unwrap();
            let reservation = deck.reserve(2);
            prop_assert!(count[reservation.chunks[0].index()] == expected || expected == 0);
            prop_assert_eq!(
                reservation.uses,
                reservation.chunks.iter().map(|chunk| count[chunk.index()]).max().unwrap()
            );
            for chunk in &reservation.chunks {
                count[chunk.index()] += 1;
            }
            open.push_back(reservation.chunks);
            let books: Vec<u32> = deck.chunks.iter().map(|(uses, _, _)| *uses).collect();
            prop_assert_eq!(&books[..], &count[..]);
        }
    }
}
