//! What a check says: findings, exact counts, notes.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object};

/// What kind of thing is wrong. The words are stable: scripts may count by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file cannot be read.
    Unreadable,
    /// The last line of a file has no line feed.
    Torn,
    /// A line without anything on it.
    EmptyLine,
    /// Bytes that are no UTF-8.
    Encoding,
    /// Text that is no JSON.
    NotJson,
    /// A key that stands twice in one object.
    DuplicateKey,
    /// JSON in another spelling than the contract's: separators, escapes, numbers, indentation.
    Spelling,
    /// A value that is not as the contract of its file says.
    Shape,
    /// Columns of the `ShareGPT` files that cannot be told apart, or differ from those of the run.
    Columns,
    /// A file or a row that has to be there.
    Missing,
    /// A file or a row that belongs to no conversation.
    Orphan,
    /// A row or a slot that stands twice.
    Repeated,
    /// Rows or turns in another order than they were made in.
    Order,
    /// A value that is a function of the turns and is not what that function gives.
    Derived,
    /// Instants that differ or cannot be.
    Timestamp,
    /// A hash that is not that of its text.
    Hash,
    /// A path that leads elsewhere.
    Path,
    /// Passages, topics and claims that do not fit together.
    Grounding,
    /// Tool calls and results that do not fit together.
    Tools,
    /// A support score that its claims do not give.
    Support,
    /// A judgement outside its range, or a score where the judge failed.
    Judge,
    /// A question that was accepted twice.
    DuplicateQuestion,
    /// A run state that disagrees with the rows.
    State,
    /// What a run wrote and did not commit.
    Uncommitted,
    /// A journal that is damaged or disagrees with the rows.
    Journal,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Kind; 25] = [
        Kind::Unreadable,
        Kind::Torn,
        Kind::EmptyLine,
        Kind::Encoding,
        Kind::NotJson,
        Kind::DuplicateKey,
        Kind::Spelling,
        Kind::Shape,
        Kind::Columns,
        Kind::Missing,
        Kind::Orphan,
        Kind::Repeated,
        Kind::Order,
        Kind::Derived,
        Kind::Timestamp,
        Kind::Hash,
        Kind::Path,
        Kind::Grounding,
        Kind::Tools,
        Kind::Support,
        Kind::Judge,
        Kind::DuplicateQuestion,
        Kind::State,
        Kind::Uncommitted,
        Kind::Journal,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Unreadable => "unreadable",
            Kind::Torn => "torn",
            Kind::EmptyLine => "empty_line",
            Kind::Encoding => "encoding",
            Kind::NotJson => "not_json",
            Kind::DuplicateKey => "duplicate_key",
            Kind::Spelling => "spelling",
            Kind::Shape => "shape",
            Kind::Columns => "columns",
            Kind::Missing => "missing",
            Kind::Orphan => "orphan",
            Kind::Repeated => "repeated",
            Kind::Order => "order",
            Kind::Derived => "derived",
            Kind::Timestamp => "timestamp",
            Kind::Hash => "hash",
            Kind::Path => "path",
            Kind::Grounding => "grounding",
            Kind::Tools => "tools",
            Kind::Support => "support",
            Kind::Judge => "judge",
            Kind::DuplicateQuestion => "duplicate_question",
            Kind::State => "state",
            Kind::Uncommitted => "uncommitted",
            Kind::Journal => "journal",
        }
    }

    /// What to do about it, as a sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Kind::Unreadable => "Check that the file is there and readable.",
            Kind::Torn => {
                "Restore the file from a copy; a line without its line feed was cut or is still being written."
            }
            Kind::EmptyLine => "Remove the empty line, or restore the file from a copy.",
            Kind::Encoding | Kind::NotJson | Kind::DuplicateKey | Kind::Shape => {
                "Restore the file from a copy; the row cannot be trusted."
            }
            Kind::Spelling => {
                "The row says the same as JSON, but another program or a damaged byte wrote it; restore the file to have \
                 the bytes of the run."
            }
            Kind::Columns => {
                "Give saving.output_columns the names of this file, or restore the file from a copy."
            }
            Kind::Missing | Kind::Orphan | Kind::Repeated | Kind::Order => {
                "Restore the files of the folder from one and the same copy: they are written together."
            }
            Kind::Derived | Kind::Timestamp | Kind::Hash | Kind::Path => {
                "Restore the file from a copy; synthetic_qa.jsonl or this row was changed after the run."
            }
            Kind::Grounding | Kind::Tools | Kind::Support => {
                "Do not train on this conversation: what it rests on is not what its row says."
            }
            Kind::Judge => "Leave the score out, or judge the conversation again.",
            Kind::DuplicateQuestion => "Leave one of the two conversations out.",
            Kind::State => "Run the same command again: it writes the run states anew.",
            Kind::Uncommitted => {
                "Run the same command again: it cuts what was not committed and makes it again from the journal, at no cost."
            }
            Kind::Journal => {
                "`forgemark journal verify DIR` says more; without .forgemark the rest can still be checked."
            }
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the output folder, with `/` between its parts.
    pub file: String,
    /// The line in it, from 1; `None` for a file as a whole.
    pub line: Option<u64>,
    /// The conversation that it concerns; empty where none is known.
    pub conversation_id: String,
    /// The place inside the value, such as `turns[0].qa_judge.score`; empty for the whole of it.
    pub path: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What was expected and what was found, as a fragment.
    pub what: String,
    /// What to do about it, as a sentence.
    pub remedy: &'static str,
}

impl Finding {
    /// The file with the line, as editors understand it: `turns.jsonl:12`.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }

    /// The finding as an object.
    pub fn to_json(&self) -> Json {
        Json::object([
            ("file", Json::from(self.file.as_str())),
            ("line", Json::from(self.line)),
            ("conversation_id", Json::from(self.conversation_id.as_str())),
            ("path", Json::from(self.path.as_str())),
            ("kind", Json::from(self.kind.as_str())),
            ("what", Json::from(self.what.as_str())),
            ("remedy", Json::from(self.remedy)),
        ])
    }
}

/// One kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileCount {
    /// Files of this kind.
    pub files: u64,
    /// Rows, or files where a file is one value.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Findings.
    pub findings: u64,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The first findings, in the order of files and lines as they were read.
    pub findings: Vec<Finding>,
    /// All findings by kind, also those that are not kept.
    pub counts: BTreeMap<Kind, u64>,
    /// What there is, by kind of file, under the paths of the contract (`conversations/<conversation_id>.json`).
    pub files: BTreeMap<String, FileCount>,
    /// What is no finding and still worth knowing, as fragments.
    pub notes: Vec<String>,
    /// Conversations in `synthetic_qa.jsonl`.
    pub conversations: u64,
    /// Their turns.
    pub turns: u64,
    /// Whether there is a journal.
    pub has_journal: bool,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// All findings.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The report as an object, with the first `limit` findings.
    pub fn to_json(&self, limit: usize) -> Json {
        let counts = self
            .counts
            .iter()
            .map(|(kind, n)| (kind.as_str().to_owned(), Json::from(*n)));
        let files = self.files.iter().map(|(file, count)| {
            let value = Json::object([
                ("files", Json::from(count.files)),
                ("rows", Json::from(count.rows)),
                ("bytes", Json::from(count.bytes)),
                ("findings", Json::from(count.findings)),
            ]);
            (file.clone(), value)
        });
        Json::object([
            ("clean", Json::from(self.is_clean())),
            ("conversations", Json::from(self.conversations)),
            ("turns", Json::from(self.turns)),
            ("journal", Json::from(self.has_journal)),
            ("files", Json::Object(files.collect::<Object>())),
            ("counts", Json::Object(counts.collect::<Object>())),
            ("notes", Json::from(self.notes.clone())),
            (
                "findings",
                self.findings
                    .iter()
                    .take(limit)
                    .map(Finding::to_json)
                    .collect(),
            ),
        ])
    }
}

/// Where a finding is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: Option<u64>,
    pub(crate) id: &'a str,
}

impl<'a> At<'a> {
    pub(crate) fn file(file: &'a str) -> Self {
        At {
            file,
            line: None,
            id: "",
        }
    }

    pub(crate) fn line(file: &'a str, line: u64) -> Self {
        At {
            file,
            line: Some(line),
            id: "",
        }
    }

    pub(crate) fn of(self, id: &'a str) -> Self {
        At { id, ..self }
    }
}

/// Longest text of a finding in characters; values of models can be long.
const MOST_CHARS: usize = 300;

/// Collects findings: all are counted, the first are kept.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) report: Report,
    keep: usize,
}

impl Collector {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            report: Report::default(),
            keep,
        }
    }

    pub(crate) fn add(&mut self, at: At<'_>, kind: Kind, path: &str, what: impl Into<String>) {
        *self.report.counts.entry(kind).or_default() += 1;
        self.count(at.file).findings += 1;
        if self.report.findings.len() < self.keep {
            let mut what = what.into();
            if let Some((cut, _)) = what.char_indices().nth(MOST_CHARS) {
                what.truncate(cut);
                what.push_str("...");
            }
            self.report.findings.push(Finding {
                file: at.file.to_owned(),
                line: at.line,
                conversation_id: at.id.to_owned(),
                path: path.to_owned(),
                kind,
                what,
                remedy: kind.remedy(),
            });
        }
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        /// Notes are for people; a folder full of unknown files is said in few words.
        const MOST: usize = 50;
        if self.report.notes.len() < MOST {
            self.report.notes.push(what.into());
        }
    }

    /// The line of the table for a file: files of one kind share theirs.
    pub(crate) fn count(&mut self, file: &str) -> &mut FileCount {
        use forgemark_contract::shape::ArtifactKind;
        let name = if file.starts_with(".forgemark") {
            ".forgemark"
        } else {
            match ArtifactKind::of_path(file) {
                Some(kind) => kind.path(),
                None => file,
            }
        };
        self.report.files.entry(name.to_owned()).or_default()
    }
}
