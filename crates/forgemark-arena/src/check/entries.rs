//! What one record says, and what it says of the record that it stands on.

use forgemark_contract::arena::{
    Answer, Benchmark, CLAIM_VERDICTS, CRITIQUE_VERDICTS, ClaimKey, Critique, Debate, Judgment,
    LABEL_ONLY_VERDICTS, Label, PLAIN_STATUSES, QuestionKey, STATUSES, SelfCheck,
};
use forgemark_contract::json::{Json, Object};

use super::{Class, Findings};
use crate::corpus::{Corpus, Ref, Stored};
use crate::graph::{Graph, Name, Under};
use crate::keys;

/// The words of labels that other writers have for verdicts of judges.
const LABEL_ALIASES: [&str; 6] = [
    "correct",
    "incorrect",
    "incorrect but wrong reason",
    "ill-posed",
    "not ill-posed",
    "ill-posed but wrong reason",
];

/// What a self-check may say, and whether it is asked about ill-posedness.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    OfAnswers,
    OfCritiques,
}

/// One record under examination.
struct Entry<'f, 'c> {
    findings: &'f mut Findings<'c>,
    at: Ref,
    key: String,
}

pub(super) fn check(corpus: &Corpus, graph: &Graph<'_>, findings: &mut Findings<'_>) {
    each(corpus, &graph.questions, |key, at, record| {
        let key = graph.show_question(key);
        question(record, Entry { findings, at, key });
    });
    each(corpus, &graph.answers, |key, at, record: &Answer| {
        let shown = graph.show_answer(key);
        let mut entry = Entry {
            findings,
            at,
            key: shown,
        };
        entry.same_question(corpus, graph, &key.question, &record.question);
        answer(record, entry);
    });
    each(corpus, &graph.critiques, |key, at, record: &Critique| {
        let mut entry = Entry::of_claim(findings, graph, at, key);
        entry.same_question(corpus, graph, &key.answer.question, &record.question);
        critique(record, entry);
    });
    each(corpus, &graph.debates, |key, at, record: &Debate| {
        let mut entry = Entry::of_claim(findings, graph, at, key);
        entry.same_question(corpus, graph, &key.answer.question, &record.question);
        debate(record, entry);
    });
    for (at, _, record) in corpus.all::<Judgment>() {
        let key = keys::of_judgment(record).map(|key| key.to_string());
        let key = key.unwrap_or_default();
        judgment(record, Entry { findings, at, key });
    }
    for (at, _, record) in corpus.all::<Label>() {
        let key = keys::of_label(record).map(|key| key.to_string());
        let key = key.unwrap_or_default();
        label(record, Entry { findings, at, key });
    }
}

/// Looks at every record of a kind, with its key and its place.
fn each<K, R: Stored>(corpus: &Corpus, under: &Under<K>, mut look: impl FnMut(&K, Ref, &R)) {
    for (key, places) in under {
        for at in places {
            if let Some(record) = corpus.record::<R>(*at) {
                look(key, *at, record);
            }
        }
    }
}

impl<'f, 'c> Entry<'f, 'c> {
    fn of_claim(
        findings: &'f mut Findings<'c>,
        graph: &Graph<'_>,
        at: Ref,
        key: &ClaimKey<Name>,
    ) -> Self {
        Entry {
            findings,
            at,
            key: graph.show_claim(key),
        }
    }
}

fn question(record: &Benchmark, mut entry: Entry<'_, '_>) {
    entry.word("status", &record.status, &[&STATUSES]);
    let rounds = record.generation_rounds.as_deref().unwrap_or_default();
    if let Some(last) = rounds.last()
        && last.status != record.status
    {
        let what = format!("{}, and its last generation {}", record.status, last.status);
        entry.found(Class::WrongStatus, what);
    }
    if record.status != "succeeded" {
        entry.found(Class::FailedQuestion, format!("status {}", record.status));
    }
    for (generation, round) in rounds.iter().enumerate() {
        entry.word("status of a generation", &round.status, &[&STATUSES]);
        let first = round.refinement_rounds.first();
        for (number, refinement) in round.refinement_rounds.iter().enumerate() {
            let place = format!("generation_rounds[{generation}].refinement_rounds[{number}]");
            entry.filled(&place, "question", &refinement.question);
            entry.filled(&place, "answer", &refinement.answer);
            if first.is_some_and(|first| first.question != refinement.question) {
                entry.found(Class::ChangedQuestion, format!("{place}.question"));
            }
            if number > 0 && has_raw_latex(&refinement.answer) {
                entry.found(Class::RawLatexOwn, format!("{place}.answer"));
            }
            entry.self_check(&place, &refinement.evaluation, Asked::OfAnswers);
        }
    }
}

fn answer(record: &Answer, mut entry: Entry<'_, '_>) {
    entry.word("status", &record.status, &[&STATUSES]);
    if record.ill_posed_claim.is_some() != (record.status == "ill-posed") {
        let claim = if record.ill_posed_claim.is_some() {
            "an"
        } else {
            "no"
        };
        let what = format!("status {} with {claim} `ill_posed_claim`", record.status);
        entry.found(Class::WrongStatus, what);
    }
    let attempts = record.attempts.as_deref().unwrap_or_default();
    for (number, attempt) in attempts.iter().enumerate() {
        let place = format!("attempts[{number}]");
        entry.filled(&place, "answer", &attempt.answer);
        if number > 0 && has_raw_latex(&attempt.answer) {
            entry.found(Class::RawLatex, format!("{place}.answer"));
        }
        if let Some(evaluation) = &attempt.evaluation {
            entry.self_check(&place, evaluation, Asked::OfAnswers);
        }
    }
    let last = record.last().and_then(|last| last.evaluation.as_ref());
    if let Some(last) = last.map(SelfCheck)
        && record.status == "succeeded"
        && last.passes()
        && last.ill_posed() == Some(true)
    {
        let what = "the last self-check says `pass` and `ill_posed`";
        entry.found(Class::LostIllPosed, what);
    }
}

fn critique(record: &Critique, mut entry: Entry<'_, '_>) {
    entry.word("status", &record.status, &[&PLAIN_STATUSES]);
    let attempts = record.attempts.as_deref().unwrap_or_default();
    for (number, attempt) in attempts.iter().enumerate() {
        let place = format!("attempts[{number}]");
        entry.word("verdict", &attempt.verdict, &[&CRITIQUE_VERDICTS]);
        entry.filled(&place, "raw_critique", &attempt.raw_critique);
        let cleaned = attempt.cleaned_critique.as_deref();
        if number > 0 && cleaned.is_some_and(has_raw_latex) {
            entry.found(Class::RawLatex, format!("{place}.cleaned_critique"));
        }
        if let Some(evaluation) = &attempt.evaluation {
            entry.self_check(&place, evaluation, Asked::OfCritiques);
        }
    }
    let failed = matches!(record.verdict(), None | Some("unknown"));
    let last = record.last().and_then(|last| last.evaluation.as_ref());
    let unchecked = last.is_some_and(|last| !SelfCheck(last).passes());
    // A pipeline may want a passed check as well as a verdict.
    let gated = record.status == "failed" && unchecked;
    if failed != (record.status == "failed") && !gated {
        let verdict = record.verdict().unwrap_or("absent");
        let what = format!("status {} with the verdict {verdict}", record.status);
        entry.found(Class::WrongStatus, what);
    }
    if record.status == "succeeded" && unchecked {
        entry.found(
            Class::UncheckedCritique,
            "the last self-check does not pass",
        );
    }
}

fn debate(record: &Debate, mut entry: Entry<'_, '_>) {
    let history = &record.history;
    if history.is_empty() {
        entry.found(Class::EmptyText, "history");
    }
    for (number, message) in history.iter().enumerate() {
        entry.filled(&format!("history[{number}]"), "message", &message.message);
        if message.is_alice().is_none() {
            let what = format!("speaker: {}", message.speaker);
            entry.found(Class::UnknownWord, what);
        }
    }
    if history.windows(2).any(|pair| pair[0].round > pair[1].round) {
        entry.found(Class::RoundOrder, "history");
    }
    if let Some(last) = history.last()
        && last.is_alice() == Some(false)
        && !last.concedes()
    {
        let what = format!("after {} messages", history.len());
        entry.found(Class::InterruptedDebate, what);
    }
}

fn judgment(record: &Judgment, mut entry: Entry<'_, '_>) {
    entry.word("verdict", &record.verdict, &[&CLAIM_VERDICTS]);
    entry.claim_type(&record.kind);
    entry.confidence(record.confidence);
    let status = record.status.as_deref();
    if let Some(status) = status {
        entry.word("status", status, &[&PLAIN_STATUSES]);
    }
    let failed = status == Some("failed") || (status.is_none() && record.verdict == "unknown");
    if status.is_some() && failed != (record.verdict == "unknown") {
        let what = format!(
            "status {} with the verdict {}",
            status.unwrap_or("absent"),
            record.verdict
        );
        entry.found(Class::WrongStatus, what);
    }
    if failed {
        let what = match &record.error {
            Some(error) => format!("the judge could not be asked: {}", start(error)),
            None => "the reply could not be read".to_owned(),
        };
        entry.found(Class::FailedJudgment, what);
        return;
    }
    let bare: Vec<&str> = [
        ("confidence", record.confidence.is_none()),
        ("reasoning", record.reasoning.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, absent)| absent.then_some(key))
    .collect();
    if !bare.is_empty() {
        entry.found(Class::BareJudgment, format!("no {}", bare.join(", no ")));
    }
}

fn label(record: &Label, mut entry: Entry<'_, '_>) {
    let words: [&[&str]; 3] = [&CLAIM_VERDICTS, &LABEL_ONLY_VERDICTS, &LABEL_ALIASES];
    entry.word("verdict", &record.verdict, &words);
    entry.claim_type(&record.kind);
    entry.confidence(record.confidence);
    if record.kind == "illposed"
        && let Some(critic) = &record.critic_model
    {
        entry.found(Class::MiskeyedLabel, format!("critic_model: {critic}"));
    }
}

/// The start of a text that may be long.
fn start(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether a text has delimiters of mathematics that first texts are cleaned of.
fn has_raw_latex(text: &str) -> bool {
    text.contains("\\(") || text.contains("\\[")
}

impl Entry<'_, '_> {
    fn found(&mut self, class: Class, what: impl Into<String>) {
        let (at, key) = (vec![self.at], self.key.clone());
        self.findings.entries(class, at, key, what);
    }

    fn word(&mut self, field: &str, word: &str, vocabularies: &[&[&str]]) {
        if !vocabularies.iter().any(|words| words.contains(&word)) {
            self.found(Class::UnknownWord, format!("{field}: {}", start(word)));
        }
    }

    fn claim_type(&mut self, word: &str) {
        self.word(
            "type",
            word,
            &[&["illposed", "critique", "critique_debate"]],
        );
    }

    fn filled(&mut self, place: &str, field: &str, text: &str) {
        if text.trim().is_empty() {
            self.found(Class::EmptyText, format!("{place}.{field}"));
        }
    }

    fn confidence(&mut self, confidence: Option<i64>) {
        if let Some(confidence) = confidence
            && !(1..=5).contains(&confidence)
        {
            self.found(Class::ConfidenceRange, format!("confidence: {confidence}"));
        }
    }

    /// Compares a question with the one that others answer; a question that is not there is a matter of links.
    fn same_question(
        &mut self,
        corpus: &Corpus,
        graph: &Graph<'_>,
        key: &QuestionKey<Name>,
        text: &str,
    ) {
        let places = graph.questions.get(key).map(Vec::as_slice);
        let last = places.and_then(<[Ref]>::last);
        let last = last.and_then(|at| corpus.record::<Benchmark>(*at)?.last());
        if last.is_some_and(|last| last.question != text) {
            self.found(
                Class::OtherQuestion,
                "question differs from the benchmark's",
            );
        }
    }

    fn self_check(&mut self, place: &str, evaluation: &Json, asked: Asked) {
        let check = SelfCheck(evaluation);
        let place = format!("{place}.evaluation");
        if check.is_schema_echo() {
            self.found(Class::SchemaEcho, place);
            return;
        }
        if !matches!(check.verdict(), Some("pass" | "fail")) {
            let verdict = check.verdict().unwrap_or("absent");
            let what = format!("{place}.verdict: {}", start(verdict));
            self.found(Class::SelfCheckVerdict, what);
        }
        let mut odd = Vec::new();
        if asked == Asked::OfAnswers && check.ill_posed().is_none() {
            odd.push("ill_posed");
        }
        if evaluation.at("issues").as_array().is_none() {
            odd.push("issues");
        }
        if !evaluation.at("improvements").is_string() {
            odd.push("improvements");
        }
        if !odd.is_empty() {
            let what = format!("{place}: {} absent or of another form", odd.join(", "));
            self.found(Class::SelfCheckForm, what);
        }
        let known = ["verdict", "ill_posed", "issues", "improvements"];
        let keys = evaluation.as_object().into_iter().flat_map(Object::keys);
        let extra: Vec<String> = keys.filter(|key| !known.contains(key)).map(start).collect();
        if !extra.is_empty() {
            self.found(
                Class::SelfCheckExtra,
                format!("{place}: {}", extra.join(", ")),
            );
        }
    }
}
