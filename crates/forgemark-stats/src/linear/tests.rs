use super::*;

fn three() -> Symmetric {
    // L = [[2,0,0],[1,3,0],[-1,2,1]]; A = L L^T.
    let mut a = Symmetric::zeros(3);
    for (i, j, value) in [
        (0, 0, 4.0),
        (1, 0, 2.0),
        (1, 1, 10.0),
        (2, 0, -2.0),
        (2, 1, 5.0),
        (2, 2, 6.0),
    ] {
        a.add(i, j, value);
    }
    a
}

#[test]
fn a_factor_by_hand() {
    let factor = three().cholesky().unwrap();
    assert!((factor.log_det() - 2.0 * 6.0_f64.ln()).abs() < 1e-12);
    // A (1, -2, 3) = (-6, -3, 6).
    let mut b = [-6.0, -3.0, 6.0];
    factor.solve(&mut b);
    for (found, expected) in b.into_iter().zip([1.0, -2.0, 3.0]) {
        assert!((found - expected).abs() < 1e-12, "{b:?}");
    }
    let (a, inverse) = (three(), factor.inverse());
    for i in 0..3 {
        for j in 0..3 {
            let product: f64 = (0..3).map(|k| a.get(i, k) * inverse.get(k, j)).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
        }
    }
}

#[test]
fn what_is_not_positive_definite_has_no_factor() {
    let mut flat = Symmetric::zeros(2);
    for (i, j, value) in [(0, 0, 1.0), (1, 0, -1.0), (1, 1, 1.0)] {
        flat.add(i, j, value);
    }
    assert!(flat.clone().cholesky().is_none());
    flat.add(1, 1, f64::NAN);
    assert!(flat.cholesky().is_none());
}
