//! Batches as they stand on the wire.

use forgemark_contract::json::{Json, parse, parse_str};
use forgemark_model::scripted::{BatchEnd, BatchPlay, Behaviour, Script};

use super::client::{Client, Reply, serve};

fn script(plays: impl IntoIterator<Item = BatchPlay>) -> Script {
    Script::new(3)
        .batches(plays)
        .otherwise(Behaviour::text("well {hash8}"))
}

fn post(client: &mut Client, path: &str, body: &str) -> Reply {
    client.send("POST", path, body, &[]);
    client.receive()
}

fn upload(client: &mut Client, purpose: &str, lines: &str) -> Reply {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n{lines}\r\n--b--\r\n"
    );
    let kind = ("Content-Type", "multipart/form-data; boundary=b");
    client.send("POST", "/v1/files", &body, &[kind]);
    client.receive()
}

fn line(id: &str) -> String {
    format!(
        r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m","messages":[{{"role":"user","content":"{id}"}}]}}}}"#
    )
}

fn requests(ids: &[&str]) -> String {
    let request = |id: &&str| {
        format!(
            r#"{{"custom_id":"{id}","params":{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"{id}"}}]}}}}"#
        )
    };
    let requests: Vec<String> = ids.iter().map(request).collect();
    format!(r#"{{"requests":[{}]}}"#, requests.join(","))
}

fn ids(lines: &[u8]) -> Vec<String> {
    let lines = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let id = |line: &[u8]| {
        parse(line)
            .expect("JSON")
            .str_or("custom_id", "")
            .to_owned()
    };
    lines.map(id).collect()
}

fn submit(client: &mut Client, file: &str) -> Reply {
    let body = format!(
        r#"{{"input_file_id":"{file}","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{{"k":"v"}}}}"#
    );
    post(client, "/v1/batches", &body)
}

#[test]
fn a_batch_of_files_from_validating_to_its_results() {
    let play = BatchPlay {
        polls: 3,
        ..BatchPlay::partial(BatchEnd::Expired, 0.5)
    };
    let server = serve(&script([play]));
    let client = &mut Client::connect(server.addr);
    let names: Vec<String> = (0..20).map(|n| format!("call-{n}")).collect();
    let lines: Vec<String> = names.iter().map(|name| line(name)).collect();
    let file = upload(client, "batch", &lines.join("\n")).json();
    let batch = submit(client, file.str_or("id", "")).json();
    assert_eq!(batch.at("metadata").str_or("k", ""), "v");
    let path = format!("/v1/batches/{}", batch.str_or("id", ""));
    let mut seen = Vec::new();
    let ended = loop {
        let look = client.call("GET", &path).json();
        seen.push(look.str_or("status", "").to_owned());
        if look.at("output_file_id").as_str().is_some() {
            break look;
        }
    };
    assert_eq!(seen, ["validating", "in_progress", "finalizing", "expired"]);
    let content = |client: &mut Client, key: &str| {
        let id = ended.str_or(key, "").to_owned();
        client
            .call("GET", &format!("/v1/files/{id}/content"))
            .body()
            .to_vec()
    };
    let (done, left) = (
        content(client, "output_file_id"),
        content(client, "error_file_id"),
    );
    let (done, left) = (ids(&done), ids(&left));
    let paid = server.stats().paid as usize;
    assert!(paid > 0 && paid < 20, "{paid}");
    assert_eq!((done.len(), left.len()), (paid, 20 - paid));
    let mut all = [done.clone(), left].concat();
    assert_ne!(all, names, "results stand in another order");
    all.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(all, names);
    let counts = ended.at("request_counts");
    assert_eq!(counts.at("completed").as_u64(), Some(paid as u64));
}

#[test]
fn lists_are_newest_first_and_come_in_pages() {
    let server = serve(&script([]));
    let client = &mut Client::connect(server.addr);
    for n in 0..5 {
        let taken = post(
            client,
            "/v1/messages/batches",
            &requests(&[&format!("a{n}")]),
        );
        assert_eq!(taken.json().str_or("processing_status", ""), "in_progress");
    }
    let page = |client: &mut Client, query: &str| -> (Vec<String>, Json) {
        let list = client
            .call("GET", &format!("/v1/messages/batches?{query}"))
            .json();
        let ids = list
            .items("data")
            .iter()
            .map(|batch| batch.str_or("id", "").to_owned());
        (ids.collect(), list)
    };
    let (first, list) = page(client, "limit=2");
    assert_eq!(first, ["msgbatch_5", "msgbatch_4"]);
    assert_eq!(list.at("has_more"), &Json::Bool(true));
    let (rest, list) = page(client, "limit=9&after_id=msgbatch_4");
    assert_eq!(rest, ["msgbatch_3", "msgbatch_2", "msgbatch_1"]);
    assert_eq!(list.at("has_more"), &Json::Bool(false));
    // The other protocol knows nothing of them.
    assert!(
        client
            .call("GET", "/v1/batches")
            .json()
            .items("data")
            .is_empty()
    );
}

#[test]
fn what_is_no_batch_is_refused_and_nothing_is_paid() {
    let server = serve(&script([]));
    let client = &mut Client::connect(server.addr);
    assert_eq!(upload(client, "assistants", &line("a")).status(), 400);
    assert_eq!(post(client, "/v1/files", "no form").status(), 400);
    assert_eq!(submit(client, "file-9").status(), 400);
    for lines in [
        "no JSON",
        &format!("{0}\n{0}", line("a")),
        "",
        r#"{"custom_id":"a"}"#,
    ] {
        let file = upload(client, "batch", lines).json();
        assert_eq!(
            submit(client, file.str_or("id", "")).status(),
            400,
            "{lines}"
        );
    }
    for body in ["", "{}", &requests(&["a", "a"]), &requests(&["no id!"])] {
        let refused = post(client, "/v1/messages/batches", body);
        assert_eq!(refused.status(), 400, "{body}");
        assert_eq!(refused.json().str_or("type", ""), "error");
    }
    assert_eq!(client.call("GET", "/v1/batches/batch_9").status(), 404);
    assert_eq!(
        client
            .call("GET", "/v1/messages/batches/x/results")
            .status(),
        404
    );
    assert_eq!(client.call("GET", "/v1/files/x/content").status(), 404);
    let stats = server.stop();
    assert_eq!((stats.batches, stats.paid), (0, 0));
}

#[test]
fn a_script_says_how_batches_go_and_what_it_cannot_say_is_named() {
    let read = |text: &str| Script::from_json(&parse_str(text).expect("JSON"));
    let script = read(
        r#"{"batches":[{"polls":2,"end":"expired","finish":0.5},{"in_order":true,"cut_submit":true}]}"#,
    );
    let expected = [
        BatchPlay {
            polls: 2,
            ..BatchPlay::partial(BatchEnd::Expired, 0.5)
        },
        BatchPlay {
            in_order: true,
            cut_submit: true,
            ..BatchPlay::PLAIN
        },
    ];
    assert_eq!(script.expect("a script").batches, expected);
    for (text, path) in [
        (r#"{"batches":[]}"#, "batches"),
        (r#"{"batches":[{"end":"lost"}]}"#, "batches[0].end"),
        (r#"{"batches":[{"in_order":1}]}"#, "batches[0].in_order"),
        (r#"{"batches":[{"finish":2}]}"#, "batches[0].finish"),
        (r#"{"batches":[{"poll":2}]}"#, "batches[0].poll"),
    ] {
        assert_eq!(read(text).expect_err(text).path, path);
    }
}
