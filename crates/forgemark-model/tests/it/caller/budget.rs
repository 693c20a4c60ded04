//! A budget stops a run with at most what was in flight beyond it.

use forgemark_model::{Budget, BudgetKind, BuildError, CallError, Caller, Prices};
use futures_util::future::join_all;

use super::support::{Answer, Server, Setup, call, clock, dir, journal};

/// Many callers until the budget is spent; how many calls were made.
async fn spend(setup: &Setup, server: &Server, workers: usize) -> (usize, CallError) {
    let dir = dir();
    let caller = setup.caller(dir.path());
    let work = (0..workers).map(|worker| {
        let caller = &caller;
        async move {
            for n in 0.. {
                if let Err(error) = call(caller, &format!("{worker} says {n}")).await {
                    return error;
                }
            }
            unreachable!("a worker ends with an error")
        }
    });
    // Each worker hears the balance of its moment; the last one is the whole.
    let last = join_all(work)
        .await
        .into_iter()
        .max_by_key(|error| stop(error).1);
    (server.calls(), last.expect("workers"))
}

fn stop(error: &CallError) -> (BudgetKind, u64) {
    match error {
        CallError::Budget(stop) => (stop.what, stop.spent),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn calls_stop_exactly() {
    let server = Server::start(|_| Answer::text("well")).await;
    let mut setup = Setup::of(&[&server]);
    setup.budget.max_calls = Some(25);
    let (calls, error) = spend(&setup, &server, 8).await;
    assert_eq!((calls, stop(&error)), (25, (BudgetKind::Calls, 25)));
}

#[tokio::test]
async fn tokens_stop_with_at_most_what_was_in_flight_beyond() {
    let server = Server::start(|_| Answer::text("well").after(2)).await;
    let mut setup = Setup::of(&[&server]);
    // Each reply reports 110 tokens.
    setup.budget.max_tokens = Some(5_000);
    let (calls, error) = spend(&setup, &server, 8).await;
    let (kind, spent) = stop(&error);
    assert_eq!((kind, spent), (BudgetKind::Tokens, calls as u64 * 110));
    assert!((5_000..=5_000 + 8 * 110).contains(&spent), "{spent} tokens");
}

#[tokio::test]
async fn cost_stops_with_at_most_what_was_in_flight_beyond() {
    let server = Server::start(|_| Answer::text("well").after(2)).await;
    let mut setup = Setup::of(&[&server]);
    setup.prices = Some(Prices {
        prompt: 1_000_000,
        cached: 0,
        completion: 10_000_000,
    });
    setup.budget.max_cost_micro_usd = Some(10_000);
    let (calls, error) = spend(&setup, &server, 8).await;
    let (kind, spent) = stop(&error);
    assert_eq!((kind, spent), (BudgetKind::Cost, calls as u64 * 200));
    assert!(
        (10_000..=10_000 + 8 * 200).contains(&spent),
        "{spent} micro USD"
    );
}

#[tokio::test]
async fn replies_without_usage_still_end_a_token_budget() {
    let bare = r#"{"choices":[{"message":{"content":"a"}}]}"#;
    let server = Server::start(move |_| Answer::status(200, bare)).await;
    let mut setup = Setup::of(&[&server]);
    setup.budget.max_tokens = Some(5_000);
    let (calls, error) = spend(&setup, &server, 2).await;
    assert_eq!(stop(&error).0, BudgetKind::Tokens);
    assert!(calls < 200, "{calls} calls");
}

#[tokio::test]
async fn a_cost_budget_without_prices_is_refused() {
    let server = Server::start(|_| Answer::text("well")).await;
    let mut setup = Setup::of(&[&server]);
    setup.budget = Budget {
        max_cost_micro_usd: Some(1),
        ..Budget::default()
    };
    let dir = dir();
    let error = Caller::new(&setup.config(), journal(dir.path()), clock()).expect_err("refused");
    assert!(matches!(error, BuildError::BudgetWithoutPrices { .. }));
    assert_eq!(
        error.to_string(),
        "a cost budget is set, but the prices of model 'main' (role 'user') are not configured"
    );
}
