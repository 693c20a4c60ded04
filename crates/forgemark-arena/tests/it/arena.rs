//! A small arena in memory: `q` asks, `a` answers, `b` calls the question ill-posed, `j` and `k` judge, `eve` labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forgemark_arena::{Class, Corpus, Report, check};
use forgemark_contract::json::{Json, Style, Writer, parse_str};
use forgemark_journal::{Storage, write_atomic};
use forgemark_testkit::MemDisk;

pub(crate) const ASKED: &str = "benchmarks/q.json";
pub(crate) const ANSWERED: &str = "answers/q/a.json";
pub(crate) const ILL_POSED: &str = "answers/q/b.json";
pub(crate) const CONTRADICTED: &str = "critiques/contradictor/q/a__q.json";
pub(crate) const CRITICISED: &str = "critiques/evaluator/q/q__a.json";
pub(crate) const DEBATED: &str = "debates/critiques/evaluator/q/q__a.json";
pub(crate) const DEBATED_ILL: &str = "debates/illposed/q/b.json";
pub(crate) const JUDGED: &str = "automated_evaluations/j.json";
pub(crate) const JUDGED_TOO: &str = "automated_evaluations/k.json";
pub(crate) const LABELLED: &str = "evaluations/eve.json";
pub(crate) const ADJUDICATED: &str = "synthetic_adjudications/m.json";

const PASS: &str = r#"{"verdict":"pass","ill_posed":false,"issues":[],"improvements":""}"#;
const ILL: &str = r#"{"verdict":"fail","ill_posed":true,"issues":["no"],"improvements":"x"}"#;
const FINE: &str = r#"{"verdict":"pass","issues":[],"improvements":""}"#;

/// Files with their entries as JSON.
#[derive(Clone)]
pub(crate) struct Arena(pub(crate) BTreeMap<String, Vec<String>>);

/// The folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from("/arena")
}

/// A decision on the claim that `q` makes of the answer of `a`.
pub(crate) fn judgment(judge: &str, verdict: &str) -> String {
    format!(
        r#"{{"type":"critique","mode":"evaluator","question_model":"q","answer_model":"a","critic_model":"q","verdict":"{verdict}","confidence":5,"reasoning":"r","judge_model":"{judge}","status":"succeeded","raw_response":"x","run_id":"1","outer_attempt":1,"topic_slug":"sums"}}"#
    )
}

/// A decision on the claim of `b`.
pub(crate) fn ill_posed_judgment(judge: &str) -> String {
    format!(
        r#"{{"type":"illposed","question_model":"q","answer_model":"b","verdict":"claimant_wins","confidence":5,"reasoning":"r","judge_model":"{judge}","status":"succeeded","raw_response":"x","run_id":"1","outer_attempt":1,"topic_slug":"sums"}}"#
    )
}

pub(crate) fn label(verdict: &str) -> String {
    format!(
        r#"{{"run_id":"1","outer_attempt":1,"type":"critique","mode":"evaluator","question_model":"q","answer_model":"a","critic_model":"q","verdict":"{verdict}","confidence":4,"comment":""}}"#
    )
}

fn answer(answerer: &str, status: &str, claim: &str, check: &str) -> String {
    format!(
        r#"{{"question_model":"q","answer_model":"{answerer}","question":"1+1?","run_id":"1","outer_attempt":1,"topic_slug":"sums",{claim}"status":"{status}","attempts":[{{"round":1,"answer":"3","raw_answer":"3","evaluation":{check}}}]}}"#
    )
}

fn critique(critic: &str, answerer: &str, verdict: &str) -> String {
    format!(
        r#"{{"question":"1+1?","run_id":"1","outer_attempt":1,"topic_slug":"sums","question_author":"q","critic":"{critic}","answer_author":"{answerer}","status":"succeeded","attempts":[{{"round":1,"cleaned_critique":"c","raw_critique":"c","verdict":"{verdict}","notes":"n","evaluation":{FINE}}}]}}"#
    )
}

fn debate(alice: &str, bob: &str, parties: &str) -> String {
    format!(
        r#"{{"question":"1+1?","run_id":"1","outer_attempt":1,"topic_slug":"sums","alice_model":"{alice}","bob_model":"{bob}",{parties},"history":[{{"round":1,"speaker":"Bob","message":"no","concede":false}},{{"round":1,"speaker":"Alice","message":"yes","concede":false}}]}}"#
    )
}

impl Arena {
    /// One without anything to say about.
    pub(crate) fn sound() -> Self {
        let question = format!(
            r#"{{"run_id":"1","outer_attempt":1,"topic_slug":"sums","topic_name":"Sums","status":"succeeded","generation_rounds":[{{"refinement_rounds":[{{"round":1,"question":"1+1?","answer":"2","raw_answer":"2","evaluation":{PASS}}}],"status":"succeeded"}}]}}"#
        );
        let ill = answer(
            "b",
            "ill-posed",
            &format!(r#""ill_posed_claim":{ILL},"#),
            ILL,
        );
        let files = [
            (ASKED, vec![question]),
            (ANSWERED, vec![answer("a", "succeeded", "", PASS)]),
            (ILL_POSED, vec![ill]),
            (CONTRADICTED, vec![critique("a", "q", "correct")]),
            (CRITICISED, vec![critique("q", "a", "incorrect")]),
            (
                DEBATED,
                vec![debate("q", "a", r#""answer_author":"a","critic":"q""#)],
            ),
            (DEBATED_ILL, vec![debate("b", "q", r#""claimant":"b""#)]),
            (
                JUDGED,
                vec![judgment("j", "claimant_wins"), ill_posed_judgment("j")],
            ),
            (
                JUDGED_TOO,
                vec![judgment("k", "wrong_problem"), ill_posed_judgment("k")],
            ),
            (LABELLED, vec![label("mixed")]),
            (ADJUDICATED, vec![label("claimant_wins")]),
        ];
        Arena(
            files
                .map(|(path, entries)| (path.to_owned(), entries))
                .into(),
        )
    }

    /// Replaces a text in the entries of a file.
    pub(crate) fn edit(mut self, path: &str, from: &str, to: &str) -> Self {
        let entries = self.0.get_mut(path).unwrap();
        let before = entries.clone();
        for entry in entries.iter_mut() {
            *entry = entry.replace(from, to);
        }
        assert_ne!(*entries, before, "{path} has no {from}");
        self
    }

    /// Adds an entry at the end of a file.
    pub(crate) fn add(mut self, path: &str, entry: &str) -> Self {
        self.0
            .entry(path.to_owned())
            .or_default()
            .push(entry.to_owned());
        self
    }

    /// Repeats the entries of a file.
    pub(crate) fn repeat(mut self, path: &str) -> Self {
        let entries = self.0.get_mut(path).unwrap();
        entries.extend(entries.clone());
        self
    }

    pub(crate) fn remove(mut self, path: &str) -> Self {
        self.0.remove(path).unwrap();
        self
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let entries = parse_str(&format!("[{}]", self.0[path].join(","))).unwrap();
        let decisions = ["automated", "evaluations", "synthetic"];
        let value = if decisions.iter().any(|start| path.starts_with(start)) {
            Json::object([("decisions", entries)])
        } else {
            entries
        };
        let style = Style {
            ascii: true,
            ..Style::FILE
        };
        let mut out = Vec::new();
        Writer::new(&mut out, style).json(&value);
        out
    }

    /// A disk that holds it.
    pub(crate) fn disk(&self) -> MemDisk {
        let disk = MemDisk::new();
        for path in self.0.keys() {
            write(&disk, path, &self.bytes(path));
        }
        disk
    }

    pub(crate) fn report(&self) -> Report {
        report(&self.disk())
    }
}

pub(crate) fn write(disk: &MemDisk, path: &str, bytes: &[u8]) {
    let path = root().join(path);
    disk.create_dir_all(path.parent().unwrap_or(Path::new("/")))
        .unwrap();
    write_atomic(disk, &path, bytes).unwrap();
}

pub(crate) fn report(disk: &MemDisk) -> Report {
    check(&Corpus::load(disk, &root(), true).unwrap())
}

/// The counts of a report in words.
pub(crate) fn counts(report: &Report) -> Vec<(Class, u64)> {
    report
        .counts
        .iter()
        .map(|(class, n)| (*class, *n))
        .collect()
}
