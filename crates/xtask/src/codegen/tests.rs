use super::*;

const DOCUMENTS: &[Generated] = &[
    Generated {
        path: "docs/reference/a.md",
        head: "# A\n\n",
        content: Content::Block(&["config", "keys"]),
    },
    Generated {
        path: "schemas/b.json",
        head: "",
        content: Content::Printed(&["config", "schema"]),
    },
];

fn made(args: &[&str]) -> String {
    format!("made by  \n{}\n", args.join(" "))
}

#[test]
fn documents_are_written_then_in_order_then_out_of_date() {
    let root = std::env::temp_dir().join(format!("xtask-codegen-{}", std::process::id()));
    let run = |mode| generate(&root, mode, DOCUMENTS, &|args| Ok(made(args))).unwrap();
    assert!(!run(Mode::Check), "what is missing is out of date");
    assert!(!root.exists(), "a check writes nothing");
    assert!(run(Mode::Write));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("schemas/b.json"), "made by  \nconfig schema\n");
    assert_eq!(
        read("docs/reference/a.md"),
        "# A\n\n```text\nmade by\nconfig keys\n```\n"
    );
    assert!(run(Mode::Check));
    std::fs::write(root.join("schemas/b.json"), "made by hand\n").unwrap();
    let stale = !run(Mode::Check);
    std::fs::remove_dir_all(&root).unwrap();
    assert!(stale);
}

#[test]
fn every_command_is_found_in_the_help() {
    let print = |args: &[&str]| -> anyhow::Result<String> {
        Ok(match args {
            ["--help"] => "A program\n\nUsage: x\n\nCommands:\n  one   First\n  two   Second, with a text that\n        goes on\n\nOptions:\n  -h  Help\n",
            ["one", "--help"] => "First\n\nCommands:\n  deep  Below\n\nOptions:\n",
            ["one", "deep", "--help"] => "Below\n",
            ["two", "--help"] => "Second\n",
            other => anyhow::bail!("unexpected {other:?}"),
        }
        .to_owned())
    };
    let mut text = String::new();
    commands(&mut text, &[], &print).unwrap();
    let heads: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    assert_eq!(
        heads,
        [
            "## forgemark",
            "## forgemark one",
            "## forgemark one deep",
            "## forgemark two"
        ]
    );
    assert!(
        text.contains("## forgemark one deep\n\n```text\nBelow\n```\n"),
        "{text}"
    );
}

#[test]
fn the_first_difference_is_named() {
    assert_eq!(difference("a\nb\n", "a\nc\n"), "line 2: 'b' should be 'c'");
    assert_eq!(
        difference("a\n", "a\nc\n"),
        "line 2: the end of the file should be 'c'"
    );
    assert_eq!(difference("a", "a\n"), "the end of the last line");
    assert_eq!(difference("", "a\n"), "missing");
}

#[test]
fn no_two_documents_share_a_path() {
    for (at, document) in GENERATED.iter().enumerate() {
        assert!(
            GENERATED[at + 1..]
                .iter()
                .all(|other| other.path != document.path),
            "{}",
            document.path
        );
    }
}

#[test]
fn the_mode_is_read() {
    assert_eq!(Mode::parse(&[]).unwrap(), Mode::Write);
    assert_eq!(Mode::parse(&["--check".to_owned()]).unwrap(), Mode::Check);
    assert!(Mode::parse(&["--cheek".to_owned()]).is_err());
}
