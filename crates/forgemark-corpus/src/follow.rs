//! From the files of today and the index of last time to the documents of the corpus.
//!
//! ```text
//! walk ──> per file: same size, time, reader and limits? ──yes──> as stored
//!                │no (or verify)
//!                └─ read and hash (workers) ─┬─ same hash as before at this path ──> as stored, with the new time
//!                                            ├─ same hash as some document ────────> its text: renamed or copied
//!                                            └─ else extract ──────────────────────> new text, or damage
//! ```
//!
//! What comes out depends on the files and the options only, never on the index: it saves work and names changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use forgemark_journal::storage::Storage;

use crate::canonical::{Canonical, PageStart};
use crate::error::CorpusError;
use crate::index::{self, DocumentEntry, Entry, Packs, State, Stored, TextRef};
use crate::load::{self, Loaded, Reading, Sha};
use crate::options::{CorpusOptions, MAX_DOCUMENT_BYTES};
use crate::report::{Damage, Note, Renamed, Report};
use crate::walk::{Found, Stat, walk};

/// The largest text that a document can have: canonical form may be longer than the file, by the factor of the
/// encoding that grows most (single bytes that become three).
const MAX_TEXT_BYTES: u64 = 3 * MAX_DOCUMENT_BYTES;

/// A document with its text.
pub(crate) struct Content {
    pub(crate) found: Found,
    pub(crate) sha: Sha,
    pub(crate) reading: Reading,
    pub(crate) text: String,
    pub(crate) chars: u32,
    pub(crate) pages: Vec<PageStart>,
}

/// What was decided about one file.
enum Outcome {
    /// As the index has it, at this or another path.
    Stored { entry: Entry, stat: Stat },
    /// Read anew.
    Fresh {
        loaded: Loaded,
        sha: Sha,
        stat: Stat,
    },
    /// No text. With hash and state if it is worth remembering.
    Damaged {
        damage: Damage,
        seen: Option<(Sha, Stat)>,
    },
}

/// The documents, in path order, after the index was brought up to date.
pub(crate) fn follow(
    storage: &dyn Storage,
    options: &CorpusOptions,
) -> Result<(Vec<Content>, Report), CorpusError> {
    let mut report = Report::default();
    // Before anything is read: an index from a newer program stops here.
    let old = stored(storage, options, &mut report)?;
    let walked = walk(options)?;
    report.damaged = walked.damaged;
    report.ignored = walked.ignored;
    let known = Known::new(&old, options);
    let outcomes = decide(&walked.found, &known, options);
    let mut packs = Packs::new(storage, &options.index_dir);
    let mut entries = Vec::new();
    let mut contents = Vec::new();
    let mut moved_from: BTreeSet<String> = BTreeSet::new();
    let here: BTreeSet<&str> = walked
        .found
        .iter()
        .map(|found| found.path.as_str())
        .collect();
    for (found, outcome) in walked.found.iter().zip(outcomes) {
        let before = known
            .by_path
            .get(found.path.as_str())
            .and_then(|entry| entry.document());
        let mut outcome = outcome;
        let mut text = None;
        if let Outcome::Stored { entry, .. } = &outcome
            && let Some(document) = entry.document()
        {
            match packs.read(&document.text, MAX_TEXT_BYTES) {
                Ok(stored) => text = Some(stored),
                Err(why) => {
                    report.notes.push(Note {
                        path: found.path.clone(),
                        what: format!(
                            "was read again, because its text in the index is damaged ({why})"
                        ),
                    });
                    outcome = read_and_extract(found, options);
                }
            }
        }
        match outcome {
            Outcome::Stored { entry, stat } => {
                let (State::Document(document), Some(text)) = (&entry.state, text) else {
                    if let State::Damaged { why, remedy, .. } = &entry.state {
                        report
                            .damaged
                            .push(Damage::lasting(why, remedy).of(&found.path));
                    }
                    entries.push(Entry { stat, ..entry });
                    continue;
                };
                if entry.path == found.path {
                    report.unchanged += 1;
                } else if before.is_some() {
                    report.changed.push(found.path.clone());
                } else if !here.contains(entry.path.as_str())
                    && moved_from.insert(entry.path.clone())
                {
                    report.renamed.push(Renamed {
                        from: entry.path.clone(),
                        to: found.path.clone(),
                    });
                } else {
                    report.added.push(found.path.clone());
                }
                contents.push(Content {
                    found: found.clone(),
                    sha: entry.sha,
                    reading: document.reading.clone(),
                    text,
                    chars: document.chars,
                    pages: document.pages.clone(),
                });
                entries.push(Entry {
                    path: found.path.clone(),
                    stat,
                    ..entry
                });
            }
            Outcome::Fresh { loaded, sha, stat } => {
                let same = known
                    .by_path
                    .get(found.path.as_str())
                    .is_some_and(|entry| entry.sha == sha);
                match before {
                    Some(_) if same => report.unchanged += 1,
                    Some(_) => report.changed.push(found.path.clone()),
                    None => report.added.push(found.path.clone()),
                }
                let Loaded { canonical, reading } = loaded;
                let Canonical { text, chars, pages } = canonical;
                let unsaved = TextRef {
                    pack: String::new(),
                    offset: 0,
                    bytes: text.len() as u64,
                    hash: [0; 32],
                };
                let document = DocumentEntry {
                    reading: reading.clone(),
                    chars,
                    pages: pages.clone(),
                    text: unsaved,
                };
                entries.push(entry_of(found, stat, sha, State::Document(document)));
                contents.push(Content {
                    found: found.clone(),
                    sha,
                    reading,
                    text,
                    chars,
                    pages,
                });
            }
            Outcome::Damaged { damage, seen } => {
                if let (Some((sha, stat)), true) = (seen, damage.lasting) {
                    let state = State::Damaged {
                        why: damage.why.clone(),
                        remedy: damage.remedy.clone(),
                        limits: limits_text(options),
                    };
                    entries.push(entry_of(found, stat, sha, state));
                }
                report.damaged.push(damage.of(&found.path));
            }
        }
    }
    report.damaged.sort();
    report.deleted = old
        .iter()
        .filter(|entry| {
            entry.document().is_some()
                && !here.contains(entry.path.as_str())
                && !moved_from.contains(&entry.path)
        })
        .map(|entry| entry.path.clone())
        .collect();
    for content in &contents {
        for note in &content.reading.notes {
            report.notes.push(Note {
                path: content.found.path.clone(),
                what: note.clone(),
            });
        }
    }
    if options.rebuild || entries != old {
        save(storage, options, &mut packs, entries, &contents)?;
    }
    Ok((contents, report))
}

/// The entries of the index, none when there is none, it is of no use, or none is wanted.
fn stored(
    storage: &dyn Storage,
    options: &CorpusOptions,
    report: &mut Report,
) -> Result<Vec<Entry>, CorpusError> {
    let stored = match index::read(storage, &options.index_dir) {
        // Who asks for a rebuild has said what to do about an index that cannot be read.
        Err(CorpusError::TooNew { .. }) if options.rebuild => Stored::Missing,
        read => read?,
    };
    match stored {
        Stored::Entries(entries) if !options.rebuild => Ok(entries),
        Stored::Unusable(why) => {
            report.notes.push(Note {
                path: index::FILE.to_owned(),
                what: format!("{why} and was built anew"),
            });
            Ok(Vec::new())
        }
        Stored::Entries(_) | Stored::Missing => Ok(Vec::new()),
    }
}

/// The index by what it is asked for.
struct Known<'a> {
    by_path: BTreeMap<&'a str, &'a Entry>,
    /// Documents by content and reader; of several the first.
    by_content: BTreeMap<(Sha, &'a str), &'a Entry>,
    limits: String,
}

impl<'a> Known<'a> {
    fn new(old: &'a [Entry], options: &CorpusOptions) -> Self {
        let mut by_content = BTreeMap::new();
        for entry in old.iter().filter(|entry| entry.document().is_some()) {
            by_content
                .entry((entry.sha, entry.extractor.as_str()))
                .or_insert(entry);
        }
        Known {
            by_path: old
                .iter()
                .map(|entry| (entry.path.as_str(), entry))
                .collect(),
            by_content,
            limits: limits_text(options),
        }
    }

    /// The entry of this path, if what it says would come out again from the same bytes.
    fn same_reading(&self, found: &Found) -> Option<&'a Entry> {
        self.by_path
            .get(found.path.as_str())
            .copied()
            .filter(|entry| {
                entry.extractor == found.media.extractor()
                    && match &entry.state {
                        State::Document(_) => true,
                        State::Damaged { limits, .. } => *limits == self.limits,
                    }
            })
    }
}

/// Decides about every file, with several workers; the results stand in the order of the files.
fn decide(found: &[Found], known: &Known<'_>, options: &CorpusOptions) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(found.len());
    let mut to_read = Vec::new();
    for (at, found) in found.iter().enumerate() {
        let unread = match load::too_large(found.stat.size, options) {
            Some(damage) => Some(Outcome::Damaged { damage, seen: None }),
            None => known
                .same_reading(found)
                .filter(|entry| !options.verify && entry.stat == found.stat)
                .map(|entry| Outcome::Stored {
                    entry: entry.clone(),
                    stat: found.stat,
                }),
        };
        if unread.is_none() {
            to_read.push(at);
        }
        outcomes.push(unread);
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    let work = || {
        while let Some(&at) = to_read.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(found) = found.get(at) {
                let outcome = read_one(found, known, options);
                let mut done = done
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                done.push((at, outcome));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..options.workers.clamp(1, to_read.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    for (at, outcome) in done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        if let Some(slot) = outcomes.get_mut(at) {
            *slot = Some(outcome);
        }
    }
    // Every file has an outcome now: those without one were given to the workers, and a worker's panic ends the scope.
    outcomes.into_iter().flatten().collect()
}

fn read_one(found: &Found, known: &Known<'_>, options: &CorpusOptions) -> Outcome {
    let bytes = match load::read(&found.file, options) {
        Ok(bytes) => bytes,
        Err(damage) => return Outcome::Damaged { damage, seen: None },
    };
    let here = known
        .same_reading(found)
        .filter(|entry| entry.sha == bytes.sha);
    let elsewhere = || {
        known
            .by_content
            .get(&(bytes.sha, found.media.extractor()))
            .copied()
    };
    match here.or_else(elsewhere) {
        Some(entry) => Outcome::Stored {
            entry: entry.clone(),
            stat: bytes.stat,
        },
        None => extract(found, bytes, options),
    }
}

fn read_and_extract(found: &Found, options: &CorpusOptions) -> Outcome {
    match load::read(&found.file, options) {
        Ok(bytes) => extract(found, bytes, options),
        Err(damage) => Outcome::Damaged { damage, seen: None },
    }
}

fn extract(found: &Found, bytes: load::Bytes, options: &CorpusOptions) -> Outcome {
    let load::Bytes { content, sha, stat } = bytes;
    match load::extract(found.media, content, options) {
        Ok(loaded) => Outcome::Fresh { loaded, sha, stat },
        Err(damage) => Outcome::Damaged {
            damage,
            seen: Some((sha, stat)),
        },
    }
}

fn entry_of(found: &Found, stat: Stat, sha: Sha, state: State) -> Entry {
    Entry {
        path: found.path.clone(),
        stat,
        sha,
        media: found.media,
        extractor: found.media.extractor().to_owned(),
        state,
    }
}

/// The limits that decide whether a file can be read at all.
fn limits_text(options: &CorpusOptions) -> String {
    let pdf = &options.pdf;
    format!(
        "memory {} cpu {} output {}",
        pdf.memory_bytes,
        pdf.cpu.as_secs(),
        pdf.output_bytes
    )
}

/// Writes the new texts, then the index, then removes what is no longer used.
fn save(
    storage: &dyn Storage,
    options: &CorpusOptions,
    packs: &mut Packs<'_>,
    mut entries: Vec<Entry>,
    contents: &[Content],
) -> Result<(), CorpusError> {
    index::create_dir(storage, &options.index_dir)?;
    let texts: BTreeMap<&str, &str> = contents
        .iter()
        .map(|c| (c.found.path.as_str(), c.text.as_str()))
        .collect();
    // Texts that several entries share count once.
    let kept: BTreeMap<(String, u64), u64> = entries
        .iter()
        .filter_map(Entry::document)
        .filter(|document| !document.text.pack.is_empty())
        .map(|document| {
            (
                (document.text.pack.clone(), document.text.offset),
                document.text.bytes,
            )
        })
        .collect();
    let compact = packs.total_bytes()? > 2 * kept.values().sum::<u64>();
    let mut targets = Vec::new();
    for entry in &mut entries {
        let path = entry.path.as_str();
        if let State::Document(document) = &mut entry.state
            && (compact || document.text.pack.is_empty())
            && let Some(text) = texts.get(path)
        {
            targets.push((&mut document.text, *text));
        }
    }
    if !targets.is_empty() {
        let unsaved: Vec<&str> = targets.iter().map(|(_, text)| *text).collect();
        for ((target, _), place) in targets.into_iter().zip(packs.write(&unsaved)?) {
            *target = place;
        }
    }
    index::write(storage, &options.index_dir, &entries)?;
    let used: BTreeSet<&str> = entries
        .iter()
        .filter_map(Entry::document)
        .map(|document| document.text.pack.as_str())
        .collect();
    packs.remove_unused(&used)
}
