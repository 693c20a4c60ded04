use forgemark_contract::json::parse_str;

use super::*;

const FILE: &str = r#"{"variants": {"english": {"care": ["How?"]}, "msa": {"care": ["\u0643\u064a\u0641\u061f"]}, "empty": {}},
    "aliases": {"Arabic": "msa", "gone": "nowhere"}}"#;

fn read(variant: &str) -> Result<SeedTopics, SeedError> {
    SeedTopics::from_json(&parse_str(FILE).unwrap(), variant, 1.0)
}

#[test]
fn a_variant_of_the_file_or_of_its_aliases_is_taken() {
    for variant in ["msa", " msa ", "arabic", "Arabic"] {
        let topics = read(variant).unwrap().for_language("en");
        assert_eq!(topics[0].1, ["\u{643}\u{64a}\u{641}\u{61f}"], "{variant}");
    }
    assert_eq!(read("").unwrap().for_language("en")[0].1, ["How?"]);
}

#[test]
fn an_unknown_variant_is_an_error_that_lists_those_that_are() {
    for variant in ["mas", "empty", "gone", "nowhere", "MSA"] {
        let error = read(variant).unwrap_err();
        let known = ["english", "msa", "arabic"].map(str::to_owned).to_vec();
        let variant = variant.to_owned();
        assert_eq!(error, SeedError::UnknownVariant { variant, known });
    }
}

/// Every shape of the original, in YAML's JSON form, with the same three questions.
const SHAPES: [(&str, &str); 7] = [
    (
        "structured",
        r#"{"version": 1, "defaults": {"by_target_language": {"AR": "msa"}, "final_fallback": "english"}, "aliases": {"Arabic": "msa"},
            "variants": {"english": {"care": ["How?", "When?"]}, "msa": {"care": ["\u0643\u064a\u0641\u061f"]}}}"#,
    ),
    (
        "fallback outside of defaults",
        r#"{"final_fallback": "english", "aliases": {"arabic": "msa"}, "defaults": {"by_target_language": {"ar": "msa"}},
            "variants": {"english": {"care": ["How?", "When?"]}, "msa": {"care": ["\u0643\u064a\u0641\u061f"]}}}"#,
    ),
    (
        "variants under topics",
        r#"{"topics": {"english": {"care": ["How?", "When?"]}, "msa": {"care": ["\u0643\u064a\u0641\u061f"]}}}"#,
    ),
    (
        "topics of variants under topics",
        r#"{"version": 1, "topics": {"care": {"english": ["How?", "When?"], "msa": ["\u0643\u064a\u0641\u061f"]}}}"#,
    ),
    (
        "bare variants",
        r#"{"english": {"care": ["How?", "When?"]}, "msa": {"care": ["\u0643\u064a\u0641\u061f"]}}"#,
    ),
    (
        "topics of variants",
        r#"{"care": {"english": ["How?", "When?"], "msa": ["\u0643\u064a\u0641\u061f"]}}"#,
    ),
    (
        "bare topics beside topics of variants",
        r#"{"care": ["How?"], "water": {"msa": ["\u0643\u064a\u0641\u061f"], "english": ["When?"]}, "later": null}"#,
    ),
];

#[test]
fn every_shape_of_the_original_is_read_and_written_as_the_new_version() {
    for (shape, text) in SHAPES {
        let file = SeedFile::from_json(&parse_str(text).unwrap()).unwrap();
        assert_eq!(file.counts().2, 3, "{shape}");
        let written = file.to_json();
        assert_eq!(
            written.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["version", "defaults", "aliases", "variants"],
            "{shape}"
        );
        assert_eq!(SeedFile::from_json(&written).unwrap(), file, "{shape}");
        let (before, after) = (parse_str(text).unwrap(), written);
        for language in ["en", "ar", "Arabic", "french", "swahili"] {
            let ask = |json: &Json| {
                SeedTopics::from_json(json, "", 1.0)
                    .unwrap()
                    .for_language(language)
            };
            assert_eq!(ask(&before), ask(&after), "{shape} {language}");
            let questions: Vec<String> =
                ask(&after).into_iter().flat_map(|(_, list)| list).collect();
            let arabic = language == "ar" || (language == "Arabic" && text.contains("aliases"));
            let expected = if arabic {
                vec!["\u{643}\u{64a}\u{641}\u{61f}"]
            } else if shape.starts_with("bare topics") {
                vec!["When?", "How?"]
            } else {
                vec!["How?", "When?"]
            };
            assert_eq!(questions, expected, "{shape} {language}");
        }
    }
}

#[test]
fn bare_topics_are_english() {
    let file = parse_str(r#"{"care": ["How?"], "water": ["When?"]}"#).unwrap();
    let topics = SeedTopics::from_json(&file, "", 1.0)
        .unwrap()
        .for_language("sw");
    assert_eq!(topics.len(), 2);
    let written = SeedFile::from_json(&file).unwrap().to_json();
    assert_eq!(
        written.at("variants").at("english").items("water"),
        [Json::from("When?")]
    );
}

#[test]
fn what_is_no_seed_file_is_said() {
    for (text, what) in [
        ("[]", "not a mapping"),
        ("{}", "no question"),
        (r#"{"care": []}"#, "no question"),
        (r#"{"variants": ["care"]}"#, "`variants` is not a mapping"),
        (
            r#"{"variants": {"en": ["How?"]}}"#,
            "variant `en` is not a mapping",
        ),
        (r#"{"care": [1]}"#, "topic `care` holds something"),
        (r#"{"care": "How?"}"#, "topic `care` is not a list"),
    ] {
        let error = SeedFile::from_json(&parse_str(text).unwrap()).unwrap_err();
        assert!(error.to_string().contains(what), "{text}: {error}");
    }
}
