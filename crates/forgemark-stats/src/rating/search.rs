//! The maximum of a smooth function of a few numbers.

use crate::linear::Symmetric;

/// The distance of the points by which derivatives are taken.
const DIFFERENCE: f64 = 1e-3;

/// The point where `f` is largest and its value there: a simplex from `start`, with a point `width` away along each axis, finds the
/// top, and Newton's method with derivatives by differences climbs it. `f` must be smooth to about 1e-12.
///
/// # Source
/// J. A. Nelder and R. Mead, "A simplex method for function minimization", The Computer Journal 7 (1965).
pub(super) fn maximise<const N: usize>(
    mut f: impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    width: f64,
) -> ([f64; N], f64) {
    let height = f(&start);
    let (point, value) = simplex(&mut f, start, height, width, 1e-3);
    match climb(&mut f, point, value) {
        Some(top) => top,
        // No top that Newton's method knows, such as one at a border: the simplex goes on alone.
        None => simplex(&mut f, point, value, 0.1, 1e-7),
    }
}

/// Newton's method; `None` where the function does not bend down in all directions.
fn climb<const N: usize>(
    f: &mut impl FnMut(&[f64; N]) -> f64,
    mut point: [f64; N],
    mut value: f64,
) -> Option<([f64; N], f64)> {
    let moved = |point: &[f64; N], moves: &[(usize, f64)]| {
        let mut point = *point;
        for (axis, by) in moves {
            point[*axis] += by;
        }
        point
    };
    for _ in 0..20 {
        let h = DIFFERENCE;
        let mut step = [0.0; N];
        let mut bend = Symmetric::zeros(N);
        for (i, slope) in step.iter_mut().enumerate() {
            let (up, down) = (f(&moved(&point, &[(i, h)])), f(&moved(&point, &[(i, -h)])));
            let further = f(&moved(&point, &[(i, 2.0 * h)])) - f(&moved(&point, &[(i, -2.0 * h)]));
            // Of fourth order, so that the top is where the slope is 0 and not where it seems so.
            *slope = (8.0 * (up - down) - further) / (12.0 * h);
            bend.add(i, i, -(up - 2.0 * value + down) / (h * h));
            for j in 0..i {
                let mut corner = |a: f64, b: f64| f(&moved(&point, &[(i, a * h), (j, b * h)]));
                let twist =
                    corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0) + corner(-1.0, -1.0);
                bend.add(i, j, -twist / (4.0 * h * h));
            }
        }
        bend.cholesky()?.solve(&mut step);
        let longest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
        let mut next = None;
        for halvings in 0..30 {
            let scale = 0.5_f64.powi(halvings);
            let mut tried = point;
            for (x, step) in tried.iter_mut().zip(step) {
                *x += scale * step;
            }
            let reached = f(&tried);
            if reached >= value {
                next = Some((tried, reached));
                break;
            }
        }
        let Some(next) = next else { break };
        (point, value) = next;
        if longest < 1e-6 {
            break;
        }
    }
    Some((point, value))
}

fn simplex<const N: usize>(
    f: &mut impl FnMut(&[f64; N]) -> f64,
    start: [f64; N],
    height: f64,
    width: f64,
    size_at_end: f64,
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
        if size.fold(0.0, f64::max) < size_at_end {
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
