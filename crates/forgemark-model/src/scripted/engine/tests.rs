use std::collections::BTreeSet;

use forgemark_contract::json::{Json, parse, parse_lenient, parse_str};

use super::super::fault::FaultRule;
use super::*;

const TOOLS: &str =
    r#","tools":[{"type":"function","function":{"name":"vector_db_search","parameters":{}}}]"#;

fn request(n: usize, role: &str, more: &str) -> Vec<u8> {
    let format = if role.is_empty() {
        String::new()
    } else {
        format!(
            r#","response_format":{{"type":"json_schema","json_schema":{{"name":"{role}","schema":{{}}}}}}"#
        )
    };
    format!(
        r#"{{"model":"m/1","messages":[{{"role":"user","content":"Request {n} <passage id=\"aa-1\" source=\"g.md#chunk1\">The pump starts at nine each morning é.</passage>"}}]{format}{more}}}"#
    )
    .into_bytes()
}

fn engine(behaviour: Behaviour) -> Engine {
    Engine::new(&Script::new(7).otherwise(behaviour)).unwrap()
}

fn completion(scripted: &Scripted) -> Json {
    assert_eq!(scripted.status, 200, "{scripted:?}");
    parse(&scripted.body).unwrap()
}

fn choice(scripted: &Scripted) -> Json {
    completion(scripted).items("choices")[0].clone()
}

fn message(scripted: &Scripted) -> Json {
    choice(scripted).at("message").clone()
}

#[test]
fn a_completion_has_all_that_clients_read() {
    let scripted = engine(Behaviour::text("Hello \"{n}\"\n")).respond(&request(1, "", ""), None, 0);
    let completion = completion(&scripted);
    assert_eq!(completion.str_or("object", ""), "chat.completion");
    assert_eq!(completion.str_or("model", ""), "m/1");
    assert!(completion.str_or("id", "").starts_with("chatcmpl-"));
    let choice = &completion.items("choices")[0];
    assert_eq!(choice.str_or("finish_reason", ""), "stop");
    assert!(
        choice
            .at("message")
            .str_or("content", "")
            .starts_with("Hello \"")
    );
    let usage = completion.at("usage");
    let prompt = usage.i64_or("prompt_tokens", 0);
    assert_eq!(prompt, request(1, "", "").len() as i64 / 4 + 1);
    assert_eq!(
        usage.i64_or("total_tokens", 0),
        prompt + usage.i64_or("completion_tokens", 0)
    );
    assert_eq!(
        (scripted.delay, scripted.fault, scripted.delivery),
        (Duration::ZERO, None, Delivery::Whole)
    );
}

#[test]
fn replies_are_pinned() {
    // A change here changes what every script says: a new major version of the script format.
    let engine = engine(Behaviour::NONE.latency(Latency::log_normal_p5_p95(50.0, 500.0, 0.0, 1e6)));
    let scripted = engine.respond(&request(1, "user_turn", ""), Some("key"), 0);
    let content = message(&scripted).str_or("content", "").to_owned();
    let (question, rest) = content.split_once(",\"intent\"").unwrap();
    assert_eq!(
        question,
        "{\"user_message\":\"What happens to at nine each once nesizuk sirufiz and savezin pedemud \
         reach solonod piraziz?\""
    );
    assert!(
        rest.starts_with(":\"how_to\",\"difficulty\":\"medium\","),
        "{rest}"
    );
    assert_eq!(scripted.delay.as_micros(), 1_308_333);
}

#[test]
fn the_reply_follows_from_body_key_seed_and_attempt() {
    let behaviour = Behaviour::NONE
        .latency(Latency::Uniform {
            min_ms: 1.0,
            max_ms: 100.0,
        })
        .fault(FaultRule::at_rate(Fault::rate_limit(None), 0.3));
    let engine_7 = engine(behaviour.clone());
    let body = request(1, "user_turn", "");
    let content = |engine: &Engine, key, attempt| {
        let reply = engine.respond(&body, key, attempt);
        (reply.status == 200).then(|| message(&reply))
    };
    let replies: Vec<Scripted> = (0..50)
        .map(|n| engine_7.respond(&body, Some("a"), n))
        .collect();
    let again: Vec<Scripted> = (0..50)
        .map(|n| engine(behaviour.clone()).respond(&body, Some("a"), n))
        .collect();
    assert_eq!(replies, again);
    // Faults and latency depend on the attempt, the content does not.
    let good: Vec<&Scripted> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert!((25..45).contains(&good.len()), "{}", good.len());
    assert!(good.windows(2).all(|pair| pair[0].body == pair[1].body));
    assert!(
        good.iter()
            .map(|reply| reply.delay)
            .collect::<BTreeSet<_>>()
            .len()
            > 20
    );
    // Key and seed matter.
    let plain = engine(Behaviour::NONE);
    assert_ne!(content(&plain, Some("a"), 0), content(&plain, Some("b"), 0));
    assert_ne!(content(&plain, Some("a"), 0), content(&plain, None, 0));
    let engine_8 = Engine::new(&Script::new(8)).unwrap();
    assert_ne!(
        content(&plain, Some("a"), 0),
        content(&engine_8, Some("a"), 0)
    );
}

#[test]
fn roles_come_from_the_schema_or_from_the_prompt() {
    let engine = engine(Behaviour::NONE);
    for (body, role) in [
        (request(1, "user_turn", ""), "user_turn"),
        (request(1, "judge_conversation", ""), "judge_conversation"),
        (request(1, "my_role", ""), "my_role"),
        (request(1, "", ""), ""),
        (request(1, "", r#","x":"notes_for_assistant""#), "user_turn"),
        (
            request(1, "", r#","x":"reasoning_trace, notes_for_assistant""#),
            "assistant_turn",
        ),
        (
            request(1, "", r#","x":"question_ok reasoning_trace""#),
            "judge_turn",
        ),
        (
            request(1, "", r#","x":"question_ok judge_conversation""#),
            "judge_conversation",
        ),
    ] {
        assert_eq!(engine.respond(&body, None, 0).role, role);
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let script = Script::new(7)
        .rule(
            Matcher {
                model: Some("other".into()),
                ..Matcher::role("user_turn")
            },
            Behaviour::text("model"),
        )
        .rule(
            Matcher::contains("say \"é\"\n"),
            Behaviour::text("contains"),
        )
        .rule(
            Matcher {
                contains: vec!["Request 2".into(), "pump".into()],
                ..Matcher::ANY
            },
            Behaviour::text("both"),
        )
        .rule(
            Matcher::role("user_turn"),
            Behaviour::text("role").reply_bytes(0),
        )
        .otherwise(Behaviour::text("otherwise").reply_bytes(900));
    let engine = Engine::new(&script).unwrap();
    let said = |body: &[u8]| {
        let reply = engine.respond(body, None, 0);
        (
            message(&reply).str_or("content", "").to_owned(),
            reply.body.len(),
        )
    };
    assert_eq!(said(&request(1, "user_turn", "")).0, "role");
    assert!(said(&request(1, "user_turn", "")).1 < 500);
    assert_eq!(said(&request(2, "user_turn", "")), ("both".to_owned(), 900));
    assert_eq!(
        said(&request(1, "", r#","user":"say \"é\"\n""#)),
        ("contains".to_owned(), 900)
    );
    assert_eq!(said(&request(1, "", "")), ("otherwise".to_owned(), 900));
    let other = String::from_utf8(request(2, "user_turn", ""))
        .unwrap()
        .replace("m/1", "other");
    assert_eq!(said(other.as_bytes()).0, "model");
}

#[test]
fn tools_are_called_once() {
    let engine_ready = engine(Behaviour::NONE);
    let first = engine_ready.respond(&request(1, "assistant_turn", TOOLS), None, 0);
    let call = &message(&first).items("tool_calls")[0].clone();
    assert_eq!(choice(&first).str_or("finish_reason", ""), "tool_calls");
    assert_eq!(call.at("function").str_or("name", ""), "vector_db_search");
    assert!(parse_str(call.at("function").str_or("arguments", "")).is_ok());
    assert!(message(&first).at("content").is_null());

    let body = String::from_utf8(request(1, "assistant_turn", TOOLS)).unwrap();
    let with_result = body.replace("\"}]", "\"},{\"role\":\"tool\",\"content\":\"<passage id=\\\"zz-9\\\">Found it here in the tool's own result.</passage>\"}]");
    assert_ne!(body, with_result);
    let second = engine_ready.respond(with_result.as_bytes(), None, 0);
    let answer = parse_str(message(&second).str_or("content", "")).unwrap();
    assert_eq!(
        answer.str_or("assistant_message", ""),
        "Found it here in the tool's own result."
    );

    let off = body.replace("\"tools\"", "\"tool_choice\":\"none\",\"tools\"");
    assert_eq!(
        choice(&engine_ready.respond(off.as_bytes(), None, 0)).str_or("finish_reason", ""),
        "stop"
    );

    let scripted = engine(Behaviour::text("words").reply(Reply::ToolCall {
        name: "weather".into(),
        arguments: parse_str(r#"{"city":"{topic_id}"}"#).unwrap(),
    }));
    let call = message(&scripted.respond(body.as_bytes(), None, 0)).items("tool_calls")[0].clone();
    assert_eq!(
        call.at("function").str_or("arguments", ""),
        r#"{"city":"aa-1"}"#
    );
    assert_eq!(
        message(&scripted.respond(&request(1, "", ""), None, 0)).str_or("content", ""),
        "words"
    );
}

#[test]
fn bodies_have_the_wanted_size() {
    for role in [
        "",
        "user_turn",
        "assistant_turn",
        "judge_turn",
        "judge_conversation",
    ] {
        for size in [0, 1_500, 1_501, 20_000] {
            let reply =
                engine(Behaviour::NONE.reply_bytes(size)).respond(&request(1, role, ""), None, 0);
            assert!(
                size == 0 || reply.body.len() == size,
                "{role} {size} {}",
                reply.body.len()
            );
            let content = message(&reply).str_or("content", "").to_owned();
            assert!(
                role.is_empty() || parse_str(&content).is_ok(),
                "{role} {content}"
            );
        }
    }
    let call = engine(Behaviour::NONE.reply_bytes(1_500)).respond(
        &request(1, "assistant_turn", TOOLS),
        None,
        0,
    );
    assert_eq!(call.body.len(), 1_500);
    assert_eq!(choice(&call).str_or("finish_reason", ""), "tool_calls");
}

#[test]
fn what_is_no_chat_request_is_refused() {
    let engine = engine(Behaviour::NONE);
    for body in [
        "",
        "{}",
        "[]",
        "{\"messages\":",
        "{\"messages\":[],\"stream\":true}",
    ] {
        let reply = engine.respond(body.as_bytes(), None, 0);
        assert_eq!(reply.status, 400, "{body}");
        assert!(
            parse(&reply.body)
                .unwrap()
                .at("error")
                .get("message")
                .is_some()
        );
    }
}

#[test]
fn listed_attempts_go_before_rates() {
    let engine = engine(
        Behaviour::NONE
            .fail([Some(Fault::status(503)), None])
            .fault(FaultRule::on_attempts(Fault::status(500), &[1, 2, 3]))
            .fault(FaultRule::over_bytes(Fault::ContextLength, 1_000)),
    );
    let status = |body: &[u8], attempt| engine.respond(body, None, attempt).status;
    let small = request(1, "user_turn", "");
    assert_eq!(
        [0, 1, 2, 3].map(|n| status(&small, n)),
        [503, 200, 500, 200]
    );
    let large = request(
        1,
        "user_turn",
        &format!(r#","pad":"{}""#, "x".repeat(1_000)),
    );
    assert_eq!(status(&large, 3), 400);
}

#[test]
fn error_statuses_look_like_the_real_ones() {
    let reply = |fault| engine(Behaviour::NONE.always(fault)).respond(&request(1, "", ""), None, 0);
    for status in [400, 401, 403, 404, 418, 429, 500, 503, 599] {
        let scripted = reply(Fault::status(status));
        assert_eq!((scripted.status, scripted.delay), (status, Duration::ZERO));
        assert!(scripted.headers.is_empty());
        assert!(
            parse(&scripted.body)
                .unwrap()
                .at("error")
                .get("message")
                .is_some(),
            "{status}"
        );
    }
    let limited = reply(Fault::rate_limit(Some(3)));
    assert_eq!((limited.fault, limited.status), (Some("rate_limit"), 429));
    assert_eq!(limited.headers, [("retry-after", "3".to_owned())]);
    let gateway = reply(Fault::status(502));
    assert!(gateway.content_type.starts_with("text/html"));
    assert!(parse(&gateway.body).is_err());
    let html = reply(Fault::Html);
    assert_eq!((html.status, parse(&html.body).is_err()), (200, true));
    let context = parse(&reply(Fault::ContextLength).body).unwrap();
    assert_eq!(
        context.at("error").str_or("code", ""),
        "context_length_exceeded"
    );
}

#[test]
fn unsupported_parameters_are_named_only_when_present() {
    let engine = |parameter: &str, value: Option<&str>| {
        engine(Behaviour::NONE.always(Fault::UnsupportedParameter {
            parameter: parameter.into(),
            value: value.map(Into::into),
        }))
    };
    let body = request(1, "user_turn", r#","temperature":0.5"#);
    let refused = engine("temperature", None).respond(&body, None, 0);
    assert_eq!(
        (refused.status, refused.fault),
        (400, Some("unsupported_parameter"))
    );
    let error = parse(&refused.body).unwrap().at("error").clone();
    assert_eq!(error.str_or("param", ""), "temperature");
    assert_eq!(error.str_or("code", ""), "unsupported_parameter");
    assert_eq!(
        engine("temperature", None)
            .respond(&request(1, "", ""), None, 0)
            .status,
        200
    );
    let schema = engine("response_format", Some("json_schema"));
    assert_eq!(schema.respond(&body, None, 0).status, 400);
    let plain = request(1, "", r#","response_format":{"type":"json_object"}"#);
    assert_eq!(schema.respond(&plain, None, 0).status, 200);
}

#[test]
fn every_fault_of_the_content_shows() {
    let reply = |fault| {
        engine(Behaviour::NONE.always(fault)).respond(&request(1, "user_turn", ""), None, 0)
    };
    let content = |fault| message(&reply(fault)).at("content").clone();
    let text = |fault| content(fault).as_str().expect("a string").to_owned();

    assert!(parse(&reply(Fault::MalformedJson).body).is_err());
    assert!(parse_lenient(&text(Fault::MalformedContent)).is_none());
    assert!(parse_str(&text(Fault::FencedContent)).is_err());
    assert!(parse_lenient(&text(Fault::FencedContent)).is_some());
    assert!(parse_lenient(&text(Fault::ProseContent)).is_none());
    assert_eq!(text(Fault::EmptyContent), "");
    assert!(content(Fault::NullContent).is_null());
    assert!(content(Fault::Refusal).is_null());
    assert!(
        message(&reply(Fault::Refusal))
            .str_or("refusal", "")
            .contains("cannot")
    );
    assert_eq!(
        choice(&reply(Fault::FinishLength)).str_or("finish_reason", ""),
        "length"
    );
    assert!(parse_str(&text(Fault::FinishLength)).is_err());
    let filtered = choice(&reply(Fault::FinishContentFilter));
    assert_eq!(filtered.str_or("finish_reason", ""), "content_filter");
    assert!(
        message(&reply(Fault::ReasoningContent))
            .str_or("reasoning_content", "")
            .contains("First")
    );
    assert!(parse_str(&text(Fault::ReasoningContent)).is_ok());
    assert!(matches!(content(Fault::LoneSurrogate), Json::Utf16(_)));
    let large = reply(Fault::LargeReply { bytes: 3 << 20 });
    assert_eq!(large.body.len(), 3 << 20);
    assert!(parse_str(message(&large).str_or("content", "")).is_ok());
    let invented = parse_str(&text(Fault::InventedCoverageTarget)).unwrap();
    assert!(
        invented
            .str_or("coverage_target", "")
            .starts_with("invented-")
    );
}

#[test]
fn every_fault_of_tool_calls_shows() {
    let offered = request(1, "assistant_turn", TOOLS);
    let calls = |fault: Fault| {
        let reply = engine(Behaviour::text("x").always(fault)).respond(&offered, None, 0);
        message(&reply).items("tool_calls").to_vec()
    };
    assert!(calls(Fault::ToolIdNull)[0].at("id").is_null());
    assert_eq!(calls(Fault::ToolIdNumber)[0].at("id").as_i64(), Some(7));
    assert_eq!(calls(Fault::ToolIdEmpty)[0].str_or("id", "missing"), "");
    assert_eq!(calls(Fault::ToolIdReused)[0].str_or("id", ""), "call_0");
    let twice = calls(Fault::ToolIdDuplicate);
    assert_eq!((twice.len(), twice[0].at("id")), (2, twice[1].at("id")));
    let name = calls(Fault::InventedToolName)[0]
        .at("function")
        .str_or("name", "")
        .to_owned();
    assert!(name.starts_with("no_such_tool_"), "{name}");
    let bad = calls(Fault::InvalidToolArguments)[0]
        .at("function")
        .str_or("arguments", "")
        .to_owned();
    assert!(!bad.is_empty() && parse_str(&bad).is_err(), "{bad}");

    let body = String::from_utf8(offered.clone()).unwrap();
    let with_result = body.replace("\"}]", "\"},{\"role\":\"tool\",\"content\":\"r\"}]");
    let endless = engine(Behaviour::NONE.always(Fault::EndlessToolCalls));
    assert!(
        !message(&endless.respond(with_result.as_bytes(), None, 0))
            .items("tool_calls")
            .is_empty()
    );
    // Without tools, or with a result, the others have no effect.
    let null = engine(Behaviour::NONE.always(Fault::ToolIdNull));
    assert_eq!(null.respond(with_result.as_bytes(), None, 0).fault, None);
    assert_eq!(
        null.respond(&request(1, "assistant_turn", ""), None, 0)
            .fault,
        None
    );
}

#[test]
fn faults_of_the_way_keep_a_good_body() {
    let reply = |fault| {
        engine(Behaviour::NONE.always(fault)).respond(&request(1, "user_turn", ""), None, 0)
    };
    let good = engine(Behaviour::NONE).respond(&request(1, "user_turn", ""), None, 0);
    for (fault, delivery) in [
        (Fault::Stall, Delivery::Never),
        (Fault::CutBeforeHeaders, Delivery::CutBeforeHeaders),
        (Fault::CutMidBody, Delivery::CutMidBody),
        (
            Fault::SlowBody {
                pieces: 4,
                interval_ms: 5,
            },
            Delivery::Slow {
                pieces: 4,
                interval: Duration::from_millis(5),
            },
        ),
    ] {
        let scripted = reply(fault);
        assert_eq!((scripted.delivery, &scripted.body), (delivery, &good.body));
    }
}

#[test]
fn every_fault_has_a_name_and_no_request_panics() {
    let names: BTreeSet<&str> = Fault::all().iter().map(Fault::name).collect();
    assert_eq!(names.len(), Fault::all().len());
    for mut fault in Fault::all() {
        if let Fault::LargeReply { bytes } = &mut fault {
            *bytes = 10_000;
        }
        let engine = engine(Behaviour::NONE.always(fault));
        for role in ["", "user_turn", "assistant_turn", "judge_turn"] {
            let body = request(1, role, TOOLS);
            for end in (0..body.len()).step_by(7).chain([body.len()]) {
                let scripted = engine.respond(&body[..end], None, 0);
                assert!(scripted.status >= 200);
            }
        }
    }
}

#[test]
fn stalls_are_added_to_the_latency() {
    let engine = engine(
        Behaviour::NONE
            .latency(Latency::Fixed { ms: 10.0 })
            .stall(0.1, 1_000.0),
    );
    let delays: Vec<u128> = (0..1_000)
        .map(|n| {
            engine
                .respond(&request(n, "", ""), None, 0)
                .delay
                .as_millis()
        })
        .collect();
    let stalled = delays.iter().filter(|ms| **ms == 1_010).count();
    assert_eq!(
        delays.iter().filter(|ms| **ms == 10).count() + stalled,
        1_000
    );
    assert!((70..130).contains(&stalled), "{stalled}");
}
