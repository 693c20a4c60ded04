//! What a run may spend, and how a run stops when it is spent.
//!
//! A call is let through while what is spent and what the calls in flight will probably cost stay below the limit, so the limit
//! is passed by at most the error of those estimates. When only the estimates stand in the way, the call waits for their
//! truth: an estimate that was too high must not leave money unspent. A spent budget is a stop, not an error: the items
//! stay as they are, and a larger budget goes on with them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::config::Budget;

/// The amounts that budgets count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) cost_micro_usd: u64,
    pub(crate) tokens: u64,
    pub(crate) calls: u64,
}

impl Amount {
    fn plus(self, other: Amount) -> Amount {
        Amount {
            cost_micro_usd: self.cost_micro_usd.saturating_add(other.cost_micro_usd),
            tokens: self.tokens.saturating_add(other.tokens),
            calls: self.calls.saturating_add(other.calls),
        }
    }

    pub(crate) fn minus(self, other: Amount) -> Amount {
        Amount {
            cost_micro_usd: self.cost_micro_usd.saturating_sub(other.cost_micro_usd),
            tokens: self.tokens.saturating_sub(other.tokens),
            calls: self.calls.saturating_sub(other.calls),
        }
    }
}

/// A budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStop {
    /// Which one.
    pub what: BudgetKind,
    /// Its limit, in the unit of its kind.
    pub limit: u64,
    /// What was spent, all sessions of the run together.
    pub spent: u64,
}

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetKind {
    /// Micro US dollars.
    Cost,
    /// Prompt and completion tokens.
    Tokens,
    /// Calls.
    Calls,
}

impl fmt::Display for BudgetStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = |micro: u64| format!("{}.{:06} USD", micro / 1_000_000, micro % 1_000_000);
        match self.what {
            BudgetKind::Cost => write!(
                f,
                "the budget of {} is spent ({})",
                dollars(self.limit),
                dollars(self.spent)
            ),
            BudgetKind::Tokens => write!(
                f,
                "the budget of {} tokens is spent ({})",
                self.limit, self.spent
            ),
            BudgetKind::Calls => write!(
                f,
                "the budget of {} calls is spent ({})",
                self.limit, self.spent
            ),
        }
    }
}

impl std::error::Error for BudgetStop {}

/// Keeps the account.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Budget,
    account: Mutex<Account>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Account {
    spent: Amount,
    reserved: Amount,
}

impl Ledger {
    /// An account on which `spent` was spent by earlier sessions.
    pub(crate) fn new(limits: Budget, spent: Amount) -> Self {
        Ledger {
            limits,
            account: Mutex::new(Account {
                spent,
                reserved: Amount::default(),
            }),
            settled: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call through that will probably spend `estimate`.
    ///
    /// # Errors
    /// [`BudgetStop`] when a budget is spent.
    ///
    /// # Cancel safety
    /// Safe: nothing is reserved before it returns.
    pub(crate) async fn admit(&self, estimate: Amount) -> Result<Reservation<'_>, BudgetStop> {
        loop {
            // Made before looking, so that a call that settles in between is not missed.
            let settled = self.settled.notified();
            if let Some(reservation) = self.try_admit(estimate)? {
                return Ok(reservation);
            }
            settled.await;
        }
    }

    /// As [`Ledger::admit`], `None` where that would wait.
    pub(crate) fn try_admit(
        &self,
        estimate: Amount,
    ) -> Result<Option<Reservation<'_>>, BudgetStop> {
        let mut account = self.lock();
        if self.limits != Budget::default() {
            if let Some(stop) = self.full(account.spent) {
                return Err(stop);
            }
            if self.full(account.spent.plus(account.reserved)).is_some() {
                return Ok(None);
            }
        }
        account.reserved = account.reserved.plus(estimate);
        Ok(Some(Reservation {
            ledger: self,
            estimate,
        }))
    }

    /// Books what nobody had reserved.
    pub(crate) fn book(&self, actual: Amount) {
        let mut account = self.lock();
        account.spent = account.spent.plus(actual);
    }

    /// The first limit that `amount` reaches.
    fn full(&self, amount: Amount) -> Option<BudgetStop> {
        [
            (
                BudgetKind::Cost,
                self.limits.max_cost_micro_usd,
                amount.cost_micro_usd,
            ),
            (BudgetKind::Tokens, self.limits.max_tokens, amount.tokens),
            (BudgetKind::Calls, self.limits.max_calls, amount.calls),
        ]
        .into_iter()
        .find_map(|(what, limit, spent)| {
            let limit = limit.filter(|limit| spent >= *limit)?;
            Some(BudgetStop { what, limit, spent })
        })
    }
}

/// What a call in flight will probably spend. Dropped without being settled, it spends nothing.
#[derive(Debug)]
pub(crate) struct Reservation<'l> {
    ledger: &'l Ledger,
    estimate: Amount,
}

impl Reservation<'_> {
    /// The call has ended and spent `actual`.
    pub(crate) fn settle(self, actual: Amount) {
        let mut account = self.ledger.lock();
        account.spent = account.spent.plus(actual);
        // The reservation itself goes when `self` is dropped, after the lock.
        drop(account);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut account = self.ledger.lock();
        account.reserved = account.reserved.minus(self.estimate);
        drop(account);
        if self.ledger.limits != Budget::default() {
            self.ledger.settled.notify_waiters();
        }
    }
}
