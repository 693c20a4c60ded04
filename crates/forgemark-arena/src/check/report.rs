//! What a check says: totals, exact counts by class, findings.

use std::collections::BTreeMap;

use forgemark_contract::arena::FileKind;
use forgemark_contract::json::{Json, Object};

use super::{Class, Level};
use crate::corpus::{Corpus, Ref};
use crate::graph::Graph;

/// Something that a [`Class`] describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The class.
    pub class: Class,
    /// The file, relative to the folder; that of the first entry.
    pub file: String,
    /// The key as it is printed; empty where there is none.
    pub key: String,
    /// What is wrong, as a fragment.
    pub what: String,
    /// The entries that it is about; none for a finding about a file. A fix takes these.
    pub entries: Vec<Ref>,
}

impl Finding {
    /// File and place, such as `answers/q/a.json[3]`.
    pub fn place(&self) -> String {
        match self.entries.first() {
            Some(at) => format!("{}[{}]", self.file, at.entry),
            None => self.file.clone(),
        }
    }
}

/// How much there is of one kind of file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Entries, placeholders and unreadable ones included.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The result of a check.
#[derive(Debug, Clone)]
pub struct Report {
    /// What there is, by kind of file.
    pub totals: BTreeMap<FileKind, Totals>,
    /// Questions of the newest attempt of their run and questioner.
    pub live_questions: u64,
    /// Claims that at least one judge decided.
    pub judged_claims: u64,
    /// Every finding, by class, file and place.
    pub findings: Vec<Finding>,
    /// How many findings each class has; classes without any are absent.
    pub counts: BTreeMap<Class, u64>,
}

impl Report {
    pub(super) fn new(corpus: &Corpus, graph: &Graph<'_>, mut findings: Vec<Finding>) -> Self {
        let mut totals: BTreeMap<FileKind, Totals> = BTreeMap::new();
        for file in &corpus.files {
            let total = totals.entry(file.place.kind).or_default();
            total.files += 1;
            total.entries += file.content.len() as u64;
            total.bytes += file.bytes;
        }
        // The graph has no order of its own.
        findings.sort_by(|a, b| {
            let order = |finding: &Finding| (finding.class, finding.entries.first().copied());
            (order(a), &a.file, &a.key, &a.what).cmp(&(order(b), &b.file, &b.key, &b.what))
        });
        let mut counts = BTreeMap::new();
        for finding in &findings {
            *counts.entry(finding.class).or_default() += 1;
        }
        let live = graph.questions.keys().filter(|key| graph.is_live(key));
        Report {
            totals,
            live_questions: live.count() as u64,
            judged_claims: graph.judgments.len() as u64,
            findings,
            counts,
        }
    }

    /// How many findings a class has.
    pub fn count(&self, class: Class) -> u64 {
        self.counts.get(&class).copied().unwrap_or_default()
    }

    /// How many findings a level has.
    pub fn at_level(&self, level: Level) -> u64 {
        let at = self
            .counts
            .iter()
            .filter(|(class, _)| class.level() == level);
        at.map(|(_, count)| count).sum()
    }

    /// Whether there is nothing but notes.
    pub fn is_clean(&self) -> bool {
        self.at_level(Level::Fault) + self.at_level(Level::Warning) == 0
    }

    /// The report for programs, with at most `limit` findings of each class.
    pub fn to_json(&self, limit: usize) -> Json {
        let totals = self.totals.iter().map(|(kind, total)| {
            let total = Json::from([
                ("files", Json::from(total.files)),
                ("entries", total.entries.into()),
                ("bytes", total.bytes.into()),
            ]);
            (kind.folder().to_owned(), total)
        });
        let counts =
            (self.counts.iter()).map(|(class, n)| (class.as_str().to_owned(), (*n).into()));
        let findings = self.shown(limit).map(|finding| {
            let entries = finding.entries.iter();
            Json::from([
                ("class", Json::from(finding.class.as_str())),
                ("level", finding.class.level().as_str().into()),
                ("file", finding.file.as_str().into()),
                ("key", finding.key.as_str().into()),
                ("what", finding.what.as_str().into()),
                ("entry", entries.clone().next().map(|at| at.entry).into()),
                ("entries", entries.len().into()),
            ])
        });
        Json::from([
            ("clean", Json::from(self.is_clean())),
            ("files", Json::Object(totals.collect::<Object>())),
            ("live_questions", self.live_questions.into()),
            ("judged_claims", self.judged_claims.into()),
            ("counts", Json::Object(counts.collect::<Object>())),
            ("findings", findings.collect()),
        ])
    }

    /// The first `limit` findings of each class.
    pub fn shown(&self, limit: usize) -> impl Iterator<Item = &Finding> {
        let mut seen: BTreeMap<Class, usize> = BTreeMap::new();
        self.findings.iter().filter(move |finding| {
            let seen = seen.entry(finding.class).or_default();
            *seen += 1;
            *seen <= limit
        })
    }
}
