use super::*;

/// The planted addresses are put together, so that tidy does not find them here.
fn check(path: &str, text: &str) -> Vec<usize> {
    address(&Source::new(path, text.to_owned()))
        .iter()
        .map(|hit| hit.line)
        .collect()
}

const TEST: &str = "crates/a/tests/it/main.rs";

#[test]
fn an_address_beyond_this_machine_is_found() {
    let scheme = concat!("http", ":", "//");
    for host in [
        "api.somewhere.com",
        "user:pw@somewhere.com:80",
        "[fe80::1]:8080",
        concat!("203.0", ".113.7"),
        "example.com",
    ] {
        let text = format!("//! Doc.\nlet a = \"{scheme}{host}/v1\";\n");
        assert_eq!(check(TEST, &text), [2], "{host}");
    }
    for address in [
        ["10", "0", "0", "1"],
        ["0", "0", "0", "0"],
        ["192", "168", "1", "1"],
    ] {
        let text = format!("let a = \"{}:80\";\n", address.join("."));
        assert_eq!(check(TEST, &text), [1], "{address:?}");
    }
    for code in ["Ipv4Addr::new(10, 0, 0, 1)", "Ipv6Addr::UNSPECIFIED"] {
        assert_eq!(check(TEST, &format!("bind({code});\n")), [1], "{code}");
    }
}

#[test]
fn loopback_reserved_names_and_placeholders_are_left_alone() {
    let scheme = concat!("http", ":", "//");
    for host in [
        "127.0.0.1:0",
        "127.0.0.9",
        "localhost:8080",
        "[::1]:80",
        "models.example",
        "server",
        "a.b.test/x",
        "gone.invalid",
        "{address}",
        "{}:{port}",
    ] {
        assert_eq!(
            check(TEST, &format!("let a = \"{scheme}{host}/v1\";\n")),
            [0usize; 0],
            "{host}"
        );
    }
    assert_eq!(
        check(
            TEST,
            "let v = \"1.2.3 and 1.2.3.4.5 and 300.1.1.1\"; Ipv4Addr::new(127, 0, 0, 1);\n"
        ),
        [0usize; 0]
    );
}

#[test]
fn product_code_may_name_providers() {
    let text = concat!("const A: &str = \"https", "://api.somewhere.com/v1\";\n");
    assert_eq!(check("crates/a/src/b.rs", text), [0usize; 0]);
    let tested = format!("{text}#[cfg(test)]\nmod tests {{\n    {text}}}\n");
    assert_eq!(check("crates/a/src/b.rs", &tested), [4]);
}
