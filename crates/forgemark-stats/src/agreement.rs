//! Agreement of two raters beyond chance.

use std::collections::BTreeMap;

/// Cohen's kappa and its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// Kappa, in [-1, 1]: 1 is full agreement, 0 what chance would give, negative is less.
    pub value: f64,
    /// Share of items on which the raters agree, in [0, 1].
    pub observed: f64,
    /// Agreement expected by chance from the raters' own habits, in [0, 1).
    pub expected: f64,
    /// Number of items.
    pub n: usize,
}

/// Cohen's kappa of pairs of labels, one pair an item.
///
/// `kappa = (po - pe) / (1 - pe)`, with `po` the share of equal pairs and
/// `pe = sum over labels of (share in the first column) * (share in the second)`. Labels are
/// unordered: a near miss counts as a miss. `None` for no items, and when both raters gave one and
/// the same label throughout (`pe = 1`): agreement is then full but says nothing.
///
/// # Source
/// J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
/// Measurement 20 (1960).
pub fn cohen_kappa<T: Ord>(pairs: &[(T, T)]) -> Option<Kappa> {
    let n = pairs.len();
    let mut columns: BTreeMap<&T, (u64, u64)> = BTreeMap::new();
    let mut equal = 0_u64;
    for (first, second) in pairs {
        columns.entry(first).or_default().0 += 1;
        columns.entry(second).or_default().1 += 1;
        equal += u64::from(first == second);
    }
    if n == 0 || (columns.len() == 1) {
        return None;
    }
    let all = n as f64;
    let observed = equal as f64 / all;
    let expected = columns
        .values()
        .map(|(a, b)| (*a as f64 / all) * (*b as f64 / all))
        .sum::<f64>();
    Some(Kappa {
        value: (observed - expected) / (1.0 - expected),
        observed,
        expected,
        n,
    })
}

#[cfg(test)]
mod tests;
