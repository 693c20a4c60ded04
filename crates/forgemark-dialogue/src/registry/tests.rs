use std::path::Path;

use forgemark_run::Knowledge as _;
use forgemark_testkit::MemDisk;

use super::*;

const NEAR: Matching = Matching { near: Some(0.85), cosine: None };
const DIR: &str = "/out/.forgemark/questions";

fn open(disk: &MemDisk, committed: u64) -> (Registry, u64) {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    Registry::open(&storage, Path::new(DIR), NEAR, committed).unwrap()
}

fn question(n: u64) -> Question {
    let text = format!(
        "Which of the {n} levers of machine {} has to be pulled first on day {}?",
        n * 7919 % 9973,
        n * n
    );
    Question::new(&text, NEAR)
}

fn knows(registry: &Registry, n: u64) -> bool {
    registry.conflicts_with_final(&question(n)).unwrap()
}

#[test]
fn what_was_added_is_found_and_nothing_else() {
    let (registry, known) = open(&MemDisk::new(), 0);
    assert_eq!(known, 0);
    for n in 1..=200 {
        registry.add(n, &[question(n)]).unwrap();
    }
    assert!((1..=200).all(|n| knows(&registry, n)));
    assert!((201..=400).all(|n| !knows(&registry, n)));
    let near = Question::new(
        "Which of the 5 levers of machine 9676 has to be pulled FIRST on  day 25 ?",
        NEAR,
    );
    assert!(registry.conflicts_with_final(&near).unwrap(), "a near one");
}

#[test]
fn what_was_flushed_need_not_be_added_again() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    for n in 1..=50 {
        registry.add(n, &[question(n)]).unwrap();
    }
    registry.flush().unwrap();
    for n in 51..=60 {
        registry.add(n, &[question(n)]).unwrap();
    }
    drop(registry);
    let (registry, known) = open(&disk.power_loss(), 60);
    assert_eq!(known, 50, "the caller has to add the later ones again");
    assert!((1..=50).all(|n| knows(&registry, n)));
    assert!((51..=60).all(|n| !knows(&registry, n)));
    for n in 51..=60 {
        registry.add(n, &[question(n)]).unwrap();
    }
    assert!((1..=60).all(|n| knows(&registry, n)));
}

#[test]
fn questions_of_commits_that_were_taken_back_do_not_count() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    for n in 1..=20 {
        registry
            .add(n, &[question(n), question(1_000 + n)])
            .unwrap();
    }
    registry.flush().unwrap();
    drop(registry);
    // The journal has only 12 commits; other ones take the numbers 13 to 20.
    let (registry, known) = open(&disk, 12);
    assert_eq!(known, 12);
    assert!((1..=12).all(|n| knows(&registry, n) && knows(&registry, 1_000 + n)));
    assert!((13..=20).all(|n| !knows(&registry, n)));
    for n in 13..=20 {
        registry.add(n, &[question(2_000 + n)]).unwrap();
    }
    registry.flush().unwrap();
    drop(registry);
    let (registry, known) = open(&disk, 20);
    assert_eq!(known, 20);
    assert!((13..=20).all(|n| !knows(&registry, n) && knows(&registry, 2_000 + n)));
    drop(registry);
    // And once more, over the range that is void already.
    let (registry, known) = open(&disk, 5);
    assert_eq!(known, 5);
    assert!((6..=12).all(|n| !knows(&registry, n)) && (1..=5).all(|n| knows(&registry, n)));
}

#[test]
fn commits_without_questions_leave_no_gap() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    registry.add(1, &[question(1)]).unwrap();
    let none: [Question; 0] = [];
    registry.add(2, &none).unwrap();
    registry
        .finalize(
            ItemKey {
                group: 0,
                ordinal: 2,
            },
            &[question(3)],
        )
        .unwrap();
    registry.flush().unwrap();
    drop(registry);
    let (registry, known) = open(&disk, 3);
    assert_eq!(known, 3, "the third commit was numbered by its place");
    assert!(knows(&registry, 3));
}

#[test]
fn long_and_unusual_questions_are_read_back() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    let texts = [
        "Why? ".repeat(2_000),
        "q\u{2028}with\u{85}breaks\u{2029}inside?".to_owned(),
        "日本語の質問ですか。".repeat(60),
        String::new(),
        "?".to_owned(),
    ];
    let questions: Vec<Question> = texts.iter().map(|text| Question::new(text, NEAR)).collect();
    registry.add(1, &questions).unwrap();
    registry.flush().unwrap();
    drop(registry);
    let (registry, known) = open(&disk, 1);
    assert_eq!(known, 1);
    for question in &questions {
        assert!(
            registry.conflicts_with_final(question).unwrap(),
            "{:?}",
            question.text()
        );
    }
}

#[test]
fn exact_and_near_matching_have_memories_of_their_own() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    registry.add(1, &[question(1)]).unwrap();
    registry.flush().unwrap();
    drop(registry);
    let storage: Arc<dyn Storage> = Arc::new(disk);
    let exact = Matching { near: None, cosine: None };
    let (registry, known) = Registry::open(&storage, Path::new(DIR), exact, 1).unwrap();
    assert_eq!(known, 0, "all questions are to be added to this one");
    let same = Question::new(question(1).text(), exact);
    assert!(!registry.conflicts_with_final(&same).unwrap());
    registry.add(1, [&same]).unwrap();
    assert!(registry.conflicts_with_final(&same).unwrap());
}

#[test]
fn old_ranges_do_not_hide_the_questions_of_a_log_that_begins_anew() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    for n in 1..=20 {
        registry.add(n, &[question(n)]).unwrap();
    }
    registry.flush().unwrap();
    drop(registry);
    drop(open(&disk, 12));
    let void = Path::new(DIR).join("near-16x8/void");
    assert!(
        disk.len(&void).unwrap().is_some(),
        "the questions of 13 to 20 do not count"
    );
    let index = Path::new(DIR).join("near-16x8/index");
    for name in disk.list(&index).unwrap() {
        disk.remove(&index.join(name)).unwrap();
    }
    let (registry, known) = open(&disk, 12);
    assert_eq!(known, 0, "nothing is indexed any more");
    for n in 1..=40 {
        registry.add(n, &[question(n)]).unwrap();
    }
    registry.flush().unwrap();
    drop(registry);
    let (registry, known) = open(&disk, 40);
    assert_eq!(known, 40);
    assert!((1..=40).all(|n| knows(&registry, n)));
}

#[test]
fn another_threshold_keeps_its_own_memory() {
    let disk = MemDisk::new();
    let (registry, _) = open(&disk, 0);
    registry.add(1, &[question(1)]).unwrap();
    registry.flush().unwrap();
    drop(registry);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let looser = Matching { near: Some(0.5), cosine: None };
    let (registry, known) = Registry::open(&storage, Path::new(DIR), looser, 1).unwrap();
    assert_eq!(known, 0, "the caller adds them again, under other buckets");
    let text = question(1).text().to_owned();
    registry.add(1, &[Question::new(&text, looser)]).unwrap();
    let similar = Question::new(&text.replace("lever", "crank"), looser);
    assert!(registry.conflicts_with_final(&similar).unwrap());
    drop(registry);
    let (registry, known) = open(&disk, 1);
    assert_eq!(known, 1);
    assert!(knows(&registry, 1));
}
