//! The tile: products of a few rows with many columns, and which of them reach a limit.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use pulp::{Arch, Simd, WithSimd};

/// Columns of a panel; a multiple of twice the lanes of every instruction set.
pub(super) const PANEL: usize = 32;

/// Rows of a tile; with two registers of columns for each, twelve sums stay in registers.
const TILE: usize = 6;

/// How far a product of a row of length 1 with a column of length 1 may be off because [`Panels`] keep halves: each value by
/// 2^-11 of itself, and by 2^-25 where it is very small.
pub(super) const HALVED: f64 = 5e-4;

/// Columns side by side: for each component the values of [`PANEL`] columns, as halves. What is too large for one is infinite,
/// and reaches every limit.
#[derive(Debug, Clone)]
pub(super) struct Panels {
    width: usize,
    values: Vec<f16>,
    columns: usize,
}

impl Panels {
    /// No columns yet, of `width` components each, with room for so many.
    pub(super) fn with_room(width: usize, columns: usize) -> Self {
        Panels {
            width,
            values: Vec::with_capacity(columns.div_ceil(PANEL) * width * PANEL),
            columns: 0,
        }
    }

    /// Appends a column.
    pub(super) fn push(&mut self, sketch: &[f32]) {
        let column = self.columns % PANEL;
        if column == 0 {
            // A column that is not there is 0 everywhere; the caller ignores what it reaches.
            self.values
                .resize(self.values.len() + self.width * PANEL, f16::ZERO);
        }
        let start = self.columns / PANEL * self.width * PANEL;
        for (component, value) in sketch.iter().enumerate() {
            self.values[start + component * PANEL + column] = f16::from_f32(*value);
        }
        self.columns += 1;
    }

    /// How many columns there are.
    pub(super) fn len(&self) -> usize {
        self.columns
    }

    /// One panel, as singles.
    pub(super) fn panel(&self, number: usize) -> Vec<f32> {
        let size = self.width * PANEL;
        self.values[number * size..(number + 1) * size].to_f32_vec()
    }
}

/// Appends `(row, column)` to `found` for each product of a row of `rows` (`width` components each, one after the other)
/// with a column of `panel` that is at least `limit`, in the order of rows and, of each, of columns.
pub(super) fn reach(
    arch: Arch,
    rows: &[f32],
    width: usize,
    panel: &[f32],
    limit: f32,
    found: &mut Vec<(u32, u32)>,
) {
    arch.dispatch(Reach {
        rows,
        width,
        panel,
        limit,
        found,
    });
}

struct Reach<'a> {
    rows: &'a [f32],
    width: usize,
    panel: &'a [f32],
    limit: f32,
    found: &'a mut Vec<(u32, u32)>,
}

impl WithSimd for Reach<'_> {
    type Output = ();

    #[expect(
        clippy::inline_always,
        reason = "the instruction set is that of the function it is inlined into"
    )]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tiles = self.rows.chunks_exact(TILE * self.width);
        let rest = tiles.remainder();
        let mut first = 0;
        for tile in tiles {
            tile_reach::<S, TILE>(
                simd, tile, first, self.width, self.panel, self.limit, self.found,
            );
            first += TILE as u32;
        }
        for row in rest.chunks_exact(self.width) {
            tile_reach::<S, 1>(
                simd, row, first, self.width, self.panel, self.limit, self.found,
            );
            first += 1;
        }
    }
}

#[expect(
    clippy::inline_always,
    reason = "the instruction set is that of the function it is inlined into"
)]
#[inline(always)]
fn tile_reach<S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[f32],
    first: u32,
    width: usize,
    panel: &[f32],
    limit: f32,
    found: &mut Vec<(u32, u32)>,
) {
    let (columns, _) = S::as_simd_f32s(panel);
    let stride = PANEL / S::F32_LANES;
    // Each row's components, without a check for each access.
    let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &rows[row * width..(row + 1) * width]);
    let start = found.len();
    let mut step = 0;
    while step < stride {
        let pair = stride - step > 1;
        let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
        for (component, values) in columns.chunks_exact(stride).take(width).enumerate() {
            let left = values[step];
            let right = if pair { values[step + 1] } else { left };
            for row in 0..ROWS {
                let value = simd.splat_f32s(rows[row][component]);
                sums[row][0] = simd.mul_add_e_f32s(value, left, sums[row][0]);
                sums[row][1] = simd.mul_add_e_f32s(value, right, sums[row][1]);
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let highest = simd.reduce_max_f32s(simd.max_f32s(sums[0], sums[1]));
            // Not `<`: what is not a number must be looked at too.
            if highest < limit {
                continue;
            }
            for (half, sums) in sums.iter().enumerate().take(1 + usize::from(pair)) {
                let lanes: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(sums));
                for (lane, product) in lanes.iter().enumerate() {
                    if *product >= limit {
                        let column = (step + half) * S::F32_LANES + lane;
                        found.push((first + row as u32, column as u32));
                    }
                }
            }
        }
        step += 2;
    }
    found[start..].sort_unstable();
}
