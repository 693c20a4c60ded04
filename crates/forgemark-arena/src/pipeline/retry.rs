//! Records that are made again: failed ones by why they failed, and what stands on them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use forgemark_contract::arena::{Answer, Benchmark, Critique, Debate, Judgment, QuestionKey};
use forgemark_contract::ids::CallKey;
use forgemark_model::FailureKind;

use crate::corpus::{Corpus, Ref};
use crate::keys;

use super::ask::{SELF_CHECK, UNDECIDED};
use super::config::Settings;
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

/// Looks for the records of the stages at work that are to be made again.
pub(crate) fn again(
    corpus: &Corpus,
    provenance: &BTreeMap<String, Provenance>,
    settings: &Settings,
    stages: &BTreeSet<Stage>,
    asked: Option<&Retry>,
) -> Again {
    let search = Search {
        provenance,
        settings,
        stages,
        asked,
    };
    let mut again = Again::default();
    // Answers whose claims go with them.
    let mut answers = HashSet::new();
    let live = live(corpus);
    for (at, file, record) in corpus.all::<Benchmark>() {
        if let Some(key) = keys::of_question(&file.place, record)
            && live.get(&(key.run, key.questioner)) == Some(&key.attempt)
        {
            let name = names::question(&key);
            let failed = record.status != "succeeded";
            if failed && search.takes(Stage::Questions, &name, None) {
                again.take(at, name, provenance);
            }
        }
    }
    for (at, _, record) in corpus.all::<Answer>() {
        if let Some(key) = keys::of_answer(record) {
            let name = names::answer(&key);
            let failed = record.status == "failed";
            let ill_posed = record.status == "ill-posed" && settings.answers.rerun_failures;
            let takes = match (failed, ill_posed) {
                (true, _) => search.takes(Stage::Answers, &name, None),
                (false, true) => stages.contains(&Stage::Answers),
                (false, false) => false,
            };
            if takes {
                answers.insert(key);
                again.take(at, name, provenance);
            }
        }
    }
    for (at, file, record) in corpus.all::<Critique>() {
        if let Some(key) = keys::of_critique(&file.place, record) {
            let name = names::critique(&key);
            let failed = record.status == "failed";
            if answers.contains(&key.answer)
                || failed && search.takes(Stage::Critiques, &name, None)
            {
                again.take(at, name, provenance);
            }
        }
    }
    for (at, file, record) in corpus.all::<Debate>() {
        if let Some(key) = keys::of_debate(&file.place, record) {
            let name = names::debate(&key);
            let failed = provenance
                .get(&name)
                .is_some_and(|line| line.failure.is_some());
            if answers.contains(&key.answer) || failed && search.takes(Stage::Debates, &name, None)
            {
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
            if answers.contains(&key.answer)
                || anew
                || failed && search.takes(Stage::Judge, &name, record.error.as_deref())
            {
                again.take(at, name, provenance);
            }
        }
    }
    again
}

/// The newest attempt of every run and questioner.
fn live(corpus: &Corpus) -> BTreeMap<(&str, &str), i64> {
    let mut live = BTreeMap::new();
    for (_, file, record) in corpus.all::<Benchmark>() {
        if let Some(QuestionKey {
            run,
            questioner,
            attempt,
        }) = keys::of_question(&file.place, record)
        {
            let newest = live.entry((run, questioner)).or_insert(attempt);
            *newest = attempt.max(*newest);
        }
    }
    live
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
    provenance: &'a BTreeMap<String, Provenance>,
    settings: &'a Settings,
    stages: &'a BTreeSet<Stage>,
    asked: Option<&'a Retry>,
}

impl Search<'_> {
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
