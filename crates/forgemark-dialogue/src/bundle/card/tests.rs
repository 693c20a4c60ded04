use forgemark_contract::dialogue::Columns;

use super::*;

#[test]
fn scalars_are_plain_only_where_nothing_is_misread() {
    for plain in ["cc-by-4.0", "conversations.jsonl", "data/a_b.jsonl"] {
        assert_eq!(yaml(plain), plain);
    }
    for (value, quoted) in [
        ("no", "\"no\""),
        ("", "\"\""),
        ("4.0", "\"4.0\""),
        ("a: b", "\"a: b\""),
        ("a\nlicense: mit", "\"a\\nlicense: mit\""),
        ("\"", "\"\\\"\""),
    ] {
        assert_eq!(yaml(value), quoted);
    }
}

#[test]
fn labels_become_codes_only_where_they_are_known() {
    let codes = [
        "english", "MSA", "morocco", " fr ", "sw", "Klingon", "", "a1",
    ];
    let codes: Vec<_> = codes.into_iter().map(code).collect();
    let some = |code: &str| Some(code.to_owned());
    assert_eq!(
        codes,
        [
            some("en"),
            some("ar"),
            some("ar"),
            some("fr"),
            some("sw"),
            None,
            None,
            None
        ]
    );
}

#[test]
fn foreign_text_is_no_markup() {
    assert_eq!(text("a\n# b <i>[c](d)"), "a \\# b \\<i\\>\\[c\\](d)");
    assert_eq!(cell("m`|x"), "`m'\\|x`");
    assert_eq!(cell(" "), "-");
    assert_eq!(link("my plots/a.svg"), "my%20plots/a.svg");
}

#[test]
fn a_licence_stands_only_where_one_is_configured() {
    let mut manifest = Manifest {
        data: "rows.jsonl".to_owned(),
        rows: 1,
        stats: None,
        plots: None,
        columns: Columns::default(),
        about: Json::object([("title", Json::from("set"))]),
        changes: Json::empty_object(),
        files: Vec::new(),
    };
    let facts = Facts {
        rows: 1_000,
        languages: [("gulf".to_owned(), 999), ("Klingon".to_owned(), 1)].into(),
        ..Facts::default()
    };
    let without = card(&manifest, &facts, &Json::Null, &[]);
    assert!(!without.contains("license:"), "{without}");
    assert!(without.contains("No licence was configured."));
    assert!(
        without.contains("size_categories:\n  - 1K<n<10K\n"),
        "{without}"
    );
    assert!(
        without.contains("language:\n  - ar\nlicense")
            || without.contains("language:\n  - ar\ntask")
    );
    assert!(without.contains("| `Klingon` | 1 |"));
    manifest.about = Json::object([("licence", Json::from("odc: by"))]);
    let with = card(&manifest, &facts, &Json::Null, &[]);
    assert!(with.contains("\nlicense: \"odc: by\"\n"), "{with}");
}
