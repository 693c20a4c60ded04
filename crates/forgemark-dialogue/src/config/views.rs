//! Which of the derived files a run writes: `saving.artifacts`.
//!
//! What is left out can be made again from what stays, so leaving it out loses nothing:
//!
//! * the journal is authoritative, and holds what was paid;
//! * `synthetic_qa.jsonl` holds every turn, and all other rows are functions of its rows;
//! * `coverage_ledger.jsonl` holds the instants of single questions, and is what other programs and later runs
//!   take coverage and asked questions from.
//!
//! These three are always written.

use forgemark_contract::json::Json;
use forgemark_contract::settings::{Resolved, SettingError};

use crate::render::{DATASET, INDEX, JUDGED, LEDGER, SHAREGPT, TURNS};

/// A file, or a folder of files, that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// `turns.jsonl`.
    Turns,
    /// `conversations_sharegpt.jsonl`.
    ShareGpt,
    /// `conversations_sharegpt_judged.jsonl`.
    ShareGptJudged,
    /// `conversations/`.
    Conversations,
    /// `conversations_index.jsonl`.
    Index,
    /// `run_state/`.
    RunState,
}

impl View {
    /// All of them, in the order of the configuration page.
    pub const ALL: [View; 6] = [
        View::Turns,
        View::ShareGpt,
        View::ShareGptJudged,
        View::Conversations,
        View::Index,
        View::RunState,
    ];

    /// The word in the configuration, in plans and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            View::Turns => "turns",
            View::ShareGpt => "sharegpt",
            View::ShareGptJudged => "sharegpt_judged",
            View::Conversations => "conversations",
            View::Index => "index",
            View::RunState => "run_state",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }

    /// The view that an append-only file is; `None` for a file that is always written.
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        match name {
            TURNS => Some(View::Turns),
            SHAREGPT => Some(View::ShareGpt),
            JUDGED => Some(View::ShareGptJudged),
            INDEX => Some(View::Index),
            _ => None,
        }
    }
}

/// A set of views; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Views(u8);

impl Views {
    /// Every view.
    pub const ALL: Views = Views((1 << View::ALL.len()) - 1);

    /// Whether a view is among them.
    pub fn has(self, view: View) -> bool {
        self.0 & (1 << view as u8) != 0
    }

    /// Whether an append-only file is written.
    pub(crate) fn writes(self, file: &str) -> bool {
        View::of_file(file).is_none_or(|view| self.has(view))
    }

    /// The views of both sets.
    #[must_use]
    pub fn with(self, other: Views) -> Views {
        Views(self.0 | other.0)
    }

    /// The views that are in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Views) -> Views {
        Views(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The views, in order.
    pub fn iter(self) -> impl Iterator<Item = View> {
        View::ALL.into_iter().filter(move |view| self.has(*view))
    }

    /// The words, in order.
    pub fn to_json(self) -> Json {
        self.iter().map(|view| Json::from(view.as_str())).collect()
    }

    /// The views that a list of words names; other words are passed over.
    pub fn from_json(words: &[Json]) -> Views {
        words
            .iter()
            .filter_map(|word| View::from_word(word.as_str()?))
            .collect()
    }

    /// Reads `saving.artifacts`.
    pub(super) fn read(
        values: &Resolved,
        problems: &mut Vec<SettingError>,
    ) -> Result<Views, SettingError> {
        const KEY: &str = "saving.artifacts";
        let mut views = Views(0);
        for word in values.str_list(KEY)? {
            let word = word.trim();
            match View::from_word(word) {
                Some(view) => views = views.with(view.into()),
                // Naming what is written anyway is no mistake.
                None if DATASET.strip_suffix(".jsonl") == Some(word)
                    || LEDGER.strip_suffix(".jsonl") == Some(word) => {}
                None => {
                    let known: Vec<&str> = View::ALL.iter().map(|view| view.as_str()).collect();
                    problems.push(
                        SettingError::new(KEY, format!("{word:?} is no artifact that can be chosen"))
                            .with_hint(format!(
                                "known ones: {}; synthetic_qa, coverage_ledger and the journal are always written",
                                known.join(", ")
                            )),
                    );
                }
            }
        }
        Ok(views)
    }
}

impl From<View> for Views {
    fn from(view: View) -> Self {
        Views(1 << view as u8)
    }
}

impl FromIterator<View> for Views {
    fn from_iter<T: IntoIterator<Item = View>>(views: T) -> Self {
        views
            .into_iter()
            .fold(Views(0), |set, view| set.with(view.into()))
    }
}
