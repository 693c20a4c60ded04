use super::*;
use crate::formats::Format;
use crate::recipe::{Recipe, Task};
use crate::testing::{plan, rec, recipe, try_cut};

/// A token for each word.
#[derive(Debug)]
struct Words;

impl CountTokens for Words {
    fn count(&self, text: &str) -> Result<usize, String> {
        if text.contains('\u{0}') {
            return Err("it has a zero".to_owned());
        }
        Ok(text.split_whitespace().count())
    }
}

fn rule(max: usize, template: Option<&str>) -> TokenRule {
    TokenRule {
        max,
        digest: "d".repeat(64),
        tokenizer: Arc::new(Words),
        template: template.map(|source| {
            let template = ChatTemplate::new(source, "", "").unwrap();
            ("t".repeat(64), Arc::new(template))
        }),
    }
}

fn limited(rule: TokenRule) -> Recipe {
    Recipe {
        tokens: Some(rule),
        ..recipe(Task::Sft)
    }
}

fn rows() -> Vec<forgemark_contract::store::ContextRecord> {
    let talk = |s: i64, question: &str| {
        let session = format!("s{s}");
        [("q", "user", question), ("a", "assistant", "one two")].map(|(id, role, text)| {
            let mut row = rec(
                &format!("{id}{s}"),
                role,
                text,
                s * 10 + i64::from(id == "a"),
            );
            row.session_id = Some(session.clone());
            row
        })
    };
    [talk(1, "a b"), talk(2, "a b c d e"), talk(3, "a\u{0}")].concat()
}

#[test]
fn what_is_too_long_or_cannot_be_counted_is_dropped_and_the_rest_is_measured() {
    let written = try_cut(rows(), &plan(limited(rule(6, None)), Format::Neutral)).unwrap();
    assert_eq!(written.lines("cut.jsonl").len(), 1);
    let decisions = written.lines("cut.decisions.jsonl");
    assert_eq!(decisions[1].str_or("why", ""), "more than 6 tokens");
    assert_eq!(decisions[1].at("score").as_f64(), Some(7.0));
    assert_eq!(
        decisions[2].str_or("why", ""),
        "its tokens cannot be counted: it has a zero"
    );
    let tokens = written.manifest.json.at("tokens");
    assert_eq!(
        (tokens.i64_or("count", 0), tokens.at("max").as_f64()),
        (1, Some(4.0))
    );
    assert_eq!(tokens.at("sum").as_u64(), Some(4));
    let limits = written.manifest.json.at("recipe").at("tokens");
    assert_eq!(limits.str_or("tokenizer_sha256", ""), "d".repeat(64));
}

#[test]
fn a_template_counts_what_it_adds() {
    let template = "{% for m in messages %}<{{ m.role }} > {{ m.content }} {% endfor %}";
    let with = try_cut(
        rows()[..4].to_vec(),
        &plan(limited(rule(100, Some(template))), Format::Neutral),
    )
    .unwrap();
    let tokens = with.manifest.json.at("tokens");
    // Each message has two words more.
    assert_eq!(tokens.at("min").as_f64(), Some(8.0));
    assert_eq!(tokens.at("max").as_f64(), Some(11.0));
}

#[cfg(feature = "tokenizers")]
#[test]
fn a_tokenizer_is_read_from_its_file() {
    let json = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "bolt": 2, ".": 3}, "unk_token": "[UNK]"}}"#;
    let (tokenizer, digest) = read(json.as_bytes()).unwrap();
    assert_eq!(tokenizer.count("A bolt. Unknown words").unwrap(), 5);
    assert_eq!(
        digest,
        forgemark_contract::text::sha256_hex(json.as_bytes())
    );
    let error = read(b"{\"model\": 1}").err().unwrap().to_string();
    assert!(
        error.starts_with("no tokenizer can be read from it: "),
        "{error}"
    );
}
