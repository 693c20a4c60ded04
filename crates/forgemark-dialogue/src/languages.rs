//! How many messages were in the language that was asked for.

use forgemark_contract::json::{Json, Object};
use forgemark_language::Verdict;

/// Messages by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Languages([u64; Verdict::ALL.len()]);

impl Languages {
    /// Messages with a verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        let counts = Verdict::ALL.iter().zip(self.0);
        counts
            .filter(|(of, _)| **of == verdict)
            .map(|(_, n)| n)
            .sum()
    }

    /// All messages that were checked.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Share of the messages with a verdict, in [0, 1]; `None` without messages.
    pub fn share(&self, verdict: Verdict) -> Option<f64> {
        (self.total() > 0).then(|| self.count(verdict) as f64 / self.total() as f64)
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: Languages) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }

    /// The counts by the words of the verdicts.
    pub fn to_json(&self) -> Json {
        let counts = Verdict::ALL.iter().zip(self.0);
        let counts = counts.map(|(verdict, n)| (verdict.as_str().to_owned(), Json::from(n)));
        Json::Object(counts.collect::<Object>())
    }

    /// Reads what [`Languages::to_json`] wrote; nothing where it says nothing.
    pub(crate) fn from_json(value: &Json) -> Self {
        Self(Verdict::ALL.map(|verdict| value.at(verdict.as_str()).as_u64().unwrap_or(0)))
    }
}

impl FromIterator<Verdict> for Languages {
    fn from_iter<T: IntoIterator<Item = Verdict>>(verdicts: T) -> Self {
        let mut languages = Self::default();
        for verdict in verdicts {
            let places = Verdict::ALL.iter().zip(&mut languages.0);
            for (_, n) in places.filter(|(of, _)| **of == verdict) {
                *n += 1;
            }
        }
        languages
    }
}
