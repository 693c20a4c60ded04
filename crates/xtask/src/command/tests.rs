use super::*;

#[test]
fn a_line_shows_as_it_would_be_typed() {
    let line = Line::cargo(["test", "--", "it's here", ""]).env("RUSTDOCFLAGS", "-D warnings");
    assert_eq!(
        line.to_string(),
        r"RUSTDOCFLAGS='-D warnings' cargo test -- 'it'\''s here' ''"
    );
}

#[test]
fn variables_of_the_outer_cargo_are_told_from_settings() {
    for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO", "OUT_DIR"] {
        assert!(set_by_cargo_run(name), "{name}");
    }
    for name in [
        "CARGO_HOME",
        "CARGO_TARGET_DIR",
        "CARGO_INCREMENTAL",
        "CARGO_TERM_COLOR",
        "PATH",
    ] {
        assert!(!set_by_cargo_run(name), "{name}");
    }
}

#[test]
fn every_line_of_the_output_is_seen() {
    let root = workspace_root().unwrap();
    let mut seen = Vec::new();
    let ok = Line::cargo(["--version"])
        .run_watched(&root, |line| seen.push(line.to_owned()))
        .unwrap();
    assert!(ok);
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("cargo "), "{seen:?}");
}

#[test]
fn a_failing_command_is_told_from_one_that_works() {
    let root = workspace_root().unwrap();
    assert!(Line::cargo(["--version"]).works(&root));
    let failing = Line::cargo(["no-such-subcommand-of-ours"]);
    assert!(!failing.works(&root));
    let error = failing.output(&root).unwrap_err().to_string();
    assert!(
        error.contains("cargo no-such-subcommand-of-ours"),
        "{error}"
    );
}
