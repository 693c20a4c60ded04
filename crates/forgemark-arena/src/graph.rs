//! The claim graph: everything by its key.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, ClaimKey, Critique, Debate, FileKind, Judgment, Label,
    QuestionKey,
};

use rustc_hash::FxHashMap;

use crate::corpus::{Corpus, Ref};
use crate::keys;

/// A name or run of a [`Graph`] as a number, so that keys are small and compare fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

impl Name {
    /// The lowest of all names.
    pub const FIRST: Name = Name(0);
}

/// Records under one key, in the order of the files. More than one is a duplicate.
pub type Under<K> = FxHashMap<K, Vec<Ref>>;

/// Decisions under one claim, each with whose it is.
pub type Decided = FxHashMap<ClaimKey<Name>, Vec<(Name, Ref)>>;

/// Every record of a corpus by its key.
#[derive(Debug, Default)]
pub struct Graph<'c> {
    names: Names<'c>,
    /// The questions.
    pub questions: Under<QuestionKey<Name>>,
    /// The answers of others.
    pub answers: Under<AnswerKey<Name>>,
    /// The critiques.
    pub critiques: Under<ClaimKey<Name>>,
    /// The debates.
    pub debates: Under<ClaimKey<Name>>,
    /// The decisions of judges, several for a claim.
    pub judgments: Decided,
    /// The decisions of people, by claim and with the user.
    pub labels: Decided,
    /// The decisions of models in a person's place, by claim and with the model.
    pub adjudications: Decided,
    /// Records that lack a part of their key.
    pub keyless: Vec<Ref>,
    /// The newest attempt of each run and questioner.
    live: FxHashMap<(Name, Name), i64>,
    judges: BTreeSet<Name>,
}

#[derive(Debug, Default)]
struct Names<'c> {
    numbers: FxHashMap<&'c str, Name>,
    texts: Vec<&'c str>,
}

impl<'c> Names<'c> {
    fn of(&mut self, text: &'c str) -> Name {
        let Names { numbers, texts } = self;
        *numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            Name(u32::try_from(texts.len() - 1).unwrap_or(u32::MAX))
        })
    }
}

impl<'c> Graph<'c> {
    /// The graph of a corpus without the places in `gone`.
    pub fn new(corpus: &'c Corpus, gone: &HashSet<Ref>) -> Self {
        let mut graph = Graph::default();
        graph.reserve(corpus);
        let here = |at: &Ref| !gone.contains(at);
        for (at, file, record) in corpus.all::<Benchmark>().filter(|(at, ..)| here(at)) {
            let key = keys::of_question(&file.place, record);
            let key = key.map(|key| key.map(|part| graph.names.of(part)));
            if let Some(key) = key {
                let newest = graph.live.entry((key.run, key.questioner));
                let newest = newest.or_insert(key.attempt);
                *newest = key.attempt.max(*newest);
            }
            put(&mut graph.questions, &mut graph.keyless, key, at);
        }
        for (at, _, record) in corpus.all::<Answer>().filter(|(at, ..)| here(at)) {
            let key = keys::of_answer(record).map(|key| key.map(|part| graph.names.of(part)));
            put(&mut graph.answers, &mut graph.keyless, key, at);
        }
        for (at, file, record) in corpus.all::<Critique>().filter(|(at, ..)| here(at)) {
            let key = keys::of_critique(&file.place, record);
            let key = key.map(|key| key.map(|part| graph.names.of(part)));
            put(&mut graph.critiques, &mut graph.keyless, key, at);
        }
        for (at, file, record) in corpus.all::<Debate>().filter(|(at, ..)| here(at)) {
            let key = keys::of_debate(&file.place, record);
            let key = key.map(|key| key.map(|part| graph.names.of(part)));
            put(&mut graph.debates, &mut graph.keyless, key, at);
        }
        for (at, file, record) in corpus.all::<Judgment>().filter(|(at, ..)| here(at)) {
            let judge = record.judge_model.as_deref().unwrap_or(&file.place.stem);
            let judge = graph.names.of(judge);
            graph.judges.insert(judge);
            match keys::of_judgment(record).map(|key| key.map(|part| graph.names.of(part))) {
                Some(key) => graph.judgments.entry(key).or_default().push((judge, at)),
                None => graph.keyless.push(at),
            }
        }
        for (at, file, record) in corpus.all::<Label>().filter(|(at, ..)| here(at)) {
            let user = graph.names.of(&file.place.stem);
            let decisions = if file.place.kind == FileKind::Adjudications {
                &mut graph.adjudications
            } else {
                &mut graph.labels
            };
            match keys::of_label(record).map(|key| key.map(|part| graph.names.of(part))) {
                Some(key) => decisions.entry(key).or_default().push((user, at)),
                None => graph.keyless.push(at),
            }
        }
        graph
    }

    /// Room for every record, so that no map is moved while it grows. Judges are several a claim, which the critiques count.
    fn reserve(&mut self, corpus: &Corpus) {
        let mut n = [0; FileKind::ALL.len()];
        for file in &corpus.files {
            n[file.place.kind as usize] += file.content.len();
        }
        let of = |kind: FileKind| n[kind as usize];
        self.questions.reserve(of(FileKind::Benchmarks));
        self.answers.reserve(of(FileKind::Answers));
        self.critiques.reserve(of(FileKind::Critiques));
        self.debates.reserve(of(FileKind::Debates));
        let claims = of(FileKind::Critiques).min(of(FileKind::Judgments));
        self.judgments.reserve(claims);
        self.labels.reserve(of(FileKind::Labels));
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &'c str {
        self.names
            .texts
            .get(name.0 as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The name of a text, if any record has it.
    pub fn name(&self, text: &str) -> Option<Name> {
        self.names.numbers.get(text).copied()
    }

    /// Whether a question is the newest attempt of its run and questioner; later stages and statistics pass over the
    /// others.
    pub fn is_live(&self, key: &QuestionKey<Name>) -> bool {
        self.live.get(&(key.run, key.questioner)) == Some(&key.attempt)
    }

    /// Takes a judge in that may decide, whether it has decided anything or not.
    pub fn empanel(&mut self, judge: &'c str) {
        let judge = self.names.of(judge);
        self.judges.insert(judge);
    }

    /// Every judge that decided anything, and whoever else was empanelled.
    pub fn judges(&self) -> &BTreeSet<Name> {
        &self.judges
    }

    /// Who takes part in a claim, and so may not judge it: who alleges the fault and who defends.
    pub fn participants(key: &ClaimKey<Name>) -> [Name; 2] {
        match key.critique {
            Some((_, critic)) => [critic, key.answer.answerer],
            None => [key.answer.question.questioner, key.answer.answerer],
        }
    }

    /// A question's key as it is printed.
    pub fn show_question(&self, key: &QuestionKey<Name>) -> String {
        key.map(|name| self.text(name)).to_string()
    }

    /// An answer's key as it is printed.
    pub fn show_answer(&self, key: &AnswerKey<Name>) -> String {
        key.map(|name| self.text(name)).to_string()
    }

    /// A claim's key as it is printed.
    pub fn show_claim(&self, key: &ClaimKey<Name>) -> String {
        key.map(|name| self.text(name)).to_string()
    }
}

fn put<K: Eq + Hash>(map: &mut Under<K>, keyless: &mut Vec<Ref>, key: Option<K>, at: Ref) {
    match key {
        Some(key) => map.entry(key).or_default().push(at),
        None => keyless.push(at),
    }
}
