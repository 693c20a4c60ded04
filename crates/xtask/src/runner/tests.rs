use super::*;

fn args(list: &[&str]) -> Vec<String> {
    list.iter().map(|arg| (*arg).to_owned()).collect()
}

#[test]
fn the_counts_of_all_programs_are_added() {
    let mut sum = Sum::default();
    for line in [
        "running 3 tests",
        "test a::b ... ok",
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
        "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    ] {
        sum.add(line);
    }
    assert_eq!(
        sum,
        Sum {
            passed: 7,
            failed: 2,
            skipped: 3
        }
    );
    assert_eq!(sum.closing_line(), "7 passed, 2 failed, 3 skipped");
}

#[test]
fn what_a_test_prints_is_not_counted() {
    let mut sum = Sum::default();
    sum.add("expected test result: ok. 3 passed; 0 failed");
    sum.add("test result: none");
    assert_eq!(sum, Sum::default());
}

#[test]
fn the_whole_workspace_is_tested_unless_packages_are_chosen() {
    assert_eq!(
        nextest(&[], false).to_string(),
        "cargo nextest run --workspace"
    );
    assert_eq!(
        nextest(&args(&["resume", "--no-fail-fast"]), true).to_string(),
        "cargo nextest run --profile ci --workspace resume --no-fail-fast"
    );
    assert_eq!(
        plain(&args(&["-p", "forgemark-run", "--", "--nocapture"])).to_string(),
        "cargo test --no-fail-fast -p forgemark-run -- --nocapture"
    );
    // After the two dashes, `-p` belongs to the test program.
    assert_eq!(
        plain(&args(&["--", "-p"])).to_string(),
        "cargo test --no-fail-fast --workspace -- -p"
    );
}
