use std::time::Instant;

use super::{Asked, SAME, asked};

#[test]
fn what_comes_together_with_the_first_signal_is_the_first_signal() {
    let (mut first, begin) = (None, Instant::now());
    assert_eq!(asked(&mut first, begin), Asked::Drain);
    assert_eq!(asked(&mut first, begin), Asked::Again);
    let nearly = begin + SAME.mul_f64(0.99);
    assert_eq!(asked(&mut first, nearly), Asked::Again);
    assert_eq!(asked(&mut first, begin + SAME), Asked::StopNow);
}
