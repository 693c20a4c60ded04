//! What is wrong with files, and with entries that are no records or stand where they do not belong.

use std::fmt::Display;

use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, ClaimKey, Critique, Debate, Judgment, Label, ListFile, Row, Slot,
};

use super::{Class, Findings};
use crate::corpus::{Content, Corpus, CorpusFile, Ref, with_list};
use crate::keys;

pub(super) fn check(corpus: &Corpus, findings: &mut Findings<'_>) {
    for path in &corpus.strays {
        findings.file(Class::StrayFile, path, "the contract has no such file");
    }
    for (number, file) in corpus.files.iter().enumerate() {
        if let Content::Unreadable(error) = &file.content {
            findings.file(Class::UnreadableFile, &file.path, error.to_string());
            continue;
        }
        if file.canonical == Some(false) {
            let what = "another program wrote it, or a person changed it";
            findings.file(Class::HandEdited, &file.path, what);
        }
        with_list!(&file.content, |list| slots(list, number, findings), ());
    }
    places(corpus, findings);
}

fn slots<T: Row>(list: &ListFile<T>, file: usize, findings: &mut Findings<'_>) {
    for (index, slot) in list.slots.iter().enumerate() {
        let at = vec![Ref::new(file, index)];
        match slot {
            Slot::Unreadable { error, .. } => {
                findings.entries(Class::UnreadableEntry, at, String::new(), error.to_string());
            }
            Slot::Placeholder(value) => {
                let what = format!("an empty {}", value.type_name());
                findings.entries(Class::Placeholder, at, String::new(), what);
            }
            Slot::Entry(entry) => {
                if entry.record.outer_attempt().is_none() {
                    let what = "read as attempt 1";
                    findings.entries(Class::NoAttempt, at.clone(), String::new(), what);
                }
                if entry.has_layout() {
                    let what = "the order of the keys, or a null, is not the contract's";
                    findings.entries(Class::KeyOrder, at, String::new(), what);
                }
            }
        }
    }
}

/// Where the path of a record contradicts its fields.
fn places(corpus: &Corpus, findings: &mut Findings<'_>) {
    for (at, file, record) in corpus.all::<Benchmark>() {
        if keys::of_question(&file.place, record).is_none() {
            keyless(findings, at);
        }
    }
    for (at, file, record) in corpus.all::<Answer>() {
        let Some(key) = keys::of_answer(record) else {
            keyless(findings, at);
            continue;
        };
        let own = [
            (
                "question_model",
                record.question_model.as_str(),
                questioner(file),
            ),
            ("answer_model", &record.answer_model, &file.place.stem),
        ];
        if !compare(findings, at, &key, own) && record.question_model == record.answer_model {
            let what = "the questioner's own answer is that of its benchmark";
            findings.entries(Class::SelfAnswer, vec![at], key.to_string(), what);
        }
    }
    for (at, file, record) in corpus.all::<Critique>() {
        let Some(key) = keys::of_critique(&file.place, record) else {
            keyless(findings, at);
            continue;
        };
        let pair = format!("{}__{}", record.critic, record.answer_author);
        let own = [
            (
                "question_author",
                record.question_author.as_str(),
                questioner(file),
            ),
            ("critic and answer_author", &pair, &file.place.stem),
        ];
        compare(findings, at, &key, own);
    }
    for (at, file, record) in corpus.all::<Debate>() {
        let Some(key) = keys::of_debate(&file.place, record) else {
            keyless(findings, at);
            continue;
        };
        let (questioner, stem) = (questioner(file), file.place.stem.as_str());
        let alice = record.alice_model.as_str();
        match key.critique {
            None => {
                let own = [
                    ("claimant", key.answer.answerer, stem),
                    ("alice_model", alice, stem),
                    ("bob_model", &record.bob_model, questioner),
                ];
                compare(findings, at, &key, own);
            }
            Some((_, critic)) => {
                let pair = format!("{critic}__{}", key.answer.answerer);
                let own = [
                    ("critic and answer_author", pair.as_str(), stem),
                    ("alice_model", alice, critic),
                    ("bob_model", &record.bob_model, key.answer.answerer),
                ];
                compare(findings, at, &key, own);
            }
        }
    }
    for (at, file, record) in corpus.all::<Judgment>() {
        let Some(key) = keys::of_judgment(record) else {
            keyless(findings, at);
            continue;
        };
        let judge = record.judge_model.as_deref().unwrap_or(&file.place.stem);
        let misplaced = compare(
            findings,
            at,
            &key,
            [("judge_model", judge, file.place.stem.as_str())],
        );
        if !misplaced && participates(&key, judge) {
            let what = format!("{judge} takes part in the claim");
            findings.entries(Class::SelfJudgment, vec![at], key.to_string(), what);
        }
    }
    for (at, _, record) in corpus.all::<Label>() {
        if keys::of_label(record).is_none() {
            keyless(findings, at);
        }
    }
}

fn participates(key: &ClaimKey<&str>, judge: &str) -> bool {
    let AnswerKey { question, answerer } = &key.answer;
    let other = key
        .critique
        .map_or(question.questioner, |(_, critic)| critic);
    judge == *answerer || judge == other
}

fn keyless(findings: &mut Findings<'_>, at: Ref) {
    let what = "a part of the key is absent or empty";
    findings.entries(Class::Keyless, vec![at], String::new(), what);
}

fn questioner(file: &CorpusFile) -> &str {
    file.place.questioner.as_deref().unwrap_or_default()
}

/// Says the first field whose value is not what was expected. Answers whether there is one.
fn compare<'a>(
    findings: &mut Findings<'_>,
    at: Ref,
    key: &impl Display,
    fields: impl IntoIterator<Item = (&'static str, &'a str, &'a str)>,
) -> bool {
    let other = fields
        .into_iter()
        .find(|(_, found, expected)| found != expected);
    let Some((field, found, expected)) = other else {
        return false;
    };
    let what = format!("{field}: expected {expected}, found {found}");
    findings.entries(Class::WrongPlace, vec![at], key.to_string(), what);
    true
}
