use super::*;

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-12, "{left} is not {right}");
}

#[test]
fn sum_keeps_small_terms_beside_large_ones() {
    // Plain addition gives 0 here: 1 vanishes beside 1e100, twice.
    close(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
    close(sum(&[]), 0.0);
    assert!(sum(&[f64::INFINITY, 1.0]).is_infinite());
}

#[test]
fn mean_by_hand() {
    close(mean(&[2.0, 4.0, 9.0]).unwrap(), 5.0);
    close(mean(&[-3.5]).unwrap(), -3.5);
    assert_eq!(mean(&[]), None);
    assert_eq!(mean(&[1.0, f64::NAN]), None);
}

#[test]
fn sample_std_by_hand() {
    // Deviations -3, -1, -1, -1, 0, 0, 2, 4 from 5: squares sum to 32, 32 / 7.
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    close(sample_std(&values).unwrap(), (32.0_f64 / 7.0).sqrt());
    close(sample_std(&[3.0, 3.0]).unwrap(), 0.0);
    assert_eq!(sample_std(&[3.0]), None);
    assert_eq!(sample_std(&[]), None);
}

#[test]
fn sample_std_survives_an_offset() {
    // Deviations -6, -3, 3, 6: squares sum to 90, 90 / 3.
    let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
    assert!((sample_std(&values).unwrap() - 30.0_f64.sqrt()).abs() < 1e-6);
}

#[test]
fn quantiles_by_hand() {
    let values = [40.0, 15.0, 50.0, 20.0, 35.0];
    // Sorted 15 20 35 40 50; h = 4 * 0.4 = 1.6: 20 + 0.6 * 15.
    close(quantile(&values, 0.4).unwrap(), 29.0);
    close(quantile(&values, 0.0).unwrap(), 15.0);
    close(quantile(&values, 1.0).unwrap(), 50.0);
    close(median(&values).unwrap(), 35.0);
    close(median(&[1.0, 2.0, 3.0, 10.0]).unwrap(), 2.5);
    close(quantile(&[7.0], 0.3).unwrap(), 7.0);
}

#[test]
fn quantile_refuses_what_is_undefined() {
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[1.0], -0.1), None);
    assert_eq!(quantile(&[1.0], 1.1), None);
    assert_eq!(quantile(&[1.0], f64::NAN), None);
    assert_eq!(quantile(&[1.0, f64::INFINITY], 0.5), None);
}

#[test]
fn percentiles_keep_the_asked_order() {
    let found = percentiles(&[1.0, 2.0, 3.0, 4.0, 5.0], &[100.0, 50.0, 95.0]).unwrap();
    close(found[0], 5.0);
    close(found[1], 3.0);
    close(found[2], 4.8);
    assert_eq!(percentiles(&[1.0], &[]), Some(Vec::new()));
}

#[test]
fn summary_of_four_and_of_one() {
    let four = summary(&[4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!(four.n, 4);
    close(four.mean, 2.5);
    close(four.q25, 1.75);
    close(four.median, 2.5);
    close(four.q75, 3.25);
    close(four.min, 1.0);
    close(four.max, 4.0);
    close(four.std.unwrap(), (5.0_f64 / 3.0).sqrt());
    let one = summary(&[6.0]).unwrap();
    assert_eq!(one.std, None);
    close(one.q75, 6.0);
    assert_eq!(summary(&[]), None);
}

#[test]
fn results_do_not_depend_on_order() {
    let forward: Vec<f64> = (0..997).map(|i| f64::from(i * 7919 % 997) * 0.1).collect();
    let backward: Vec<f64> = forward.iter().rev().copied().collect();
    close(mean(&forward).unwrap(), mean(&backward).unwrap());
    close(
        sample_std(&forward).unwrap(),
        sample_std(&backward).unwrap(),
    );
    assert_eq!(quantile(&forward, 0.37), quantile(&backward, 0.37));
}
