//! The maximum of a smooth function of a few numbers.

/// The point where `f` is largest and its value there, from the simplex that has `start` and a point `width` away along each axis.
///
/// The search is begun anew at its end until that gains less than `1e-10`, so that a simplex that collapsed early costs nothing.
///
/// # Source
/// J. A. Nelder and R. Mead, "A simplex method for function minimization", The Computer Journal 7 (1965).
pub(super) fn maximise<const N: usize>(
    mut f: impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    width: f64,
) -> ([f64; N], f64) {
    let mut best = (start, f(&start));
    for round in 0..20 {
        let width = width / f64::from(1 << round.min(6));
        let (point, value) = simplex(&mut f, best.0, best.1, width);
        let gain = value - best.1;
        if value >= best.1 {
            best = (point, value);
        }
        // One round more than the first that gains nothing would only repeat it with a smaller simplex.
        if round > 0 && gain.abs() < 1e-10 {
            break;
        }
    }
    best
}

fn simplex<const N: usize>(
    f: &mut impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    height: f64,
    width: f64,
) -> ([f64; N], f64) {
    let mut points = vec![(start, height)];
    for axis in 0..N {
        let mut point = start;
        point[axis] += width;
        points.push((point, f(&point)));
    }
    for _ in 0..400 * N {
        points.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (worst, best) = (points[N], points[0]);
        let size = (0..N).map(|axis| (worst.0[axis] - best.0[axis]).abs());
        if (best.1 - worst.1).abs() < 1e-13 * (1.0 + best.1.abs())
            && size.fold(0.0, f64::max) < 1e-7
        {
            break;
        }
        let mut centre = [0.0; N];
        for (point, _) in &points[..N] {
            for (sum, x) in centre.iter_mut().zip(point) {
                *sum += x / N as f64;
            }
        }
        let mut along = |by: f64| {
            let mut point = centre;
            for (x, away) in point.iter_mut().zip(worst.0) {
                *x += by * (*x - away);
            }
            let value = f(&point);
            (point, value)
        };
        let reflected = along(1.0);
        let next = if reflected.1 > best.1 {
            let further = along(2.0);
            if further.1 > reflected.1 {
                further
            } else {
                reflected
            }
        } else if reflected.1 > points[N - 1].1 {
            reflected
        } else {
            let inside = along(if reflected.1 > worst.1 { 0.5 } else { -0.5 });
            if inside.1 > reflected.1.max(worst.1) {
                inside
            } else {
                for (point, value) in &mut points[1..] {
                    for (x, target) in point.iter_mut().zip(best.0) {
                        *x = f64::midpoint(*x, target);
                    }
                    *value = f(point);
                }
                continue;
            }
        };
        points[N] = next;
    }
    points.sort_by(|a, b| b.1.total_cmp(&a.1));
    points[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_ridge_is_climbed() {
        // Rosenbrock's function, turned over: the maximum is 0 at (1, 1).
        let f = |x: &[f64; 2]| -(100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2));
        let (point, value) = maximise(f, [-1.2, 1.0], 0.5);
        assert!(value > -1e-10, "{value}");
        assert!(
            (point[0] - 1.0).abs() < 1e-4 && (point[1] - 1.0).abs() < 1e-4,
            "{point:?}"
        );
    }
}
