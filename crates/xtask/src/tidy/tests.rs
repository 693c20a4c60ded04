use super::*;

/// For every file check a file that breaks its rule and nothing else. A check that cannot find anything is worthless.
fn planted(check: &str) -> (&'static str, String) {
    let rust = |text: &str| ("crates/a/src/b.rs", format!("//! Doc.\n{text}\n"));
    match check {
        "size" => rust(&"fn f() {}\n".repeat(901)),
        "head" => ("crates/a/src/b.rs", "fn f() {}\n".to_owned()),
        "layout" => ("crates/a/src/b/mod.rs", "//! Doc.\n".to_owned()),
        "lints" => (
            "crates/a/Cargo.toml",
            "[package]\nname = \"a\"\n".to_owned(),
        ),
        "allow" => rust("#[allow(dead_code)]\nfn f() {}"),
        "ignore" => rust("#[test]\n#[ignore]\nfn f() {}"),
        "serde" => rust("#[serde(untagged)]\nenum A {}"),
        "path" => rust(concat!("const A: &str = \"/ho", "me/ada\";")),
        "todo" => rust(concat!("// TO", "DO: more")),
        "ambient" => rust("fn f() { std::time::SystemTime::now(); }"),
        "address" => (
            "crates/a/tests/b.rs",
            format!(
                "//! Doc.\nconst A: &str = \"http{}somewhere.org\";\n",
                "://"
            ),
        ),
        other => panic!("plant a violation of '{other}' here"),
    }
}

#[test]
fn every_check_finds_its_planted_violation_and_no_other() {
    for check in FILE_CHECKS {
        let (path, text) = planted(check.name);
        let found = check_file(&Source::new(path, text));
        assert_eq!(
            found
                .iter()
                .map(|finding| finding.check)
                .collect::<Vec<_>>(),
            [check.name],
            "{found:?}"
        );
        assert_eq!(found[0].level, Level::Fail, "{found:?}");
    }
}

#[test]
fn every_check_accepts_a_marked_violation() {
    for check in FILE_CHECKS {
        let (path, text) = planted(check.name);
        let hit = &(check.find)(&Source::new(path, text.clone()))[0];
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let comment = if source::is_rust(path) { "//!" } else { "#" };
        lines.insert(
            hit.line.saturating_sub(1),
            format!("{comment} tidy: allow-{}(planted)", check.name),
        );
        let found = check_file(&Source::new(path, lines.join("\n")));
        assert_eq!(found, [], "{}", check.name);
    }
}

#[test]
fn a_file_in_order_has_no_finding() {
    let text = "//! What it is.\n\n#[expect(dead_code, reason = \"shown\")]\nfn f() -> &'static str {\n    \"127.0.0.1\"\n}\n";
    assert_eq!(
        check_file(&Source::new("crates/a/src/b/tests.rs", text.to_owned())),
        []
    );
}

#[test]
fn a_finding_names_file_line_and_check() {
    let mut finding = check_file(&Source::new(
        "crates/a/src/b.rs",
        "//! Doc.\n#![allow(x)]\n".to_owned(),
    ))
    .remove(0);
    assert!(
        finding
            .to_string()
            .starts_with("error[allow] crates/a/src/b.rs:2: "),
        "{finding}"
    );
    finding.line = 0;
    assert!(
        finding
            .to_string()
            .starts_with("error[allow] crates/a/src/b.rs: "),
        "{finding}"
    );
}
