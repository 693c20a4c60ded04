//! Every reply that the real corpus keeps, read as the pipeline reads replies.

use std::collections::BTreeMap;

use forgemark_arena::Corpus;
use forgemark_arena::pipeline::config::{Confidence, Protocol};
use forgemark_arena::pipeline::latex::clean;
use forgemark_arena::pipeline::replies::{
    Checked, Critique, Judgment, ReplyProblem, SelfCheck, Task, json, tagged,
};
use forgemark_contract::arena as files;
use forgemark_journal::DiskStorage;

type Counts = BTreeMap<String, usize>;

fn count(counts: &mut Counts, what: impl Into<String>) {
    *counts.entry(what.into()).or_default() += 1;
}

#[test]
fn stored_replies_are_read_as_they_were() {
    let Some(folder) = super::folder() else {
        return;
    };
    let corpus = Corpus::load(&DiskStorage, &folder, false).unwrap();
    let mut seen = Counts::new();
    questions(&corpus, &mut seen);
    critiques(&corpus, &mut seen);
    judgments(&corpus, &mut seen);
    println!("{seen:#?}");
}

fn questions(corpus: &Corpus, seen: &mut Counts) {
    for (_, _, benchmark) in corpus.all::<files::Benchmark>() {
        for generation in benchmark.generation_rounds.iter().flatten() {
            for (at, round) in generation.refinement_rounds.iter().enumerate() {
                check(&round.evaluation, Checked::OwnAnswer, "question", seen);
                if at > 0 {
                    continue;
                }
                let raw = round.raw_answer.as_deref().unwrap_or_default();
                match tagged(raw) {
                    Err(_) => count(seen, "question without tags"),
                    Ok(parts) => {
                        let same = clean(&parts.question).trim() == round.question.trim()
                            && clean(&parts.answer).trim() == round.answer.trim();
                        count(seen, format!("question same {same}"));
                    }
                }
            }
        }
    }
    for (_, _, answer) in corpus.all::<files::Answer>() {
        for attempt in answer.attempts.iter().flatten() {
            if let Some(evaluation) = &attempt.evaluation {
                check(evaluation, Checked::Answer, "answer", seen);
            }
        }
    }
}

fn check(evaluation: &forgemark_contract::json::Json, checked: Checked, what: &str, seen: &mut Counts) {
    for protocol in Protocol::ALL {
        let word = protocol.as_str();
        match SelfCheck::from_json(evaluation, checked, protocol) {
            Ok(read) => count(seen, format!("{what} check {word} pass {} ill {}", read.passes, read.ill_posed)),
            Err(error) => count(seen, format!("{what} check {word} {}", error.kind.as_str())),
        }
    }
}

fn critiques(corpus: &Corpus, seen: &mut Counts) {
    for (_, _, critique) in corpus.all::<files::Critique>() {
        for attempt in critique.attempts.iter().flatten() {
            if let Some(evaluation) = &attempt.evaluation {
                check(evaluation, Checked::Critique, "critique", seen);
            }
            let read = json(&attempt.raw_critique).and_then(|(value, status)| {
                count(seen, format!("critique json {}", status.as_str()));
                Critique::from_json(&value, Protocol::Crb1)
            });
            match read {
                Ok(read) => {
                    let same = read.verdict == attempt.verdict;
                    count(seen, format!("critique verdict same {same} {}", attempt.verdict));
                    if !same { println!("{} for {}: {:?}", read.verdict, attempt.verdict, &attempt.raw_critique.chars().take(300).collect::<String>()); }
                }
                Err(error) => count(seen, format!("critique {} {}", error.kind.as_str(), attempt.verdict)),
            }
        }
    }
}

fn judgments(corpus: &Corpus, seen: &mut Counts) {
    for (_, _, judgment) in corpus.all::<files::Judgment>() {
        let task = if judgment.kind == "illposed" { Task::IllPosed } else { Task::Critique };
        let Some(raw) = &judgment.raw_response else {
            count(seen, "judgment without reply");
            continue;
        };
        for protocol in Protocol::ALL {
            let word = protocol.as_str();
            let read = json(raw).and_then(|(value, _)| {
                Judgment::from_json(&value, task, Confidence::Required, protocol)
            });
            match read {
                Ok(read) => {
                    let same = read.verdict == judgment.verdict && read.confidence == judgment.confidence;
                    count(seen, format!("judgment {word} same {same}"));
                    if !same { println!("{:?} for {} {:?}: {:?}", read, judgment.verdict, judgment.confidence, &raw.chars().take(300).collect::<String>()); }
                }
                Err(error) => count(seen, format!("judgment {word} {} {}", error.kind.as_str(), judgment.verdict)),
            }
        }
    }
    let _ = ReplyProblem::SchemaEcho;
}
