//! No question twice in a folder, however old the first one is.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::{self, Json};
use forgemark_contract::text::python_lower_collapse;
use forgemark_dialogue::run::Ending;
use forgemark_journal::Storage;
use forgemark_model::AgentReply;
use forgemark_model::scripted::Dialogue;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, Counting, OUT, questions, role, script};

fn shingles(text: &str) -> BTreeSet<String> {
    let chars: Vec<char> = python_lower_collapse(text).chars().collect();
    if chars.len() <= 5 {
        return BTreeSet::from([chars.iter().collect()]);
    }
    chars
        .windows(5)
        .map(|window| window.iter().collect())
        .collect()
}

fn jaccard(left: &BTreeSet<String>, right: &BTreeSet<String>) -> f64 {
    let both = left.intersection(right).count();
    both as f64 / (left.len() + right.len() - both) as f64
}

fn planted() -> Dialogue {
    Dialogue {
        conflict_rate: 0.2,
        paraphrase_rate: 0.2,
        shared_questions: 5,
        ..Dialogue::PLAIN
    }
}

/// Pairs of questions in the rows that are as similar as the default threshold.
fn similar_pairs(questions: &[String]) -> usize {
    let sets: Vec<_> = questions.iter().map(|text| shingles(text)).collect();
    let mut pairs = 0;
    for (n, left) in sets.iter().enumerate() {
        pairs += sets[..n]
            .iter()
            .filter(|right| jaccard(left, right) >= 0.85)
            .count();
    }
    pairs
}

/// A model that often asks one of a few long questions with another word in it.
fn paraphrasing() -> Arc<Counting> {
    const THINGS: [&str; 12] = [
        "bolts", "nuts", "pins", "caps", "rods", "belts", "seals", "gears", "lamps", "wires",
        "hoses", "tanks",
    ];
    Counting::new(&script(6, Dialogue::PLAIN)).before(|_, request| {
        let sample = request.sample;
        (role(request) == "user_turn" && sample % 3 == 0).then(|| {
            let thing = THINGS[(sample / 3 % 12) as usize];
            let question = match sample / 36 % 2 {
                0 => format!(
                    "Which of the {thing} on the rear assembly of the machine need a drop of blue \
                     thread lock before they are tightened to the final torque of the handbook?"
                ),
                _ => format!(
                    "How often does the inspector of the northern station have to replace the {thing} \
                     that the manual lists under the heading of yearly maintenance, and why so often?"
                ),
            };
            AgentReply::json(&Json::object([
                ("user_message", Json::from(question)),
                ("coverage_target", Json::from("x")),
                ("grounding_facts", Json::from(Vec::<Json>::new())),
            ]))
        })
    })
}

#[test]
fn near_duplicates_do_not_stand_in_the_rows() {
    let bench = Bench::new(paraphrasing())
        .set("run.total_samples", 30)
        .set("run.turns.max", 4)
        .set("judge.enabled", false);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(similar_pairs(&questions(&bench)), 0);
    // With exact matching the same model repeats itself nearly, so the test can fail.
    let exact = bench.on(&MemDisk::new()).set("dedup.near.method", "off");
    assert_eq!(exact.run().ending, Ending::Complete);
    let texts = questions(&exact);
    assert!(similar_pairs(&texts) > 20);
    let unique: BTreeSet<String> = texts
        .iter()
        .map(|text| python_lower_collapse(text))
        .collect();
    assert_eq!(unique.len(), texts.len());
}

#[test]
fn a_second_run_in_the_folder_knows_the_questions_of_the_first() {
    let (bench, _) = Bench::scripted(6, planted());
    let bench = bench.set("run.total_samples", 20);
    let first = bench.run();
    let second = bench
        .clone()
        .options(|options| options.new_run = true)
        .run();
    assert_eq!((first.good, second.good), (20, 20));
    assert_ne!(first.run_id, second.run_id);
    let texts = questions(&bench);
    assert!(texts.len() >= 80, "rows of both runs: {}", texts.len());
    assert_eq!(similar_pairs(&texts), 0);
}

/// A ledger as another program left it, and nothing else.
fn ledger_of(questions: &[String], like: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    for question in questions {
        let mut row = like.as_object().unwrap().clone();
        row.insert("question", question.as_str());
        row.remove("forgemark");
        bytes.extend(json::to_line(&Json::Object(row)));
        bytes.push(b'\n');
    }
    bytes
}

fn disk_with(name: &str, bytes: &[u8]) -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new(OUT)).unwrap();
    let mut file = disk.create(&Path::new(OUT).join(name)).unwrap();
    file.write_all(bytes).unwrap();
    file.sync().unwrap();
    disk
}

#[test]
fn acceptance_8_2_7_the_oldest_of_thousands_of_imported_questions_still_blocks() {
    let oldest = "Which lever of the first machine stops the second one?";
    let agent = Counting::new(&script(4, Dialogue::PLAIN)).before(move |_, request| {
        // The model's first idea, always, until it is told that this was asked before.
        let first = role(request) == "user_turn"
            && !request
                .messages
                .iter()
                .any(|message| message.content.contains("Which lever"));
        first.then(|| {
            AgentReply::json(&Json::object([
                ("user_message", Json::from(oldest)),
                ("coverage_target", Json::from("x")),
                ("grounding_facts", Json::from(Vec::<Json>::new())),
            ]))
        })
    });
    let bench = Bench::new(agent)
        .set("run.total_samples", 3)
        .set("run.concurrency", 1)
        .set("judge.enabled", false);
    bench.run();
    let first = questions(&bench);
    assert_eq!(
        first.iter().filter(|text| *text == oldest).count(),
        1,
        "{first:?}"
    );
    let row = bench.rows("coverage_ledger.jsonl").remove(0);
    let mut old = vec![oldest.to_owned()];
    old.extend((0..3_200).map(|n| {
        format!(
            "Number {n}: what does sheet {} say about pump {}, weight {}?",
            n * 7919 % 3_203,
            n * 31 % 977,
            n * n
        )
    }));
    let ledger = ledger_of(&old, &row);
    let later = bench
        .clone()
        .on(&disk_with("coverage_ledger.jsonl", &ledger));
    let summary = later.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 3)
    );
    let asked = questions(&later);
    assert!(
        !asked.iter().any(|text| text == oldest),
        "the oldest was asked again"
    );
    let attempts = later
        .rows("turns.jsonl")
        .iter()
        .filter(|row| row.at("forgemark").at("attempt").as_i64() > Some(0))
        .count();
    assert_eq!(attempts, asked.len(), "every first attempt was refused");
    // The imported rows stand first, byte for byte, and the run's own follow.
    let found = &later.artifacts()["coverage_ledger.jsonl"];
    assert!(found.starts_with(&ledger));
    assert_eq!(
        later.rows("coverage_ledger.jsonl").len(),
        old.len() + asked.len()
    );
    // A run that comes later knows them, too.
    let again = later
        .clone()
        .set("run.seed", 7)
        .options(|options| options.new_run = true);
    assert_eq!(again.run().ending, Ending::Complete);
    let own = again.rows("coverage_ledger.jsonl").len();
    let texts: BTreeSet<String> = again
        .rows("coverage_ledger.jsonl")
        .iter()
        .map(|row| python_lower_collapse(row.str_or("question", "")))
        .collect();
    assert_eq!(texts.len(), own);
}

#[test]
fn acceptance_8_2_7_unusual_line_breaks_in_questions_survive_and_still_block() {
    let question = "Which \u{2028}valve opens\u{85}first, and why\u{2029}then?";
    let agent = Counting::new(&script(4, Dialogue::PLAIN)).before(move |_, request| {
        // The first attempt of every question is this one.
        let first = role(request) == "user_turn"
            && request.messages.len() == 2
            && !request.messages[1].content.contains("valve opens");
        first.then(|| {
            AgentReply::json(&Json::object([
                ("user_message", Json::from(question)),
                ("coverage_target", Json::from("x")),
                ("grounding_facts", Json::from(Vec::<Json>::new())),
            ]))
        })
    });
    let bench = Bench::new(Arc::clone(&agent) as Arc<dyn forgemark_model::Agent>)
        .set("run.total_samples", 2)
        .set("run.concurrency", 1)
        .set("judge.enabled", false);
    assert_eq!(bench.run().ending, Ending::Complete);
    let of = |bench: &Bench| {
        questions(bench)
            .iter()
            .filter(|text| text.as_str() == question)
            .count()
    };
    assert_eq!(of(&bench), 1, "{:?}", questions(&bench));
    let ledger = String::from_utf8(bench.artifacts()["coverage_ledger.jsonl"].clone()).unwrap();
    assert!(
        ledger.contains('\u{2028}') && ledger.contains('\u{85}'),
        "written raw, as the contract says"
    );
    assert_eq!(
        ledger.split('\n').filter(|line| !line.is_empty()).count(),
        bench.rows("coverage_ledger.jsonl").len()
    );
    let again = bench.clone().options(|options| options.new_run = true);
    assert_eq!(again.run().ending, Ending::Complete);
    assert_eq!(of(&again), 1, "asked once over both runs");
    // As an imported ledger it blocks as well: rows end at line feeds only.
    let imported = bench
        .clone()
        .on(&disk_with("coverage_ledger.jsonl", ledger.as_bytes()));
    assert_eq!(imported.run().ending, Ending::Complete);
    let own = questions(&imported);
    assert!(!own.iter().any(|text| text == question), "{own:?}");
}

#[test]
fn a_model_with_few_questions_ends_in_true_drops_and_not_in_repeats() {
    let settings = Dialogue {
        conflict_rate: 1.0,
        shared_questions: 8,
        ..Dialogue::PLAIN
    };
    let (bench, _) = Bench::scripted(6, settings);
    let bench = bench
        .set("run.total_samples", 30)
        .options(|options| options.max_failed = Some(forgemark_dialogue::MaxFailed::Count(20)));
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::TooManyFailed);
    let texts = questions(&bench);
    assert!(texts.len() <= 8, "{texts:?}");
    assert_eq!(similar_pairs(&texts), 0);
    assert_eq!(
        summary.dropped.keys().copied().collect::<Vec<_>>(),
        ["dedup_exhausted"]
    );
    super::counts::assert_sums(&bench, summary.good, &summary.dropped);
}
