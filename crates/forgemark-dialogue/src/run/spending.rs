//! What one run spent, out of what its folder's journal adds up.

use std::collections::BTreeMap;

use forgemark_journal::{RoleTotals, Totals};

/// What was added to the totals since they stood at `before`.
pub(crate) fn since(now: &Totals, before: &Totals) -> Totals {
    let nothing = BTreeMap::new();
    // A run that an earlier release began knows by role only what had been spent before it.
    let known = before.by_role.is_empty() || !before.by_endpoint.is_empty();
    let endpoints = now.by_endpoint.iter().filter(|_| known);
    let by_endpoint = endpoints.map(|(endpoint, now)| {
        let before = before.by_endpoint.get(endpoint).unwrap_or(&nothing);
        (endpoint.clone(), all_since(now, before))
    });
    Totals {
        by_role: all_since(&now.by_role, &before.by_role),
        by_endpoint: by_endpoint.collect(),
    }
}

fn all_since(
    now: &BTreeMap<String, RoleTotals>,
    before: &BTreeMap<String, RoleTotals>,
) -> BTreeMap<String, RoleTotals> {
    let since = now.iter().map(|(name, now)| {
        let before = before.get(name).copied().unwrap_or_default();
        (name.clone(), role_since(now, &before))
    });
    since.collect()
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
