use super::*;

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 5e-5, "{left} is not {right}");
}

#[test]
fn wilson_by_hand() {
    // 8 of 10 at 95 %: shrink 1.384146, centre 0.71674 (0.8 + 0.192073 over it), half 0.22658.
    let found = wilson(8, 10, Z_95).unwrap();
    close(found.low, 0.49016);
    close(found.high, 0.94332);
    // z = 1, 1 of 2: centre 0.75 / 1.5, half sqrt(1/8 + 1/16) / 1.5 = sqrt(3) / 6.
    let found = wilson(1, 2, 1.0).unwrap();
    close(found.low, 0.5 - 3.0_f64.sqrt() / 6.0);
    close(found.high, 0.5 + 3.0_f64.sqrt() / 6.0);
}

#[test]
fn wilson_at_the_ends() {
    let none = wilson(0, 10, Z_95).unwrap();
    assert_eq!(none.low.to_bits(), 0.0_f64.to_bits());
    close(none.high, 0.27753); // z^2 / (n + z^2)
    let all = wilson(10, 10, Z_95).unwrap();
    assert_eq!(all.high.to_bits(), 1.0_f64.to_bits());
    close(all.low, 1.0 - 0.27753);
}

#[test]
fn wilson_narrows_to_the_proportion() {
    let wide = wilson(30, 100, Z_95).unwrap();
    let narrow = wilson(30_000, 100_000, Z_95).unwrap();
    assert!(narrow.low > wide.low && narrow.high < wide.high);
    let point = wilson(3, 10, 0.0).unwrap();
    close(point.low, 0.3);
    close(point.high, 0.3);
}

#[test]
fn wilson_undefined() {
    assert_eq!(wilson(0, 0, Z_95), None);
    assert_eq!(wilson(3, 2, Z_95), None);
    assert_eq!(wilson(1, 2, f64::NAN), None);
    assert_eq!(wilson(1, 2, -1.0), None);
}
