use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::settings::{Origin, Resolved, SettingError};

use forgemark_model::{Leftover, Wire};

use super::*;

/// The values of a configuration that says this, as the layers above would give them.
fn values(text: &str) -> Resolved {
    let mut values = Resolved::defaults(KEYS).unwrap();
    set(&mut values, "", &parse_str(text).unwrap());
    values
}

fn set(values: &mut Resolved, path: &str, value: &Json) {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        values.set(
            path,
            key.check(value).unwrap(),
            Origin::Flag("--set".to_owned()),
        );
        return;
    }
    for (name, value) in value.as_object().expect("a section") {
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        set(values, &path, value);
    }
}

type Files<'a> = &'a [(&'a str, &'a str)];

fn read(text: &str, files: Files<'_>) -> Result<Settings, Vec<SettingError>> {
    let file = |name: &str| {
        let found = files.iter().find(|(known, _)| *known == name);
        Ok(found.map(|(_, text)| text.as_bytes().to_vec()))
    };
    Settings::new(&values(text), &file)
}

/// What is wrong, with the hint, one line each.
fn problems(text: &str, files: Files<'_>) -> Vec<String> {
    let errors = read(text, files).unwrap_err();
    let line = |error: &SettingError| match &error.hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    errors.iter().map(line).collect()
}

const TWO: &str = r#""models": ["a/x", "b:y"], "topics": ["Number theory", "Algebra"]"#;

#[test]
fn names_and_topics_are_enough() {
    let settings = read(&format!("{{{TWO}}}"), &[]).unwrap();
    let slugs: Vec<&str> = settings.models.iter().map(|m| m.slug.as_str()).collect();
    assert_eq!(slugs, ["a-x", "b-y"]);
    assert_eq!(settings.with_role(Role::Judge).count(), 2);
    assert_eq!(settings.models[0].call.role, "a-x");
    assert_eq!(settings.models[0].call.path, "models[0]");
    let runs: Vec<(&str, &str)> = settings
        .runs
        .iter()
        .map(|run| (run.id.as_str(), run.topic.as_str()))
        .collect();
    assert_eq!(runs, [("1", "number_theory"), ("2", "algebra")]);
    assert_eq!(settings.topic(&settings.runs[0]).name, "Number theory");
    assert_eq!(settings.protocol, Protocol::Forgemark1);
    assert_eq!(settings.critiques.gate, Gate::SelfCheck);
    assert!(settings.judge.retry_failed);
    let questions = settings.questions;
    assert_eq!(
        (
            questions.max_question_attempts,
            questions.max_rounds,
            questions.max_outer_attempts
        ),
        (5, 5, 1)
    );
}

#[test]
fn the_original_protocol_has_its_own_defaults() {
    let settings = read(&format!(r#"{{{TWO}, "protocol": "crb-1"}}"#), &[]).unwrap();
    assert_eq!(settings.critiques.gate, Gate::Verdict);
    assert!(!settings.judge.retry_failed);
    let set = r#", "protocol": "crb-1", "critiques": {"gate": "self_check"}, "judge": {"retry_failed": true}"#;
    let settings = read(&format!("{{{TWO}{set}}}"), &[]).unwrap();
    assert_eq!(settings.critiques.gate, Gate::SelfCheck);
    assert!(settings.judge.retry_failed);
}

const MODELS: &str = r#"{
  "default_temperature": 0,
  "default_reasoning": "low",
  "models": [
    {
      "name": "openai/one",
      "roles": ["benchmark", "judge"],
      "temperature": null,
      "reasoning": "high",
      "display_name": "One"
    },
    {"name": "x/two"}
  ]
}"#;
const RUNS: &str = r#"{"10": {"topic": "algebra"}, "2": {"topic": "logic", "outer_attempt": 3}, "x": {"topic": "logic"}}"#;
const TOPICS: &str = r#"[
  {"code": "03", "name": "Mathematical logic", "core_mathematics": true, "slug": "logic"},
  {"code": "13", "name": "Algebra", "core_mathematics": true, "slug": "algebra"}
]"#;
const PARSING: &str = r#"{"model": "openai/one", "temperature": null, "reasoning": "medium"}"#;
const OVERRIDES: &str =
    r#"{"overrides": {"openai-one/x-two": {"3": "n is given", "run:2:1": "see above"}}}"#;
const ALL: Files<'_> = &[
    ("c/models.json", MODELS),
    ("c/runs.json", RUNS),
    ("c/topic_info.json", TOPICS),
    ("c/parsing.json", PARSING),
    ("c/illposed_overrides.json", OVERRIDES),
];

#[test]
fn the_files_of_the_original_are_read_as_they_are() {
    let settings = read(r#"{"configs": "c"}"#, ALL).unwrap();
    let [one, two] = settings.models.as_slice() else {
        panic!("two models");
    };
    assert_eq!(one.display_name, "One");
    assert_eq!(one.roles, [Role::Benchmark, Role::Judge]);
    assert_eq!(
        (one.call.temperature, one.reasoning),
        (None, Some(Reasoning::High))
    );
    assert_eq!(
        one.call
            .extra
            .get("reasoning_effort")
            .and_then(Json::as_str),
        Some("high")
    );
    assert_eq!(
        (two.call.temperature, two.reasoning),
        (Some(0.0), Some(Reasoning::Low))
    );
    assert_eq!(two.roles, Role::ALL);
    let runs: Vec<(&str, i64)> = settings
        .runs
        .iter()
        .map(|run| (run.id.as_str(), run.outer_attempt))
        .collect();
    assert_eq!(runs, [("2", 3), ("10", 1), ("x", 1)]);
    assert_eq!(settings.topics["logic"].name, "Mathematical logic");
    let parser = settings.parser.unwrap();
    assert_eq!(
        (parser.name.as_str(), parser.reasoning),
        ("openai/one", Some(Reasoning::Medium))
    );
    let overrides = &settings.answers.ill_posed_overrides;
    assert_eq!(overrides[0].question, OverrideKey::Index(3));
    let run = OverrideKey::Run {
        id: "2".to_owned(),
        outer_attempt: Some(1),
    };
    assert_eq!(
        (&overrides[1].question, overrides[1].reason.as_str()),
        (&run, "see above")
    );
    let without = read(
        r#"{"configs": "c"}"#,
        &[
            ("c/models.json", "{\"models\": [{\"name\": \"a\"}]}"),
            ("c/runs.json", RUNS),
        ],
    );
    let without = without.unwrap();
    assert_eq!(without.models[0].call.temperature, Some(0.2));
    assert_eq!(without.topic(&without.runs[0]).name, "logic");
}

#[test]
fn a_wrong_file_is_named_with_line_key_and_remedy() {
    let with = |name: &'static str, text: &'static str| {
        let files: Vec<(&str, &str)> = ALL
            .iter()
            .map(|(known, old)| (*known, if *known == name { text } else { *old }))
            .collect();
        problems(r#"{"configs": "c"}"#, &files)
    };
    assert_eq!(
        with(
            "c/models.json",
            "{\n\"models\": [\n{\"name\": \"a\"},\n{\"nmae\": \"b\", \"name\": \"b\"},\n{\"name\": \"c\", \"roles\": [\"juge\"]}\n]}"
        ),
        [
            "configs: c/models.json:4: the model \"b\" has no field \"nmae\" (did you mean \"name\"?)",
            "configs: c/models.json:5: the model \"c\" has no role \"juge\" to take (did you mean \"judge\"?)",
        ]
    );
    assert_eq!(
        with("c/models.json", "{\n\"model\": []}"),
        [
            "configs: c/models.json:2: there is no key \"model\" (did you mean \"models\"?)",
            "configs: c/models.json:1: there is no list `models` (write {\"models\": [{\"name\": \"provider/model\"}]})",
            "models: names no model (list them under `models`, or name a models.json under `files.models`)",
        ]
    );
    assert_eq!(
        with(
            "c/runs.json",
            "{\"1\": {\"topic\": \"logic\"},\n\"2\": {\"topc\": \"logic\"}}"
        ),
        [
            "configs: c/runs.json:2: run 2 has no field \"topc\" (did you mean \"topic\"?)",
            "configs: c/runs.json:2: run 2 names no topic (write the slug of a topic, or `{topic: SLUG}`)",
        ]
    );
    assert_eq!(
        with("c/topic_info.json", "[\n{\"slug\": \"logic\"}]"),
        ["configs: c/topic_info.json:2: the topic has no slug or no name (give it both, as texts)",]
    );
    assert_eq!(
        with("c/parsing.json", "{\"model\": \"m\",}"),
        [
            "configs: c/parsing.json:1:15: not JSON: expected a key in double quotes (correct the file)"
        ]
    );
    assert_eq!(
        with(
            "c/illposed_overrides.json",
            "{\"overrides\": {\"a/b\":\n{\"first\": \"why\"}}}"
        ),
        [
            "configs: c/illposed_overrides.json:2: \"first\" is no place in the answers, or its reason no text (the key is the answer's place from 0, or run:ID or run:ID:ATTEMPT)",
        ]
    );
    let missing = problems(
        r#"{"files": {"models": "nowhere.json"}, "topics": ["x"]}"#,
        &[],
    );
    assert_eq!(
        missing[0],
        "files.models: there is no file \"nowhere.json\" (paths are relative to the configuration)"
    );
    assert!(
        problems(r#"{"configs": "d"}"#, &[])[0]
            .starts_with("configs: there is no file models.json,")
    );
}

#[test]
fn what_is_wrong_is_said_all_at_once() {
    let text = r#"{
      "models": ["a/b", {"name": "a:b"}, {"name": "c", "skil": 1}, {"name": "d", "skill": 0.5},
                 {"name": "s", "model": "offline:solver"}, {"name": "e", "api_key": "k", "temperature": "hot"}, 7],
      "topics": ["x"],
      "runs": {"1": "y"},
      "critiques": {"modes": ["contradictr"], "custom": [["a/b", "c", "z"]]},
      "policy": "hed"
    }"#;
    assert_eq!(
        problems(text, &[]),
        [
            "models[2]: has no field \"skil\" (did you mean \"skill\"?)",
            "models[3]: has a skill, but its model is d (skills are for `model: offline:solver`; remove it)",
            "models[4]: is an offline:solver without a skill (add `skill: 0.8`, a number from 0 (always wrong) to 1 (never wrong))",
            "models[5]: holds a key in the file (put the key into an environment variable and name it in api_key_env)",
            "models[5]: temperature is no number from 0 to 100 (correct `temperature` or remove it)",
            "models[6]: is integer (write a name, or a mapping with name)",
            "models[1]: \"a/b\" and \"a:b\" both have the slug a-b, which names their files (give one of them another `name`, and `model` for its name at the endpoint)",
            "runs: run 1 has the topic \"y\", which is not among the topics (did you mean \"x\"?)",
            "critiques.modes: there is no mode \"contradictr\" (did you mean \"contradictor\"?)",
            "critiques.custom: entry 0: the critic \"z\" is no model (did you mean \"c\"?)",
            "critiques.custom: is set, but the mode custom is not (add custom to critiques.modes)",
            "policy: \"hed\" is no preset, and there is no such file (did you mean \"head\"?)",
        ]
    );
    assert!(problems("{}", &[]).len() == 2, "neither models nor runs");
}

#[test]
fn custom_critiques_and_gates() {
    let text = format!(
        r#"{{{TWO}, "critiques": {{"modes": "custom", "custom": [["a/x", "b:y", "b-y"], {{"questioner": "b-y", "answerer": "b-y", "critic": "a-x"}}]}}}}"#
    );
    let settings = read(&text, &[]).unwrap();
    assert_eq!(settings.critiques.modes, [CritiqueMode::Custom]);
    let critics: Vec<&str> = settings
        .critiques
        .custom
        .iter()
        .map(|c| c.critic.as_str())
        .collect();
    assert_eq!(critics, ["b-y", "a-x"]);
    let text =
        format!(r#"{{{TWO}, "critiques": {{"self_improve": false, "gate": "self_check"}}}}"#);
    assert_eq!(
        problems(&text, &[]),
        [
            "critiques.gate: is self_check, but critics do not check themselves (set critiques.self_improve: true or critiques.gate: verdict)"
        ]
    );
}

#[test]
fn solvers_are_models_of_their_own() {
    let text = r#"{"models": [{"name": "weak", "model": "offline:solver", "skill": 0.2}, {"name": "strong", "model": "offline:solver", "skill": 1}], "topics": ["x"]}"#;
    let settings = read(text, &[]).unwrap();
    let wires: Vec<&str> = settings
        .models
        .iter()
        .map(|m| m.call.model.as_str())
        .collect();
    assert_eq!(
        wires,
        ["offline:solver/weak/0.2", "offline:solver/strong/1"]
    );
    assert_eq!(settings.models[1].skill, Some(1.0));
}

#[test]
fn protocols_batches_and_authorities() {
    let text = r#"{"models": ["a/x", {"name": "b", "wire": "anthropic", "batch": false,
        "endpoints": ["http://h:1", {"base_url": "http://h:2", "wire": "openai"}]}],
        "topics": ["T"], "parsing": {"model": "p"},
        "llm": {"ca_file": "ca.pem", "batch": {"enabled": true, "quiet_s": 9, "leftover": "single"}}}"#;
    let settings = read(text, &[]).unwrap();
    let says = |model: &Model| (model.call.wire, model.call.batch);
    assert_eq!(says(&settings.models[0]), (None, true));
    assert_eq!(says(&settings.models[1]), (Some(Wire::Anthropic), false));
    let endpoints = settings.models[1].call.endpoints.iter();
    let wires: Vec<Option<Wire>> = endpoints.map(|endpoint| endpoint.wire).collect();
    assert_eq!(wires, [None, Some(Wire::OpenAi)]);
    assert!(settings.parser.is_some_and(|parser| parser.call.batch));
    assert_eq!(settings.ca_file, Some(PathBuf::from("ca.pem")));
    assert_eq!(settings.batch.quiet_s.to_bits(), 9_f64.to_bits());
    assert_eq!(settings.batch.leftover, Leftover::Single);
    let wrong = r#"{"models": [{"name": "a", "wire": "grpc", "batch": "yes"}], "topics": ["T"]}"#;
    assert_eq!(
        problems(wrong, &[]),
        [
            "models[0]: has a wire that is not known (write `wire: openai` or `wire: anthropic`)",
            "models[0]: batch is string, but must be true or false (write `batch: true` or `batch: false`)",
        ]
    );
}

#[test]
fn policies_of_files() {
    let text = format!(r#"{{{TWO}, "policy": "mine.json"}}"#);
    let files = [("mine.json", r#"{"base": "head", "orphans": "counted"}"#)];
    assert_eq!(read(&text, &files).unwrap().policy.name, "mine");
    let files = [("mine.json", r#"{"bas": "head"}"#)];
    assert!(problems(&text, &files)[0].starts_with("policy: mine.json: policy: there is no 'bas'"));
}

#[test]
fn a_configuration_is_checked_without_its_files() {
    for text in [
        r#"{"configs": "c"}"#.to_owned(),
        r#"{"files": {"models": "m.json", "topics": "t.json"}, "policy": "p.json"}"#.to_owned(),
        format!("{{{TWO}}}"),
    ] {
        assert_eq!(Settings::check(&values(&text)), Ok(()), "{text}");
    }
    assert!(Settings::check(&values("{}")).is_err());
    let text = format!(r#"{{{TWO}, "critiques": {{"modes": "everything"}}}}"#);
    assert!(Settings::check(&values(&text)).is_err());
}

#[test]
fn lines_of_values_in_json() {
    use super::place::{Step, line};
    let text = "{\n \"a\": [1,\n {\"b, ]\": \"}\\\"\",\n \"c\":\n 2}],\n \"d\": 3\n}";
    let at = |path: &[Step<'_>]| line(text, path);
    assert_eq!(at(&[]), 1);
    assert_eq!(at(&[Step::Key("a"), Step::Index(0)]), 2);
    assert_eq!(at(&[Step::Key("a"), Step::Index(1)]), 3);
    assert_eq!(at(&[Step::Key("a"), Step::Index(1), Step::Key("c")]), 5);
    assert_eq!(at(&[Step::Key("d")]), 6);
    assert_eq!(
        at(&[Step::Key("a"), Step::Index(9)]),
        2,
        "the deepest that is there"
    );
}

/// The configuration of the real corpus.
#[test]
fn the_configuration_of_the_corpus_is_read_as_it_is() {
    let Some(folder) = forgemark_testkit::shared_dir().map(|shared| shared.join("data/arena"))
    else {
        println!("skipped: there is no folder of shared data");
        return;
    };
    if !folder.join("configs").is_dir() {
        println!("skipped: there is no arena corpus");
        return;
    }
    let file = |name: &str| Ok(std::fs::read(folder.join(name)).ok());
    let settings = Settings::new(&values(r#"{"configs": "configs"}"#), &file).unwrap();
    assert_eq!(
        (
            settings.models.len(),
            settings.runs.len(),
            settings.topics.len()
        ),
        (8, 44, 63)
    );
    assert!(
        settings
            .models
            .iter()
            .all(|model| model.roles.contains(&Role::Benchmark))
    );
    assert!(
        settings
            .models
            .iter()
            .all(|model| !model.roles.contains(&Role::Debate))
    );
    assert_eq!(settings.runs[43].id, "44");
    let parser = settings.parser.unwrap();
    assert_eq!(parser.reasoning, Some(Reasoning::Medium));
    let slugs: Vec<&str> = settings
        .models
        .iter()
        .map(|model| model.slug.as_str())
        .collect();
    assert!(slugs.contains(&"openai-gpt-3.5-turbo-0125"), "{slugs:?}");
}
