use super::{Amount, BudgetKind, Ledger};
use crate::config::Budget;

fn amount(cost_micro_usd: u64, tokens: u64) -> Amount {
    Amount {
        cost_micro_usd,
        tokens,
        calls: 1,
    }
}

#[test]
fn without_limits_everything_passes() {
    let ledger = Ledger::new(Budget::default(), amount(u64::MAX, u64::MAX));
    for _ in 0..10 {
        let reservation = ledger.try_admit(amount(u64::MAX, 1)).expect("no limit");
        reservation.expect("no waiting").settle(amount(1, 1));
    }
}

#[test]
fn what_earlier_sessions_spent_counts() {
    let limits = Budget {
        max_tokens: Some(100),
        ..Budget::default()
    };
    let stop = Ledger::new(limits, amount(0, 100))
        .try_admit(amount(0, 1))
        .expect_err("spent");
    assert_eq!(
        (stop.what, stop.limit, stop.spent),
        (BudgetKind::Tokens, 100, 100)
    );
    assert_eq!(stop.to_string(), "the budget of 100 tokens is spent (100)");
}

#[test]
fn calls_never_pass_their_limit() {
    let limits = Budget {
        max_calls: Some(3),
        ..Budget::default()
    };
    let ledger = Ledger::new(limits, Amount::default());
    let open: Vec<_> = (0..3)
        .map(|_| {
            ledger
                .try_admit(amount(0, 0))
                .expect("not spent")
                .expect("room")
        })
        .collect();
    assert!(ledger.try_admit(amount(0, 0)).expect("not spent").is_none());
    for reservation in open {
        reservation.settle(amount(0, 0));
    }
    let stop = ledger.try_admit(amount(0, 0)).expect_err("spent");
    assert_eq!(stop.spent, 3);
}

#[tokio::test]
async fn an_estimate_that_was_too_high_leaves_nothing_unspent() {
    let limits = Budget {
        max_cost_micro_usd: Some(100),
        ..Budget::default()
    };
    let ledger = Ledger::new(limits, Amount::default());
    let first = ledger
        .admit(amount(500, 0))
        .await
        .expect("nothing spent yet");
    // Only the estimate stands in the way: the second call waits for the truth.
    let settle = async {
        tokio::task::yield_now().await;
        first.settle(amount(10, 0));
    };
    let (second, ()) = tokio::join!(ledger.admit(amount(500, 0)), settle);
    second.expect("90 are left").settle(amount(95, 0));
    let stop = ledger.admit(amount(1, 0)).await.expect_err("spent");
    assert_eq!((stop.what, stop.spent), (BudgetKind::Cost, 105));
    assert_eq!(
        stop.to_string(),
        "the budget of 0.000100 USD is spent (0.000105 USD)"
    );
}

#[tokio::test]
async fn a_dropped_call_gives_its_reservation_back() {
    let limits = Budget {
        max_tokens: Some(10),
        ..Budget::default()
    };
    let ledger = Ledger::new(limits, Amount::default());
    let dropped = ledger.admit(amount(0, 10)).await.expect("room");
    assert!(ledger.try_admit(amount(0, 1)).expect("not spent").is_none());
    drop(dropped);
    assert!(ledger.try_admit(amount(0, 1)).expect("not spent").is_some());
}
