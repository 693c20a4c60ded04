//! The files of a run: what stood in the folder when it began, with what it adds.
//!
//! ```text
//! files as they stood ──┐
//!                       ├── by the order of keys ──> whole files, all or none ──> commit record
//! records of the run ───┘                                   └── provenance.jsonl
//! ```
//!
//! What was there keeps its place. A new record stands behind the last one of a lower key, so that the order in which
//! replies arrive, and how often a run was cut short, make no difference.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::arena::{
    Answer, Benchmark, Critique, Debate, Entry, Epoch, FileKind, Judgment, ListFile, Row, Slot,
};
use forgemark_contract::json::to_line;
use forgemark_journal::{ArtifactSet, Storage};

use crate::corpus::{Content, Corpus, CorpusError, Ref, Stored};

use super::config::Settings;
use super::dossier::Claim;
use super::error::ArenaError;
use super::provenance::{self, Provenance};

/// `benchmarks/Q.json`
pub(crate) fn question_path(questioner: &str) -> String {
    format!("{}/{questioner}.json", FileKind::Benchmarks.folder())
}

/// `answers/Q/A.json`
pub(crate) fn answer_path(questioner: &str, answerer: &str) -> String {
    format!(
        "{}/{questioner}/{answerer}.json",
        FileKind::Answers.folder()
    )
}

/// `critiques/MODE/Q/C__A.json`; that of an ill-posed claim is nobody's.
pub(crate) fn critique_path(questioner: &str, claim: &Claim) -> String {
    let folder = FileKind::Critiques.folder();
    let (mode, critic) = claim.critique.clone().unwrap_or_default();
    format!(
        "{folder}/{mode}/{questioner}/{critic}__{}.json",
        claim.answerer
    )
}

/// `debates/critiques/MODE/Q/C__A.json` or `debates/illposed/Q/A.json`
pub(crate) fn debate_path(questioner: &str, claim: &Claim) -> String {
    let (folder, answerer) = (FileKind::Debates.folder(), &claim.answerer);
    match &claim.critique {
        None => format!("{folder}/illposed/{questioner}/{answerer}.json"),
        Some((mode, critic)) => {
            format!("{folder}/critiques/{mode}/{questioner}/{critic}__{answerer}.json")
        }
    }
}

/// `automated_evaluations/J.json`
pub(crate) fn judgment_path(judge: &str) -> String {
    format!("{}/{judge}.json", FileKind::Judgments.folder())
}

/// A record that a run made.
#[derive(Debug, Clone)]
pub(crate) enum Product {
    /// A question.
    Question(Arc<Benchmark>),
    /// An answer.
    Answer(Arc<Answer>),
    /// A critique.
    Critique(Arc<Critique>),
    /// A debate.
    Debate(Arc<Debate>),
    /// A judgment.
    Judgment(Arc<Judgment>),
}

/// A record with its file and how it was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// The file.
    pub(crate) path: String,
    /// The record.
    pub(crate) product: Product,
    /// How it was made; `None` for what was brought along.
    pub(crate) provenance: Option<Provenance>,
}

/// Where a record stands in its file: by attempt, run, and what it is about. Runs that are numbers are in their order, before
/// others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    attempt: i64,
    run: RunOrder,
    about: [String; 4],
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum RunOrder {
    Number(u64, String),
    Word(String),
}

impl RunOrder {
    fn of(run: &str) -> Self {
        match run.parse() {
            Ok(number) => RunOrder::Number(number, run.to_owned()),
            Err(_) => RunOrder::Word(run.to_owned()),
        }
    }
}

/// A record that has a place among others of its file.
trait Ordered: Row {
    /// What it is about beyond run and attempt, and beyond what the file says.
    fn about(&self) -> [String; 4] {
        Default::default()
    }

    /// Its place; `None` where it names no run.
    fn order(&self) -> Option<Order> {
        Some(Order {
            attempt: self.attempt(),
            run: RunOrder::of(self.run()?),
            about: self.about(),
        })
    }
}

impl Ordered for Benchmark {}
impl Ordered for Answer {}
impl Ordered for Critique {}
impl Ordered for Debate {}
impl Ordered for Judgment {
    fn about(&self) -> [String; 4] {
        [
            &self.question_model,
            &self.answer_model,
            &self.mode,
            &self.critic_model,
        ]
        .map(|part| part.clone().unwrap_or_default())
    }
}

/// New records of one file, by their order.
#[derive(Debug)]
enum Added {
    Questions(BTreeMap<Order, Arc<Benchmark>>),
    Answers(BTreeMap<Order, Arc<Answer>>),
    Critiques(BTreeMap<Order, Arc<Critique>>),
    Debates(BTreeMap<Order, Arc<Debate>>),
    Judgments(BTreeMap<Order, Arc<Judgment>>),
}

impl Added {
    fn like(product: &Product) -> Self {
        match product {
            Product::Question(_) => Added::Questions(BTreeMap::new()),
            Product::Answer(_) => Added::Answers(BTreeMap::new()),
            Product::Critique(_) => Added::Critiques(BTreeMap::new()),
            Product::Debate(_) => Added::Debates(BTreeMap::new()),
            Product::Judgment(_) => Added::Judgments(BTreeMap::new()),
        }
    }

    fn take(&mut self, product: Product) {
        fn put<T: Ordered>(map: &mut BTreeMap<Order, Arc<T>>, record: Arc<T>) {
            if let Some(order) = record.order() {
                map.insert(order, record);
            }
        }
        match (self, product) {
            (Added::Questions(map), Product::Question(record)) => put(map, record),
            (Added::Answers(map), Product::Answer(record)) => put(map, record),
            (Added::Critiques(map), Product::Critique(record)) => put(map, record),
            (Added::Debates(map), Product::Debate(record)) => put(map, record),
            (Added::Judgments(map), Product::Judgment(record)) => put(map, record),
            // A path has one kind.
            _ => {}
        }
    }
}

/// The files of a run.
#[derive(Debug)]
pub(crate) struct Folder {
    corpus: Arc<Corpus>,
    gone: HashSet<Ref>,
    added: BTreeMap<String, Added>,
    provenance: BTreeMap<String, Provenance>,
    dirty: BTreeSet<String>,
    epoch: Epoch,
    /// In the order of the configuration.
    runs: Vec<String>,
}

impl Folder {
    /// Reads a folder; one without files of an arena is empty.
    ///
    /// # Errors
    /// A file that cannot be read: nothing may be written over it.
    pub(crate) fn load(
        storage: &dyn Storage,
        dir: &Path,
        settings: &Settings,
    ) -> Result<Self, ArenaError> {
        let corpus = match Corpus::load(storage, dir, false) {
            Ok(corpus) => corpus,
            Err(CorpusError::NoArena { .. }) => Corpus::default(),
            Err(error) => return Err(error.into()),
        };
        for file in &corpus.files {
            if let Content::Unreadable(error) = &file.content {
                return Err(ArenaError::Unreadable {
                    path: dir.join(&file.path),
                    source: error.clone(),
                });
            }
        }
        Ok(Folder {
            corpus: Arc::new(corpus),
            gone: HashSet::new(),
            added: BTreeMap::new(),
            provenance: provenance::load(storage, dir)?,
            dirty: BTreeSet::new(),
            epoch: settings.epoch,
            runs: settings.runs.iter().map(|run| run.id.clone()).collect(),
        })
    }

    /// What stood there.
    pub(crate) fn corpus(&self) -> &Arc<Corpus> {
        &self.corpus
    }

    /// What stood there and does not count any more.
    pub(crate) fn gone(&self) -> &HashSet<Ref> {
        &self.gone
    }

    /// How records were made, by their names.
    pub(crate) fn provenance(&self) -> &BTreeMap<String, Provenance> {
        &self.provenance
    }

    /// Takes a record out, so that it is made again.
    pub(crate) fn forget(&mut self, at: Ref, name: &str) {
        if let Some(file) = self.corpus.file(at) {
            self.dirty.insert(file.path.clone());
            self.gone.insert(at);
            self.provenance.remove(name);
        }
    }

    /// Takes a new record.
    pub(crate) fn add(&mut self, made: Made) {
        let Made {
            path,
            product,
            provenance,
        } = made;
        if let Some(line) = provenance {
            self.provenance.insert(line.record.clone(), line);
        }
        let added = self.added.entry(path.clone());
        added.or_insert_with(|| Added::like(&product)).take(product);
        self.dirty.insert(path);
    }

    /// Whether something is to be written.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Writes every changed file and the provenance, all or none of them. Durable when it returns.
    ///
    /// # Errors
    /// The disk's; and an attempt that the first epoch has no place for.
    pub(crate) fn commit(&mut self, artifacts: &mut ArtifactSet) -> Result<(), ArenaError> {
        if !self.is_dirty() {
            return Ok(());
        }
        for path in &self.dirty {
            let bytes = self.bytes(path)?;
            artifacts.replace_whole(path, &bytes)?;
        }
        let mut lines = Vec::new();
        for line in self.provenance.values() {
            lines.extend_from_slice(&to_line(line));
            lines.push(b'\n');
        }
        artifacts.replace_whole(provenance::FILE, &lines)?;
        artifacts.commit(Vec::new())?.wait()?;
        self.dirty.clear();
        Ok(())
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, ArenaError> {
        let number = (self.corpus.files).binary_search_by(|file| file.path.as_str().cmp(path));
        let stood = number.ok().and_then(|number| {
            let file = self.corpus.files.get(number)?;
            Some((number, &file.content))
        });
        let none = BTreeMap::new;
        match (self.added.get(path), stood) {
            (Some(Added::Questions(added)), _) => self.merged(path, stood, added),
            (Some(Added::Answers(added)), _) => self.merged(path, stood, added),
            (Some(Added::Critiques(added)), _) => self.merged(path, stood, added),
            (Some(Added::Debates(added)), _) => self.merged(path, stood, added),
            (Some(Added::Judgments(added)), _) => self.merged(path, stood, added),
            (None, Some((_, Content::Benchmarks(_)))) => {
                self.merged::<Benchmark>(path, stood, &none())
            }
            (None, Some((_, Content::Answers(_)))) => {
                self.merged::<Answer>(path, stood, &BTreeMap::new())
            }
            (None, Some((_, Content::Critiques(_)))) => {
                self.merged::<Critique>(path, stood, &BTreeMap::new())
            }
            (None, Some((_, Content::Debates(_)))) => {
                self.merged::<Debate>(path, stood, &BTreeMap::new())
            }
            (None, _) => self.merged::<Judgment>(path, stood, &BTreeMap::new()),
        }
    }

    fn merged<T: Ordered + Stored>(
        &self,
        path: &str,
        stood: Option<(usize, &Content)>,
        added: &BTreeMap<Order, Arc<T>>,
    ) -> Result<Vec<u8>, ArenaError> {
        let mut list = ListFile::default();
        if let Some((number, old)) = stood
            && let Some(old) = T::list(old)
        {
            let gone = |entry: usize| self.gone.contains(&Ref::new(number, entry));
            list = old.partition(gone).0;
        }
        list.slots = weave(std::mem::take(&mut list.slots), added);
        if self.epoch == Epoch::One && !T::DECISIONS {
            // Its lists stand beside each other, place by place.
            let runs: Vec<&str> = self.runs.iter().map(String::as_str).collect();
            list = list.aligned_to(&runs);
        }
        let written = list.in_epoch(self.epoch);
        let written = written.map_err(|source| ArenaError::Epoch {
            path: path.to_owned(),
            source,
        })?;
        Ok(written.to_bytes())
    }
}

/// New records among those that stood in a file. One with the order of an earlier one takes its place.
fn weave<T: Ordered>(stood: Vec<Slot<T>>, added: &BTreeMap<Order, Arc<T>>) -> Vec<Slot<T>> {
    let mut ranks: Vec<(Order, usize)> = stood
        .iter()
        .enumerate()
        .filter_map(|(place, slot)| Some((slot.record()?.order()?, place)))
        .collect();
    ranks.sort_unstable();
    // How many places of the file lie before what follows the last entry up to each rank.
    let mut furthest = 0;
    let behind: Vec<usize> = ranks
        .iter()
        .map(|(_, place)| {
            furthest = furthest.max(place + 1);
            furthest
        })
        .collect();
    let mut replaced: BTreeMap<usize, &Arc<T>> = BTreeMap::new();
    let mut new: Vec<(usize, &Arc<T>)> = Vec::new();
    for (order, record) in added {
        let lower = ranks.partition_point(|(rank, _)| rank < order);
        let upto = ranks.partition_point(|(rank, _)| rank <= order);
        if upto > lower {
            replaced.insert(ranks[upto - 1].1, record);
        } else {
            let place = lower.checked_sub(1).map_or(0, |last| behind[last]);
            new.push((place, record));
        }
    }
    let entry = |record: &Arc<T>| Slot::Entry(Entry::new((**record).clone()));
    let mut new = new.into_iter().peekable();
    let mut slots = Vec::with_capacity(stood.len() + added.len());
    for (place, slot) in stood.into_iter().enumerate() {
        while let Some((_, record)) = new.next_if(|(before, _)| *before <= place) {
            slots.push(entry(record));
        }
        slots.push(replaced.get(&place).map_or(slot, |record| entry(record)));
    }
    slots.extend(new.map(|(_, record)| entry(record)));
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(run: &str, attempt: i64, status: &str) -> Benchmark {
        Benchmark {
            run_id: run.to_owned(),
            outer_attempt: Some(attempt),
            status: status.to_owned(),
            ..Benchmark::default()
        }
    }

    fn shown(slots: &[Slot<Benchmark>]) -> Vec<String> {
        let show = |slot: &Slot<Benchmark>| match slot.record() {
            Some(record) => format!("{}/{}{}", record.run_id, record.attempt(), record.status),
            None => "-".to_owned(),
        };
        slots.iter().map(show).collect()
    }

    #[test]
    fn what_was_there_keeps_its_place_and_steps_do_not_show() {
        let slot = |record: Benchmark| Slot::Entry(Entry::new(record));
        let stood = || {
            vec![
                slot(question("3", 1, "")),
                Slot::Placeholder(forgemark_contract::json::Json::Null),
                slot(question("1", 1, "")),
                slot(question("x", 1, "")),
            ]
        };
        let new = [
            question("2", 1, "n"),
            question("10", 1, "n"),
            question("1", 2, "n"),
            question("3", 1, "n"),
            question("0", 1, "n"),
        ];
        let by_order = |records: &[Benchmark]| {
            let pairs = records
                .iter()
                .map(|record| (record.order().unwrap(), Arc::new(record.clone())));
            pairs.collect::<BTreeMap<_, _>>()
        };
        let at_once = weave(stood(), &by_order(&new));
        assert_eq!(
            shown(&at_once),
            ["0/1n", "3/1n", "-", "1/1", "2/1n", "10/1n", "x/1", "1/2n"]
        );
        for first in 0..=new.len() {
            for rotation in 0..new.len() {
                let mut order = new.to_vec();
                order.rotate_left(rotation);
                let (early, late) = order.split_at(first);
                let steps = weave(weave(stood(), &by_order(early)), &by_order(late));
                assert_eq!(shown(&steps), shown(&at_once), "{first} {rotation}");
            }
        }
    }
}
