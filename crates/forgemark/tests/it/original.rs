//! A configuration of the original program, as it was released.

use std::path::Path;

use crate::command::{Bench, code};

/// The released file, where the material for tests lies beside the checkout.
fn released() -> Option<String> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dialogue/config.yaml");
    std::fs::read_to_string(beside).ok()
}

#[test]
fn it_is_accepted_with_warnings_that_name_what_does_nothing() {
    let Some(text) = released() else {
        println!("skipped: no material for tests beside the checkout");
        return;
    };
    let bench = Bench::new().file("c.yaml", text);
    let output = bench.run(&["config", "show", "c.yaml"]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 0, "{said}");
    assert!(
        said.lines().all(|line| line.starts_with("warning: ")),
        "{said}"
    );
    for key in [
        "`store.backend` and 4 more keys",
        "`llm.vllm.model` and 11 more keys",
        "(c.yaml:24:14)",
    ] {
        assert!(said.contains(key), "{key}\n{said}");
    }
    // What is shown is a configuration with the same values.
    let bench = bench.file("again.yaml", &output.stdout);
    let again = bench.run(&["-qq", "config", "show", "again.yaml"]);
    assert_eq!(
        String::from_utf8(again.stdout),
        String::from_utf8(output.stdout)
    );
    assert_eq!(again.stderr, b"");
}
