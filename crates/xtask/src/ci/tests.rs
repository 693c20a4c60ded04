use super::*;

fn parse(list: &[&str]) -> anyhow::Result<Selection> {
    let args: Vec<String> = list.iter().map(|arg| (*arg).to_owned()).collect();
    Selection::parse(&args)
}

fn chosen(list: &[&str]) -> Vec<&'static str> {
    let selection = parse(list).unwrap();
    STEPS
        .iter()
        .map(|step| step.name)
        .filter(|name| selection.contains(name))
        .collect()
}

#[test]
fn steps_are_chosen_and_left_out_by_name() {
    assert_eq!(chosen(&[]).len(), STEPS.len());
    assert_eq!(chosen(&["--only", "doc", "--only", "fmt"]), ["fmt", "doc"]);
    assert!(!chosen(&["--skip", "test"]).contains(&"test"));
}

#[test]
fn a_misspelt_step_is_an_error_that_names_the_steps() {
    let error = parse(&["--only", "lint"]).unwrap_err().to_string();
    assert!(
        error.contains("'lint'") && error.contains("clippy"),
        "{error}"
    );
    assert!(parse(&["--only"]).is_err());
    assert!(parse(&["test"]).is_err());
}

#[test]
fn the_table_shows_results_times_and_commands() {
    let row = |name: &str, verdict, ms| Row {
        step: STEPS.iter().find(|step| step.name == name).unwrap(),
        verdict,
        took: Duration::from_millis(ms),
    };
    let text = table(&[
        row("test", Verdict::Passed, 61_540),
        row("fmt", Verdict::Failed, 400),
        row("deny", Verdict::NotInstalled, 60),
    ]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(
        lines[1],
        "test     passed            61.5  cargo xtask test"
    );
    assert_eq!(
        lines[2],
        "fmt      FAILED             0.4  cargo fmt --all --check"
    );
    assert!(lines[3].contains("not installed"), "{text}");
    assert_eq!(
        lines[4].split_whitespace().collect::<Vec<_>>(),
        ["all", "62.0"]
    );
}
