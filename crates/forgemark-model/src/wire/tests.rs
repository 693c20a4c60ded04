use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Answer, ErrorKind, Fault, classify, classify_inner};
use crate::adapt::{Accepts, Feature, Form, Sent};
use crate::chat::{ChatRequest, Message, ReplyFormat, ToolSpec};
use crate::config::{Params, RoleParams, Wire};

/// 2030-01-02T03:04:05Z.
const NOW: Timestamp = Timestamp(1_893_553_445_000_000);

fn request() -> ChatRequest {
    let mut request = ChatRequest::new(vec![Message::user("Hi")], 0);
    request.format = ReplyFormat::JsonSchema {
        name: "a".to_owned(),
        schema: Json::empty_object().into(),
    };
    request.tools.push(ToolSpec {
        name: "t".to_owned(),
        description: String::new(),
        parameters: Json::empty_object().into(),
    });
    request
}

fn params() -> RoleParams {
    let mut params = Params {
        temperature: Some(0.7),
        top_p: Some(0.9),
        max_tokens: Some(100),
        seed: Some(1),
        stop: vec!["END".to_owned()],
        ..Params::default()
    };
    params.extra.insert("top_k", 40_i64);
    RoleParams::new("r", &params, &mut Vec::new()).expect("valid")
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            )
        })
        .collect()
}

fn fault_with(status: u16, pairs: &[(&str, &str)], body: &str) -> Fault {
    let (request, params) = (request(), params());
    let sent = Sent {
        wire: Wire::OpenAi,
        accepts: Accepts::everything(),
        request: &request,
        params: &params,
    };
    let headers = headers(pairs);
    let answer = Answer {
        status: StatusCode::from_u16(status).expect("a status"),
        headers: &headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        now: NOW,
    };
    classify(&answer, &sent)
}

fn fault(status: u16, body: &str) -> Fault {
    fault_with(status, &[], body)
}

#[test]
fn kinds_by_status_and_text() {
    let table: &[(u16, &str, ErrorKind)] = &[
        (
            429,
            r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#,
            ErrorKind::RateLimited,
        ),
        (429, "slow down", ErrorKind::RateLimited),
        // Gemini says this of a limit per minute, too.
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]"#,
            ErrorKind::RateLimited,
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            ErrorKind::NoCredit,
        ),
        (
            402,
            r#"{"error":{"message":"Insufficient credits","code":402}}"#,
            ErrorKind::NoCredit,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
            ErrorKind::NoCredit,
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided"}}"#,
            ErrorKind::Auth,
        ),
        (403, "Forbidden", ErrorKind::Auth),
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}]"#,
            ErrorKind::Auth,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["x"]}}}"#,
            ErrorKind::ContentFilter,
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            ErrorKind::NoModel,
        ),
        (
            404,
            r#"{"error":"model 'x' not found, try pulling it first"}"#,
            ErrorKind::NoModel,
        ),
        (
            400,
            r#"{"error":{"message":"x is not a valid model ID","code":400}}"#,
            ErrorKind::NoModel,
        ),
        (404, r#"{"detail":"Not Found"}"#, ErrorKind::NoRoute),
        (404, "<html>404</html>", ErrorKind::NoRoute),
        (405, "", ErrorKind::NoRoute),
        (302, "", ErrorKind::NoRoute),
        (
            400,
            r#"{"error":"registry.ollama.ai/library/x does not support tools"}"#,
            ErrorKind::NoTools,
        ),
        (
            400,
            r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}"#,
            ErrorKind::NoTools,
        ),
        (
            404,
            r#"{"error":{"message":"No endpoints found that support tool use."}}"#,
            ErrorKind::NoTools,
        ),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens"}}"#,
            ErrorKind::ContextLength,
        ),
        (413, "Payload Too Large", ErrorKind::ContextLength),
        (
            400,
            r#"{"error":{"message":"The response was filtered","code":"content_filter"}}"#,
            ErrorKind::ContentFilter,
        ),
        (
            400,
            r#"{"error":{"message":"bad tool message","type":"invalid_request_error"}}"#,
            ErrorKind::InvalidRequest,
        ),
        (
            400,
            r#"{"error":{"message":"temperature must be less than or equal to 2","param":"temperature"}}"#,
            ErrorKind::InvalidRequest,
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"value_error"}]}"#,
            ErrorKind::InvalidRequest,
        ),
        (500, "oops", ErrorKind::Server),
        (502, "<html>Bad gateway</html>", ErrorKind::Server),
        (
            503,
            r#"{"error":{"message":"overloaded"}}"#,
            ErrorKind::Server,
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ErrorKind::RateLimited,
        ),
        (
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
            ErrorKind::ContentFilter,
        ),
        (
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
            ErrorKind::Auth,
        ),
        (
            403,
            r#"{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission"}}"#,
            ErrorKind::Auth,
        ),
        (
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: c-9"}}"#,
            ErrorKind::NoModel,
        ),
        (
            504,
            r#"{"type":"error","error":{"type":"timeout_error","message":"Request timed out"}}"#,
            ErrorKind::Server,
        ),
        (
            500,
            r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#,
            ErrorKind::Server,
        ),
        (408, "", ErrorKind::Server),
        (409, "", ErrorKind::Server),
    ];
    for (status, body, kind) in table {
        assert_eq!(fault(*status, body).kind, *kind, "{status} {body}");
    }
}

#[test]
fn refused_parameters_are_found() {
    let table: &[(u16, &str, Feature)] = &[
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}"#,
            Feature::MaxTokens,
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}"#,
            Feature::Temperature,
        ),
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: seed","param":null}}"#,
            Feature::Seed,
        ),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}}"#,
            Feature::Extra(0),
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","seed"],"msg":"extra fields not permitted","type":"value_error.extra"}]}"#,
            Feature::Seed,
        ),
        (
            400,
            r#"{"error":{"message":"`top_p` is not supported by this model"}}"#,
            Feature::TopP,
        ),
        (
            400,
            r#"{"error":{"message":"Unknown name \"stop\": Cannot find field."}}"#,
            Feature::Stop,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","param":null}}"#,
            Feature::Form(Form::Schema),
        ),
        (
            400,
            r#"{"error":"'response_format.type' must be 'json_object' or 'text'"}"#,
            Feature::Form(Form::Schema),
        ),
        (
            400,
            r#"{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error"}}"#,
            Feature::Form(Form::Schema),
        ),
        (
            400,
            r#"{"error":{"message":"Invalid schema for response_format 'a': 'additionalProperties' is required","param":"response_format"}}"#,
            Feature::Form(Form::Schema),
        ),
        (
            400,
            r#"{"error":{"message":"json mode cannot be combined with tool/function calling"}}"#,
            Feature::FormWithTools,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Function calling with a response mime type: 'application/json' is unsupported"}}]"#,
            Feature::FormWithTools,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"response_format json_schema is not supported","type":"server_error"}}"#,
            Feature::Form(Form::Schema),
        ),
        (501, r#"{"error":"seed: not implemented"}"#, Feature::Seed),
    ];
    for (status, body, feature) in table {
        let fault = fault(*status, body);
        assert_eq!(
            (fault.kind, fault.refused),
            (ErrorKind::Unsupported, Some(*feature)),
            "{body}"
        );
    }
}

#[test]
fn words_inside_other_words_refuse_nothing() {
    for body in [
        r#"{"error":{"message":"unknown field 'stopwatch' in messages[0]"}}"#,
        r#"{"error":{"message":"unexpected role 'seeder'"}}"#,
    ] {
        assert_eq!(fault(400, body).kind, ErrorKind::InvalidRequest, "{body}");
    }
}

#[test]
fn an_error_inside_a_success_counts_by_its_own_number() {
    let (request, params) = (request(), params());
    let sent = Sent {
        wire: Wire::OpenAi,
        accepts: Accepts::everything(),
        request: &request,
        params: &params,
    };
    let headers = HeaderMap::new();
    for (error, kind) in [
        (
            r#"{"code":429,"message":"slow down"}"#,
            ErrorKind::RateLimited,
        ),
        (r#"{"code":"401","message":"no"}"#, ErrorKind::Auth),
        (r#"{"code":502,"message":"upstream"}"#, ErrorKind::Server),
        (r#"{"message":"upstream"}"#, ErrorKind::Server),
        (r#""upstream""#, ErrorKind::Server),
    ] {
        let answer = Answer {
            status: StatusCode::OK,
            headers: &headers,
            body: Bytes::new(),
            now: NOW,
        };
        let json = forgemark_contract::json::parse(error.as_bytes()).expect("JSON");
        assert_eq!(classify_inner(&answer, &json, &sent).kind, kind, "{error}");
    }
}

type Headers = &'static [(&'static str, &'static str)];

#[test]
fn every_way_to_say_when_to_come_back() {
    let ms = |ms| Some(Duration::from_millis(ms));
    let table: &[(Headers, &str, Option<Duration>)] = &[
        (&[], "", None),
        (&[("retry-after", "7")], "", ms(7_000)),
        (&[("retry-after", "1.5")], "", ms(1_500)),
        (&[("retry-after", "0")], "", ms(0)),
        (&[("retry-after", "-3")], "", ms(0)),
        (
            &[("retry-after-ms", "250"), ("retry-after", "1")],
            "",
            ms(250),
        ),
        (
            &[("retry-after", "Wed, 02 Jan 2030 03:04:25 GMT")],
            "",
            ms(20_000),
        ),
        // In the past: now.
        (
            &[("retry-after", "Wed, 02 Jan 2030 03:00:00 GMT")],
            "",
            ms(0),
        ),
        // The server's own clock counts, however wrong ours is.
        (
            &[
                ("retry-after", "Tue, 05 Feb 2019 10:00:09 GMT"),
                ("date", "Tue, 05 Feb 2019 10:00:00 GMT"),
            ],
            "",
            ms(9_000),
        ),
        (&[("retry-after", "soon")], "", None),
        (&[("x-ratelimit-reset", "12")], "", ms(12_000)),
        (&[("x-ratelimit-reset", "1893553455")], "", ms(10_000)),
        (&[("x-ratelimit-reset", "1893553446500")], "", ms(1_500)),
        (
            &[("anthropic-ratelimit-requests-reset", "2030-01-02T03:04:10Z")],
            "",
            ms(5_000),
        ),
        (&[("x-ratelimit-reset-requests", "1m30s")], "", ms(90_000)),
        // The limit that is used up decides.
        (
            &[
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-remaining-requests", "5"),
                ("x-ratelimit-reset-tokens", "6m0s"),
                ("x-ratelimit-remaining-tokens", "0"),
            ],
            "",
            ms(360_000),
        ),
        (
            &[
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-reset-tokens", "9s"),
            ],
            "",
            ms(1_000),
        ),
        (
            &[],
            r#"{"error":{"details":[{"@type":"RetryInfo","retryDelay": "35s"}]}}"#,
            ms(35_000),
        ),
        (
            &[],
            r#"{"error":{"message":"Rate limit reached. Please try again in 1.5s. Visit ..."}}"#,
            ms(1_500),
        ),
        (
            &[],
            r#"{"error":{"message":"Please try again in 350ms."}}"#,
            ms(350),
        ),
        (
            &[],
            r#"{"error":{"message":"Please retry in 20 seconds"}}"#,
            ms(20_000),
        ),
        (
            &[],
            r#"{"error":{"message":"Try again in 2 minutes."}}"#,
            ms(120_000),
        ),
        (&[], r#"{"error":{"message":"try again in a while"}}"#, None),
    ];
    for (headers, body, wait) in table {
        let fault = fault_with(429, headers, body);
        assert_eq!(fault.kind, ErrorKind::RateLimited);
        let seen = fault.retry_after.map(|wait| wait.as_millis());
        assert_eq!(
            seen,
            wait.map(|wait| wait.as_millis()),
            "{headers:?} {body}"
        );
    }
    // An endless wait is cut to something that can be added to an instant.
    let long = fault_with(429, &[("retry-after", "1e300")], "")
        .retry_after
        .expect("a wait");
    assert!(long <= Duration::from_hours(7 * 24));
}

#[test]
fn lines_are_short_and_say_what_was_said() {
    let long = format!(
        r#"{{"error":{{"message":"first\n  second {}"}}}}"#,
        "x".repeat(10_000)
    );
    let line = fault(500, &long).line();
    assert!(
        line.starts_with("server error (500): first second xxx"),
        "{line}"
    );
    assert!(line.chars().count() < 400);
    let behind = r#"{"error":{"message":"Provider returned error","code":500,"metadata":{"raw":"cuda out of memory"}}}"#;
    assert!(fault(500, behind).line().contains("cuda out of memory"));
    assert_eq!(fault(503, "").line(), "server error (503)");
}

#[test]
fn no_error_body_breaks_the_classifier() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "\"\"",
        "0",
        "[[[[]]]]",
        "{\"error\":[]}",
        "{\"error\":{}}",
        "{\"error\":null}",
        "{\"error\":{\"message\":[{\"loc\":1}]}}",
        "{\"detail\":{\"detail\":{\"detail\":5}}}",
        "\u{feff}{}",
        "\0\0\0",
    ] {
        for status in [300, 400, 404, 413, 422, 429, 500, 599] {
            assert!(fault(status, body).line().len() < 400, "{status} {body}");
        }
    }
}

#[test]
fn parameters_of_the_other_protocol_are_found_under_their_names() {
    let (mut request, params) = (request(), params());
    request.tools.clear();
    let refuses = |message: &str, accepts: Accepts| {
        let sent = Sent {
            wire: Wire::Anthropic,
            accepts,
            request: &request,
            params: &params,
        };
        let error = Json::object([
            ("type", Json::from("invalid_request_error")),
            ("message", Json::from(message)),
        ]);
        let body = Json::object([("type", Json::from("error")), ("error", error)]);
        let answer = Answer {
            status: StatusCode::BAD_REQUEST,
            headers: &HeaderMap::new(),
            body: Bytes::from(forgemark_contract::json::to_compact(&body)),
            now: NOW,
        };
        classify(&answer, &sent).refused
    };
    let all = Accepts::everything();
    assert_eq!(
        refuses("output_config: Extra inputs are not permitted", all),
        Some(Feature::Form(Form::Schema))
    );
    let (by_tool, _) = all.without(Feature::Form(Form::Schema), &params, Wire::Anthropic);
    assert_eq!(
        refuses("tool_choice: this model does not support it", by_tool),
        Some(Feature::Form(Form::Object))
    );
    assert_eq!(
        refuses("stop_sequences: Extra inputs are not permitted", all),
        Some(Feature::Stop)
    );
    assert_eq!(
        refuses("top_k: Extra inputs are not permitted", all),
        Some(Feature::Extra(0))
    );
    // The limit is required, so one that is refused is the configuration's business.
    assert_eq!(
        refuses(
            "max_tokens: 100 > 64, which is the maximum allowed number of output tokens",
            all
        ),
        None
    );
}

#[test]
fn the_reset_headers_of_the_other_protocol() {
    let limited = fault_with(
        429,
        &[
            ("anthropic-ratelimit-requests-remaining", "10"),
            ("anthropic-ratelimit-requests-reset", "2030-01-02T03:04:06Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            (
                "anthropic-ratelimit-output-tokens-reset",
                "2030-01-02T03:04:25Z",
            ),
        ],
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"This would exceed your rate limit"}}"#,
    );
    assert_eq!(limited.kind, ErrorKind::RateLimited);
    assert_eq!(limited.retry_after, Some(Duration::from_secs(20)));
}
