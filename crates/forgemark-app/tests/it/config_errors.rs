//! What a user sees when the configuration is wrong.

use std::path::Path;

use anstream::adapter::strip_str;
use forgemark_app::config::{ConfigError, read_file};
use forgemark_contract::settings::SettingError;

use crate::keys::{Given, errors, errors_with, loaded};

#[test]
fn unknown_keys_name_the_nearest() {
    insta::assert_snapshot!(errors("run:\n  batch_sise: 4\n"), @"
    error: unknown key `run.batch_sise`
     --> config.yaml:2:3
      |
    2 |   batch_sise: 4
      |   ^^^^^^^^^^

    hint: did you mean `run.batch_size`?
    ");
    insta::assert_snapshot!(errors("run:\n  batchSize: 4\n  turn: {min: 3}\n"), @"
    error: unknown key `run.batchSize`
     --> config.yaml:2:3
      |
    2 |   batchSize: 4
      |   ^^^^^^^^^

    hint: did you mean `run.batch_size`?

    error: unknown key `run.turn`
     --> config.yaml:3:3
      |
    3 |   turn: {min: 3}
      |   ^^^^

    hint: did you mean `run.turns`?

    error: 2 problems in config.yaml; nothing was started
    ");
    insta::assert_snapshot!(errors("batch_size: 4\nrun.turns.min: 3\nrun:\n  turns:\n    colour: red\n"), @"
    error: unknown key `batch_size`
     --> config.yaml:1:1
      |
    1 | batch_size: 4
      | ^^^^^^^^^^

    hint: the key is `run.batch_size`

    error: unknown key `run.turns.colour`
     --> config.yaml:5:5
      |
    5 |     colour: red
      |     ^^^^^^

    hint: `run.turns` has `exact`, `max`, `min`, `mode`

    error: 2 problems in config.yaml; nothing was started
    ");
}

#[test]
fn wrong_types_show_the_line() {
    insta::assert_snapshot!(errors("run:\n  batch_size: two # a number\n"), @r#"
    error: `run.batch_size`: expected an integer of at least 1, found "two"
     --> config.yaml:2:15
      |
    2 |   batch_size: two # a number
      |               ^^^
    "#);
    insta::assert_snapshot!(errors("run: {batch_size: \"4\", run_id: true, turns: 5}"), @r#"
    error: `run.batch_size`: expected an integer of at least 1, found "4"
     --> config.yaml:1:19
      |
    1 | run: {batch_size: "4", run_id: true, turns: 5}
      |                   ^^^

    hint: remove the quotes

    error: `run.run_id`: expected text, found true
     --> config.yaml:1:32
      |
    1 | run: {batch_size: "4", run_id: true, turns: 5}
      |                                ^^^^

    hint: put it in quotes: "true"

    error: `run.turns`: expected a mapping
     --> config.yaml:1:45
      |
    1 | run: {batch_size: "4", run_id: true, turns: 5}
      |                                             ^

    hint: `run.turns` has `exact`, `max`, `min`, `mode`

    error: 3 problems in config.yaml; nothing was started
    "#);
    insta::assert_snapshot!(errors("judge:\n  enabled: maybe\n"), @r#"
    error: `judge.enabled`: expected true or false, found "maybe"
     --> config.yaml:2:12
      |
    2 |   enabled: maybe
      |            ^^^^^
    "#);
}

#[test]
fn out_of_range_and_no_value() {
    insta::assert_snapshot!(errors("run:\n  batch_size: 0\n  turns:\n    max: 500\n    min:\n"), @"
    error: `run.batch_size`: expected an integer of at least 1, found 0
     --> config.yaml:2:15
      |
    2 |   batch_size: 0
      |               ^

    error: `run.turns.max`: expected an integer from 1 to 200, found 500
     --> config.yaml:4:10
      |
    4 |     max: 500
      |          ^^^

    error: `run.turns.min`: no value is given
     --> config.yaml:5:8
      |
    5 |     min:
      |        ^

    hint: give a value, or remove the line; the default is 2

    error: 3 problems in config.yaml; nothing was started
    ");
    insta::assert_snapshot!(errors("llm: {agents: {user: {temperature: 2.5}}}"), @"
    error: `llm.agents.user.temperature`: expected a number from 0 to 2, found 2.5
     --> config.yaml:1:36
      |
    1 | llm: {agents: {user: {temperature: 2.5}}}
      |                                    ^^^
    ");
}

#[test]
fn words_of_a_closed_set() {
    insta::assert_snapshot!(errors("run: {turns: {mode: exakt}}"), @r#"
    error: `run.turns.mode`: expected one of exact, range, found "exakt"
     --> config.yaml:1:21
      |
    1 | run: {turns: {mode: exakt}}
      |                     ^^^^^

    hint: did you mean 'exact'?
    "#);
}

#[test]
fn an_item_of_a_list_is_shown() {
    insta::assert_snapshot!(errors("run:\n  target_languages:\n    - en\n    - no\n    - true\n    - [x]\n"), @r#"
    error: `run.target_languages`: expected text in place 3, found true
     --> config.yaml:5:7
      |
    5 |     - true
      |       ^^^^

    hint: put it in quotes: "true"

    error: `run.target_languages`: expected text in place 4, found ["x"]
     --> config.yaml:6:7
      |
    6 |     - [x]
      |       ^^^

    error: 2 problems in config.yaml; nothing was started
    "#);
}

#[test]
fn duplicates() {
    insta::assert_snapshot!(errors("run:\n  batch_size: 1\n  batch_size: 2\nrun:\n  run_id: x\n"), @"
    error: `batch_size` is set twice
     --> config.yaml:3:3
      |
    3 |   batch_size: 2
      |   ^^^^^^^^^^ first set on line 2

    hint: keep one of the two lines

    error: `run` is set twice
     --> config.yaml:4:1
      |
    4 | run:
      | ^^^ first set on line 1

    hint: keep one of the two lines

    error: 2 problems in config.yaml; nothing was started
    ");
}

#[test]
fn everything_at_once() {
    insta::assert_snapshot!(
        errors_with(
            "run:\n  batch_size: two\n  batch_size: 2\n  speed: 11\n",
            &Given { env: &[("JUDGE_ENABLED", "perhaps"), ("FORGEMARK_RUN__TURNS__MIN", "0")], set: &["run.turns.max=9999", "run.trns=2", "run.turns=3"] },
        ),
        @r#"
    error: `run.batch_size`: expected an integer of at least 1, found "two"
     --> config.yaml:2:15
      |
    2 |   batch_size: two
      |               ^^^

    error: `batch_size` is set twice
     --> config.yaml:3:3
      |
    3 |   batch_size: 2
      |   ^^^^^^^^^^ first set on line 2

    hint: keep one of the two lines

    error: unknown key `run.speed`
     --> config.yaml:4:3
      |
    4 |   speed: 11
      |   ^^^^^

    hint: `run` has `batch_size`, `distributed`, `run_id`, `target_languages`, `turns`

    error: `run.turns.min`: expected an integer from 1 to 200, found 0
     --> environment variable FORGEMARK_RUN__TURNS__MIN
      |
      | FORGEMARK_RUN__TURNS__MIN=0
      |                           ^

    error: `judge.enabled`: expected true or false, found "perhaps"
     --> environment variable JUDGE_ENABLED
      |
      | JUDGE_ENABLED=perhaps
      |               ^^^^^^^

    error: `run.turns.max`: expected an integer from 1 to 200, found 9999
     --> flag --set
      |
      | run.turns.max=9999
      |               ^^^^

    error: unknown key `run.trns`
     --> flag --set
      |
      | run.trns=2
      | ^^^^^^^^

    hint: did you mean `run.turns`?

    error: `run.turns` is a section, not a key
     --> flag --set
      |
      | run.turns=3
      | ^^^^^^^^^

    hint: it has `run.turns.exact`, `run.turns.max`, `run.turns.min`, `run.turns.mode`

    error: 8 problems in the configuration; nothing was started
    "#
    );
}

#[test]
fn a_conflict_that_the_pipeline_finds() {
    let conflict = SettingError::new("run.turns.min", "3 is more than run.turns.max, which is 2")
        .with_hint("raise run.turns.max as well");
    let explain = |text: &str, given: &Given<'_>| {
        strip_str(
            &loaded(text, given)
                .unwrap()
                .explain(std::slice::from_ref(&conflict))
                .render(),
        )
        .to_string()
    };
    insta::assert_snapshot!(explain("run:\n  turns:\n    min: 3\n", &Given::default()), @"
    error: `run.turns.min`: 3 is more than run.turns.max, which is 2
     --> config.yaml:3:10
      |
    3 |     min: 3
      |          ^

    hint: raise run.turns.max as well
    ");
    insta::assert_snapshot!(explain("judge: {}\n", &Given { env: &[("MIN_TURNS", "3")], set: &[] }), @"
    error: `run.turns.min`: 3 is more than run.turns.max, which is 2
     --> environment variable MIN_TURNS
      |
      | MIN_TURNS=3
      |           ^

    hint: raise run.turns.max as well
    ");
    insta::assert_snapshot!(explain("judge: {}\n", &Given { env: &[("MIN_TURNS", "1")], set: &["run.turns.min=3"] }), @"
    error: `run.turns.min`: 3 is more than run.turns.max, which is 2
     --> flag --set
      |
      | run.turns.min=3
      |               ^

    hint: raise run.turns.max as well
    ");
    insta::assert_snapshot!(explain("judge: {}\n", &Given::default()), @"
    error: `run.turns.min`: 3 is more than run.turns.max, which is 2

    hint: raise run.turns.max as well
    ");
}

#[test]
fn a_place_inside_a_free_form_value() {
    let text = "llm:\n  routing:\n    endpoints:\n      - {base_url: a, weight: -1}\n";
    for path in [
        "llm.routing.endpoints[0].weight",
        "llm.routing.endpoints.0.weight",
    ] {
        let error = SettingError::new(path, "expected a number of at least 0, found -1");
        let shown = strip_str(
            &loaded(text, &Given::default())
                .unwrap()
                .explain(&[error])
                .render(),
        )
        .to_string();
        assert!(shown.contains("--> config.yaml:4:31"), "{shown}");
        assert!(
            shown.ends_with("|                               ^^"),
            "{shown}"
        );
    }
}

#[test]
fn syntax() {
    insta::assert_snapshot!(errors("run:\n\tbatch_size: 4\n"), @"
    error: not valid YAML: tabs disallowed within this context (block indentation)
     --> config.yaml:2:2
      |
    2 |     batch_size: 4
      |     ^

    hint: YAML is indented with spaces; replace the tab by spaces
    ");
    insta::assert_snapshot!(errors("run:\n  run_id: a: b\n"), @"
    error: not valid YAML: mapping values are not allowed in this context
     --> config.yaml:2:12
      |
    2 |   run_id: a: b
      |            ^

    hint: put text that holds `: ` in quotes, and check the indentation
    ");
    insta::assert_snapshot!(errors("run: [1, 2\n"), @"
    error: not valid YAML: while parsing a flow sequence, expected ',' or ']'
     --> config.yaml:1:11
      |
    1 | run: [1, 2
      |           ^
    ");
    insta::assert_snapshot!(errors("run: 'open\n"), @"
    error: not valid YAML: while scanning a quoted scalar, found unexpected end of stream
     --> config.yaml:1:6
      |
    1 | run: 'open
      |      ^
    ");
    insta::assert_snapshot!(errors("- a\n- b\n"), @"
    error: a configuration is a mapping of keys to values
     --> config.yaml:1:1
      |
    1 | - a
      | ^

    hint: begin with a section, such as `run:`
    ");
    insta::assert_snapshot!(errors("run: {batch_size: 1}\n---\nrun: {}\n"), @"
    error: a second YAML document begins here
     --> config.yaml:2:1
      |
    2 | ---
      | ^^^

    hint: keep one document in a file
    ");
}

#[test]
fn nothing_in_the_file() {
    insta::assert_snapshot!(errors(""), @"
    error: config.yaml is empty

    hint: `forgemark config keys` lists every key
    ");
    insta::assert_snapshot!(errors("# only a comment\n"), @"
    error: config.yaml is empty

    hint: `forgemark config keys` lists every key
    ");
}

#[test]
fn wide_and_long_lines_keep_the_caret_in_place() {
    insta::assert_snapshot!(errors("run: {run_id: 日本語, batch_size: x}"), @r#"
    error: `run.batch_size`: expected an integer of at least 1, found "x"
     --> config.yaml:1:32
      |
    1 | run: {run_id: 日本語, batch_size: x}
      |                                   ^
    "#);
    let long = format!(
        "run: {{run_id: {}, batch_size: x, target_languages: [{}]}}",
        "a".repeat(150),
        "b".repeat(150)
    );
    insta::assert_snapshot!(errors(&long), @r#"
    error: `run.batch_size`: expected an integer of at least 1, found "x"
     --> config.yaml:1:179
      |
    1 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, batch_size: x, target_languages: [bbbbbbbbbbbbbbbbbbbbbbbbbbbb…
      |                                                    ^
    "#);
}

#[test]
fn a_secret_in_the_file_is_not_repeated() {
    let shown =
        errors("llm: {agents: {user: {api_key: sk-live-0123456789abcdef0123, model: [1]}}}\n");
    assert!(!shown.contains("sk-live"), "{shown}");
    insta::assert_snapshot!(shown, @"
    error: `llm.agents.user.api_key` is refused: secrets come from the environment; set api_key_env to the name of the variable
     --> config.yaml:1:32
      |
    1 | llm: {agents: {user: {api_key: ****************************, model: [1]}}}
      |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: `llm.agents.user.model`: expected text, found [1]
     --> config.yaml:1:69
      |
    1 | llm: {agents: {user: {api_key: ****************************, model: [1]}}}
      |                                                                     ^^^

    error: 2 problems in config.yaml; nothing was started
    ");
    let shown = errors("llm:\n  agents:\n    user:\n      api_key: [hunter2hunter2]\n");
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @"
    error: `llm.agents.user.api_key`: expected text
     --> config.yaml:4:16
      |
    4 |       api_key: ****************
      |                ^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_secret_inside_a_free_form_value_is_not_repeated() {
    let shown = errors("llm:\n  routing:\n    endpoints: {api_key: hunter2hunter2}\n");
    assert!(!shown.contains("hunter2"), "{shown}");
    let given = Given {
        env: &[(
            "LLM_ROUTING_ENDPOINTS_JSON",
            r#"{"api_key": "hunter2hunter2"}"#,
        )],
        set: &["llm.agents.user.api_key=hunter2hunter2"],
    };
    let shown = errors_with("judge: {}", &given);
    assert!(!shown.contains("hunter2"), "{shown}");
    insta::assert_snapshot!(shown, @r#"
    error: `llm.routing.endpoints`: expected a list, found {"api_key": "**************"}
     --> environment variable LLM_ROUTING_ENDPOINTS_JSON
      |
      | LLM_ROUTING_ENDPOINTS_JSON={"api_key": "**************"}
      |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: `llm.agents.user.api_key` is refused: secrets come from the environment; set api_key_env to the name of the variable
     --> flag --set
      |
      | llm.agents.user.api_key=**************
      |                         ^^^^^^^^^^^^^^

    error: 2 problems in the configuration; nothing was started
    "#);
}

fn file_error(path: &Path, folder: &Path) -> String {
    let error: ConfigError = read_file(path).expect_err("a file that cannot be used");
    strip_str(&error.render())
        .to_string()
        .replace(&folder.display().to_string(), "DIR")
}

#[test]
fn files_that_cannot_be_used() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    std::fs::write(folder.join("latin1.yaml"), b"run:\n  run_id: caf\xe9\n").unwrap();
    std::fs::write(folder.join("utf16.yaml"), b"\xff\xfer\0u\0n\0").unwrap();
    insta::assert_snapshot!(file_error(&folder.join("latin1.yaml"), folder), @"
    error: DIR/latin1.yaml is not UTF-8: byte 0xe9 at offset 18 (line 2)

    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(file_error(&folder.join("utf16.yaml"), folder), @"
    error: DIR/utf16.yaml is UTF-16, not UTF-8

    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(file_error(&folder.join("latn1.yaml"), folder), @"
    error: there is no file DIR/latn1.yaml

    hint: did you mean DIR/latin1.yaml?
    ");
    insta::assert_snapshot!(file_error(&folder.join("none/x.yaml"), folder), @"
    error: there is no file DIR/none/x.yaml

    hint: the folder DIR/none does not exist
    ");
    insta::assert_snapshot!(file_error(folder, folder), @"
    error: DIR is a folder, not a YAML file

    hint: name one of its YAML files, DIR/latin1.yaml say
    ");
    let bom = folder.join("bom.yaml");
    std::fs::write(&bom, "\u{feff}run: {}\n").unwrap();
    assert_eq!(read_file(&bom).unwrap().text, "run: {}\n");
}
