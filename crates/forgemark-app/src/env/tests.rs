use super::*;
use std::os::unix::ffi::OsStringExt as _;

#[test]
fn empty_is_not_set_and_bytes_are_named() {
    let environment = Environment::from_os([
        ("A".into(), "1".into()),
        ("EMPTY".into(), "".into()),
        ("BYTES".into(), OsString::from_vec(vec![0xff])),
    ]);
    assert_eq!(environment.get("A"), Ok(Some("1")));
    assert_eq!(environment.get("EMPTY"), Ok(None));
    assert_eq!(environment.get("MISSING"), Ok(None));
    assert_eq!(environment.get("BYTES"), Err(NotText("BYTES".into())));
}

#[test]
fn debug_shows_no_values() {
    let environment = Environment::from_pairs([("OPENAI_API_KEY", "sk-123456")]);
    assert_eq!(format!("{environment:?}"), "{\"OPENAI_API_KEY\"}");
    assert_eq!(environment.secrets().mask("sk-123456"), "***");
}

#[test]
fn generic_names() {
    assert_eq!(generic_name("run.turns.min"), "FORGEMARK_RUN__TURNS__MIN");
}
