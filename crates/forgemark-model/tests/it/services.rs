//! Services against a small server: what is sent, what is one call, and what failing means.

use std::collections::BTreeMap;
use std::path::Path;

use forgemark_contract::json::{Json, parse_str};
use forgemark_model::service::search::{Page, Provider};
use forgemark_model::service::{rank, vectors};
use forgemark_model::{
    Address, Asked, Budget, CallError, Caller, EndpointConfig, ErrorKind, Price, Secret,
    ServiceConfig, ServiceRequest, WhenDown,
};

use super::caller::support::{Answer, Server, Setup, caller, dir, impatient};

const FOUND: &str =
    r#"{"organic": [{"title": "T", "link": "https://p.example/", "snippet": "S"}]}"#;

fn search(server: &Server, provider: Provider) -> ServiceConfig {
    let url = format!("{}/search?lang=en", server.url);
    let mut endpoint = EndpointConfig::new("web", url);
    if let Some(header) = provider.key_header() {
        endpoint.headers = vec![(header.to_owned(), Secret::new("sk-0123456789abcdef"))];
    }
    ServiceConfig {
        model: provider.as_str().to_owned(),
        endpoints: vec![endpoint],
        address: Address::Exact,
        method: provider.method(),
        price: Price::Call(Some(1_000)),
        retry: impatient(),
        when_down: WhenDown::Fail,
    }
}

fn with(service: ServiceConfig, budget: Budget, dir: &Path) -> Caller {
    let mut config = Setup::of(&[]).config();
    config.models.clear();
    config.roles.clear();
    config.budget = budget;
    config.services = BTreeMap::from([("web_search".to_owned(), service)]);
    caller(&config, dir)
}

fn request(query: &str, sample: u64) -> ServiceRequest {
    ServiceRequest {
        body: Provider::Serper.request(query, 2),
        sample,
    }
}

async fn ask(caller: &Caller, query: &str, sample: u64) -> Result<Asked, CallError> {
    let check = |answer: &Json| Provider::Serper.read(answer, 2).map(drop);
    let asked = caller
        .ask("web_search", "c-1/t1.web", &request(query, sample), &check)
        .await?;
    asked.durable.clone().await?;
    Ok(asked)
}

#[tokio::test]
async fn equal_requests_are_one_call_whenever_they_come() {
    let server = Server::start(|_| Answer::status(200, FOUND).after(20)).await;
    let dir = dir();
    let caller = with(
        search(&server, Provider::Serper),
        Budget::default(),
        dir.path(),
    );
    let asks = (0..8).map(|_| ask(&caller, "water", 1));
    let asked = futures_util::future::join_all(asks).await;
    let asked: Vec<Asked> = asked
        .into_iter()
        .map(|asked| asked.expect("an outcome"))
        .collect();
    let first = asked.first().expect("eight").at;
    assert_eq!(server.calls(), 1);
    assert_eq!(asked.iter().filter(|asked| !asked.replayed).count(), 1);
    assert!(
        asked
            .iter()
            .all(|asked| asked.outcome.is_ok() && asked.at == first)
    );
    ask(&caller, "water", 2).await.expect("an outcome");
    assert_eq!(server.calls(), 2, "another sample is another call");
    assert!(
        caller
            .known("web_search", &request("water", 1))
            .expect("a journal")
            .is_some()
    );
    assert!(
        caller
            .known("web_search", &request("wine", 1))
            .expect("a journal")
            .is_none()
    );
    let totals = caller.journal().totals();
    assert_eq!(totals.by_role["web_search"].cost_micro_usd, 2_000);
    assert_eq!(totals.by_endpoint["web"]["serper"].calls, 2);
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/search?lang=en");
    assert_eq!(seen.header("x-api-key"), "sk-0123456789abcdef");
    assert_eq!(seen.header("authorization"), "");
    assert_eq!(
        (seen.body.str_or("q", ""), seen.body.i64_or("num", 0)),
        ("water", 2)
    );
}

#[tokio::test]
async fn a_get_carries_the_request_as_its_query() {
    let server = Server::start(|_| Answer::status(200, r#"{"results": []}"#)).await;
    let dir = dir();
    let caller = with(
        search(&server, Provider::Searxng),
        Budget::default(),
        dir.path(),
    );
    let body = Provider::Searxng.request("pumps & pipes", 3);
    let check = |answer: &Json| Provider::Searxng.read(answer, 3).map(drop);
    let asked = caller
        .ask(
            "web_search",
            "c",
            &ServiceRequest { body, sample: 0 },
            &check,
        )
        .await
        .expect("an outcome");
    assert!(asked.outcome.is_ok());
    assert_eq!(
        server.seen()[0].path,
        "/search?lang=en&q=pumps+%26+pipes&format=json"
    );
}

#[tokio::test]
async fn what_fails_for_good_is_a_typed_fact_that_is_replayed() {
    for (answer, kind, calls) in [
        (Answer::status(500, "{}"), ErrorKind::Server, 4),
        (Answer::status(429, "{}"), ErrorKind::RateLimited, 4),
        (
            Answer::status(200, "<html>hello</html>"),
            ErrorKind::NotChat,
            4,
        ),
        (
            Answer::status(200, r#"{"other": 1}"#),
            ErrorKind::NotChat,
            4,
        ),
        (
            Answer::error(401, "no such key sk-0123456789abcdef"),
            ErrorKind::Auth,
            1,
        ),
        (
            Answer::error(400, "bad query"),
            ErrorKind::InvalidRequest,
            1,
        ),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let dir = dir();
        let caller = with(
            search(&server, Provider::Serper),
            Budget::default(),
            dir.path(),
        );
        let asked = ask(&caller, "water", 0).await.expect("an outcome");
        let failure = asked.outcome.expect_err("it fails");
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(!failure.detail.contains("sk-0123456789"), "{failure}");
        assert_eq!(server.calls(), calls, "{kind:?}");
        assert_eq!(asked.cost_micro_usd, Some(0), "nobody charges for an error");
        let again = ask(&caller, "water", 0).await.expect("an outcome");
        assert_eq!(again.outcome.expect_err("as before"), failure);
        assert!(again.replayed);
        assert_eq!(server.calls(), calls);
        assert_eq!(caller.journal().totals().by_role["web_search"].failures, 1);
    }
}

#[tokio::test]
async fn what_the_work_rests_on_suspends_instead() {
    let server = Server::start(|_| Answer::error(401, "no such key")).await;
    let dir = dir();
    let service = ServiceConfig {
        when_down: WhenDown::Suspend,
        ..search(&server, Provider::Serper)
    };
    let caller = with(service, Budget::default(), dir.path());
    let error = ask(&caller, "water", 0).await.expect_err("no outcome");
    assert!(matches!(error, CallError::Unusable(_)), "{error}");
    assert!(
        caller.journal().totals().by_role.is_empty(),
        "nothing is recorded"
    );
}

#[tokio::test]
async fn a_budget_counts_searches() {
    let server = Server::start(|_| Answer::status(200, FOUND)).await;
    let dir = dir();
    let budget = Budget {
        max_cost_micro_usd: Some(2_000),
        ..Budget::default()
    };
    let caller = with(search(&server, Provider::Serper), budget, dir.path());
    for sample in 0..2 {
        ask(&caller, "water", sample).await.expect("an outcome");
    }
    let error = ask(&caller, "water", 2)
        .await
        .expect_err("the budget is spent");
    assert!(matches!(error, CallError::Budget(_)), "{error}");
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn an_answer_that_the_asker_keeps_leaves_its_cost_only() {
    let server = Server::start(|_| Answer::status(200, FOUND)).await;
    let dir = dir();
    let caller = with(
        search(&server, Provider::Serper),
        Budget::default(),
        dir.path(),
    );
    let check = |_: &Json| Ok(());
    for _ in 0..2 {
        let water = request("water", 0);
        let asked = caller.ask_unkept("web_search", "index/1", &water, &check);
        let asked = asked.await.expect("an outcome");
        asked.durable.await.expect("durable");
        assert!(asked.outcome.is_ok());
    }
    assert_eq!(server.calls(), 2);
    assert_eq!(
        caller.journal().totals().by_role["web_search"].cost_micro_usd,
        2_000
    );
    assert!(
        caller
            .known("web_search", &request("water", 0))
            .expect("a journal")
            .is_none()
    );
}

#[test]
fn providers_are_read_in_their_own_shapes() {
    let page = |n: u64| Page {
        title: format!("T{n}"),
        link: format!("https://p.example/{n}"),
        snippet: format!("S{n}"),
    };
    let cases = [
        (
            Provider::Serper,
            r#"{"organic": [{"title": "T1", "link": "https://p.example/1", "snippet": "S1"}, {"title": "no address"}]}"#,
        ),
        (
            Provider::Tavily,
            r#"{"results": [{"title": " T1 ", "url": "https://p.example/1", "content": "S1"}]}"#,
        ),
        (
            Provider::Brave,
            r#"{"web": {"results": [{"title": "T1", "url": "https://p.example/1", "description": "S1"}]}}"#,
        ),
        (
            Provider::Searxng,
            r#"{"results": [{"title": "T1", "url": "https://p.example/1", "content": "S1"}, {"url": 5}]}"#,
        ),
    ];
    for (provider, text) in cases {
        let answer = parse_str(text).unwrap();
        assert_eq!(provider.read(&answer, 5), Ok(vec![page(1)]), "{provider:?}");
        assert_eq!(provider.read(&answer, 0), Ok(Vec::new()));
        for wrong in ["[]", "{}", r#"{"results": 1, "organic": {}, "web": null}"#] {
            let wrong = parse_str(wrong).unwrap();
            assert!(provider.read(&wrong, 5).is_err(), "{provider:?} {wrong:?}");
        }
        assert_eq!(Provider::from_word(provider.as_str()), Some(provider));
    }
    let nothing = parse_str(r#"{"searchParameters": {"q": "x"}}"#).unwrap();
    assert_eq!(Provider::Serper.read(&nothing, 5), Ok(Vec::new()));
}

#[test]
fn rankings_and_vectors_are_checked() {
    let ranked = |text: &str| rank::read(&parse_str(text).unwrap(), 3);
    let good = r#"{"results": [{"index": 2, "relevance_score": 0.1}, {"index": 0, "relevance_score": 0.9}]}"#;
    assert_eq!(ranked(good), Ok(vec![0, 2]), "by score, whatever the order");
    for wrong in [
        "{}",
        r#"{"results": []}"#,
        r#"{"results": [{"index": 3, "relevance_score": 1}]}"#,
        r#"{"results": [{"index": -1, "relevance_score": 1}]}"#,
        r#"{"results": [{"index": 0}]}"#,
        r#"{"results": [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]}"#,
    ] {
        assert!(ranked(wrong).is_err(), "{wrong}");
    }
    let made = |text: &str, dimensions| vectors::read(&parse_str(text).unwrap(), 1, dimensions);
    let good = r#"{"data": [{"index": 0, "embedding": [3, 4]}]}"#;
    assert_eq!(made(good, None), Ok(vec![vec![0.6, 0.8]]), "of length 1");
    assert!(made(good, Some(3)).is_err(), "another length");
    for wrong in [
        "{}",
        r#"{"data": []}"#,
        r#"{"data": [{"embedding": [0, 0]}]}"#,
        r#"{"data": [{"embedding": []}]}"#,
        r#"{"data": [{"embedding": ["x"]}]}"#,
    ] {
        assert!(made(wrong, None).is_err(), "{wrong}");
    }
    assert!((vectors::cosine(&[0.6, 0.8], &[0.8, 0.6]) - 0.96).abs() < 1e-6);
}
