//! What calls cost, and where.

use forgemark_contract::json::Json;
use forgemark_journal::{RoleTotals, Totals};
use forgemark_model::IN_PROCESS;

use crate::human;
use crate::table::{Align, Table};

/// What stands for the calls of which only a role is known.
const EARLIER: &str = "(counted before endpoints were)";

/// A cost; an unknown price is said, never shown as zero.
pub fn cost(micro_usd: u64, unknown: u64) -> String {
    match (micro_usd, unknown) {
        (known, 0) => human::usd(known),
        (0, _) => "unknown (no prices configured)".to_owned(),
        (known, n) => format!(
            "{} and {} calls of unknown price",
            human::usd(known),
            human::count(n)
        ),
    }
}

/// Each endpoint with each of its models, in order, and at the end what is known of no endpoint.
fn rows(totals: &Totals) -> Vec<(&str, &str, RoleTotals)> {
    let mut rows: Vec<(&str, &str, RoleTotals)> = Vec::new();
    let mut known = RoleTotals::default();
    for (endpoint, models) in &totals.by_endpoint {
        for (model, totals) in models.iter().filter(|(_, totals)| totals.calls > 0) {
            known = known.plus(totals);
            rows.push((endpoint, model, *totals));
        }
    }
    let all = totals.all();
    if !rows.is_empty() && all.calls > known.calls {
        let rest = RoleTotals {
            calls: all.calls - known.calls,
            failures: all.failures.saturating_sub(known.failures),
            retries: all.retries.saturating_sub(known.retries),
            prompt: all.prompt.saturating_sub(known.prompt),
            completion: all.completion.saturating_sub(known.completion),
            cached: all.cached.saturating_sub(known.cached),
            reasoning: all.reasoning.saturating_sub(known.reasoning),
            cost_micro_usd: all.cost_micro_usd.saturating_sub(known.cost_micro_usd),
            unknown_price_calls: (all.unknown_price_calls)
                .saturating_sub(known.unknown_price_calls),
        };
        rows.push((EARLIER, "", rest));
    }
    rows
}

/// Calls, tokens and cost by endpoint and model; `None` where one line would say no more than the sum, and where nothing
/// left this process.
pub fn table(totals: &Totals) -> Option<String> {
    let rows = rows(totals);
    if rows.len() < 2 || rows.iter().all(|(endpoint, ..)| *endpoint == IN_PROCESS) {
        return None;
    }
    let mut table = Table::new(&[
        ("endpoint", Align::Left),
        ("model", Align::Left),
        ("calls", Align::Right),
        ("retries", Align::Right),
        ("tokens in", Align::Right),
        ("cached", Align::Right),
        ("tokens out", Align::Right),
        ("cost", Align::Right),
    ]);
    for (endpoint, model, totals) in rows {
        table.row([
            endpoint,
            model,
            &human::count(totals.calls),
            &human::count(totals.retries),
            &human::count(totals.prompt),
            &human::count(totals.cached),
            &human::count(totals.completion),
            &cost(totals.cost_micro_usd, totals.unknown_price_calls),
        ]);
    }
    Some(table.to_string())
}

/// A summary with [`table`] below it where there is one.
pub fn below(summary: &Table, totals: &Totals) -> String {
    match table(totals) {
        Some(endpoints) => format!("{summary}\n\n{endpoints}"),
        None => summary.to_string(),
    }
}

/// The same for programs, whatever their number.
pub fn json(totals: &Totals) -> Json {
    let rows = rows(totals).into_iter().map(|(endpoint, model, totals)| {
        let known = totals.unknown_price_calls == 0;
        Json::object([
            ("endpoint", Json::from(endpoint)),
            ("model", Json::from(model)),
            ("calls", Json::from(totals.calls)),
            ("failures", Json::from(totals.failures)),
            ("retries", Json::from(totals.retries)),
            ("prompt_tokens", Json::from(totals.prompt)),
            ("cached_tokens", Json::from(totals.cached)),
            ("completion_tokens", Json::from(totals.completion)),
            (
                "cost_usd",
                Json::from(known.then(|| totals.cost_micro_usd as f64 / 1e6)),
            ),
        ])
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(calls: u64, cost_micro_usd: u64, unknown_price_calls: u64) -> RoleTotals {
        RoleTotals {
            calls,
            prompt: 1_000 * calls,
            cost_micro_usd,
            unknown_price_calls,
            ..RoleTotals::default()
        }
    }

    #[test]
    fn one_line_for_each_model_of_each_endpoint_and_one_for_what_nobody_counted() {
        let mut all = Totals::default();
        all.by_role
            .insert("user".to_owned(), totals(10, 500_000, 2));
        assert_eq!((table(&all), json(&all)), (None, Json::Array(Vec::new())));
        let models = |model: &str, one| [(model.to_owned(), one)].into();
        all.by_endpoint
            .insert("a".to_owned(), models("m", totals(6, 300_000, 0)));
        all.by_endpoint
            .insert("b".to_owned(), models("n", totals(3, 0, 2)));
        let within = Totals {
            by_role: [("user".to_owned(), totals(2, 0, 0))].into(),
            by_endpoint: [(
                IN_PROCESS.to_owned(),
                ["a", "b"]
                    .map(|model| (model.to_owned(), totals(1, 0, 0)))
                    .into(),
            )]
            .into(),
        };
        assert_eq!(table(&within), None);
        let table = table(&all).unwrap();
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 5, "{table}");
        assert!(
            lines[2].contains("6,000") && lines[2].ends_with("$0.30"),
            "{table}"
        );
        assert!(
            lines[3].ends_with("unknown (no prices configured)"),
            "{table}"
        );
        assert!(
            lines[4].contains(EARLIER) && lines[4].ends_with("$0.20"),
            "{table}"
        );
        let json = json(&all);
        let rows = json.as_array().unwrap();
        assert_eq!(rows[0].at("cost_usd").as_f64(), Some(0.3));
        assert!(rows[1].at("cost_usd").is_null());
        assert_eq!(rows[2].at("calls").as_u64(), Some(1));
    }
}
