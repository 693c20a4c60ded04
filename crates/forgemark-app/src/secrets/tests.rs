use super::*;

#[test]
fn names_that_hold_secrets() {
    for name in [
        "api_key",
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "token",
        "AWS_SECRET_KEY",
        "store.postgres.dsn",
        "password",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "api_key_env",
        "LLM_USER_API_KEY_ENV",
        "max_tokens",
        "run.seed",
        "tokenizer",
        "model",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn values_of_secret_variables_are_hidden_anywhere() {
    let secrets = Secrets::from_vars([
        ("MY_API_KEY", "abcdef-123"),
        ("OTHER_TOKEN", "abcdef-123-long"),
        ("PATH", "/usr/bin"),
    ]);
    assert_eq!(
        secrets.mask("key abcdef-123 and abcdef-123-long in /usr/bin"),
        "key *** and *** in /usr/bin"
    );
    assert_eq!(format!("{secrets:?}"), "Secrets(2 values)");
}

#[test]
fn short_values_are_no_secrets() {
    let secrets = Secrets::from_vars([("A_TOKEN", "x")]);
    assert_eq!(secrets.mask("x marks"), "x marks");
}

#[test]
fn well_known_tokens_are_hidden_without_a_name() {
    let secrets = Secrets::default();
    assert_eq!(
        secrets.mask("got sk-abcdefghijklmnopqrstuv, sk-short"),
        "got ***, sk-short"
    );
}

#[test]
fn lines_keep_their_columns() {
    for (line, masked) in [
        (
            "  api_key: hunter2222 # mine",
            "  api_key: *****************",
        ),
        (
            "{api_key: \"s3cret\", model: x}",
            "{api_key: \"******\", model: x}",
        ),
        ("a.b.api_key=s3cret", "a.b.api_key=******"),
        ("api_key_env: OPENAI_API_KEY", "api_key_env: OPENAI_API_KEY"),
        ("max_tokens: 5", "max_tokens: 5"),
        (
            "x: sk-abcdefghijklmnopqrstuv",
            "x: *************************",
        ),
    ] {
        let got = mask_line(line);
        assert_eq!(got, masked);
        assert_eq!(got.chars().count(), line.chars().count());
    }
}
