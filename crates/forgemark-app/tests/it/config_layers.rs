//! Which source wins, and what is said about it.

use anstream::adapter::strip_str;
use forgemark_app::config::{keys_table, show};
use forgemark_contract::json::{Json, to_line};
use forgemark_contract::settings::settings_schema;

use crate::keys::{Given, KEYS, loaded};

fn text(value: &Json) -> String {
    String::from_utf8(to_line(value)).unwrap()
}

fn value_and_origin(yaml: &str, given: &Given<'_>, path: &str) -> String {
    let loaded = loaded(yaml, given).unwrap();
    format!(
        "{} from {}",
        text(loaded.settings.get(path)),
        loaded.settings.origin(path)
    )
}

fn warnings(yaml: &str, given: &Given<'_>) -> String {
    let loaded = loaded(yaml, given).unwrap();
    loaded
        .warnings
        .iter()
        .map(|w| strip_str(&w.render_warning()).to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn defaults_file_environment_flags() {
    let path = "run.batch_size";
    let yaml = "run:\n  batch_size: 2\n";
    let env = &[("BATCH_SIZE", "3")];
    let generic = &[("BATCH_SIZE", "3"), ("FORGEMARK_RUN__BATCH_SIZE", "4")];
    let none = "judge: {}";
    assert_eq!(
        value_and_origin(none, &Given::default(), path),
        "1 from default"
    );
    assert_eq!(
        value_and_origin(yaml, &Given::default(), path),
        "2 from config.yaml:2:15"
    );
    assert_eq!(
        value_and_origin(yaml, &Given { env, set: &[] }, path),
        "3 from environment variable BATCH_SIZE"
    );
    assert_eq!(
        value_and_origin(
            yaml,
            &Given {
                env: generic,
                set: &[]
            },
            path
        ),
        "4 from environment variable FORGEMARK_RUN__BATCH_SIZE"
    );
    let set = &["run.batch_size=5", "run.batch_size=6"];
    assert_eq!(
        value_and_origin(yaml, &Given { env, set }, path),
        "6 from flag --set"
    );
}

#[test]
fn an_environment_value_equal_to_the_default_undoes_the_file() {
    let given = Given {
        env: &[("BATCH_SIZE", "1")],
        set: &[],
    };
    assert_eq!(
        value_and_origin("run: {batch_size: 9}", &given, "run.batch_size"),
        "1 from environment variable BATCH_SIZE"
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let given = Given {
        env: &[("RUN_ID", "")],
        set: &[],
    };
    assert_eq!(
        value_and_origin("run: {run_id: a}", &given, "run.run_id"),
        "\"a\" from config.yaml:1:15"
    );
    let given = Given {
        env: &[("RUN_ID", "b")],
        set: &["run.run_id="],
    };
    assert_eq!(
        value_and_origin("run: {run_id: a}", &given, "run.run_id"),
        "\"\" from flag --set"
    );
}

#[test]
fn values_are_what_their_keys_say() {
    let value =
        |yaml: &str, path: &str| text(loaded(yaml, &Given::default()).unwrap().settings.get(path));
    assert_eq!(
        value(
            "run: {target_languages: [no, en, 1.10]}",
            "run.target_languages"
        ),
        r#"["no", "en", "1.10"]"#
    );
    assert_eq!(
        value("run: {target_languages: 'no, en'}", "run.target_languages"),
        r#"["no", "en"]"#
    );
    assert_eq!(value("run: {run_id: 007}", "run.run_id"), "\"007\"");
    assert_eq!(value("judge: {enabled: no}", "judge.enabled"), "false");
    assert_eq!(
        value("run: {turns: {mode: between}}", "run.turns.mode"),
        "\"range\""
    );
    assert_eq!(
        value(
            "llm: {agents: {user: {temperature: 1}}}",
            "llm.agents.user.temperature"
        ),
        "1.0"
    );
    assert_eq!(
        value(
            "llm: {agents: {user: {temperature: null}}}",
            "llm.agents.user.temperature"
        ),
        "null"
    );
    assert_eq!(value("run:\n  turns:\njudge:\n", "run.turns.min"), "2");
    assert_eq!(
        value("run: {turns: {min: &n 3, max: *n}}", "run.turns.max"),
        "3"
    );
}

#[test]
fn free_form_values_from_text() {
    let given = Given {
        env: &[(
            "LLM_ROUTING_ENDPOINTS_JSON",
            r#"[{"base_url": "http://a"}]"#,
        )],
        set: &[
            "llm.agents.user.extra={top_k: 5}",
            "llm.agents.user.extra.options.seed=7",
        ],
    };
    let loaded = loaded("llm: {agents: {user: {extra: {stop: x}}}}", &given).unwrap();
    assert_eq!(
        text(loaded.settings.get("llm.routing.endpoints")),
        r#"[{"base_url": "http://a"}]"#
    );
    assert_eq!(
        text(loaded.settings.get("llm.agents.user.extra")),
        r#"{"top_k": 5, "options": {"seed": 7}}"#
    );
}

#[test]
fn a_list_in_brackets_needs_no_quotes_in_text() {
    let languages = |value: &str| {
        let argument = format!("run.target_languages={value}");
        let set = [argument.as_str()];
        let given = Given {
            env: &[],
            set: &set,
        };
        loaded("run: {}", &given).map(|loaded| text(loaded.settings.get("run.target_languages")))
    };
    for value in ["en, fr", "[en, fr]", r#"["en", 'fr']"#] {
        assert_eq!(languages(value).unwrap(), r#"["en", "fr"]"#, "{value}");
    }
    assert!(languages("[en").is_err());
    assert!(languages("[1]").is_err());
}

#[test]
fn keys_without_effect_are_said_once_a_reason() {
    let yaml = "run:\n  distributed:\n    enabled: false\n    ray: {namespace: a, address: b}\nllm: {model: m}\n";
    insta::assert_snapshot!(warnings(yaml, &Given::default()), @"
    warning: `llm.model` is replaced: llm.agents.user.model and its siblings (config.yaml:5:14)
    warning: `run.distributed.ray.namespace` and `run.distributed.ray.address` are without effect: one process does the work; use run.concurrency (config.yaml:4:22)
    ");
}

#[test]
fn variables_that_do_nothing_are_named() {
    let env = &[
        ("FORGEMARK_RUN__BATCHSIZE", "4"),
        ("FORGEMARK_BCO__X", "1"),
        ("TARGET_LANGUAGES", "en"),
        ("TARGET_LANGUAGE", "fr"),
    ];
    insta::assert_snapshot!(warnings("judge: {}", &Given { env, set: &[] }), @"
    warning: TARGET_LANGUAGE is ignored: TARGET_LANGUAGES also sets `run.target_languages` and comes first
    warning: the environment variable FORGEMARK_RUN__BATCHSIZE sets no key; did you mean FORGEMARK_RUN__BATCH_SIZE?
    ");
}

#[test]
fn shown_values_are_a_configuration_again() {
    let yaml = "run:\n  run_id: \"yes\"\n  turns: {min: 3, max: 4}\nllm:\n  routing:\n    endpoints: [{base_url: 'http://x', api_key: hunter2}]\n";
    let given = Given {
        env: &[("BATCH_SIZE", "3")],
        set: &["judge.enabled=false"],
    };
    let first = loaded(yaml, &given).unwrap();
    insta::assert_snapshot!(strip_str(&show::yaml(&first.settings, KEYS, true)).to_string(), @r#"
    judge:
      enabled: false                                  # flag --set
    llm:
      agents:
        user:
          api_key_env: ""                             # default
          extra: {}                                   # default
          model: ""                                   # default
          temperature: null                           # default
      routing:
        endpoints: [{"base_url": "http://x", "api_key": "***"}]  # config.yaml:6:16
    run:
      batch_size: 3                                   # environment variable BATCH_SIZE
      run_id: "yes"                                   # config.yaml:2:11
      target_languages: ["en"]                        # default
      turns:
        exact: null                                   # default
        max: 4                                        # config.yaml:3:24
        min: 3                                        # config.yaml:3:16
        mode: range                                   # default
    "#);
    let again = loaded(&show::yaml(&first.settings, KEYS, false), &Given::default()).unwrap();
    for (path, value, _) in first
        .settings
        .iter()
        .filter(|(path, ..)| *path != "llm.routing.endpoints")
    {
        assert_eq!(value, again.settings.get(path), "{path}");
    }
}

#[test]
fn shown_json_has_origins_and_no_secrets() {
    let yaml = "llm:\n  routing:\n    endpoints: [{base_url: 'http://x', api_key: hunter2}]\n";
    let shown = show::json(
        &loaded(
            yaml,
            &Given {
                env: &[("BATCH_SIZE", "3")],
                set: &[],
            },
        )
        .unwrap()
        .settings,
        KEYS,
    );
    let row = |key: &str| {
        text(
            shown
                .items("settings")
                .iter()
                .find(|row| row.str_or("key", "") == key)
                .unwrap(),
        )
    };
    insta::assert_snapshot!(row("llm.routing.endpoints"), @r#"{"key": "llm.routing.endpoints", "value": [{"base_url": "http://x", "api_key": "***"}], "origin": {"kind": "file", "path": "config.yaml", "line": 3, "column": 16}}"#);
    insta::assert_snapshot!(row("run.batch_size"), @r#"{"key": "run.batch_size", "value": 3, "origin": {"kind": "env", "name": "BATCH_SIZE"}}"#);
    insta::assert_snapshot!(row("run.run_id"), @r#"{"key": "run.run_id", "value": "", "origin": {"kind": "default"}}"#);
}

#[test]
fn the_table_as_markdown() {
    insta::assert_snapshot!(keys_table::markdown(&KEYS[..8]), @r#"
    ## run

    | key | type | default | environment | meaning |
    |---|---|---|---|---|
    | `run.batch_size` | integer, at least 1 | `1` | `BATCH_SIZE` | Conversations in a wave. |
    | `run.run_id` | text | `""` | `RUN_ID` | Name of the run. |
    | `run.target_languages` | list of texts | `["en"]` | `TARGET_LANGUAGES` `TARGET_LANGUAGE` | Languages, each with the full number of samples. |
    | `run.turns.mode` | `exact`, `range` | `"range"` |  | How the number of turns is chosen. |
    | `run.turns.exact` | integer, 1 to 200 or null | `null` | `N_TURNS` | Turns when the mode is exact. |
    | `run.turns.min` | integer, 1 to 200 | `2` | `MIN_TURNS` | Fewest turns. |
    | `run.turns.max` | integer, 1 to 200 | `2` | `MAX_TURNS` | Most turns. |
    | `run.distributed.enabled` | true or false | `false` |  | Ray. **Refused:** one process does the work; use run.concurrency. |
    "#);
}

#[test]
fn the_schema_comes_from_the_table() {
    let schema = settings_schema(KEYS, "forgemark dialogue configuration");
    let turns = schema
        .at("properties")
        .at("run")
        .at("properties")
        .at("turns");
    assert_eq!(text(turns.at("additionalProperties")), "false");
    assert_eq!(text(turns.at("properties").at("max").at("maximum")), "200");
}

#[test]
fn a_variable_may_set_a_second_key() {
    let path = "run.turns.mode";
    let given = Given {
        env: &[("N_TURNS", "5")],
        set: &[],
    };
    assert_eq!(
        value_and_origin("run: {turns: {mode: range}}", &given, path),
        "\"exact\" from environment variable N_TURNS"
    );
    let given = Given {
        env: &[("N_TURNS", "5"), ("FORGEMARK_RUN__TURNS__MODE", "range")],
        set: &[],
    };
    assert_eq!(
        value_and_origin("judge: {}", &given, path),
        "\"range\" from environment variable FORGEMARK_RUN__TURNS__MODE"
    );
}
