use std::path::Path;

use super::Redactor;

#[test]
fn instants_durations_and_paths_are_replaced() {
    let redactor = Redactor::new()
        .path(Path::new("/nowhere/out"), "[OUT]")
        .timestamps()
        .durations();
    let cases = [
        ("at 2030-01-02T03:04:05Z.", "at [TIME]."),
        ("at 2030-01-02T03:04:05.000006+00:00,", "at [TIME],"),
        ("wrote /nowhere/out/a.jsonl", "wrote [OUT]/a.jsonl"),
        (
            "took 12.345678901 s for 3 models",
            "took [T]            for 3 models",
        ),
        ("took 5ms", "took [T]"),
        (
            "v1.2s is no duration, nor is x5ms or 3 m",
            "v1.2s is no duration, nor is x5ms or 3 m",
        ),
        ("größer als 7µs", "größer als [T]"),
    ];
    for (text, expected) in cases {
        assert_eq!(redactor.apply(text), expected, "{text}");
    }
}
