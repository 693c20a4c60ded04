//! Every reply that the real corpus keeps, read as the pipeline reads replies, and compared with what the original made of it.

use std::collections::BTreeMap;

use forgemark_arena::Corpus;
use forgemark_arena::pipeline::config::{Confidence, Protocol};
use forgemark_arena::pipeline::latex::clean;
use forgemark_arena::pipeline::replies::{
    Checked, Critique, Judgment, SelfCheck, Task, json, tagged,
};
use forgemark_contract::arena as files;
use forgemark_contract::json::Json;
use forgemark_journal::DiskStorage;

/// How often something was seen, by what it is.
type Counts = BTreeMap<String, usize>;

fn count(counts: &mut Counts, what: impl Into<String>) {
    *counts.entry(what.into()).or_default() += 1;
}

fn assert_counts(counts: &Counts, wanted: &[(&str, usize)]) {
    let seen: Vec<(&str, usize)> = counts.iter().map(|(what, n)| (what.as_str(), *n)).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn stored_replies_are_read_as_they_were() {
    let Some(folder) = super::folder() else {
        return;
    };
    let corpus = Corpus::load(&DiskStorage, &folder, false).unwrap();
    questions(&corpus);
    checks(&corpus);
    critiques(&corpus);
    judgments(&corpus);
}

/// The original keeps talk before the first tag as part of the question, asked a formatter for the missing tags, and takes the
/// bracket of a row break with a length (`\\[2pt]`) for a delimiter of mathematics. The other answer has its tags twice.
fn questions(corpus: &Corpus) {
    let mut counts = Counts::new();
    let benchmarks = corpus.all::<files::Benchmark>();
    for generation in benchmarks.flat_map(|(_, _, entry)| entry.generation_rounds.iter().flatten())
    {
        let Some(first) = generation.refinement_rounds.first() else {
            continue;
        };
        let Ok(parts) = tagged(first.raw_answer.as_deref().unwrap_or_default()) else {
            count(&mut counts, "no tags");
            continue;
        };
        let (question, answer) = (clean(&parts.question), clean(&parts.answer));
        let same_answer = answer.trim() == first.answer.trim();
        let stored = first.question.trim();
        let without = format!("{}\n[/ANSWER]", answer.trim());
        count(
            &mut counts,
            match (stored == question.trim(), stored.ends_with(question.trim())) {
                _ if !same_answer && parts.answer.contains(r"\\[") => "a row break of a table kept",
                _ if first.answer.trim() == without => "same without a closing tag",
                _ if !same_answer => "other answer",
                (true, _) => "same",
                (false, true) => "same without talk before it",
                (false, false) => "other question",
            },
        );
    }
    assert_counts(
        &counts,
        &[
            ("a row break of a table kept", 9),
            ("no tags", 8),
            ("other answer", 1),
            ("same", 767),
            ("same without a closing tag", 3),
            ("same without talk before it", 61),
        ],
    );
}

fn checks(corpus: &Corpus) {
    let mut counts = Counts::new();
    for (_, _, entry) in corpus.all::<files::Benchmark>() {
        let generations = entry.generation_rounds.iter().flatten();
        for round in generations.flat_map(|generation| &generation.refinement_rounds) {
            check(&round.evaluation, Checked::OwnAnswer, &mut counts);
        }
    }
    for (_, _, entry) in corpus.all::<files::Answer>() {
        for evaluation in entry.attempts.iter().flatten().flat_map(|a| &a.evaluation) {
            check(evaluation, Checked::Answer, &mut counts);
        }
    }
    for (_, _, entry) in corpus.all::<files::Critique>() {
        for evaluation in entry.attempts.iter().flatten().flat_map(|a| &a.evaluation) {
            check(evaluation, Checked::Critique, &mut counts);
        }
    }
    // The three echoes of a schema; 4 answers, 4 questions and 89 critiques are asked for again where the original went on; the
    // 75 answers that passed and call their question ill-posed keep both.
    assert_counts(
        &counts,
        &[
            ("Answer crb-1 fail", 744),
            ("Answer crb-1 fail ill-posed", 16),
            ("Answer crb-1 pass", 2500),
            ("Answer crb-1 pass ill-posed", 75),
            ("Answer forgemark-1 bad_field", 4),
            ("Answer forgemark-1 fail", 743),
            ("Answer forgemark-1 fail ill-posed", 16),
            ("Answer forgemark-1 pass", 2497),
            ("Answer forgemark-1 pass ill-posed", 75),
            ("Critique crb-1 fail", 410),
            ("Critique crb-1 pass", 6521),
            ("Critique crb-1 schema_echo", 1),
            ("Critique forgemark-1 bad_field", 89),
            ("Critique forgemark-1 fail", 321),
            ("Critique forgemark-1 pass", 6521),
            ("Critique forgemark-1 schema_echo", 1),
            ("OwnAnswer crb-1 fail", 519),
            ("OwnAnswer crb-1 fail ill-posed", 6),
            ("OwnAnswer crb-1 pass", 770),
            ("OwnAnswer crb-1 schema_echo", 2),
            ("OwnAnswer forgemark-1 bad_field", 4),
            ("OwnAnswer forgemark-1 fail", 519),
            ("OwnAnswer forgemark-1 fail ill-posed", 6),
            ("OwnAnswer forgemark-1 pass", 766),
            ("OwnAnswer forgemark-1 schema_echo", 2),
        ],
    );
}

fn check(evaluation: &Json, checked: Checked, counts: &mut Counts) {
    for protocol in Protocol::ALL {
        let what = match SelfCheck::from_json(evaluation, checked, protocol) {
            Ok(read) => {
                let verdict = if read.passes { "pass" } else { "fail" };
                let ill_posed = if read.ill_posed { " ill-posed" } else { "" };
                format!("{verdict}{ill_posed}")
            }
            Err(error) => error.kind.as_str().to_owned(),
        };
        count(counts, format!("{checked:?} {} {what}", protocol.as_str()));
    }
}

/// All but 25 replies are read without a repair model, all but one of them as the original did: that one talks before its object.
fn critiques(corpus: &Corpus) {
    let mut counts = Counts::new();
    let attempts = corpus.all::<files::Critique>();
    for attempt in attempts.flat_map(|(_, _, entry)| entry.attempts.iter().flatten()) {
        let read = json(&attempt.raw_critique)
            .and_then(|(value, _)| Critique::from_json(&value, Protocol::Crb1));
        let what = match read {
            Ok(read) if read.verdict == attempt.verdict => "same",
            Ok(_) => "other",
            Err(error) => error.kind.as_str(),
        };
        count(&mut counts, what);
    }
    assert_counts(
        &counts,
        &[
            ("empty", 17),
            ("not_json", 25),
            ("other", 1),
            ("same", 6889),
        ],
    );
}

/// 20 replies need a repair model. Four that are `unknown` in the files give a verdict here. The one that differs says
/// `wrong_problem`; the original's repair model, asked to correct the backslashes, made it `mixed`.
fn judgments(corpus: &Corpus) {
    let mut counts = Counts::new();
    for (_, _, judgment) in corpus.all::<files::Judgment>() {
        let task = if judgment.kind == "illposed" {
            Task::IllPosed
        } else {
            Task::Critique
        };
        let Some(raw) = &judgment.raw_response else {
            count(&mut counts, "no reply");
            continue;
        };
        let read = json(raw).and_then(|(value, _)| {
            Judgment::from_json(&value, task, Confidence::Required, Protocol::Crb1)
        });
        let what = match read {
            Ok(read)
                if read.verdict == judgment.verdict && read.confidence == judgment.confidence =>
            {
                "same"
            }
            Ok(read) if judgment.verdict == "unknown" && read.verdict != "unknown" => "read now",
            Ok(_) => "other",
            Err(error) => error.kind.as_str(),
        };
        count(&mut counts, what);
    }
    assert_counts(
        &counts,
        &[
            ("no reply", 6),
            ("not_json", 20),
            ("other", 1),
            ("read now", 4),
            ("same", 13634),
        ],
    );
}
