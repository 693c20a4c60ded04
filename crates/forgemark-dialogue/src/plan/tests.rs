use std::collections::BTreeSet;

use forgemark_contract::json::parse_str;

use super::*;

fn turns(min: u32, max: u32, distribution: TurnDistribution) -> Turns {
    Turns {
        min,
        max,
        distribution,
        mean: None,
    }
}

fn persona(id: &str) -> Persona {
    Persona {
        id: id.to_owned(),
        name: id.to_owned(),
        traits: Vec::new(),
        style: String::new(),
    }
}

struct Bench {
    languages: Vec<String>,
    run: RunId,
    users: Vec<Persona>,
    seeds: Option<SeedTopics>,
    question: String,
    batch_size: u64,
    compat_ids: bool,
}

impl Bench {
    fn new(languages: &[&str]) -> Self {
        Self {
            languages: languages.iter().map(|name| (*name).to_owned()).collect(),
            run: RunId::new("r1").unwrap(),
            users: ["a", "b", "c"].map(persona).to_vec(),
            seeds: None,
            question: String::new(),
            batch_size: 4,
            compat_ids: false,
        }
    }

    fn planner(&self, seed: u64) -> Planner {
        Planner::new(&PlannerParts {
            seed,
            turns: turns(2, 12, TurnDistribution::Poisson),
            batch_size: self.batch_size,
            compat_ids: self.compat_ids,
            languages: &self.languages,
            run: &self.run,
            user_personas: &self.users,
            assistant_personas: &[],
            seeds: self.seeds.as_ref(),
            run_question: &self.question,
        })
        .unwrap()
    }
}

fn seeds(probability: f64) -> SeedTopics {
    let file = parse_str(r#"{"one": ["1a", "1b", "1c"], "two": ["2a"], "three": ["3a", "3b"]}"#);
    SeedTopics::from_json(&file.unwrap(), "", probability).unwrap()
}

#[test]
fn a_sketch_depends_on_seed_and_ordinal_and_not_on_the_order_of_asking() {
    let mut bench = Bench::new(&["en", "de"]);
    bench.seeds = Some(seeds(0.5));
    let show =
        |planner: &mut Planner, group, ordinal| format!("{:?}", planner.sketch(group, ordinal));
    let mut forward = bench.planner(7);
    let rising: Vec<String> = (0..40).map(|n| show(&mut forward, 0, n)).collect();
    let mut backward = bench.planner(7);
    let mut falling: Vec<String> = (0..40).rev().map(|n| show(&mut backward, 0, n)).collect();
    falling.reverse();
    assert_eq!(rising, falling);
    let other: Vec<String> = (0..40).map(|n| show(&mut bench.planner(8), 0, n)).collect();
    assert_ne!(rising, other);
    let german: Vec<u32> = (0..40).map(|n| forward.sketch(1, n).turns).collect();
    let english: Vec<u32> = (0..40).map(|n| forward.sketch(0, n).turns).collect();
    assert_ne!(german, english, "languages draw for themselves");
}

#[test]
fn waves_and_slots_follow_from_the_ordinal() {
    let bench = Bench::new(&["en"]);
    let mut planner = bench.planner(0);
    let sketch = planner.sketch(0, 11);
    assert_eq!(sketch.slot, 3);
    assert_eq!(sketch.id.as_str(), "r1-w0002-s0003");
    assert_eq!(sketch.wave_id.as_str(), "r1-w0002");
}

#[test]
fn no_id_comes_twice_over_all_languages() {
    for compat_ids in [false, true] {
        for batch_size in [1, 4] {
            let mut bench = Bench::new(&[
                "en",
                "de",
                "pt-BR",
                "pt",
                "pt BR",
                "EN",
                "en-2",
                "日本語",
                "!",
                "?",
            ]);
            (bench.compat_ids, bench.batch_size) = (compat_ids, batch_size);
            let mut planner = bench.planner(0);
            let mut ids = BTreeSet::new();
            for group in 0..planner.groups() as u32 {
                for ordinal in 0..10 {
                    let id = planner.sketch(group, ordinal).id;
                    assert!(
                        ids.insert(id.to_string()),
                        "{id} comes twice (compat: {compat_ids})"
                    );
                }
            }
        }
    }
}

#[test]
fn turn_counts_stay_in_their_bounds_and_near_their_mean() {
    let draw = |turns: Turns| {
        let mut rng = Rng::new(1, &[], "test");
        (0..4_000)
            .map(|_| draw_turns(&turns, &mut rng))
            .collect::<Vec<u32>>()
    };
    let mean = |drawn: &[u32]| f64::from(drawn.iter().sum::<u32>()) / drawn.len() as f64;
    let poisson = draw(Turns {
        mean: Some(6.0),
        ..turns(2, 12, TurnDistribution::Poisson)
    });
    assert!(poisson.iter().all(|n| (2..=12).contains(n)));
    assert!((mean(&poisson) - 6.0).abs() < 0.15, "{}", mean(&poisson));
    let uniform = draw(turns(3, 5, TurnDistribution::Uniform));
    for n in 3..=5 {
        let share = uniform.iter().filter(|drawn| **drawn == n).count();
        assert!((1_200..1_470).contains(&share), "{n}: {share}");
    }
    let large = draw(Turns {
        mean: Some(60.0),
        ..turns(1, 200, TurnDistribution::Poisson)
    });
    assert!((mean(&large) - 60.0).abs() < 0.6, "{}", mean(&large));
    let exponential = draw(Turns {
        mean: Some(5.0),
        ..turns(1, 1_000, TurnDistribution::Exponential)
    });
    assert!(
        (mean(&exponential) - 5.1).abs() < 0.4,
        "{}",
        mean(&exponential)
    );
    assert!(
        draw(turns(4, 4, TurnDistribution::Exponential))
            .iter()
            .all(|n| *n == 4)
    );
}

#[test]
fn modes_have_the_weights_of_their_place() {
    let share = |turn, mode| {
        let mut rng = Rng::new(2, &[], "test");
        (0..10_000)
            .filter(|_| draw_mode(turn, &mut rng) == mode)
            .count()
    };
    for (turn, mode, expected) in [
        (2, Mode::Followup, 7_000),
        (2, Mode::Adjacent, 2_000),
        (2, Mode::Fresh, 800),
        (3, Mode::Followup, 4_500),
        (3, Mode::Fresh, 2_300),
        (9, Mode::OffTopic, 200),
    ] {
        let found = share(turn, mode);
        assert!(
            found.abs_diff(expected) < 160,
            "{mode:?} in turn {turn}: {found}"
        );
    }
}

#[test]
fn every_persona_comes_once_before_any_comes_again() {
    let mut planner = Bench::new(&["en"]).planner(5);
    for round in 0..10 {
        let dealt: BTreeSet<String> = (0..3)
            .map(|n| {
                planner
                    .sketch(0, round * 3 + n)
                    .user_persona
                    .unwrap()
                    .id
                    .clone()
            })
            .collect();
        assert_eq!(dealt.len(), 3, "round {round}");
    }
    assert!(
        planner.sketch(0, 0).assistant_persona.is_none(),
        "none were given"
    );
}

#[test]
fn seed_questions_are_used_once_with_topics_taking_turns() {
    let mut bench = Bench::new(&["en"]);
    bench.seeds = Some(seeds(1.0));
    let mut planner = bench.planner(5);
    let used: Vec<SeedQuestion> = (0..6).map(|n| planner.sketch(0, n).seed.unwrap()).collect();
    let questions: BTreeSet<&str> = used.iter().map(|seed| seed.question.as_str()).collect();
    assert_eq!(
        questions,
        BTreeSet::from(["1a", "1b", "1c", "2a", "3a", "3b"])
    );
    let first: BTreeSet<&str> = used[..3].iter().map(|seed| seed.topic.as_str()).collect();
    assert_eq!(first.len(), 3, "{used:?}");
    assert!(
        (6..30).all(|n| planner.sketch(0, n).seed.is_none()),
        "the list is used up"
    );
    // A question for the whole run leaves no place for seeds.
    bench.question = "Why?".to_owned();
    assert!((0..6).all(|n| bench.planner(5).sketch(0, n).seed.is_none()));
}

#[test]
fn the_share_of_seeded_conversations_is_the_probability() {
    let mut bench = Bench::new(&["en"]);
    let many: Vec<String> = (0..2_000).map(|n| format!("\"q{n}\"")).collect();
    let file = parse_str(&format!("{{\"topic\": [{}]}}", many.join(","))).unwrap();
    bench.seeds = Some(SeedTopics::from_json(&file, "", 0.35).unwrap());
    let mut planner = bench.planner(5);
    let seeded = (0..2_000)
        .filter(|n| planner.sketch(0, *n).seed.is_some())
        .count();
    assert!((630..770).contains(&seeded), "{seeded}");
}
