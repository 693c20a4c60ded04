use super::*;

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-4, "{left} is not {right}");
}

/// 8 true positives, 2 false ones, 4 missed, 6 rightly refused.
const BY_HAND: Confusion = Confusion {
    true_positive: 8,
    false_positive: 2,
    false_negative: 4,
    true_negative: 6,
};

#[test]
fn counts_from_pairs() {
    let pairs = [
        (true, true),
        (true, false),
        (false, true),
        (false, false),
        (true, true),
    ];
    let found: Confusion = pairs.into_iter().collect();
    assert_eq!(
        found,
        Confusion {
            true_positive: 2,
            false_positive: 1,
            false_negative: 1,
            true_negative: 1
        }
    );
    assert_eq!(found.n(), 5);
}

#[test]
fn ratios_by_hand() {
    close(BY_HAND.precision().unwrap().value, 0.8);
    close(BY_HAND.recall().unwrap().value, 8.0 / 12.0);
    close(BY_HAND.accuracy().unwrap().value, 0.7);
    close(BY_HAND.f1().unwrap().value, 16.0 / 22.0);
}

#[test]
fn intervals_by_hand() {
    let precision = BY_HAND.precision().unwrap().interval;
    close(precision.low, 0.49016);
    close(precision.high, 0.94332);
    // F* = 8 / 14: Wilson (0.32591, 0.78620), mapped by 2x / (1 + x).
    let f1 = BY_HAND.f1().unwrap().interval;
    close(f1.low, 0.49160);
    close(f1.high, 0.88030);
}

#[test]
fn f1_is_the_harmonic_mean() {
    let precision = BY_HAND.precision().unwrap().value;
    let recall = BY_HAND.recall().unwrap().value;
    close(
        BY_HAND.f1().unwrap().value,
        2.0 * precision * recall / (precision + recall),
    );
}

#[test]
fn one_class_is_undefined_not_zero() {
    let silent = Confusion {
        false_negative: 3,
        true_negative: 4,
        ..Confusion::default()
    };
    assert_eq!(silent.precision(), None);
    close(silent.recall().unwrap().value, 0.0);
    close(silent.f1().unwrap().value, 0.0);
    let no_positive = Confusion {
        true_negative: 4,
        ..Confusion::default()
    };
    assert_eq!(no_positive.recall(), None);
    assert_eq!(no_positive.f1(), None);
    assert_eq!(Confusion::default().accuracy(), None);
}
