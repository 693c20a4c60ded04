use super::*;

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-12, "{left} is not {right}");
}

fn pairs(yes_yes: usize, yes_no: usize, no_yes: usize, no_no: usize) -> Vec<(bool, bool)> {
    let kinds = [
        ((true, true), yes_yes),
        ((true, false), yes_no),
        ((false, true), no_yes),
        ((false, false), no_no),
    ];
    kinds
        .into_iter()
        .flat_map(|(pair, times)| std::iter::repeat_n(pair, times))
        .collect()
}

#[test]
fn kappa_by_hand() {
    // po = 35 / 50; pe = (25 * 30 + 25 * 20) / 2500 = 0.5; kappa = 0.2 / 0.5.
    let found = cohen_kappa(&pairs(20, 5, 10, 15)).unwrap();
    close(found.observed, 0.7);
    close(found.expected, 0.5);
    close(found.value, 0.4);
    assert_eq!(found.n, 50);
}

#[test]
fn kappa_at_the_ends() {
    close(cohen_kappa(&pairs(5, 0, 0, 5)).unwrap().value, 1.0);
    close(cohen_kappa(&pairs(0, 5, 5, 0)).unwrap().value, -1.0);
    close(cohen_kappa(&pairs(4, 4, 4, 4)).unwrap().value, 0.0);
}

#[test]
fn three_labels() {
    // Equal on 3 of 4; pe = (2*1 + 1*2 + 1*1) / 16 = 5/16; kappa = (12 - 5) / 11.
    let found = cohen_kappa(&[("a", "a"), ("a", "b"), ("b", "b"), ("c", "c")]).unwrap();
    close(found.value, 7.0 / 11.0);
}

#[test]
fn undefined() {
    assert_eq!(cohen_kappa::<u8>(&[]), None);
    assert_eq!(cohen_kappa(&[(1, 1), (1, 1)]), None);
    // One rater varies: chance agreement is below 1 and kappa is 0.
    close(cohen_kappa(&[(1, 1), (1, 2)]).unwrap().value, 0.0);
}
