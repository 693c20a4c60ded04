use super::*;

fn lines(check: fn(&Source) -> Vec<Hit>, path: &str, text: &str) -> Vec<usize> {
    check(&Source::new(path, text.to_owned()))
        .iter()
        .map(|hit| hit.line)
        .collect()
}

#[test]
fn a_path_of_a_machine_is_found_in_any_text() {
    for folder in MACHINE_FOLDERS {
        let path = format!("/{folder}/data");
        for (file, text) in [
            (
                "crates/a/src/b.rs",
                format!("const A: &str = \"{path}\";\n"),
            ),
            ("crates/a/src/b.rs", format!("// see {path}\n")),
            ("README.md", format!("run `{path}`\n")),
            ("Cargo.toml", format!("path=\"{path}\"\n")),
            (".ci/run", format!("cd {path}\n")),
        ] {
            assert_eq!(lines(machine_path, file, &text), [1], "{file}: {text}");
        }
    }
}

#[test]
fn a_folder_inside_a_path_is_left_alone() {
    for folder in MACHINE_FOLDERS {
        let text = format!(
            "../{folder}/x a/{folder}/x https://a.example/{folder}/x $HOME/{folder}/x {{dir}}/{folder}/x net{folder}/x\n"
        );
        assert_eq!(
            lines(machine_path, "README.md", &text),
            [0usize; 0],
            "{text}"
        );
    }
}

#[test]
fn a_promise_needs_a_number() {
    let word = concat!("TO", "DO");
    let other = concat!("FIX", "ME");
    let text = format!(
        "// {word}: later\n// {word}(#12): later\n/* {other} */\n// {word}(soon)\nlet a = \"{word}\";\n// MY{word}S\n"
    );
    assert_eq!(lines(todo, "crates/a/src/b.rs", &text), [1, 3, 4]);
    assert_eq!(lines(todo, "deny.toml", &format!("# {word}\n")), [1]);
    assert_eq!(
        lines(todo, "README.md", &format!("write {word}s with a number\n")),
        [0usize; 0]
    );
}

#[test]
fn a_clock_below_the_app_is_found() {
    let text = "//! SystemTime::now\nfn f() {\n    let a = std::time::SystemTime::now();\n    let b = std::env::var_os(\"A\");\n    let c = std::time::Instant::now();\n    let d = env!(\"A\");\n}\n";
    assert_eq!(
        lines(ambient, "crates/forgemark-run/src/a.rs", text),
        [3, 4]
    );
    for path in [
        "crates/forgemark-app/src/a.rs",
        "crates/forgemark-run/src/a/tests.rs",
        "crates/forgemark-run/tests/it/main.rs",
    ] {
        assert_eq!(lines(ambient, path, text), [0usize; 0], "{path}");
    }
}
