//! Small dense symmetric systems: what Newton's method needs for a few hundred unknowns.

/// A symmetric matrix, all of it stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Symmetric {
    n: usize,
    rows: Vec<f64>,
}

/// The lower factor `L` of `A = L L^T`.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    n: usize,
    rows: Vec<f64>,
}

impl Symmetric {
    pub(crate) fn zeros(n: usize) -> Self {
        let rows = vec![0.0; n * n];
        Symmetric { n, rows }
    }

    pub(crate) fn get(&self, i: usize, j: usize) -> f64 {
        self.rows[i * self.n + j]
    }

    /// Adds to one place and, off the diagonal, to its mirror image.
    pub(crate) fn add(&mut self, i: usize, j: usize, value: f64) {
        self.rows[i * self.n + j] += value;
        if i != j {
            self.rows[j * self.n + i] += value;
        }
    }

    /// The factor, or `None` when the matrix is not positive definite to working precision.
    pub(crate) fn cholesky(mut self) -> Option<Cholesky> {
        let n = self.n;
        for j in 0..n {
            let diagonal = self.rows[j * n + j];
            let (above, below) = self.rows.split_at_mut((j + 1) * n);
            let row = &mut above[j * n..];
            let rest: f64 = row[..j].iter().map(|x| x * x).sum();
            let pivot = diagonal - rest;
            // What is left of the diagonal is rounding when it is this small beside it.
            if pivot.is_nan() || pivot <= diagonal.abs() * 1e-13 {
                return None;
            }
            let root = pivot.sqrt();
            row[j] = root;
            for other in below.chunks_exact_mut(n.max(1)) {
                let dot: f64 = other[..j].iter().zip(&row[..j]).map(|(a, b)| a * b).sum();
                other[j] = (other[j] - dot) / root;
            }
        }
        let rows = self.rows;
        Some(Cholesky { n, rows })
    }
}

impl Cholesky {
    /// Solves `A x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        let n = self.n;
        for i in 0..n {
            let row = &self.rows[i * n..i * n + i];
            let dot: f64 = row.iter().zip(&*b).map(|(a, x)| a * x).sum();
            b[i] = (b[i] - dot) / self.rows[i * n + i];
        }
        for i in (0..n).rev() {
            b[i] /= self.rows[i * n + i];
            let known = b[i];
            for (j, value) in b[..i].iter_mut().enumerate() {
                *value -= self.rows[i * n + j] * known;
            }
        }
    }

    /// `ln det A`.
    pub(crate) fn log_det(&self) -> f64 {
        let diagonal = (0..self.n).map(|i| self.rows[i * self.n + i].ln());
        2.0 * diagonal.sum::<f64>()
    }

    /// The inverse of `A`.
    pub(crate) fn inverse(&self) -> Symmetric {
        let n = self.n;
        let mut inverse = Symmetric::zeros(n);
        for (j, column) in inverse.rows.chunks_exact_mut(n.max(1)).enumerate() {
            column[j] = 1.0;
            self.solve(column);
        }
        inverse
    }
}

#[cfg(test)]
mod tests;
