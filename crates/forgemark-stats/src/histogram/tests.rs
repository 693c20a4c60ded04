use super::*;

#[test]
fn edges_belong_to_the_upper_bin_but_the_last() {
    let found = histogram(&[0.0, 2.0, 4.0, 9.99, 10.0], 0.0, 10.0, 5).unwrap();
    assert_eq!(found.edges, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    assert_eq!(found.counts, [1, 1, 1, 0, 2]);
    assert_eq!((found.below, found.above), (0, 0));
}

#[test]
fn nothing_is_dropped() {
    let values = [-1.0, 0.5, 3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let found = histogram(&values, 0.0, 1.0, 2).unwrap();
    assert_eq!(found.counts, [0, 1]);
    assert_eq!((found.below, found.above, found.not_a_number), (2, 2, 1));
    assert_eq!(found.total(), 6);
}

#[test]
fn rounding_never_moves_a_value_across_its_printed_edge() {
    // 0.1 * 3 is a little more than 0.3, and 0.7 / 0.1 a little less than 7.
    let bins = histogram(&[], 0.0, 1.0, 10).unwrap().edges;
    for (i, edge) in bins.iter().enumerate() {
        let found = histogram(&[*edge], 0.0, 1.0, 10).unwrap();
        assert_eq!(found.counts[i.min(9)], 1, "edge {edge}");
    }
}

#[test]
fn impossible_borders() {
    assert_eq!(histogram(&[1.0], 0.0, 1.0, 0), None);
    assert_eq!(histogram(&[1.0], 1.0, 1.0, 3), None);
    assert_eq!(histogram(&[1.0], 2.0, 1.0, 3), None);
    assert_eq!(histogram(&[1.0], 0.0, f64::INFINITY, 3), None);
    assert_eq!(histogram(&[1.0], f64::MIN, f64::MAX, 3), None);
}

#[test]
fn tally_counts_and_sorts() {
    let found: Vec<(&str, u64)> = tally(["b", "a", "b"]).into_iter().collect();
    assert_eq!(found, [("a", 1), ("b", 2)]);
    assert!(tally::<i64>([]).is_empty());
}
