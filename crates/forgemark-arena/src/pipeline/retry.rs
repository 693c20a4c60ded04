//! Records that are made again: failed ones by why they failed, and what stands on them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use forgemark_contract::arena::{
    Answer, Benchmark, ClaimKey, Critique, Debate, Judgment, QuestionKey,
};
use forgemark_contract::ids::CallKey;
use forgemark_model::FailureKind;

use crate::corpus::{Corpus, Ref};
use crate::keys;

use super::ask::{SELF_CHECK, UNDECIDED};
use super::config::{Role, Settings};
use super::dossier::{Dossiers, newest};
use super::engine::Stage;
use super::names;
use super::provenance::Provenance;

/// Which failed records a command makes again, beyond what the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// All.
    All,
    /// Those that failed for this reason: a word of [`classes`].
    Class(String),
}

/// The words for why a record fails: those of failed calls, that its maker never approved of it, that a judge does not know.
pub fn classes() -> Vec<&'static str> {
    let calls = FailureKind::ALL.into_iter().map(FailureKind::as_str);
    calls.chain([SELF_CHECK, UNDECIDED]).collect()
}

/// What is taken out of a folder to be made again.
#[derive(Debug, Default)]
pub(crate) struct Again {
    /// The records, with their names.
    pub(crate) records: Vec<(Ref, String)>,
    /// The calls behind them.
    pub(crate) calls: Vec<CallKey>,
}

/// Looks for the records of the stages at work that are to be made again: of newest attempts only, and of invalid questions only
/// what is about the questioner's own answer, because nothing else would be made again.
pub(crate) fn again(
    corpus: &Corpus,
    known: &Dossiers,
    provenance: &BTreeMap<String, Provenance>,
    settings: &Settings,
    stages: &BTreeSet<Stage>,
    asked: Option<&Retry>,
) -> Again {
    let mut search = Search {
        known,
        provenance,
        settings,
        stages,
        asked,
        judges: settings
            .with_role(Role::Judge)
            .map(|judge| judge.slug.clone())
            .collect(),
        invalid: BTreeMap::new(),
    };
    let mut again = Again::default();
    // Answers whose claims go with them.
    let mut answers = HashSet::new();
    for (at, file, record) in corpus.all::<Benchmark>() {
        if let Some(key) = keys::of_question(&file.place, record) {
            let name = names::question(&key);
            if record.status != "succeeded"
                && search.takes(Stage::Questions, &name, None)
                && search.is_open(key, true)
            {
                again.take(at, name, provenance);
            }
        }
    }
    for (at, _, record) in corpus.all::<Answer>() {
        if let Some(key) = keys::of_answer(record) {
            let name = names::answer(&key);
            let takes = match record.status.as_str() {
                "failed" => search.takes(Stage::Answers, &name, None),
                "ill-posed" => settings.answers.rerun_failures && stages.contains(&Stage::Answers),
                _ => false,
            };
            if takes && search.is_open(key.question, false) {
                answers.insert(key);
                again.take(at, name, provenance);
            }
        }
    }
    for (at, file, record) in corpus.all::<Critique>() {
        if let Some(key) = keys::of_critique(&file.place, record) {
            let name = names::critique(&key);
            let failed = record.status == "failed" && search.takes(Stage::Critiques, &name, None);
            if answers.contains(&key.answer) || failed && search.is_claim_open(key) {
                again.take(at, name, provenance);
            }
        }
    }
    for (at, file, record) in corpus.all::<Debate>() {
        if let Some(key) = keys::of_debate(&file.place, record) {
            let name = names::debate(&key);
            let line = provenance.get(&name);
            let failed = line.is_some_and(|line| line.failure.is_some())
                && search.takes(Stage::Debates, &name, None);
            if answers.contains(&key.answer) || failed && search.is_claim_open(key) {
                again.take(at, name, provenance);
            }
        }
    }
    for (at, file, record) in corpus.all::<Judgment>() {
        if let Some(key) = keys::of_judgment(record) {
            let judge = record.judge_model.as_deref().unwrap_or(&file.place.stem);
            let name = names::judgment(&key, judge);
            let failed = record.status.as_deref() == Some("failed") || record.verdict == "unknown";
            let anew = settings.judge.overwrite
                && stages.contains(&Stage::Judge)
                && settings.model(judge).is_some();
            let takes =
                anew || failed && search.takes(Stage::Judge, &name, record.error.as_deref());
            if answers.contains(&key.answer) || takes && search.is_claim_open(key) {
                again.take(at, name, provenance);
            }
        }
    }
    again
}

impl Again {
    fn take(&mut self, at: Ref, name: String, provenance: &BTreeMap<String, Provenance>) {
        let calls = provenance
            .get(&name)
            .into_iter()
            .flat_map(|line| &line.calls);
        self.calls
            .extend(calls.filter_map(|key| key.parse::<CallKey>().ok()));
        self.records.push((at, name));
    }
}

struct Search<'a> {
    known: &'a Dossiers,
    provenance: &'a BTreeMap<String, Provenance>,
    settings: &'a Settings,
    stages: &'a BTreeSet<Stage>,
    asked: Option<&'a Retry>,
    judges: BTreeSet<String>,
    /// Questions that were looked at.
    invalid: BTreeMap<QuestionKey<&'a str>, bool>,
}

impl<'a> Search<'a> {
    /// Whether anything is still made for a question, for the questioner's `own` answer or for those of others.
    fn is_open(&mut self, key: QuestionKey<&'a str>, own: bool) -> bool {
        let whose = (key.questioner.to_owned(), key.run.to_owned());
        let Some(attempts) = self.known.get(&whose) else {
            return false;
        };
        let found = newest(attempts).filter(|(number, _)| *number == key.attempt);
        let Some((_, dossier)) = found else {
            return false;
        };
        let (settings, judges) = (self.settings, &self.judges);
        own || !*(self.invalid.entry(key))
            .or_insert_with(|| dossier.is_invalid(key, &settings.policy, judges))
    }

    fn is_claim_open(&mut self, key: ClaimKey<&'a str>) -> bool {
        let question = key.answer.question;
        let own = key.critique.is_some() && key.answer.answerer == question.questioner;
        self.is_open(question, own)
    }

    /// Whether a failed record of a stage is made again. `error` is what the record itself says of its failure.
    fn takes(&self, stage: Stage, name: &str, error: Option<&str>) -> bool {
        if !self.stages.contains(&stage) {
            return false;
        }
        let class = self.class(stage, name, error);
        let asked = match self.asked {
            Some(Retry::All) => true,
            Some(Retry::Class(wanted)) => *wanted == class,
            None => false,
        };
        let configured = match stage {
            Stage::Answers => self.settings.answers.rerun_failures,
            Stage::Critiques => self.settings.critiques.rerun_failures,
            Stage::Judge => self.settings.judge.retry_failed && may_pass(&class),
            Stage::Questions | Stage::Debates => false,
        };
        asked || configured
    }

    fn class(&self, stage: Stage, name: &str, error: Option<&str>) -> String {
        let known = self.provenance.get(name);
        if let Some(class) = known.and_then(|line| line.failure.clone()) {
            return class;
        }
        match (stage, error) {
            (Stage::Judge, Some(_)) => FailureKind::ContextLength.to_string(),
            (Stage::Judge, None) => FailureKind::BadOutput.to_string(),
            _ => SELF_CHECK.to_owned(),
        }
    }
}

/// Whether asking once more may help: not where the request itself was refused or the judge does not know.
fn may_pass(class: &str) -> bool {
    class != UNDECIDED
        && !matches!(
            FailureKind::from_word(class),
            Some(
                FailureKind::Refusal
                    | FailureKind::ContentFilter
                    | FailureKind::ContextLength
                    | FailureKind::InvalidRequest
            )
        )
}
