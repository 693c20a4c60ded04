use super::*;

#[test]
fn a_marker_with_a_reason_allows_its_line_and_the_next() {
    let text = "a\n// tidy: allow-path(shown to the user)\nb\nc\nd // tidy: allow-path()\n";
    let source = Source::new("x.rs", text.to_owned());
    assert!(!source.allows("path", 1));
    assert!(source.allows("path", 2));
    assert!(source.allows("path", 3));
    assert!(!source.allows("path", 4));
    assert!(
        !source.allows("path", 5),
        "a marker without a reason allows nothing"
    );
    assert!(
        !source.allows("todo", 3),
        "a marker allows its own check only"
    );
    assert!(
        source.allows("path", 0),
        "the whole file is allowed by a marker anywhere"
    );
    assert!(!source.allows("size", 0));
}

#[test]
fn a_marker_for_the_file_allows_every_line_of_it() {
    let text = "// tidy: allow-address-in-file(parsed, not called)\na\nb\nc\n";
    let source = Source::new("x.rs", text.to_owned());
    assert!(source.allows("address", 4) && source.allows("address", 0));
    assert!(!source.allows("path", 4));
    let without_reason = Source::new("x.rs", text.replace("parsed, not called", ""));
    assert!(!without_reason.allows("address", 4));
}

#[test]
fn test_code_is_told_from_product_code() {
    for path in [
        "crates/a/src/b/tests.rs",
        "crates/a/tests/it/main.rs",
        "crates/forgemark-testkit/src/lib.rs",
    ] {
        assert!(Source::new(path, String::new()).is_test(), "{path}");
    }
    for path in [
        "crates/a/src/tests_of.rs",
        "crates/a/src/b.rs",
        "crates/a/tests/data.md",
    ] {
        assert!(!Source::new(path, String::new()).is_test(), "{path}");
    }
}

#[test]
fn an_inline_test_module_is_found_to_its_last_brace() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {\n    fn b() { let s = \"}\"; }\n}\nfn c() {}\n";
    let source = Source::new("crates/a/src/b.rs", text.to_owned());
    let tests = source.rust.unwrap().tests;
    assert_eq!(tests.len(), 1, "{tests:?}");
    let inside = &text[tests[0].clone()];
    assert!(
        inside.contains("fn b") && inside.ends_with('}') && !inside.contains("fn c"),
        "{inside}"
    );
}

#[test]
fn the_files_of_this_repository_are_listed() {
    let root = crate::command::workspace_root().unwrap();
    let sources = read_all(&root).unwrap();
    assert!(
        sources
            .iter()
            .any(|source| source.path == "crates/xtask/src/main.rs")
    );
    assert!(
        sources
            .iter()
            .all(|source| !source.path.starts_with("target/"))
    );
}
