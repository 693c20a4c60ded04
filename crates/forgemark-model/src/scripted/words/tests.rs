use std::collections::BTreeSet;

use super::super::hash::hash128;
use super::*;

fn draws(n: u32) -> Draws {
    Draws::new(hash128(0, &n.to_le_bytes()), 7, 0)
}

fn similarity(left: &str, right: &str) -> f64 {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let (left, right) = (words(left), words(right));
    left.intersection(&right).count() as f64 / left.union(&right).count() as f64
}

#[test]
fn questions_are_unique_and_unlike() {
    let questions: Vec<String> = (0..20_000)
        .map(|n| question(draws(n), "the pump", None))
        .collect();
    assert_eq!(
        questions.iter().collect::<BTreeSet<_>>().len(),
        questions.len()
    );
    let worst = (0..2_000)
        .flat_map(|n| (1..5).map(move |step| (n, n + step)))
        .map(|(n, m)| similarity(&questions[n], &questions[m]))
        .fold(0.0, f64::max);
    assert!(worst < 0.6, "{worst}");
}

#[test]
fn a_changed_word_changes_one_word() {
    for n in 0..50 {
        let base = question(draws(n), "", None);
        let near = question(draws(n), "", Some((n as usize, draws(n + 1_000))));
        let changed = base
            .split(' ')
            .zip(near.split(' '))
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(
            (changed, base.split(' ').count()),
            (1, near.split(' ').count()),
            "{base} {near}"
        );
    }
}

#[test]
fn a_phrase_is_part_of_its_text() {
    let text = "The pump, which is old, starts at nine.";
    for bits in 0..20 {
        let phrase = phrase(text, 3, bits);
        assert_eq!(phrase.split(' ').count(), 3);
        assert!(
            phrase.split(' ').all(|word| text.contains(word)),
            "{phrase}"
        );
    }
    assert_eq!(phrase("", 3, 5), "");
    assert_eq!(phrase("one", 3, 5), "one");
}

#[test]
fn filler_has_the_wanted_size() {
    for bytes in [0, 1, 58, 59, 60, 5_000] {
        let mut out = b"x".to_vec();
        push_filler(&mut out, bytes);
        assert_eq!(out.len(), bytes + 1);
    }
}
