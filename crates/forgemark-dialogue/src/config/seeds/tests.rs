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
