//! Everything that is known of one question: its records by what they are about, and whether it is valid.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, CONTRADICTOR, ClaimKey, Critique, CritiqueAttempt, Debate, Entry,
    Judgment, Label, ListFile, Place, QuestionKey, Row, Slot,
};

use crate::adjudicate::{Adjudicator, Docket, Outcome};
use crate::corpus::{Content, Corpus, CorpusFile, Ref};
use crate::graph::Graph;
use crate::keys;
use crate::policy::Policy;

use super::folder;

/// A claim about a question that is known: the answer that it is about, and the mode and critic of the critique that makes it;
/// without one, that the question is ill-posed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Claim {
    /// The answerer; the questioner for its own answer.
    pub(crate) answerer: String,
    /// The mode and the critic.
    pub(crate) critique: Option<(String, String)>,
}

impl Claim {
    /// The claim of a critique.
    pub(crate) fn critique(answerer: &str, mode: &str, critic: &str) -> Self {
        Claim {
            answerer: answerer.to_owned(),
            critique: Some((mode.to_owned(), critic.to_owned())),
        }
    }

    /// The claim of an answer that its question is ill-posed.
    pub(crate) fn ill_posed(answerer: &str) -> Self {
        Claim {
            answerer: answerer.to_owned(),
            critique: None,
        }
    }

    /// The key of the claim about an answer to `question`.
    pub(crate) fn key<'a>(&'a self, question: QuestionKey<&'a str>) -> ClaimKey<&'a str> {
        let critique = self.critique.as_ref();
        ClaimKey {
            answer: AnswerKey {
                question,
                answerer: &self.answerer,
            },
            critique: critique.map(|(mode, critic)| (mode.as_str(), critic.as_str())),
        }
    }

    fn of(key: &ClaimKey<&str>) -> Self {
        Claim {
            answerer: key.answer.answerer.to_owned(),
            critique: key
                .critique
                .map(|(mode, critic)| (mode.to_owned(), critic.to_owned())),
        }
    }
}

/// The records of one question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dossier {
    /// The question itself.
    pub(crate) question: Option<Arc<Benchmark>>,
    /// By answerer.
    pub(crate) answers: BTreeMap<String, Arc<Answer>>,
    /// By claim.
    pub(crate) critiques: BTreeMap<Claim, Arc<Critique>>,
    /// By claim.
    pub(crate) debates: BTreeMap<Claim, Arc<Debate>>,
    /// By claim and judge.
    pub(crate) judgments: BTreeMap<(Claim, String), Arc<Judgment>>,
    /// Of people and of models in their place: the file, and the label.
    labels: Vec<(String, Arc<Label>)>,
}

/// The questions of one questioner on one run, by attempt.
pub(crate) type Attempts = BTreeMap<i64, Dossier>;

/// The newest attempt that has a question.
pub(crate) fn newest(attempts: &Attempts) -> Option<(i64, &Dossier)> {
    let asked = attempts
        .iter()
        .rfind(|(_, dossier)| dossier.question.is_some());
    asked.map(|(number, dossier)| (*number, dossier))
}

/// Every question of a folder, by questioner and run.
pub(crate) type Dossiers = HashMap<(String, String), Attempts>;

/// The questions of a corpus without the places in `gone`. Of duplicates the one counts that the statistics count.
pub(crate) fn dossiers(corpus: &Corpus, gone: &HashSet<Ref>) -> Dossiers {
    let mut all = Dossiers::new();
    let mut of = |key: QuestionKey<&str>, put: &mut dyn FnMut(&mut Dossier)| {
        let whose = (key.questioner.to_owned(), key.run.to_owned());
        put(all
            .entry(whose)
            .or_default()
            .entry(key.attempt)
            .or_default());
    };
    let here = |at: &Ref| !gone.contains(at);
    for (_, file, record) in corpus.all::<Benchmark>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_question(&file.place, record) {
            of(key, &mut |dossier| {
                dossier.question = Some(Arc::new(record.clone()));
            });
        }
    }
    for (_, _, record) in corpus.all::<Answer>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_answer(record) {
            of(key.question, &mut |dossier| {
                let known = dossier.answers.get(key.answerer);
                if known
                    .is_none_or(|known| known.status != "succeeded" && record.status == "succeeded")
                {
                    let record = Arc::new(record.clone());
                    dossier.answers.insert(key.answerer.to_owned(), record);
                }
            });
        }
    }
    for (_, file, record) in corpus.all::<Critique>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_critique(&file.place, record) {
            of(key.answer.question, &mut |dossier| {
                let record = Arc::new(record.clone());
                dossier.critiques.insert(Claim::of(&key), record);
            });
        }
    }
    for (_, file, record) in corpus.all::<Debate>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_debate(&file.place, record) {
            of(key.answer.question, &mut |dossier| {
                let record = Arc::new(record.clone());
                dossier.debates.insert(Claim::of(&key), record);
            });
        }
    }
    for (_, file, record) in corpus.all::<Judgment>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_judgment(record) {
            let judge = record.judge_model.as_deref().unwrap_or(&file.place.stem);
            of(key.answer.question, &mut |dossier| {
                let whose = (Claim::of(&key), judge.to_owned());
                dossier.judgments.insert(whose, Arc::new(record.clone()));
            });
        }
    }
    for (_, file, record) in corpus.all::<Label>().filter(|(at, ..)| here(at)) {
        if let Some(key) = keys::of_label(record) {
            of(key.answer.question, &mut |dossier| {
                let label = (file.path.clone(), Arc::new(record.clone()));
                dossier.labels.push(label);
            });
        }
    }
    all
}

impl Dossier {
    /// Takes over what another dossier of the same question has.
    pub(crate) fn merge(&mut self, other: Dossier) {
        self.question = other.question.or(self.question.take());
        self.answers.extend(other.answers);
        self.critiques.extend(other.critiques);
        self.debates.extend(other.debates);
        self.judgments.extend(other.judgments);
        self.labels.extend(other.labels);
    }

    /// Whether the question succeeded.
    pub(crate) fn succeeded(&self) -> bool {
        self.question
            .as_ref()
            .is_some_and(|question| question.status == "succeeded")
    }

    /// Whether a claim against the question's validity is upheld under `policy`. `judges` are those of the arena, whether they
    /// have decided anything yet or not, which a quorum counts.
    pub(crate) fn is_invalid(
        &self,
        key: QuestionKey<&str>,
        policy: &Policy,
        judges: &BTreeSet<String>,
    ) -> bool {
        if !self.is_contested(key.questioner) {
            return false;
        }
        let corpus = self.corpus(key.questioner);
        let mut graph = Graph::new(&corpus, &HashSet::new());
        for judge in judges {
            graph.empanel(judge);
        }
        let docket = Docket::new(&corpus, &graph);
        let adjudicator = Adjudicator::new(&docket, policy);
        let mut questions = docket.graph.questions.keys();
        questions.any(|question| adjudicator.is_invalid(question))
    }

    /// Whether `policy` takes an answer as right: the questioner's critique of it calls it correct or is rejected.
    pub(crate) fn is_right(
        &self,
        key: QuestionKey<&str>,
        answerer: &str,
        policy: &Policy,
        judges: &BTreeSet<String>,
    ) -> bool {
        let corpus = self.corpus(key.questioner);
        let mut graph = Graph::new(&corpus, &HashSet::new());
        for judge in judges {
            graph.empanel(judge);
        }
        let docket = Docket::new(&corpus, &graph);
        let adjudicator = Adjudicator::new(&docket, policy);
        let right = |claim: &ClaimKey<crate::graph::Name>| {
            adjudicator.claim(claim).outcome == Outcome::Defender
        };
        let about = docket
            .critiques
            .iter()
            .filter(|(claim, _)| graph.text(claim.answer.answerer) == answerer);
        let mut any = false;
        for (claim, verdict) in about {
            any = true;
            let fine = match verdict {
                Some("correct") => true,
                Some(_) => right(claim),
                None => false,
            };
            if !fine {
                return false;
            }
        }
        any
    }

    /// Whether anybody says anything against the question, labels and orphans included.
    fn is_contested(&self, questioner: &str) -> bool {
        let against = |claim: &Claim| match &claim.critique {
            None => true,
            Some((mode, _)) => mode == CONTRADICTOR && claim.answerer == questioner,
        };
        let claimed = self
            .critiques
            .iter()
            .any(|(claim, critique)| against(claim) && critique.is_claim());
        claimed
            || self
                .answers
                .values()
                .any(|answer| answer.status == "ill-posed")
            || self.judgments.keys().any(|(claim, _)| against(claim))
            || !self.labels.is_empty()
    }

    /// The records as a corpus of their own. Texts that decide nothing are left out.
    fn corpus(&self, questioner: &str) -> Corpus {
        let mut corpus = Corpus::default();
        let mut add = |path: String, content: Content| {
            if let Some(place) = Place::of_path(&path) {
                corpus
                    .files
                    .push(CorpusFile::in_memory(path, place, content));
            }
        };
        if let Some(question) = &self.question {
            let question = Benchmark {
                run_id: question.run_id.clone(),
                outer_attempt: question.outer_attempt,
                status: question.status.clone(),
                ..Benchmark::default()
            };
            let path = folder::question_path(questioner);
            add(path, Content::Benchmarks(list([question])));
        }
        for (answerer, answer) in &self.answers {
            let answer = Answer {
                question_model: answer.question_model.clone(),
                answer_model: answer.answer_model.clone(),
                run_id: answer.run_id.clone(),
                outer_attempt: answer.outer_attempt,
                status: answer.status.clone(),
                ..Answer::default()
            };
            let path = folder::answer_path(questioner, answerer);
            add(path, Content::Answers(list([answer])));
        }
        for (claim, critique) in &self.critiques {
            let path = folder::critique_path(questioner, claim);
            let attempts = critique.last().map(|last| {
                vec![CritiqueAttempt {
                    round: last.round,
                    verdict: last.verdict.clone(),
                    ..CritiqueAttempt::default()
                }]
            });
            let critique = Critique {
                run_id: critique.run_id.clone(),
                outer_attempt: critique.outer_attempt,
                question_author: critique.question_author.clone(),
                critic: critique.critic.clone(),
                answer_author: critique.answer_author.clone(),
                status: critique.status.clone(),
                attempts,
                ..Critique::default()
            };
            add(path, Content::Critiques(list([critique])));
        }
        let judgments = self
            .judgments
            .iter()
            .map(|((_, judge), judgment)| Judgment {
                id: judgment.id.clone(),
                kind: judgment.kind.clone(),
                mode: judgment.mode.clone(),
                question_model: judgment.question_model.clone(),
                answer_model: judgment.answer_model.clone(),
                critic_model: judgment.critic_model.clone(),
                verdict: judgment.verdict.clone(),
                judge_model: Some(judge.clone()),
                status: judgment.status.clone(),
                run_id: judgment.run_id.clone(),
                outer_attempt: judgment.outer_attempt,
                ..Judgment::default()
            });
        let judgments: Vec<Judgment> = judgments.collect();
        if !judgments.is_empty() {
            let path = folder::judgment_path("all");
            add(path, Content::Judgments(list(judgments)));
        }
        for (path, label) in &self.labels {
            add(path.clone(), Content::Labels(list([(**label).clone()])));
        }
        corpus
    }
}

/// A file of these records.
fn list<T: Row>(records: impl IntoIterator<Item = T>) -> ListFile<T> {
    let mut file = ListFile::default();
    file.slots = records
        .into_iter()
        .map(|record| Slot::Entry(Entry::new(record)))
        .collect();
    file
}

#[cfg(test)]
mod heavy {
    use super::*;
    use forgemark_journal::DiskStorage;

    #[test]
    fn one_question_alone_is_as_valid_as_among_all_others() {
        let Some(dir) = forgemark_testkit::shared_dir().map(|shared| shared.join("data/arena"))
        else {
            println!("skipped: there is no folder with real files");
            return;
        };
        let corpus = Corpus::load(&DiskStorage, &dir, false).unwrap();
        let graph = Graph::new(&corpus, &HashSet::new());
        let docket = Docket::new(&corpus, &graph);
        let judges = graph.judges().iter();
        let judges: BTreeSet<String> = judges.map(|judge| graph.text(*judge).to_owned()).collect();
        let known = dossiers(&corpus, &HashSet::new());
        for name in crate::policy::PRESETS {
            let policy = Policy::preset(name).unwrap();
            let adjudicator = Adjudicator::new(&docket, &policy);
            let mut invalid = 0;
            for key in graph.questions.keys() {
                let key = key.map(|part| graph.text(part));
                let whose = (key.questioner.to_owned(), key.run.to_owned());
                let dossier = &known[&whose][&key.attempt];
                let alone = dossier.is_invalid(key, &policy, &judges);
                let name_of = |text: &str| graph.name(text).unwrap();
                assert_eq!(alone, adjudicator.is_invalid(&key.map(name_of)), "{key}");
                invalid += u32::from(alone);
            }
            println!("{name}: {invalid} of {} are invalid", graph.questions.len());
            assert!(invalid > 300, "{name}: {invalid}");
        }
    }
}
