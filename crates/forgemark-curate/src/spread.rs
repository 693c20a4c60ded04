//! Distributions as reports print them.

use forgemark_contract::json::{WriteJson, Writer};

/// A distribution in six numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Spread {
    /// How many values.
    pub(crate) count: usize,
    /// The smallest.
    pub(crate) min: f64,
    /// The element at the rounded rank, which for an even count is the upper of the middle two.
    pub(crate) median: f64,
    /// The element at the rounded 95 % rank.
    pub(crate) p95: f64,
    /// The largest.
    pub(crate) max: f64,
    /// The mean, summed in ascending order.
    pub(crate) mean: f64,
}

impl Spread {
    /// The distribution of `values`; `None` when there are none.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let last = values.len() - 1;
        let at = |share: f64| values[((share * last as f64).round() as usize).min(last)];
        Some(Spread {
            count: values.len(),
            min,
            median: at(0.5),
            p95: at(0.95),
            max,
            mean: values.iter().sum::<f64>() / values.len() as f64,
        })
    }

    /// Writes the six entries into the object that is open.
    pub(crate) fn write_entries(&self, w: &mut Writer<'_>) {
        w.field("count", &(self.count as u64));
        w.field("min", &self.min);
        w.field("median", &self.median);
        w.field("p95", &self.p95);
        w.field("max", &self.max);
        w.field("mean", &self.mean);
    }
}

impl WriteJson for Spread {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        self.write_entries(w);
        w.end_object();
    }
}
