use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn naive(texts: &[&str], wording: &Wording) -> Vec<Option<Likeness>> {
    let sets: Vec<Vec<u64>> = texts
        .iter()
        .map(|text| shingles(text, wording.shingle))
        .collect();
    let mut keeper: Vec<Option<Likeness>> = Vec::new();
    for (row, set) in sets.iter().enumerate() {
        let kept = (0..row).filter(|other| keeper[*other].is_none());
        let mut near = kept
            .map(|other| Likeness {
                row: other,
                jaccard: jaccard(set, &sets[other]),
            })
            .filter(|near| near.jaccard >= wording.jaccard);
        let first = near.next();
        keeper.push(first);
    }
    keeper
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Few words make many near texts.
    #[test]
    fn the_index_answers_as_the_naive_loop(
        texts in vec(vec(prop_oneof![Just("red"), Just("Green"), Just("blue "), Just("grün"), Just("x"), Just(" ")], 0..9), 0..60),
        size in 1_usize..7,
        jaccard in prop_oneof![Just(1.0), Just(0.5), Just(0.8), 0.05_f64..1.0],
    ) {
        let texts: Vec<String> = texts.into_iter().map(|words| words.concat()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let wording = Wording { shingle: size, jaccard, proposals: Proposals::All };
        let expected = naive(&texts, &wording);
        prop_assert_eq!(first_kept_wins(&texts, &wording), expected);

        let (held, rest) = texts.split_at(texts.len() / 3);
        let sets: Vec<Vec<u64>> = texts.iter().map(|text| shingles(text, size)).collect();
        let matches = first_matches(rest, held, &wording);
        for (row, found) in matches.iter().enumerate() {
            let first = (0..held.len()).find(|h| super::jaccard(&sets[*h], &sets[held.len() + row]) >= jaccard);
            prop_assert_eq!(found.map(|near| near.row), first);
        }

        let mut pairs = Vec::new();
        edges(&texts, &wording, &mut |row, near| pairs.push((row, near.row)));
        let all: Vec<(usize, usize)> = (0..texts.len())
            .flat_map(|a| (0..a).map(move |b| (a, b)))
            .filter(|(a, b)| super::jaccard(&sets[*a], &sets[*b]) >= jaccard)
            .collect();
        prop_assert_eq!(pairs, all);
    }
}

#[test]
fn wording_is_compared_without_case_and_white_space() {
    let texts = [
        "How are bolts  torqued?",
        "how are bolts torqued?",
        "How are bolts torqued!",
        "Something else entirely",
    ];
    let near = first_kept_wins(
        &texts,
        &Wording {
            shingle: 5,
            jaccard: 0.8,
            proposals: Proposals::All,
        },
    );
    let rows: Vec<Option<usize>> = near.iter().map(|near| near.map(|near| near.row)).collect();
    assert_eq!(rows, [None, Some(0), Some(0), None]);
}

#[test]
fn empty_texts_are_near_nothing() {
    assert_eq!(
        first_kept_wins(
            &["", " ", ""],
            &Wording {
                shingle: 5,
                jaccard: 0.1,
                proposals: Proposals::All
            }
        ),
        [None, None, None]
    );
}

/// Pairs of texts of which one has a few of its words replaced.
fn planted(n: usize) -> Vec<String> {
    let mut state = 5_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut texts: Vec<Vec<String>> = Vec::new();
    for place in 0..n {
        let mut words: Vec<String> = match place % 2 {
            0 => (0..24).map(|_| format!("w{}", next(4_000))).collect(),
            _ => texts[place - 1].clone(),
        };
        if place % 2 == 1 {
            for _ in 0..next(4) {
                words[next(24) as usize] = format!("v{}", next(4_000));
            }
        }
        texts.push(words);
    }
    texts.into_iter().map(|words| words.join(" ")).collect()
}

#[test]
fn bands_find_what_their_probability_promises() {
    let texts = planted(2_000);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let exact = Wording {
        shingle: 5,
        jaccard: 0.7,
        proposals: Proposals::All,
    };
    let banded = Wording {
        proposals: Proposals::MinHash,
        ..exact
    };
    assert!(banded.miss_probability() < 1e-3 && exact.miss_probability() == 0.0);
    let (exact, banded) = (
        first_kept_wins(&texts, &exact),
        first_kept_wins(&texts, &banded),
    );
    let found = exact.iter().flatten().count();
    let missed = exact.iter().zip(&banded).filter(|(a, b)| a != b).count();
    assert!(found > 500, "{found}");
    assert!(missed * 200 <= found, "{missed} of {found}");
}
