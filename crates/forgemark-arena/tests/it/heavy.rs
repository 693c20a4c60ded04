//! The real corpus that lies beside the repository, where it does: 304 files, 86 MB.

mod numbers;
mod replies;

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgemark_arena::{Class, Content, Corpus, check};
use forgemark_contract::arena::{Epoch, FileKind, ListFile, Row};
use forgemark_contract::json::{Json, parse};
use forgemark_journal::DiskStorage;
use forgemark_testkit::shared_dir;

fn folder() -> Option<PathBuf> {
    let folder = shared_dir().map(|shared| shared.join("data/arena"));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: there is no arena corpus");
    }
    folder
}

/// The same value, whatever the order of keys.
fn sorted(value: Json) -> Json {
    match value {
        Json::Array(items) => items.into_iter().map(sorted).collect(),
        Json::Object(object) => {
            let entries = object.into_iter().map(|(key, value)| (key, sorted(value)));
            entries.collect::<BTreeMap<String, Json>>().into()
        }
        other => other,
    }
}

fn epoch_two<T: Row>(list: &ListFile<T>) -> Vec<u8> {
    list.in_epoch(Epoch::Two).unwrap().to_bytes()
}

#[test]
fn the_corpus_is_written_as_it_was_read() {
    let Some(folder) = folder() else { return };
    let corpus = Corpus::load(&DiskStorage, &folder, true).unwrap();
    let mut files: BTreeMap<FileKind, (u32, u32)> = BTreeMap::new();
    for file in &corpus.files {
        let bytes = std::fs::read(folder.join(&file.path)).unwrap();
        let exact = file.canonical == Some(true);
        let (same, other) = files.entry(file.place.kind).or_default();
        if exact {
            *same += 1;
        } else {
            *other += 1;
            let written = file.content.to_bytes().unwrap();
            let (read, written) = (parse(&bytes).unwrap(), parse(&written).unwrap());
            assert_eq!(read, written, "{}", file.path);
            assert_eq!(sorted(read), sorted(written), "{}", file.path);
        }
        // The corpus is of the second epoch, so that asking for it changes nothing.
        if file.bytes < 200_000 {
            let again = match &file.content {
                Content::Benchmarks(list) => epoch_two(list),
                Content::Answers(list) => epoch_two(list),
                Content::Critiques(list) => epoch_two(list),
                Content::Debates(list) => epoch_two(list),
                Content::Judgments(list) => epoch_two(list),
                Content::Labels(list) => epoch_two(list),
                Content::Unreadable(error) => panic!("{}: {error}", file.path),
            };
            assert_eq!(again == bytes, exact, "{}", file.path);
        }
    }
    let expected = [
        (FileKind::Benchmarks, (8, 0)),
        (FileKind::Answers, (56, 0)),
        (FileKind::Critiques, (112, 0)),
        (FileKind::Debates, (74, 30)),
        (FileKind::Judgments, (8, 0)),
        (FileKind::Labels, (3, 5)),
        (FileKind::Adjudications, (8, 0)),
    ];
    assert_eq!(files.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn every_anomaly_of_the_corpus_is_counted() {
    let Some(folder) = folder() else { return };
    let corpus = Corpus::load(&DiskStorage, &folder, true).unwrap();
    let report = check(&corpus);
    let entries: Vec<u64> = report.totals.values().map(|total| total.entries).collect();
    assert_eq!(entries, [772, 2688, 6542, 2246, 13_665, 179, 840]);
    assert_eq!((report.live_questions, report.judged_claims), (352, 2284));
    let counts: Vec<(&str, u64)> = report
        .counts
        .iter()
        .map(|(class, n)| (class.as_str(), *n))
        .collect();
    assert_eq!(
        counts,
        [
            ("duplicate_judgment", 78),
            ("conflicting_judgment", 5),
            // Two labels of one claim, told apart only by a critic that neither should have.
            ("duplicate_label", 1),
            ("judged_without_critique", 240),
            ("judged_without_ill_posed", 13),
            ("label_without_critique", 25),
            ("label_without_ill_posed", 3),
            ("empty_text", 25),
            ("lost_ill_posed", 75),
            ("unchecked_critique", 21),
            ("schema_echo", 3),
            ("self_check_verdict", 89),
            ("self_check_form", 59),
            ("self_check_extra", 52),
            ("undebated_claim", 46),
            ("unjudged_debate", 216),
            ("too_few_judges", 117),
            ("failed_judgment", 14),
            ("bare_judgment", 1),
            ("miskeyed_label", 7),
            ("shared_label", 4),
            ("self_adjudication", 210),
            ("raw_latex", 100),
            ("raw_latex_own", 78),
            ("interrupted_debate", 29),
            ("missing_answer", 532),
            ("failed_question", 2),
            ("key_order", 169),
            ("hand_edited", 35),
        ]
    );
    let live = report
        .findings
        .iter()
        .filter(|finding| finding.class == Class::TooFewJudges);
    assert_eq!(
        live.filter(|finding| finding.what.contains("(live)"))
            .count(),
        3
    );
    let orphans = |class: Class| {
        let all = report
            .findings
            .iter()
            .filter(move |finding| finding.class == class);
        all.map(|finding| finding.entries.len()).sum::<usize>()
    };
    assert_eq!(orphans(Class::JudgedWithoutCritique), 1440);
    assert_eq!(orphans(Class::JudgedWithoutIllPosed), 156);
}

#[test]
fn people_are_asked_about_the_contested_claims_of_the_corpus() {
    let Some(folder) = folder() else { return };
    crate::label::real(&folder);
}
