//! Solvers of declared skills through the whole pipeline: what comes out is what was planted.

use std::collections::HashSet;

use forgemark_arena::pipeline::solver::{agent, truth};
use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_arena::rate::{Model, Options, Role};
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Walk, rate};
use forgemark_contract::arena::{Answer, Benchmark};
use forgemark_contract::json::Json;
use forgemark_model::Backend;
use forgemark_stats::rating::Labelled;

use super::bench::{Bench, root};

/// From the strongest down.
const SKILLS: [(&str, f64); 5] = [
    ("ace", 0.97),
    ("bea", 0.8),
    ("cal", 0.6),
    ("deb", 0.4),
    ("eli", 0.15),
];

fn solvers(topics: usize) -> Bench {
    let topics: Vec<Json> = (0..topics)
        .map(|n| Json::from(format!("topic {n}")))
        .collect();
    let mut bench = Bench::new()
        .set("topics", Json::from(topics))
        .set("questions.max_outer_attempts", 5);
    bench.models = SKILLS.map(|(name, _)| (name.to_owned(), 0)).into();
    bench.backends = SKILLS
        .map(|(name, skill)| (name.to_owned(), Backend::Agent(agent(name, skill, 0))))
        .into();
    bench
}

#[test]
fn a_run_with_planted_skills_recovers_their_order() {
    let bench = solvers(16);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.made.values().all(|made| *made > 0), "{summary:?}");
    let corpus = Corpus::load(&bench.disk, root(), false).unwrap();
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    let settings = bench.settings();
    let adjudicator = Adjudicator::new(&docket, &settings.policy);
    let walk = Walk::new(&corpus, &adjudicator);
    let options = Options {
        model: Model::Firth,
        resamples: 0,
        seed: 0,
    };
    let ratings = rate(&adjudicator, &walk, &Labelled::default(), options);
    let answerers: Vec<&str> = (ratings.rows.iter())
        .filter(|row| row.role == Role::Answerer)
        .map(|row| row.model.as_str())
        .collect();
    let planted: Vec<&str> = SKILLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(answerers, planted, "{:#?}", ratings.rows);

    // What the pipeline decides about answers agrees with what is true of them.
    let mut decided = 0;
    let mut agreed = 0;
    for meeting in &walk.meetings {
        let Some(won) = meeting.answerer_wins() else {
            continue;
        };
        let asked = graph.questions[&meeting.question].last().unwrap();
        let question = &corpus
            .record::<Benchmark>(*asked)
            .unwrap()
            .last()
            .unwrap()
            .question;
        let key = forgemark_contract::arena::AnswerKey {
            question: meeting.question,
            answerer: meeting.answerer,
        };
        let answer = corpus
            .record::<Answer>(*graph.answers[&key].last().unwrap())
            .unwrap();
        let text = answer.last().map_or("", |last| last.answer.as_str());
        let truth = truth(question, text).expect("a solver's question");
        decided += 1;
        agreed += u64::from(truth.right == won);
    }
    assert!(decided > 150, "{decided}");
    assert!(agreed * 10 > decided * 8, "{agreed} of {decided}");
    println!("{agreed} of {decided} decisions about answers are true");
}

#[test]
fn a_limit_ends_a_run_that_the_same_command_goes_on_with() {
    let whole = solvers(2);
    whole.run();
    let steps = solvers(2);
    let mut commands = 0;
    loop {
        let part = steps.clone().options(|options| options.limit = Some(40));
        let summary = part.run();
        commands += 1;
        match summary.ending {
            Ending::Limit => assert_eq!(summary.made.values().sum::<u64>(), 40),
            Ending::Complete | Ending::AlreadyComplete => break,
            other => panic!("{other:?}"),
        }
        assert!(commands < 200);
    }
    assert!(commands > 3, "{commands}");
    let questions = |bench: &Bench| {
        let lines = bench.lines("provenance.jsonl");
        let of = lines
            .iter()
            .filter(|line| line.str_or("record", "").starts_with("question"));
        of.count()
    };
    assert_eq!(
        questions(&whole),
        questions(&steps),
        "{:?}",
        Stage::Questions
    );
    super::bench::assert_same(&whole.files(), &steps.files(), "in steps of forty");
}
