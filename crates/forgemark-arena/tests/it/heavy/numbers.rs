//! What is known of the real corpus from its own programs: who won how often, and how strong everybody is.

use std::collections::{BTreeMap, HashSet};

use forgemark_arena::games::{End, Meeting, OwnAnswer};
use forgemark_arena::policy::Orphans;
use forgemark_arena::rate::{By, Model, Options, rate, rate_parts};
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Policy, Stats, Walk};
use forgemark_journal::DiskStorage;
use forgemark_stats::rating::{AscentRules, Labelled, Rating, ascend, elo, fit};

use super::folder;

#[test]
fn the_numbers_of_the_original_come_out() {
    let Some(folder) = folder() else { return };
    let corpus = Corpus::load(&DiskStorage, &folder, false).unwrap();
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    ratings(&corpus, &docket);
    protocol_flow(&corpus, &docket);
    people_after_the_panel(&corpus, &docket);
    invalid_questions(&docket);
    statistics(&corpus, &docket);
    parts(&corpus, &docket);
}

fn preset(name: &str) -> Policy {
    Policy::preset(name).unwrap()
}

fn walk(corpus: &Corpus, docket: &Docket<'_>, policy: &Policy) -> Walk {
    Walk::new(corpus, &Adjudicator::new(docket, policy))
}

fn count(walk: &Walk, won: bool) -> usize {
    let games = walk.meetings.iter().filter_map(Meeting::answerer_wins);
    games.filter(|wins| *wins == won).count()
}

/// Name, answerer: wins, losses, Elo of the original optimiser, exact Elo, its error; the same as questioner.
type Row = (
    &'static str,
    (u32, u32, f64, f64, f64),
    (u32, u32, f64, f64, f64),
);

const RATINGS: [Row; 8] = [
    (
        "deepseek-deepseek-v3.2-speciale",
        (222, 3, 2272.5, 2272.77, 117.9),
        (148, 156, 1386.8, 1386.95, 48.0),
    ),
    (
        "anthropic-claude-opus-4.5",
        (221, 6, 2157.5, 2157.72, 92.2),
        (126, 181, 1218.2, 1218.33, 43.9),
    ),
    (
        "openai-gpt-5.2-2025-12-11",
        (224, 2, 2132.1, 2132.32, 130.3),
        (181, 121, 1778.6, 1778.80, 70.7),
    ),
    (
        "google-gemini-3-pro-preview",
        (219, 7, 2095.4, 2095.69, 92.6),
        (161, 145, 1506.3, 1506.47, 52.8),
    ),
    (
        "meta-llama-llama-4-maverick",
        (111, 115, 1308.0, 1308.10, 45.5),
        (12, 230, 459.2, 459.26, 64.8),
    ),
    (
        "microsoft-phi-4",
        (89, 161, 1020.0, 1020.15, 46.7),
        (5, 100, 466.9, 466.98, 90.0),
    ),
    (
        "openai-gpt-4o-2024-08-06",
        (73, 158, 1019.0, 1019.08, 50.0),
        (22, 225, 649.9, 650.01, 59.0),
    ),
    (
        "openai-gpt-3.5-turbo-0125",
        (53, 204, 626.4, 626.54, 55.1),
        (1, 54, 534.2, 533.21, 159.1),
    ),
];

fn ratings(corpus: &Corpus, docket: &Docket<'_>) {
    let walk = walk(corpus, docket, &preset("head"));
    assert_eq!((count(&walk, true), count(&walk, false)), (1212, 656));
    assert_eq!((walk.live, walk.valid, walk.unresolved()), (352, 271, 29));
    let design = walk.design();
    let (exact, climbed) = (fit(&design), ascend(&design, &AscentRules::default()));
    assert!(
        (exact.log_likelihood - -357.296_421).abs() < 1e-6,
        "{}",
        exact.log_likelihood
    );
    assert!(exact.structure.is_whole());
    assert_eq!((climbed.iterations, climbed.converged), (3000, false));
    for (name, answerer, questioner) in RATINGS {
        let name = docket.graph.name(name).unwrap();
        let checks = [
            (
                &walk.answerers,
                &exact.answerers,
                &climbed.answerers,
                answerer,
                true,
            ),
            (
                &walk.questioners,
                &exact.questioners,
                &climbed.questioners,
                questioner,
                false,
            ),
        ];
        for (names, ratings, climbed, expected, answers) in checks {
            let (won, lost, original, rated, error) = expected;
            let at = names.iter().position(|other| *other == name).unwrap();
            let rating: Rating = ratings[at];
            let found = rating.elo().unwrap();
            assert!((found - rated).abs() <= 0.05, "{found} {rated}");
            let found = rating.elo_error().unwrap();
            assert!((found - error).abs() <= 0.1, "{found} {error}");
            let found = elo(climbed[at]);
            assert!((found - original).abs() <= 0.051, "{found} {original}");
            let games = walk.meetings.iter().filter(|meeting| {
                name == if answers {
                    meeting.answerer
                } else {
                    meeting.question.questioner
                }
            });
            let wins: Vec<bool> = games.filter_map(Meeting::answerer_wins).collect();
            let own = wins.iter().filter(|wins| **wins == answers).count();
            assert_eq!((own, wins.len() - own), (won as usize, lost as usize));
        }
    }
}

fn protocol_flow(corpus: &Corpus, docket: &Docket<'_>) {
    let walk = walk(corpus, docket, &preset("stats"));
    let ends: Vec<(End, u64)> = walk.ends().into_iter().collect();
    assert_eq!(
        ends,
        [
            (End::QuestionFailed, 7),
            (End::AnswerMissing, 532),
            (End::ContradictionUnresolved, 20),
            (End::AnswerFailed, 70),
            (End::IllPosedRejected, 3),
            (End::IllPosedUnresolved, 1),
            (End::CriticCorrect, 1212),
            (End::CritiqueRejected, 11),
            (End::CritiqueUpheld, 576),
            (End::CritiqueUnresolved, 32),
        ]
    );
    assert_eq!(walk.meetings.len(), 2464);
    let own = |wanted: OwnAnswer| {
        walk.meetings
            .iter()
            .filter(|meeting| meeting.own == wanted)
            .count()
    };
    assert_eq!(
        (
            own(OwnAnswer::Correct),
            own(OwnAnswer::Rejected),
            own(OwnAnswer::Missing)
        ),
        (1889, 16, 0)
    );
    // Without the games on invalid questions.
    assert_eq!((count(&walk, true), count(&walk, false)), (1205, 648));
}

fn people_after_the_panel(corpus: &Corpus, docket: &Docket<'_>) {
    let walk = walk(corpus, docket, &preset("panel-then-human"));
    assert_eq!((count(&walk, true), count(&walk, false)), (1226, 671));
    assert_eq!((walk.valid, walk.unresolved()), (271, 0));
}

fn invalid_questions(docket: &Docket<'_>) {
    let policy = preset("head");
    let adjudicator = Adjudicator::new(docket, &policy);
    let counts = |orphans| {
        let (mut own, mut ill) = (BTreeMap::new(), BTreeMap::new());
        for question in docket.graph.questions.keys() {
            let (by_own, by_ill) = adjudicator.validity(question, orphans);
            for (counts, outcome) in [(&mut own, by_own), (&mut ill, by_ill)] {
                if let Some(outcome) = outcome {
                    *counts.entry(outcome.as_str()).or_insert(0) += 1;
                }
            }
        }
        (own, ill)
    };
    let (own, ill) = counts(Orphans::Ignored);
    assert_eq!((own["claimant"], own["defender"]), (454, 29));
    assert_eq!((ill["claimant"], ill["defender"]), (6, 5));
    assert_eq!(counts(Orphans::Counted).0["claimant"], 494);
}

/// Model, claims upheld, claims decided, first valid attempts from 1 to 5, runs without one.
type ModelRow = (&'static str, (u64, u64), [u64; 5], u64);

const MODELS: [ModelRow; 8] = [
    ("anthropic-claude-opus-4.5", (147, 147), [40, 3, 1, 0, 0], 0),
    (
        "deepseek-deepseek-v3.2-speciale",
        (140, 140),
        [43, 1, 0, 0, 0],
        0,
    ),
    (
        "google-gemini-3-pro-preview",
        (150, 150),
        [40, 3, 1, 0, 0],
        0,
    ),
    (
        "meta-llama-llama-4-maverick",
        (20, 22),
        [21, 10, 4, 0, 0],
        9,
    ),
    ("microsoft-phi-4", (26, 27), [44, 0, 0, 0, 0], 0),
    ("openai-gpt-3.5-turbo-0125", (0, 5), [4, 2, 0, 1, 2], 35),
    ("openai-gpt-4o-2024-08-06", (59, 78), [11, 18, 7, 2, 0], 6),
    ("openai-gpt-5.2-2025-12-11", (215, 215), [41, 2, 1, 0, 0], 0),
];

fn statistics(corpus: &Corpus, docket: &Docket<'_>) {
    let policy = preset("stats");
    let adjudicator = Adjudicator::new(docket, &policy);
    let walk = Walk::new(corpus, &adjudicator);
    let stats = Stats::new(corpus, &adjudicator, &walk, 0, 0);
    let critiques: u64 = stats.critiques.values().sum();
    assert_eq!(
        (
            stats.questions,
            stats.answers,
            stats.ill_posed_answers,
            critiques,
            stats.critiques["correct"]
        ),
        (352, 1925, 4, 4147, 3216)
    );
    assert_eq!(stats.debates.0, 4);
    assert_eq!(
        stats
            .labels
            .iter()
            .map(|(k, n)| (*k, *n))
            .collect::<Vec<_>>(),
        [(0, 862), (1, 71), (2, 2)]
    );
    assert_eq!((stats.contested, stats.contested_answers), (105, 92));
    assert_eq!(stats.outcomes(), [1223, 649, 53]);
    for (name, claims, attempts, never) in MODELS {
        let model = &stats.models[name];
        assert_eq!((model.claimant.hits, model.claimant.n), claims, "{name}");
        let found = (1..=5).map(|at| model.first_valid.get(&at).copied().unwrap_or(0));
        assert_eq!(found.collect::<Vec<_>>(), attempts, "{name}");
        assert_eq!(model.never_valid, never, "{name}");
    }
    assert_eq!(
        stats.validity.map(|validity| validity.own_upheld),
        [454, 494]
    );
    let verdicts = |kind: &str| -> u64 {
        let of = stats.verdicts.iter().filter(|((k, _), _)| k == kind);
        of.map(|(_, n)| n).sum()
    };
    assert_eq!((verdicts("critique"), verdicts("ill-posed")), (13_413, 252));
}

/// Topics and attempts divide the games, and each is rated on its own.
fn parts(corpus: &Corpus, docket: &Docket<'_>) {
    let policy = preset("head");
    let adjudicator = Adjudicator::new(docket, &policy);
    let walk = Walk::new(corpus, &adjudicator);
    let stats = Stats::new(corpus, &adjudicator, &walk, 0, 0);
    let options = Options {
        model: Model::Firth,
        resamples: 0,
        seed: 0,
    };
    let of = |by| {
        rate_parts(
            corpus,
            &adjudicator,
            &walk,
            &Labelled::default(),
            options,
            by,
        )
    };
    let attempts = of(By::Attempt);
    for part in &attempts {
        let counted = stats.attempts[&part.name.parse().unwrap()];
        assert_eq!(
            (part.ratings.games, part.ratings.valid),
            (counted.games.n, counted.valid)
        );
    }
    let names: Vec<_> = attempts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["1", "2", "3", "4", "5"]);
    let topics = of(By::Topic);
    assert_eq!(topics.len(), 44);
    for parts in [&attempts, &topics] {
        assert_eq!(
            parts.iter().map(|part| part.ratings.games).sum::<u64>(),
            1_868
        );
        let rows = parts.iter().flat_map(|part| &part.ratings.rows);
        for row in rows.filter(|row| row.wins + row.losses > 0) {
            assert!(row.rating.logit.is_some_and(f64::is_finite), "{row:?}");
        }
    }
    // All of it is one part of itself.
    let whole = rate(
        &adjudicator,
        &walk.only(|_| true),
        &Labelled::default(),
        options,
    );
    assert_eq!(
        whole,
        rate(&adjudicator, &walk, &Labelled::default(), options)
    );
}
