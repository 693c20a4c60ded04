//! What is wrong with an arena folder: every class of anomaly, with counts, file and key.
//!
//! ```text
//! files    what cannot be read, what another program wrote, what stands in the wrong place
//! entries  what one record says: words, self-checks, statuses, texts
//! links    keys that stand twice, and what a record stands on and is not there
//! ```
//!
//! A finding is no verdict on a model. Many classes are marks that the pipeline which wrote the files left there.

mod class;
mod entries;
mod files;
mod links;
mod report;

use std::collections::HashSet;

pub use class::{Class, Level, Stage};
pub use report::{Finding, Report, Totals};

use crate::corpus::{Corpus, Ref};
use crate::graph::Graph;

/// Everything that is wrong with a corpus.
pub fn check(corpus: &Corpus) -> Report {
    let graph = Graph::new(corpus, &HashSet::new());
    let mut findings = Findings::of(corpus);
    files::check(corpus, &mut findings);
    entries::check(corpus, &graph, &mut findings);
    links::check(corpus, &graph, &mut findings);
    Report::new(corpus, &graph, findings.all)
}

/// The faults among what is wrong with files and links: what counts twice, not at all, or for somebody else.
pub fn faults(corpus: &Corpus) -> Vec<Finding> {
    let mut all = check_without(corpus, &HashSet::new());
    all.retain(|finding| finding.class.level() == Level::Fault);
    all
}

/// What is to be put aside while the places in `gone` are not there: the findings that [`Class::stage`] gives a stage.
pub(crate) fn check_without(corpus: &Corpus, gone: &HashSet<Ref>) -> Vec<Finding> {
    let graph = Graph::new(corpus, gone);
    let mut findings = Findings::of(corpus);
    files::check(corpus, &mut findings);
    links::check(corpus, &graph, &mut findings);
    let mut all = findings.all;
    all.retain(|finding| {
        let left = finding.entries.iter().any(|at| !gone.contains(at));
        finding.class.stage().is_some() && (left || finding.entries.is_empty())
    });
    all
}

/// Findings as they are made.
struct Findings<'c> {
    corpus: &'c Corpus,
    all: Vec<Finding>,
}

impl<'c> Findings<'c> {
    fn of(corpus: &'c Corpus) -> Self {
        let all = Vec::new();
        Findings { corpus, all }
    }

    /// A finding about a whole file.
    fn file(&mut self, class: Class, path: &str, what: impl Into<String>) {
        self.all.push(Finding {
            class,
            file: path.to_owned(),
            key: String::new(),
            what: what.into(),
            entries: Vec::new(),
        });
    }

    /// A finding about entries, of which the first says where it is.
    fn entries(&mut self, class: Class, entries: Vec<Ref>, key: String, what: impl Into<String>) {
        let file = entries.first().and_then(|at| self.corpus.file(*at));
        self.all.push(Finding {
            class,
            file: file.map(|file| file.path.clone()).unwrap_or_default(),
            key,
            what: what.into(),
            entries,
        });
    }
}
