//! Arguments, help, version, exit codes.

use std::io::Read as _;
use std::process::Stdio;

use crate::command::{Bench, code};

#[test]
fn help() {
    insta::assert_snapshot!(Bench::new().shown(&["-h"]), @"
    exit 0
    --- stdout
    Forges language-model data and marks it

    Usage: forgemark [OPTIONS] <COMMAND>

    Commands:
      demo             Make a first dataset from embedded documents, in a folder here
      status           Say how far the runs of an output folder are, also while one works
      dialogue         Make grounded conversations
      arena            Let models question, answer and judge each other; work with the files of such an
                       arena
      store            Keep conversations as versioned records: take them in, find them, change them
      export           Cut training sets out of a store
      validate         Prove an output folder: every file against its contract, and all files against
                       each other
      doctor           Check what a run needs: configuration, keys, endpoints, folders, documents
      config           Show, explain and check configurations
      schema           Print the JSON Schema of an artifact or of the configuration; without a name list
                       them
      journal          Look into the journal of an output folder
      scripted-server  Serve a scripted model over HTTP, with latencies and faults
      bench            Measure this program: overhead, use of its slots, growth
      completions      Write a completion script for a shell
      help             Explain a command or a topic

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
      -q, --quiet...      Say less: -q warnings and errors, -qq errors only
      -v, --verbose...    Say more: -v details, -vv everything
          --color <WHEN>  When to use colour [default: auto]

    `forgemark help exit-codes` and `forgemark help environment` explain more.
    ");
    insta::assert_snapshot!(Bench::new().shown(&["help", "config", "show"]), @"
    exit 0
    --- stdout
    Print the values that a configuration resolves to

    Usage: forgemark config show [OPTIONS] <CONFIG>

    Arguments:
      <CONFIG>  The configuration file

    Options:
          --origin           Say where each value came from
          --for <COMMAND>    The command whose configuration is meant: dialogue, arena or export
                             [default: dialogue]
          --set <KEY=VALUE>  Set a configuration key; may be repeated, the last one wins
          --json             Print the result (or the error) as JSON
      -h, --help             Print help

    Global options:
      -q, --quiet...      Say less: -q warnings and errors, -qq errors only
      -v, --verbose...    Say more: -v details, -vv everything
          --color <WHEN>  When to use colour [default: auto]

    Examples:
      forgemark config show run.yaml --origin
      forgemark config show run.yaml --set run.turns.max=8 --json
    ");
    insta::assert_snapshot!(Bench::new().shown(&["scripted-server", "--help"]), @"
    exit 0
    --- stdout
    Serve a scripted model over HTTP, with latencies and faults

    Usage: forgemark scripted-server [OPTIONS]

    Options:
          --script <FILE>  The script (YAML or JSON); without it every request gets a good reply at once
          --port <N>       The port; 0 picks a free one [default: 0]
          --bind <ADDR>    The address to listen at [default: 127.0.0.1]
          --json           Print the result (or the error) as JSON
      -h, --help           Print help

    Global options:
      -q, --quiet...      Say less: -q warnings and errors, -qq errors only
      -v, --verbose...    Say more: -v details, -vv everything
          --color <WHEN>  When to use colour [default: auto]

    Examples:
      forgemark scripted-server --port 4000
      forgemark scripted-server --port 4000 --script faults.yaml

    `forgemark help script` prints a script with every key.
    ");
}

#[test]
fn long_help_ends_with_the_exit_codes() {
    let shown = Bench::new().shown(&["--help"]);
    assert!(shown.contains("Exit codes:\n    0  done\n"), "{shown}");
}

#[test]
fn topics() {
    insta::assert_snapshot!(Bench::new().shown(&["help", "exit-codes"]), @"
    exit 0
    --- stdout
    Exit codes:
        0  done
        1  findings, or a failed run
        2  wrong usage or configuration; nothing was started
        3  no usable endpoint
        5  partial: the same command resumes the run
        6  a file has a newer format than this version reads
      100  a quality gate failed
      101  a bug in forgemark
      130  interrupted
    ");
    insta::assert_snapshot!(Bench::new().shown(&["help", "exit-code"]), @"
    exit 2
    --- stderr
    error: there is no command or topic 'exit-code'

    hint: did you mean `forgemark help exit-codes`?
    ");
    let shown = Bench::new().shown(&["help", "environment"]);
    assert!(
        shown.contains("`FORGEMARK_RUN__BATCH_SIZE` sets `run.batch_size`"),
        "{shown}"
    );
    assert!(
        shown.contains("\n  LLM_USER_MODEL                            llm.agents.user.model\n"),
        "{shown}"
    );
}

#[test]
fn the_version_names_the_commit() {
    let shown = Bench::new().shown(&["--version"]);
    let line = shown.lines().nth(2).unwrap();
    let commit = line
        .strip_prefix("forgemark 0.1.0 (")
        .and_then(|rest| rest.strip_suffix(")"))
        .unwrap();
    assert!(
        commit == "unknown"
            || (commit.len() == 12 && commit.bytes().all(|b| b.is_ascii_hexdigit())),
        "{line}"
    );
}

#[test]
fn wrong_usage() {
    insta::assert_snapshot!(Bench::new().shown(&["confg"]), @"
    exit 2
    --- stderr
    error: unrecognized subcommand 'confg'

      tip: a similar subcommand exists: 'config'

    Usage: forgemark [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Bench::new().shown(&["config", "show"]), @"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      <CONFIG>

    Usage: forgemark config show <CONFIG>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Bench::new().shown(&["config", "show", "x.yaml", "--set", "run.batch_size"]), @"
    exit 2
    --- stderr
    error: invalid value 'run.batch_size' for '--set <KEY=VALUE>': expected key=value, such as run.batch_size=4

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Bench::new().shown(&["config", "show", "--json"]), @r#"
    exit 2
    --- stdout
    {"error": {"kind": "usage", "message": "the following required arguments were not provided:", "hint": null, "exit": 2}}
    "#);
    assert_eq!(code(&Bench::new().run(&[])), 2);
    assert_eq!(
        code(&Bench::new().run(&["-q", "-v", "completions", "bash"])),
        2
    );
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Bench::new().run(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            script.contains("forgemark") && script.contains("scripted-server"),
            "{shell}"
        );
        assert!(!script.contains("__pdf-text"), "{shell}");
    }
}

#[test]
fn no_colour_where_there_is_no_terminal_and_none_that_was_not_asked_for() {
    let has_escape = |bench: Bench, args: &[&str]| bench.run(args).stderr.contains(&0x1b);
    assert!(!has_escape(Bench::new(), &["help", "nothing"]));
    assert!(has_escape(
        Bench::new(),
        &["--color=always", "help", "nothing"]
    ));
    assert!(has_escape(
        Bench::new().env("CLICOLOR_FORCE", "1"),
        &["help", "nothing"]
    ));
    assert!(!has_escape(
        Bench::new().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"),
        &["help", "nothing"]
    ));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let bench = Bench::new();
    let mut command = bench.command(&["completions", "zsh"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let bench = Bench::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = bench
        .command(&["completions", "zsh"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @"
    error: cannot write to standard output
      caused by: No space left on device (os error 28)
    ");
}
