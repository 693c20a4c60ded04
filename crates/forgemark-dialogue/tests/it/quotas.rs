//! Goals for documents, topics, personas, modes, difficulties and languages.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::settings::{Origin, Resolved};
use forgemark_dialogue::config::{Config, KEYS, SeedTopics};
use forgemark_dialogue::run::{Ending, Summary, standing};
use forgemark_dialogue::{DialogueError, Dimension, Gap};
use forgemark_journal::{Storage, inspect};
use forgemark_model::scripted::Dialogue;
use forgemark_model::{AgentReply, ChatRequest};
use forgemark_testkit::MemDisk;

use super::bench::{Bench, Counting, OUT, assert_same, role, script};
use super::check::{assert_clean, files_of};

fn map(text: &str) -> Json {
    parse_str(text).unwrap()
}

/// What the difficulty of a question is to be, as the prompt says it.
fn asked_difficulty(request: &ChatRequest) -> Option<String> {
    let task = &request.messages.last()?.content;
    let (_, rest) = task.split_once("Difficulty of the question: ")?;
    Some(rest.split('.').next()?.to_owned())
}

/// A model that makes its questions as difficult as it is told, and sometimes repeats one.
fn obedient() -> Arc<Counting> {
    let settings = Dialogue {
        conflict_rate: 0.1,
        shared_questions: 4,
        ..Dialogue::PLAIN
    };
    let other = Counting::new(&script(5, settings));
    Counting::new(&script(5, settings)).before(move |_, request| {
        use forgemark_model::Agent as _;
        if role(request) != "user_turn" {
            return None;
        }
        let difficulty = asked_difficulty(request)?;
        let mut turn = parse_str(&other.reply(request).content).ok()?;
        turn.as_object_mut()?.insert("difficulty", difficulty);
        Some(AgentReply::json(&turn))
    })
}

fn bench(agent: Arc<Counting>) -> Bench {
    Bench::new(agent)
        .set("run.total_samples", 30)
        .set("run.batch_size", 4)
        .set("run.turns.min", 1)
        .set("run.turns.max", 3)
        .set("run.lookahead", 8)
        .set("run.concurrency", 4)
        .set("judge.enabled", false)
        .set("tools.max_rounds", 0)
}

fn all_goals() -> Bench {
    bench(obedient())
        .set(
            "quotas.document",
            map(r#"{"section-01.txt": 0.4, "section-03.txt": 6}"#),
        )
        .set(
            "quotas.mode",
            map(r#"{"off_topic": 0.2, "adjacent": "10%"}"#),
        )
        .set("quotas.difficulty", map(r#"{"hard": 0.5, "easy": 0.25}"#))
}

#[track_caller]
fn gap<'s>(summary: &'s Summary, dimension: Dimension, name: &str) -> &'s Gap {
    let mut gaps = summary.gaps.iter();
    let found = gaps.find(|gap| gap.dimension == dimension && gap.name == name);
    found.unwrap_or_else(|| panic!("no goal of {name} in {:?}", summary.gaps))
}

/// Turns of good conversations by a value of their rows.
fn turns_by(bench: &Bench, value: impl Fn(&Json) -> String) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in bench.rows("turns.jsonl") {
        *counts.entry(value(&row)).or_insert(0) += 1;
    }
    counts
}

#[test]
fn a_run_comes_close_to_all_its_goals_and_says_how_close() {
    let persona = forgemark_dialogue::config::Personas::built_in().user[0]
        .id
        .clone();
    let bench = all_goals().set(
        "quotas.persona",
        Json::object([(persona.as_str(), Json::from(0.5))]),
    );
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 30)
    );
    let turns = summary.turns;
    let near = |found: &Gap, share: f64, units: u64| {
        assert_eq!(
            found.goal,
            (share * units as f64).round() as u64,
            "{found:?}"
        );
        assert!(
            found.made.abs_diff(found.goal) * 8 <= units,
            "{found:?} of {units}"
        );
    };
    near(gap(&summary, Dimension::Persona, &persona), 0.5, 30);
    near(gap(&summary, Dimension::Difficulty, "hard"), 0.5, turns);
    near(gap(&summary, Dimension::Difficulty, "easy"), 0.25, turns);
    near(gap(&summary, Dimension::Mode, "off_topic"), 0.2, turns);
    near(gap(&summary, Dimension::Mode, "adjacent"), 0.1, turns);
    near(
        gap(&summary, Dimension::Document, "section-01.txt"),
        0.4,
        turns,
    );
    let count = gap(&summary, Dimension::Document, "section-03.txt");
    assert!(count.goal == 6 && count.made >= 5, "{count:?}");
    // What the summary says is what stands in the rows.
    if summary.dropped.is_empty() {
        let hard = turns_by(&bench, |row| row.str_or("difficulty", "").to_owned());
        assert_eq!(
            hard["hard"],
            gap(&summary, Dimension::Difficulty, "hard").made
        );
        let modes = turns_by(&bench, |row| row.str_or("question_mode", "").to_owned());
        assert_eq!(
            modes["off_topic"],
            gap(&summary, Dimension::Mode, "off_topic").made
        );
    }
    // And what the journal says to who has no configuration.
    let storage: Arc<dyn Storage> = Arc::new(bench.disk.clone());
    let recovered = inspect(&storage, OUT.as_ref()).unwrap().unwrap();
    assert_eq!(standing(&recovered).unwrap().runs[0].gaps, summary.gaps);
    assert_clean(&files_of(&bench.disk), "steered");
}

#[test]
fn without_goals_the_shares_are_others() {
    let summary = bench(obedient()).run();
    assert_eq!(summary.gaps, Vec::new());
}

#[test]
fn goals_are_the_same_with_any_concurrency_and_after_a_stop() {
    let persona = forgemark_dialogue::config::Personas::built_in().user[1]
        .id
        .clone();
    let bench = |concurrency: i64| {
        all_goals()
            .set("run.total_samples", 16)
            .set("run.concurrency", concurrency)
            .set(
                "quotas.persona",
                Json::object([(persona.as_str(), Json::from(3))]),
            )
    };
    let one = bench(1);
    let expected = one.run();
    assert!(!expected.gaps.is_empty());
    let many = bench(8);
    assert_eq!(many.run().gaps, expected.gaps);
    assert_same(&one.artifacts(), &many.artifacts(), "concurrency");

    let parts = bench(4);
    for limit in [3, 5] {
        let part = parts.clone().options(|options| options.limit = Some(limit));
        assert_eq!(part.run().ending, Ending::Limit);
    }
    let summary = parts.run();
    assert_eq!(
        (summary.ending, summary.gaps),
        (Ending::Complete, expected.gaps)
    );
    assert_same(&one.artifacts(), &parts.artifacts(), "in three parts");
}

#[test]
fn a_killed_run_reaches_the_same_goals() {
    let bench = |disk: &MemDisk| all_goals().set("run.total_samples", 6).on(disk);
    let whole = bench(&MemDisk::new());
    let expected = whole.run();
    for at in [40, 90, 160] {
        let disk = MemDisk::new();
        disk.set_fault(forgemark_testkit::Fault {
            at,
            kind: forgemark_testkit::FaultKind::Crash,
        });
        let _ = bench(&disk).try_run();
        let after = bench(&disk.kill());
        let summary = after.run();
        assert_eq!(summary.gaps, expected.gaps, "killed at {at}");
        assert_same(
            &whole.artifacts(),
            &after.artifacts(),
            &format!("killed at {at}"),
        );
    }
}

#[test]
fn seed_topics_are_given_out_as_wanted() {
    let mut bench = bench(obedient())
        .set("run.total_samples", 12)
        .set("run.data.seeding.topics.enabled", true)
        .set("run.data.seeding.topics.probability", 0.5)
        .set("quotas.topic", map(r#"{"valves": 5, "lines": 20}"#));
    let questions = |topic: &str, n: usize| -> Json {
        let one = |n: usize| Json::from(format!("What about number {n} of the {topic}?"));
        (0..n).map(one).collect()
    };
    let topics = [("valves", 8), ("lines", 3), ("meters", 9)];
    let topics = Json::object(topics.map(|(topic, n)| (topic, questions(topic, n))));
    bench.seeds = Some(SeedTopics::from_json(&topics, "", 0.5).unwrap());
    let run = bench.open().unwrap();
    let warnings = run.warnings().to_vec();
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("lines") && line.contains("3 questions")),
        "{warnings:?}"
    );
    assert!(
        warnings
            .iter()
            .any(|line| line.contains("25 conversations are wanted")),
        "{warnings:?}"
    );
    drop(run);
    let summary = bench.run();
    assert_eq!(summary.good, 12);
    assert_eq!(gap(&summary, Dimension::Topic, "valves").made, 5);
    let lines = gap(&summary, Dimension::Topic, "lines");
    assert_eq!(
        (lines.made, lines.missing()),
        (3, 17),
        "each question is used once"
    );
}

#[test]
fn languages_have_exact_totals_by_share() {
    let bench = bench(obedient())
        .set("run.total_samples", 4)
        .set(
            "run.target_languages",
            Json::from(["en", "de", "fr"].map(Json::from).to_vec()),
        )
        .set("language.check", "off")
        .set("quotas.language", map(r#"{"de": 0.5, "fr": 2}"#));
    let summary = bench.run();
    assert_eq!((summary.good, summary.wanted), (12, 12));
    assert_eq!(gap(&summary, Dimension::Language, "de").made, 6);
    assert_eq!(gap(&summary, Dimension::Language, "fr").made, 2);
    assert!(summary.gaps.iter().all(|gap| gap.missing() == 0));
}

#[test]
fn what_cannot_be_is_named_before_anything_is_paid() {
    let agent = obedient();
    let bench = bench(Arc::clone(&agent))
        .set(
            "quotas.document",
            map(r#"{"section-01.txt": 0.2, "nowhere.txt": 3}"#),
        )
        .set("quotas.persona", map(r#"{"nobody": 1}"#));
    let error = bench.try_run().unwrap_err();
    let DialogueError::Quotas { what } = &error else {
        panic!("{error}")
    };
    assert!(
        what[0].contains("nowhere.txt") && what[0].contains("section-00.txt"),
        "{what:?}"
    );
    assert!(what[1].contains("nobody"), "{what:?}");
    assert_eq!(agent.calls(), 0);

    let mut values = Resolved::defaults(KEYS).unwrap();
    for role in ["user", "assistant"] {
        values.set(
            format!("llm.agents.{role}.model"),
            Json::from("m"),
            Origin::Default,
        );
    }
    for (path, text) in [
        ("quotas.mode", r#"{"followup": 0.7, "adjacent": 0.5}"#),
        ("quotas.difficulty", r#"{"impossible": 0.7}"#),
        ("quotas.document", r#"{"a.txt": 1.5}"#),
        ("quotas.language", r#"{"tlh": 1}"#),
    ] {
        values.set(path.to_owned(), map(text), Origin::Default);
    }
    let said = format!("{:?}", Config::new(&values).unwrap_err());
    for part in [
        "add up to 1.2",
        "impossible",
        "neither a count nor a share",
        "tlh",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
