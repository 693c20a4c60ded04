#![expect(clippy::float_cmp, reason = "exact results are the point")]

use super::{predict_total, student_t_975};
use crate::draw::Draw;

#[test]
fn the_quantile_falls_to_the_normal_one() {
    assert_eq!(student_t_975(0), f64::INFINITY);
    assert_eq!(student_t_975(1), 12.706);
    for degrees in 1..200 {
        assert!(
            student_t_975(degrees + 1) < student_t_975(degrees),
            "{degrees}"
        );
    }
    // Published values.
    assert!((student_t_975(40) - 2.0211).abs() < 1e-4);
    assert!((student_t_975(120) - 1.9799).abs() < 1e-4);
}

#[test]
fn equal_ratios_leave_no_doubt() {
    let found = predict_total(&[(2.0, 6.0), (3.0, 9.0)], 10.0).unwrap();
    assert!((found.total - 45.0).abs() < 1e-12);
    let interval = found.interval.unwrap();
    assert!((interval.high - interval.low).abs() < 1e-9);
    // By hand: R = 2, residuals -1 and 1, s^2 = 2, two units to come, variance 2 * (2 + 4 / 2) = 8.
    let found = predict_total(&[(1.0, 1.0), (1.0, 3.0)], 2.0).unwrap();
    assert_eq!(found.total, 8.0);
    let interval = found.interval.unwrap();
    assert!((interval.high - (8.0 + 12.706 * 8.0_f64.sqrt())).abs() < 1e-9);
    assert_eq!(interval.low, 4.0, "what was measured is spent");
}

#[test]
fn too_little_is_no_interval_and_nonsense_is_nothing() {
    assert_eq!(predict_total(&[(2.0, 6.0)], 1.0).unwrap().interval, None);
    assert_eq!(predict_total(&[], 1.0), None);
    assert_eq!(predict_total(&[(0.0, 6.0)], 1.0), None);
    assert_eq!(predict_total(&[(1.0, f64::NAN)], 1.0), None);
    assert_eq!(predict_total(&[(1.0, 1.0)], -1.0), None);
    let done = predict_total(&[(2.0, 6.0)], 0.0).unwrap();
    assert_eq!((done.total, done.interval.unwrap().high), (6.0, 6.0));
}

#[test]
fn the_interval_covers_the_truth_as_often_as_it_says() {
    let (mut covered, trials) = (0, 2_000);
    let mut draw = Draw::new(7, 0);
    for _ in 0..trials {
        // Sizes from 2 to 8, amounts around 100 a size with noise that grows with it.
        let units: Vec<(f64, f64)> = (0..60)
            .map(|_| {
                let size = 2.0 + (draw.unit() * 7.0).floor();
                (size, size * (80.0 + 40.0 * draw.unit()))
            })
            .collect();
        let left = units[8..].iter().map(|(x, _)| x).sum();
        let truth: f64 = units.iter().map(|(_, y)| y).sum();
        let interval = predict_total(&units[..8], left).unwrap().interval.unwrap();
        covered += u32::from(interval.low <= truth && truth <= interval.high);
    }
    let share = f64::from(covered) / f64::from(trials);
    assert!((0.92..=0.98).contains(&share), "{share}");
}
