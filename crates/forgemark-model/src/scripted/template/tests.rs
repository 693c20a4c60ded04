use forgemark_contract::json::parse_str;

use super::super::hash::Draws;
use super::super::scan::scan;
use super::*;

const BODY: &[u8] = br#"{"messages":[{"role":"user","content":"<question>Why \"so\"?</question> <passage id=\"aa-1\" source=\"a.md#chunk0\">It is \"so\" by the rule of thumb.</passage>"}]}"#;

fn expand(template: &Template) -> String {
    let scan = scan(BODY).unwrap();
    let ground = Ground::new(BODY, &scan, 0xabcd, Draws::new(0xabcd, 1, 0), false);
    let mut out = Vec::new();
    template.expand(&ground, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_placeholder_is_replaced() {
    let text = "{hash8} {topic_id} {first_topic_id} {source} {question} {passage}";
    assert_eq!(
        expand(&Template::text(text).unwrap()),
        "0000abcd aa-1 aa-1 a.md#chunk0 Why \"so\"? It is \"so\" by the rule of thumb."
    );
    let n = expand(&Template::text("{n}").unwrap());
    assert!(n.len() == 1 && n.as_bytes()[0].is_ascii_digit(), "{n}");
}

#[test]
fn braces_that_open_no_name_stand() {
    for (text, expected) in [
        ("{\"a\": {}}", "{\"a\": {}}"),
        ("{{\"a\": {}}}", "{{\"a\": {}}}"),
        ("{{n}} {{", "{n} {{"),
        ("}} } {{n]", "}} } {{n]"),
        ("{ n} {n", "{ n} {n"),
        ("", ""),
    ] {
        assert_eq!(expand(&Template::text(text).unwrap()), expected, "{text}");
    }
    let error = Template::text("a {topic}").unwrap_err();
    assert!(
        error.starts_with("unknown placeholder `{topic}`; known are hash8, n,"),
        "{error}"
    );
}

#[test]
fn json_stays_json() {
    let value = parse_str(
        r#"{"a {n}":["{question}\n","{{n}}",1,null,2.5,true,{}],"b":"{n}","c":"no {n}"}"#,
    )
    .unwrap();
    let text = expand(&Template::json(&value).unwrap());
    let read = parse_str(&text).unwrap();
    assert_eq!(read.items("a {n}")[0].as_str(), Some("Why \"so\"?\n"));
    assert_eq!(read.items("a {n}")[1].as_str(), Some("{n}"));
    assert!(
        read.at("b").as_i64().is_some_and(|n| (0..10).contains(&n)),
        "{text}"
    );
    assert_eq!(
        read.at("c").as_str(),
        Some(format!("no {}", read.i64_or("b", -1)).as_str())
    );
    assert!(Template::json(&parse_str(r#"[{"x":["{nope}"]}]"#).unwrap()).is_err());
}
