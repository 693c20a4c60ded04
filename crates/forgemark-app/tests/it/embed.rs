//! `forgemark store embed` over a store in memory, with the built-in model and with a scripted server.

use forgemark_app::env::Environment;
use forgemark_app::exit::Exit;
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::memory::MemoryStores;
use forgemark_model::scripted::{
    Behaviour, Fault, Matcher, Running, Script, Server, ServerOptions,
};

use crate::program::{Said, forgemark, with_env};

const KEY: &str = "sk-a-key-that-nobody-may-see";

/// A store `s` of five records, one of them with blanks only and one without a text.
fn stores() -> MemoryStores {
    let stores = MemoryStores::default();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("rows.jsonl");
    let rows = [
        r#"{"id": "a", "role": "user", "text_payload": "the pump starts at nine"}"#,
        r#"{"id": "b", "role": "user", "text_payload": "a letter came back"}"#,
        r#"{"id": "c", "role": "user", "text_payload": "pumps started at nine"}"#,
        r#"{"id": "blank", "role": "user", "text_payload": "  \n"}"#,
        r#"{"id": "none", "role": "user"}"#,
    ];
    std::fs::write(&file, rows.join("\n")).unwrap();
    let made = forgemark(&stores, &["store", "init", "s"]);
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    let added = forgemark(&stores, &["store", "add", "s", file.to_str().unwrap()]);
    assert_eq!(added.exit, Exit::Done, "{added:?}");
    stores
}

fn embed(stores: &MemoryStores, more: &[&str]) -> Said {
    let env = Environment::from_pairs([("THE_KEY", KEY)]);
    with_env(stores, &env, &[&["store", "embed", "s"], more].concat())
}

/// The ids of the records that have a vector, with its length.
fn vectors(stores: &MemoryStores) -> Vec<(String, usize)> {
    let said = forgemark(stores, &["store", "list", "s", "--json", "--vectors"]);
    let rows = said.out.lines().map(|line| parse_str(line).unwrap());
    let with = rows.filter(|row| row.at("embedding") != &Json::Null);
    with.map(|row| {
        let id = row.str_or("id", "").to_owned();
        (id, row.items("embedding").len())
    })
    .collect()
}

fn ids(stores: &MemoryStores) -> Vec<String> {
    vectors(stores).into_iter().map(|(id, _)| id).collect()
}

fn stats(stores: &MemoryStores) -> Json {
    forgemark(stores, &["store", "stats", "s", "--json"]).json()
}

fn serve(script: &Script) -> Running {
    let options = ServerOptions {
        threads: Some(1),
        log: true,
    };
    Server::start_with(script, ([127, 0, 0, 1], 0).into(), options).unwrap()
}

#[test]
fn hashed_words_need_no_network_and_say_what_they_are() {
    let stores = stores();
    let said = embed(&stores, &["--model", "hashed", "--json"]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let json = said.json();
    assert_eq!((json.i64_or("rows", 0), json.i64_or("calls", -1)), (3, 0));
    assert!(json.str_or("digest", "").starts_with("sha256:"), "{json:?}");
    let expected = ["a", "b", "c"].map(|id| (id.to_owned(), 512));
    assert_eq!(vectors(&stores), expected);
    let model = stats(&stores).at("model").clone();
    assert_eq!(
        model.str_or("name", ""),
        "hashed words (not a semantic model)"
    );
    assert_eq!(model.str_or("digest", ""), json.str_or("digest", "-"));
    // Nothing is left to do, and nothing is written.
    let again = embed(&stores, &["--model", "hashed"]);
    let version = json.i64_or("version", 0);
    let nothing = format!("every record with a text has a vector; version {version}\n");
    assert_eq!((again.exit, again.out), (Exit::Done, nothing));
}

#[test]
fn the_built_in_model_takes_the_length_of_the_store() {
    let stores = MemoryStores::default();
    let made = forgemark(&stores, &["store", "init", "s", "--dimensions", "32"]);
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    let said = embed(&stores, &["--model", "hashed", "--json"]);
    assert_eq!(said.json().i64_or("dimensions", 0), 32, "{said:?}");
    let other = embed(&stores, &["--model", "hashed", "--dimensions", "16"]);
    assert_eq!(other.exit, Exit::Usage, "{other:?}");
    assert!(
        other
            .err
            .contains("have 16 values, and the store is made for 32"),
        "{other:?}"
    );
}

#[test]
fn a_served_model_fills_what_is_missing_and_says_what_it_cost() {
    let stores = stores();
    let once = Behaviour::NONE.fail([Some(Fault::rate_limit(None)), None]);
    let server = serve(&Script::new(7).otherwise(once));
    let url = server.base_url();
    let args = [
        "--model",
        "m",
        "--endpoint",
        &url,
        "--batch",
        "2",
        "--api-key-env",
        "THE_KEY",
    ];
    let said = embed(&stores, &[&args[..], &["--json"]].concat());
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let json = said.json();
    let number = |key| json.i64_or(key, -1);
    // The probe and two batches, each refused once.
    assert_eq!(
        ["rows", "batches", "calls", "retries"].map(number),
        [3, 2, 3, 3]
    );
    assert!(number("tokens") > 20, "{json:?}");
    assert_eq!(
        (number("dimensions"), number("calls_without_usage")),
        (64, 0)
    );
    let expected = ["a", "b", "c"].map(|id| (id.to_owned(), 64));
    assert_eq!(vectors(&stores), expected);
    assert!(!format!("{said:?}").contains(KEY));
    // What has a vector is not asked again: only the probe goes.
    server.reset();
    let again = embed(&stores, &args);
    assert_eq!(again.exit, Exit::Done, "{again:?}");
    assert!(again.out.contains("1 call, "), "{again:?}");
    assert_eq!(server.stop().paid, 1);
}

#[test]
fn what_was_written_before_an_error_stays_and_the_same_command_goes_on() {
    let stores = stores();
    let broken = Script::new(7).rule(
        Matcher::contains("pumps started at nine"),
        Behaviour::NONE.always(Fault::NanVector),
    );
    let server = serve(&broken);
    let url = server.base_url();
    let said = embed(
        &stores,
        &["--model", "m", "--endpoint", &url, "--batch", "2"],
    );
    assert_eq!(said.exit, Exit::Endpoint, "{said:?}");
    assert!(
        said.err.contains("the vector of text 0 has NaN at 0"),
        "{said:?}"
    );
    assert!(said.err.contains("the same command goes on"), "{said:?}");
    assert_eq!(ids(&stores), ["a", "b"]);
    let sound = serve(&Script::new(7));
    let url = sound.base_url();
    let said = embed(&stores, &["--model", "m", "--endpoint", &url, "--json"]);
    assert_eq!(
        (said.exit, said.json().i64_or("rows", 0)),
        (Exit::Done, 1),
        "{said:?}"
    );
    assert_eq!(ids(&stores), ["a", "b", "c"]);
}

#[test]
fn another_model_is_refused_by_name_length_or_digest() {
    let stores = stores();
    let server = serve(&Script::new(7));
    let url = server.base_url();
    let said = embed(&stores, &["--model", "m", "--endpoint", &url]);
    assert_eq!(said.exit, Exit::Done, "{said:?}");
    let before = (vectors(&stores), stats(&stores));
    // The same name at the same length, but vectors of another kind.
    let changed = serve(&Script::new(8));
    for (args, words) in [
        (
            ["m", "--endpoint", &changed.base_url()].as_slice(),
            "m is another model than the one that made",
        ),
        (&["n", "--endpoint", &url], "are of m, and not of n"),
        (
            &["m", "--endpoint", &url, "--dimensions", "16"],
            "have 64 values, and m makes 16 now",
        ),
        (
            &["hashed", "--dimensions", "64"],
            "are of m, and not of hashed words",
        ),
    ] {
        let said = embed(&stores, &[&["--model"], args].concat());
        assert_eq!(said.exit, Exit::Usage, "{said:?}");
        assert!(said.err.contains(words), "{said:?}");
        assert!(said.err.contains("into another store"), "{said:?}");
    }
    assert_eq!((vectors(&stores), stats(&stores)), before);
}

#[test]
fn a_command_that_cannot_work_says_what_to_do() {
    let stores = stores();
    for (args, exit, words) in [
        (["m"].as_slice(), Exit::Usage, "add --endpoint URL"),
        (
            &["hashed", "--endpoint", "http://127.0.0.1:1"],
            Exit::Usage,
            "leave out --endpoint",
        ),
        (
            &[
                "m",
                "--endpoint",
                "http://127.0.0.1:1",
                "--api-key-env",
                "NOT_SET",
            ],
            Exit::Usage,
            "export NOT_SET",
        ),
        (&["openai/m"], Exit::Usage, "export OPENAI_API_KEY"),
        (
            &["m", "--endpoint", "127.0.0.1"],
            Exit::Usage,
            "does not begin with http",
        ),
        (&["m", "--batch", "0"], Exit::Usage, "--batch"),
    ] {
        let said = embed(&stores, &[&["--model"], args].concat());
        assert_eq!(said.exit, exit, "{said:?}");
        assert!(said.err.contains(words), "{said:?}");
    }
    assert_eq!(ids(&stores), Vec::<String>::new());
}

#[test]
fn a_refused_key_is_said_and_not_shown() {
    let stores = stores();
    let server = serve(&Script::new(7).otherwise(Behaviour::NONE.always(Fault::status(401))));
    let url = server.base_url();
    let args = [
        "--model",
        "m",
        "--endpoint",
        &url,
        "--api-key-env",
        "THE_KEY",
    ];
    let said = embed(&stores, &args);
    assert_eq!(said.exit, Exit::Endpoint, "{said:?}");
    assert!(
        said.err.contains("--api-key-env names the variable"),
        "{said:?}"
    );
    assert!(!format!("{said:?}").contains(KEY), "{said:?}");
}
