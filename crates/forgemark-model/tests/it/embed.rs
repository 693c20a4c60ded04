//! Vectors from the scripted server, and everything that can go wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::time::Timestamp;
use forgemark_model::scripted::{
    Behaviour, Fault, FaultRule, Matcher, Running, Script, Server, ServerOptions,
};
use forgemark_model::{
    Embed, EmbedError, EndpointConfig, ErrorKind, HttpConfig, HttpEmbedder, Retry, Secret, Spent,
    Wrong,
};

/// A server that behaves so, with its log.
fn serve(behaviour: Behaviour) -> Running {
    serve_script(&Script::new(7).otherwise(behaviour))
}

fn serve_script(script: &Script) -> Running {
    let options = ServerOptions {
        threads: Some(1),
        log: true,
    };
    Server::start_with(script, ([127, 0, 0, 1], 0).into(), options).expect("a server")
}

/// A client that pauses for a moment only.
fn embedder(base_url: &str, dimensions: Option<u32>) -> HttpEmbedder {
    patient(base_url, dimensions, Duration::from_mins(5))
}

/// One that gives up after this time of failures.
fn patient(base_url: &str, dimensions: Option<u32>, give_up_after: Duration) -> HttpEmbedder {
    let retry = Retry {
        backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(4),
        breaker_pause: Duration::from_millis(1),
        max_breaker_pause: Duration::from_millis(4),
        rate_limit_pause: Duration::from_millis(1),
        give_up_after,
        ..Retry::default()
    };
    let mut endpoint = EndpointConfig::new("here", base_url);
    endpoint.api_key = Some(Secret::new("a-key-that-is-long-enough"));
    HttpEmbedder::new(
        "vectors-1",
        dimensions,
        &endpoint,
        &HttpConfig::default(),
        retry,
        Arc::new(|| Timestamp::from_epoch_seconds(1_900_000_000)),
    )
    .expect("an endpoint")
}

fn texts(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("text number {n}")).collect()
}

#[tokio::test]
async fn a_vector_for_each_text_in_their_order() {
    let server = serve(Behaviour::NONE);
    // The address may be that of the service itself.
    let model = embedder(&format!("{}/embeddings", server.base_url()), None);
    let all = model.embed(&texts(3)).await.unwrap();
    assert_eq!(all.len(), 3);
    for (text, vector) in texts(3).iter().zip(&all) {
        assert_eq!(vector.len(), 64);
        let square: f32 = vector.iter().map(|value| value * value).sum();
        assert!((square - 1.0).abs() < 1e-5, "{square}");
        let alone = model.embed(std::slice::from_ref(text)).await.unwrap();
        assert_eq!(&alone[0], vector);
    }
    assert_ne!(all[0], all[1]);
    assert_eq!(model.embed(&[]).await.unwrap(), Vec::<Vec<f32>>::new());
    let spent = model.spent();
    assert_eq!((spent.calls, spent.retries, spent.uncounted), (4, 0, 0));
    assert!(spent.tokens > 12, "{}", spent.tokens);
    let stats = server.stop();
    assert_eq!((stats.calls, stats.calls_by_role["embeddings"]), (4, 4));
}

#[tokio::test]
async fn the_length_can_be_asked_for() {
    let server = serve(Behaviour::NONE);
    let asked = embedder(&server.base_url(), Some(10));
    assert_eq!(asked.embed(&texts(1)).await.unwrap()[0].len(), 10);
    let mut script = Script::new(7);
    script.dimensions = 12;
    let other = serve_script(&script);
    let plain = embedder(&other.base_url(), None);
    assert_eq!(plain.embed(&texts(1)).await.unwrap()[0].len(), 12);
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for fault in [
        Fault::rate_limit(None),
        Fault::rate_limit(Some(0)),
        Fault::status(500),
        Fault::status(502),
        Fault::CutBeforeHeaders,
        Fault::CutMidBody,
        Fault::Html,
        Fault::MalformedJson,
    ] {
        let server = serve(Behaviour::NONE.fail([Some(fault.clone()), Some(fault), None]));
        let model = embedder(&server.base_url(), None);
        assert_eq!(model.embed(&texts(2)).await.unwrap().len(), 2);
        let spent = model.spent();
        assert_eq!((spent.calls, spent.retries), (1, 2));
        let log = server.log();
        let attempts: Vec<u32> = log.iter().map(|entry| entry.attempt).collect();
        assert_eq!(attempts, [0, 1, 2]);
        assert!(log.iter().all(|entry| entry.key == log[0].key), "{log:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_ends_with_the_last_error() {
    for (fault, kind, words) in [
        (
            Fault::status(500),
            ErrorKind::Server,
            "nothing succeeded for",
        ),
        (
            Fault::status(401),
            ErrorKind::Auth,
            "every endpoint refuses",
        ),
        (
            Fault::status(404),
            ErrorKind::NoModel,
            "every endpoint refuses",
        ),
    ] {
        let server = serve(Behaviour::NONE.always(fault));
        let model = patient(&server.base_url(), None, Duration::from_millis(200));
        let error = model.embed(&texts(2)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        let EmbedError::Unusable(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.endpoints[0].kind, Some(kind));
        assert_eq!(model.spent().calls, 0);
    }
}

#[tokio::test]
async fn an_answer_that_is_wrong_is_an_error_at_once() {
    for (fault, expected) in [
        (Fault::MissingVector, Wrong::Count { found: 2 }),
        (
            Fault::ShortVector,
            Wrong::Length {
                text: 2,
                found: 32,
                expected: 64,
            },
        ),
        (
            Fault::NanVector,
            Wrong::Value {
                text: 2,
                what: "has NaN at 0".to_owned(),
            },
        ),
    ] {
        let server = serve(Behaviour::NONE.always(fault));
        let model = embedder(&server.base_url(), None);
        let error = model.embed(&texts(3)).await.unwrap_err();
        assert_eq!(
            error,
            EmbedError::Answer {
                texts: 3,
                what: expected
            }
        );
        // It was paid for.
        assert_eq!(model.spent().calls, 1);
    }
}

#[tokio::test]
async fn a_length_that_changes_between_calls_is_found_out() {
    let short = Behaviour::NONE.always(Fault::ShortVector);
    let server = serve_script(&Script::new(7).rule(Matcher::contains("number 5"), short));
    let model = embedder(&server.base_url(), None);
    model.embed(&texts(1)).await.unwrap();
    let error = model.embed(&["number 5".to_owned()]).await.unwrap_err();
    let what = Wrong::Length {
        text: 0,
        found: 32,
        expected: 64,
    };
    assert_eq!(error, EmbedError::Answer { texts: 1, what });
}

#[tokio::test]
async fn too_many_texts_go_in_parts_and_one_that_is_too_long_is_named() {
    let small = FaultRule::over_bytes(Fault::ContextLength, 160);
    let server = serve(Behaviour::NONE.fault(small));
    let model = embedder(&server.base_url(), None);
    let all = model.embed(&texts(16)).await.unwrap();
    assert_eq!(all.len(), 16);
    let plain = serve(Behaviour::NONE);
    let whole = embedder(&plain.base_url(), None);
    assert_eq!(whole.embed(&texts(16)).await.unwrap(), all);
    assert_eq!(whole.spent().calls, 1);
    // What the endpoint takes is remembered: no part is refused again.
    let Spent { calls, retries, .. } = model.spent();
    assert_eq!((calls > 1, retries), (true, 0));
    let refused = || {
        server
            .log()
            .iter()
            .filter(|entry| entry.status == 400)
            .count()
    };
    let before = refused();
    model.embed(&texts(16)).await.unwrap();
    assert_eq!(refused(), before);

    let long = "too long ".repeat(40);
    let error = model.embed(std::slice::from_ref(&long)).await.unwrap_err();
    let EmbedError::Refused {
        kind,
        texts,
        bytes,
        ref begins,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (kind, texts, bytes),
        (ErrorKind::ContextLength, 1, long.len())
    );
    assert!(begins.starts_with("too long too long"), "{begins}");
    assert!(
        error.to_string().contains("maximum context length"),
        "{error}"
    );
}
