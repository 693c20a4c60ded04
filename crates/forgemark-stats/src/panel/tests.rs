use super::*;

/// The rows of raters, `.` where one is silent.
fn votes(rows: &[&str]) -> Vec<Vote> {
    let mut votes = Vec::new();
    for (rater, row) in rows.iter().enumerate() {
        for (unit, value) in row.bytes().filter(|byte| *byte != b' ').enumerate() {
            if value != b'.' {
                votes.push(Vote {
                    unit: unit as u32,
                    rater: rater as u32,
                    value: u32::from(value),
                });
            }
        }
    }
    votes
}

#[test]
fn alpha_of_krippendorffs_example() {
    // Four observers, twelve units, missing values; the paper prints 0.743.
    let votes = votes(&[
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]);
    let found = alpha(&votes, 400, 1).unwrap();
    assert!((found.value - 0.743_421).abs() < 1e-6, "{found:?}");
    // The twelfth unit has one rater.
    assert_eq!((found.units, found.values), (11, 40));
    let interval = found.interval.unwrap();
    assert!(interval.low < found.value && found.value < interval.high);
    assert_eq!(alpha(&votes, 400, 1), Some(found));
    assert_ne!(alpha(&votes, 400, 2).unwrap().interval, found.interval);
}

#[test]
fn alpha_by_hand() {
    // Two raters, two units, AB and AA: Do = 1/4 (2 * 1 * 1) = 1/2, De = 2 * 3 * 1 / 12 = 1/2.
    let found = alpha(&votes(&["AA", "BA"]), 0, 0).unwrap();
    assert_eq!(
        (found.observed, found.expected, found.value),
        (0.5, 0.5, 0.0)
    );
    assert_eq!(found.interval, None);
    assert_eq!(alpha(&votes(&["AA", "AA"]), 0, 0), None);
    assert_eq!(alpha(&votes(&["A.", ".B"]), 0, 0), None);
    assert_eq!(alpha(&[], 10, 0), None);
    let full = alpha(&votes(&["AB", "AB"]), 0, 0).unwrap();
    assert!((full.value - 1.0).abs() < 1e-12);
}

#[test]
fn pairs_share_units() {
    let found = pairwise(&votes(&["AAB.", "ABB.", "...A"]));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].first, found[0].second), (0, 1));
    assert_eq!((found[0].equal, found[0].n), (2, 3));
    assert_eq!(Some(found[0].interval), wilson(2, 3, Z_95));
}
