#![expect(clippy::float_cmp, reason = "exact results are the point")]

use super::*;

#[test]
fn distances_are_those_of_their_definitions() {
    let (a, b, zero) = ([3.0, 4.0], [0.0, 2.0], [0.0, 0.0]);
    assert_eq!(Metric::L2.distance(&a, &zero), 5.0);
    assert_eq!(Metric::Dot.distance(&a, &b), -8.0);
    assert!((Metric::Cosine.distance(&a, &b) - 0.2).abs() < 1e-6);
    assert_eq!(Metric::Cosine.distance(&a, &zero), 1.0);
}

#[test]
fn the_share_counts_distinct_words_without_case() {
    let query = words("How does how WORK?");
    assert_eq!(query.len(), 3);
    assert!((word_share(&query, "It works; how? does!") - 2.0 / 3.0).abs() < 1e-6);
    assert_eq!(word_share(&words("?!"), "anything"), 0.0);
}

#[test]
fn one_list_keeps_its_own_order_and_ties_go_by_item() {
    let near = vec![("b", 0.5), ("a", 0.5), ("c", 0.1)];
    let hits = rank(Some(near), None, 2);
    let order: Vec<_> = hits.iter().map(|hit| (hit.item, hit.score)).collect();
    assert_eq!(order, [("c", f64::from(-0.1_f32)), ("a", -0.5)]);
}

#[test]
fn two_lists_are_fused_by_reciprocal_rank() {
    let near = vec![("a", 0.1), ("b", 0.2), ("c", 0.3)];
    let words = vec![("c", 1.0), ("b", 0.5)];
    let hits = rank(Some(near), Some(words), 10);
    let order: Vec<_> = hits.iter().map(|hit| hit.item).collect();
    // c: 1/63 + 1/61, b: 1/62 + 1/62, a: 1/61.
    assert_eq!(order, ["c", "b", "a"]);
    assert!((hits[0].score - (1.0 / 63.0 + 1.0 / 61.0)).abs() < 1e-12);
    assert_eq!((hits[2].distance, hits[2].text_score), (Some(0.1), None));
}
