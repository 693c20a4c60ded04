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

#[test]
fn interval_alpha_of_krippendorffs_example() {
    // The same example; the paper prints 0.849 for the interval metric.
    let rows = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ];
    let scores = |offset: f64| -> Vec<Score> {
        let votes = votes(&rows).into_iter();
        let score = |vote: Vote| Score {
            unit: vote.unit,
            rater: vote.rater,
            value: f64::from(vote.value - u32::from(b'0')) + offset,
        };
        votes.map(score).collect()
    };
    let found = alpha_interval(&scores(0.0), 400, 1).unwrap();
    assert!((found.value - 0.849).abs() < 5e-4, "{found:?}");
    assert_eq!((found.units, found.values), (11, 40));
    let interval = found.interval.unwrap();
    assert!(interval.low < found.value && found.value < interval.high);
    // Only distances count.
    let moved = alpha_interval(&scores(1e9), 0, 1).unwrap();
    assert!((moved.value - found.value).abs() < 1e-6, "{moved:?}");
}

#[test]
fn interval_alpha_is_undefined_where_nothing_can_disagree() {
    let score = |unit, rater, value| Score { unit, rater, value };
    assert_eq!(alpha_interval(&[], 0, 1), None);
    let alone = [score(0, 0, 1.0), score(1, 0, 2.0)];
    assert_eq!(alpha_interval(&alone, 0, 1), None, "one rater");
    let same = [score(0, 0, 4.0), score(0, 1, 4.0)];
    assert_eq!(alpha_interval(&same, 0, 1), None, "no variance");
    let bad = [score(0, 0, f64::NAN), score(0, 1, 4.0)];
    assert_eq!(alpha_interval(&bad, 0, 1), None, "not a number");
    let full = [
        score(0, 0, 1.0),
        score(0, 1, 1.0),
        score(1, 0, 9.0),
        score(1, 1, 9.0),
    ];
    assert_eq!(alpha_interval(&full, 0, 1).map(|a| a.value), Some(1.0));
}
