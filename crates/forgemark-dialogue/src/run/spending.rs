//! What one run spent, out of what its folder's journal adds up.

use forgemark_journal::{RoleTotals, Totals};

/// What was added to the totals since they stood at `before`.
pub(super) fn since(now: &Totals, before: &Totals) -> Totals {
    let by_role = now.by_role.iter().map(|(role, now)| {
        let before = before.by_role.get(role).copied().unwrap_or_default();
        (role.clone(), role_since(now, &before))
    });
    Totals {
        by_role: by_role.collect(),
    }
}

fn role_since(now: &RoleTotals, before: &RoleTotals) -> RoleTotals {
    let less = u64::saturating_sub;
    RoleTotals {
        calls: less(now.calls, before.calls),
        failures: less(now.failures, before.failures),
        retries: less(now.retries, before.retries),
        prompt: less(now.prompt, before.prompt),
        completion: less(now.completion, before.completion),
        cached: less(now.cached, before.cached),
        reasoning: less(now.reasoning, before.reasoning),
        cost_micro_usd: less(now.cost_micro_usd, before.cost_micro_usd),
        unknown_price_calls: less(now.unknown_price_calls, before.unknown_price_calls),
    }
}
