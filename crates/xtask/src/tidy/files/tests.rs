use super::*;

fn rust(path: &str, text: String) -> Source {
    Source::new(path, text)
}

#[test]
fn code_lines_count_and_comments_do_not() {
    let comments = "// a comment\n\n/* another */\n".repeat(400);
    assert!(size(&rust("crates/a/src/b.rs", comments)).is_empty());

    let long = "fn f() {}\n".repeat(WARN_LINES + 1);
    assert_eq!(
        size(&rust("crates/a/src/b.rs", long.clone()))[0].level,
        Level::Warn
    );
    assert!(size(&rust("crates/a/src/b/tests.rs", long)).is_empty());

    let longer = "fn f() {}\n".repeat(MAX_LINES + 1);
    let hits = size(&rust("crates/a/src/b.rs", longer.clone()));
    assert_eq!(hits[0].level, Level::Fail);
    assert!(hits[0].what.contains("901"), "{hits:?}");
    assert!(
        size(&rust(
            "crates/a/src/b.rs",
            longer[..longer.len() - 10].to_owned()
        ))[0]
            .level
            == Level::Warn
    );

    let tests = "fn f() {}\n".repeat(MAX_TEST_LINES + 1);
    assert_eq!(
        size(&rust("crates/a/src/b/tests.rs", tests))[0].level,
        Level::Fail
    );
}

#[test]
fn the_lines_of_a_long_string_are_code() {
    let text = format!("const A: &str = \"{}\";\n", "a word\n".repeat(MAX_LINES));
    assert_eq!(size(&rust("crates/a/src/b.rs", text))[0].level, Level::Fail);
}

#[test]
fn documentation_comes_first() {
    assert!(module_doc(&rust("crates/a/src/b.rs", "\n//! What it is.\n".to_owned())).is_empty());
    assert!(
        module_doc(&rust(
            "crates/a/src/b/tests.rs",
            "use super::*;\n".to_owned()
        ))
        .is_empty()
    );
    for text in [
        "use std::fmt;\n//! Late.\n",
        "// A plain comment.\n",
        "/// Of the next item.\nfn f() {}\n",
        "",
    ] {
        assert_eq!(
            module_doc(&rust("crates/a/src/b.rs", text.to_owned())).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn lints_are_inherited_and_not_loosened() {
    let check = |text: &str| lints(&Source::new("crates/a/Cargo.toml", text.to_owned()));
    assert!(check("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n").is_empty());
    assert_eq!(check("[package]\nname = \"a\"\n").len(), 1);
    assert_eq!(
        check("[dependencies]\nworkspace = true\n").len(),
        1,
        "the line belongs to another section"
    );
    let loosened = check("[lints]\nworkspace = true\n[lints.clippy]\nunwrap_used = \"allow\"\n");
    assert_eq!(loosened.len(), 1);
    assert_eq!(loosened[0].line, 4);
    assert!(
        lints(&Source::new("Cargo.toml", String::new())).is_empty(),
        "the workspace itself is no crate"
    );
}

#[test]
fn a_forgotten_snapshot_is_found() {
    let root = std::env::temp_dir().join(format!("xtask-leftovers-{}", std::process::id()));
    let folder = root.join("crates/a/tests/snapshots");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x.snap"), "kept").unwrap();
    let clean = leftovers(&root).unwrap();
    std::fs::write(folder.join("x.snap.new"), "new").unwrap();
    let found = leftovers(&root).unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(clean, []);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "crates/a/tests/snapshots/x.snap.new");
}
