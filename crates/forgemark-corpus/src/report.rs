//! What opening a corpus found, for a person to read.

/// What changed since the index was last written, and what could not be read. Every list is in path order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Documents that are new.
    pub added: Vec<String>,
    /// Documents whose content changed.
    pub changed: Vec<String>,
    /// Documents that moved without a change.
    pub renamed: Vec<Renamed>,
    /// Documents that are gone.
    pub deleted: Vec<String>,
    /// Documents that stayed as they were.
    pub unchanged: usize,
    /// Files that should be documents and have no text, with the reason. They are not part of the corpus.
    pub damaged: Vec<Damaged>,
    /// Files whose extension is not read.
    pub ignored: Vec<String>,
    /// Documents that are part of the corpus although something about them needs a look, and what became of the index.
    pub notes: Vec<Note>,
}

/// A document that moved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Renamed {
    /// Its path in the index.
    pub from: String,
    /// Its path now.
    pub to: String,
}

/// A file that should be a document and has no text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damaged {
    /// Relative to the root of the corpus; bytes that are no text are shown as U+FFFD.
    pub path: String,
    /// What is wrong, as a fragment.
    pub why: String,
    /// What to do about it, as a fragment.
    pub remedy: String,
}

/// Something that a person should know about a document or the index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The document, or the file of the index.
    pub path: String,
    /// What there is to know, as a fragment.
    pub what: String,
}

/// Why a file has no text. `lasting` tells that trying again with the same file and limits will end the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) why: String,
    pub(crate) remedy: String,
    pub(crate) lasting: bool,
}

impl Damage {
    pub(crate) fn lasting(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Damage {
            why: why.into(),
            remedy: remedy.into(),
            lasting: true,
        }
    }

    pub(crate) fn passing(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Damage {
            lasting: false,
            ..Damage::lasting(why, remedy)
        }
    }

    pub(crate) fn of(self, path: impl Into<String>) -> Damaged {
        Damaged {
            path: path.into(),
            why: self.why,
            remedy: self.remedy,
        }
    }
}
