//! Letters by script.

use icu_properties::props::Script;
use icu_properties::{CodePointMapData, PropertyNamesLong};

/// How many letters a text has, by script.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    counts: Vec<(Script, u64)>,
}

impl Letters {
    /// Counts the letters of a text. What belongs to no script (digits, signs, emoji) and marks that any script uses do
    /// not count.
    pub(crate) fn of(text: &str) -> Self {
        let scripts = CodePointMapData::<Script>::new();
        let mut letters = Self::default();
        for c in text.chars().filter(|c| c.is_alphabetic()) {
            let script = scripts.get(c);
            if [Script::Common, Script::Inherited, Script::Unknown].contains(&script) {
                continue;
            }
            match letters
                .counts
                .iter_mut()
                .find(|(known, _)| *known == script)
            {
                Some((_, n)) => *n += 1,
                None => letters.counts.push((script, 1)),
            }
        }
        letters
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|(_, n)| n).sum()
    }

    /// The letters of these scripts.
    pub(crate) fn among(&self, scripts: &[Script]) -> u64 {
        let counts = self.counts.iter();
        let wanted = counts.filter(|(script, _)| scripts.contains(script));
        wanted.map(|(_, n)| n).sum()
    }

    /// The script with most letters; the one that came first, of equals.
    pub(crate) fn main(&self) -> Option<Script> {
        let mut best: Option<(Script, u64)> = None;
        for (script, n) in &self.counts {
            if best.is_none_or(|(_, most)| *n > most) {
                best = Some((*script, *n));
            }
        }
        best.map(|(script, _)| script)
    }
}

/// The name of a script in Unicode, such as `Latin`.
pub(crate) fn name(script: Script) -> &'static str {
    PropertyNamesLong::<Script>::new().get(script).unwrap_or("")
}
