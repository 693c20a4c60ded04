//! `forgemark arena stats DIR`

use forgemark_arena::games::End;
use forgemark_arena::stats::Share;
use forgemark_arena::{Adjudicator, Stats, Walk};
use forgemark_stats::Interval;

use super::ground;
use crate::Context;
use crate::cli::ArenaStatsArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human::count;
use crate::table::{Align, Table};

/// Resamples of claims for the intervals of alpha.
const RESAMPLES: u32 = 1_000;

/// Says what the decisions of an arena add up to.
///
/// # Errors
/// A folder or policy that cannot be read; a stdout that takes nothing.
pub fn run(args: &ArenaStatsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let policy = ground::policy(&args.policy)?;
    let corpus = ground::load(&args.dir, context)?;
    let stats = ground::with_docket(&corpus, |docket| {
        let adjudicator = Adjudicator::new(docket, &policy);
        let walk = Walk::new(&corpus, &adjudicator);
        Stats::new(&corpus, &adjudicator, &walk, RESAMPLES, args.seed)
    });
    if args.json.json {
        context.printer.json_line(&stats.to_json())?;
        return Ok(Exit::Done);
    }
    context.printer.result(ground::policy_text(&policy))?;
    for (title, text) in sections(&stats) {
        context.printer.result(format!("{title}\n{text}\n"))?;
    }
    Ok(Exit::Done)
}

fn sections(stats: &Stats) -> Vec<(&'static str, String)> {
    vec![
        ("What there is (newest attempts)", counts(stats).to_string()),
        (
            "Questions that claims make invalid (all attempts)",
            validity(stats).to_string(),
        ),
        (
            "The way of every answerer to every question",
            flow(stats).to_string(),
        ),
        (
            "Agreement of the judges (Krippendorff's alpha)",
            alphas(stats).to_string(),
        ),
        ("Judges (all attempts)", judges(stats).to_string()),
        ("Two judges on one side (%)", pairs(stats).to_string()),
        ("The panel and people", panel(stats).to_string()),
        (
            "Models: decided claims and games",
            models(stats).to_string(),
        ),
        (
            "Runs by the first attempt that is valid",
            attempts_of_runs(stats).to_string(),
        ),
        (
            "Games that the answerer (row) wins against the questioner (column), % of games",
            matrix(stats).to_string(),
        ),
        (
            "By attempt",
            parts(stats.attempts.iter(), "attempt").to_string(),
        ),
        ("By topic", parts(stats.topics.iter(), "topic").to_string()),
    ]
}

fn pair(left: &'static str, right: &'static str) -> Table {
    Table::new(&[(left, Align::Left), (right, Align::Right)])
}

fn percent(ratio: f64) -> String {
    format!("{:.2}", 100.0 * ratio)
}

/// `63.53 %  [61.4, 65.6]  1,212 of 1,868`.
fn share(share: Share) -> String {
    let Some((ratio, interval)) = share.ratio().zip(share.interval()) else {
        return "-".to_owned();
    };
    let Interval { low, high } = interval;
    format!(
        "{} [{:.1}, {:.1}] {}/{}",
        percent(ratio),
        100.0 * low,
        100.0 * high,
        count(share.hits),
        count(share.n)
    )
}

fn counts(stats: &Stats) -> Table {
    let mut table = pair("", "");
    let all: u64 = stats.critiques.values().sum();
    let correct = stats.critiques.get("correct").copied().unwrap_or(0);
    let labels = stats
        .labels
        .iter()
        .map(|(people, n)| format!("{people}: {}", count(*n)));
    for (what, n) in [
        ("questions", count(stats.questions)),
        ("valid questions", count(stats.valid)),
        ("answers", count(stats.answers)),
        (
            "answers that call the question ill-posed",
            count(stats.ill_posed_answers),
        ),
        ("critiques", count(all)),
        ("critiques that call the answer correct", count(correct)),
        ("critiques that do not", count(all - correct)),
        ("debates about ill-posed claims", count(stats.debates.0)),
        ("debates about critiques", count(stats.debates.1)),
        (
            "claims by how many people labelled them",
            labels.collect::<Vec<_>>().join("  "),
        ),
        ("claims with more than one verdict", count(stats.contested)),
        ("answers with such a claim", count(stats.contested_answers)),
    ] {
        table.row([what, &n]);
    }
    for ((kind, verdict), n) in &stats.verdicts {
        table.row([
            format!("verdicts on {kind} claims, all attempts: {verdict}"),
            count(*n),
        ]);
    }
    table
}

fn validity(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("own answer: upheld", Align::Right),
        ("rejected", Align::Right),
        ("ill-posed: upheld", Align::Right),
        ("rejected", Align::Right),
        ("invalid", Align::Right),
        ("of these newest", Align::Right),
    ]);
    let rows = ["without orphan judgments", "with orphan judgments"];
    for (name, found) in rows.into_iter().zip(&stats.validity) {
        table.row([
            name.to_owned(),
            count(found.own_upheld),
            count(found.own_rejected),
            count(found.ill_posed_upheld),
            count(found.ill_posed_rejected),
            count(found.invalid),
            count(found.invalid_live),
        ]);
    }
    table
}

fn flow(stats: &Stats) -> Table {
    let at = |end: End| stats.flow.get(&end).copied().unwrap_or(0);
    let all: u64 = stats.flow.values().sum();
    let [won, lost, dropped] = stats.outcomes();
    let candidates = won + lost + dropped;
    let mut table = Table::new(&[
        ("step", Align::Left),
        ("meetings", Align::Right),
        ("% of answered", Align::Right),
    ]);
    let mut row = |name: &str, n: u64, of: bool| {
        let ratio = if of && candidates > 0 {
            percent(n as f64 / candidates as f64)
        } else {
            String::new()
        };
        table.row([name.to_owned(), count(n), ratio]);
    };
    row("answerers and questions", all, false);
    row("  question failed", at(End::QuestionFailed), false);
    row("  answer missing", at(End::AnswerMissing), false);
    row("  answered", candidates, true);
    for (own, n) in &stats.own {
        use forgemark_arena::games::OwnAnswer;
        let name = match own {
            OwnAnswer::Correct => "    questioner's own answer called correct",
            OwnAnswer::Rejected => "    critique of it rejected",
            OwnAnswer::Missing => "    no critique of it",
            OwnAnswer::Ended => continue,
        };
        row(name, *n, true);
    }
    for end in End::ALL {
        let n = at(end);
        if n > 0 && !matches!(end, End::QuestionFailed | End::AnswerMissing) {
            row(&format!("    {}", end.as_str().replace('_', " ")), n, true);
        }
    }
    row("  answerer wins", won, true);
    row("  questioner wins", lost, true);
    row("  dropped", dropped, true);
    row(
        "  won on invalid questions, no games",
        stats.on_invalid,
        true,
    );
    row("games", stats.games().n, true);
    table
}

fn alphas(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("claims", Align::Left),
        ("level", Align::Left),
        ("alpha", Align::Right),
        ("95 %", Align::Right),
        ("claims with two judges", Align::Right),
        ("decisions", Align::Right),
    ]);
    for alpha in &stats.agreement.alphas {
        let scope = if alpha.live { "newest" } else { "all" };
        let level = if alpha.words { "verdict" } else { "side" };
        let Some(found) = alpha.alpha else {
            table.row([scope, level, "-"]);
            continue;
        };
        let interval = found
            .interval
            .map(|i| format!("[{:.3}, {:.3}]", i.low, i.high));
        table.row([
            scope.to_owned(),
            level.to_owned(),
            format!("{:.3}", found.value),
            interval.unwrap_or_default(),
            count(found.units as u64),
            count(found.values as u64),
        ]);
    }
    table
}

fn judges(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("judge", Align::Left),
        ("for the claimant (%)", Align::Right),
        ("as most others (%)", Align::Right),
        ("as people (%)", Align::Right),
        ("failed", Align::Right),
    ]);
    for (name, judge) in &stats.agreement.judges {
        table.row([
            name.clone(),
            share(judge.claimant),
            share(judge.with_others),
            share(judge.with_people),
            format!("{}/{}", count(judge.failed.hits), count(judge.failed.n)),
        ]);
    }
    table
}

fn pairs(stats: &Stats) -> Table {
    let names: Vec<&str> = stats
        .agreement
        .judges
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let columns: Vec<String> = (1..=names.len()).map(|n| n.to_string()).collect();
    let mut titles = vec![("judge", Align::Left)];
    titles.extend(columns.iter().map(|title| (title.as_str(), Align::Right)));
    let mut table = Table::new(&titles);
    for (first, name) in names.iter().enumerate() {
        let cell = |second: usize| {
            let (low, high) = (first.min(second) as u32, first.max(second) as u32);
            let pairs = &stats.agreement.pairs;
            let pair = pairs
                .iter()
                .find(|pair| (pair.first, pair.second) == (low, high));
            pair.map_or("-".to_owned(), |p| {
                format!("{:.1}", 100.0 * p.equal as f64 / p.n as f64)
            })
        };
        let cells = (0..names.len()).map(cell);
        table.row([format!("{} {name}", first + 1)].into_iter().chain(cells));
    }
    table
}

fn panel(stats: &Stats) -> Table {
    let panel = &stats.agreement.panel;
    let labelled = panel.labelled;
    let against = |wrong, n| share(Share { hits: wrong, n });
    let mut table = pair("", "");
    for (what, value) in [
        (
            "people reject what the whole panel upholds (%)",
            against(labelled.upheld_wrongly, labelled.upheld),
        ),
        (
            "people uphold what the whole panel rejects (%)",
            against(labelled.rejected_wrongly, labelled.rejected),
        ),
        (
            "Cohen's kappa",
            panel.kappa.map_or("-".to_owned(), |kappa| {
                format!("{:.3} on {}", kappa.value, kappa.n)
            }),
        ),
        (
            "where the panel is divided, most judges are with people (%)",
            share(panel.contested),
        ),
    ] {
        table.row([what, &value]);
    }
    table
}

fn models(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("claims upheld (%)", Align::Right),
        ("answers defended (%)", Align::Right),
        ("own answers defended (%)", Align::Right),
        ("wins as answerer (%)", Align::Right),
        ("wins as questioner (%)", Align::Right),
    ]);
    for (name, model) in &stats.models {
        table.row([
            name.clone(),
            share(model.claimant),
            share(model.defender),
            share(model.own_answer),
            share(model.answerer),
            share(model.questioner),
        ]);
    }
    table
}

fn attempts_of_runs(stats: &Stats) -> Table {
    let attempts: Vec<i64> = stats.attempts.keys().copied().collect();
    let columns: Vec<String> = attempts.iter().map(ToString::to_string).collect();
    let mut titles = vec![("questioner", Align::Left)];
    titles.extend(columns.iter().map(|title| (title.as_str(), Align::Right)));
    titles.push(("never", Align::Right));
    let mut table = Table::new(&titles);
    for (name, model) in &stats.models {
        let cells = attempts
            .iter()
            .map(|attempt| count(model.first_valid.get(attempt).copied().unwrap_or(0)));
        let cells = [name.clone()].into_iter().chain(cells);
        table.row(cells.chain([count(model.never_valid)]));
    }
    table
}

fn matrix(stats: &Stats) -> Table {
    let names: Vec<&String> = stats.models.keys().collect();
    let columns: Vec<String> = (1..=names.len()).map(|n| n.to_string()).collect();
    let mut titles = vec![("answerer", Align::Left)];
    titles.extend(columns.iter().map(|title| (title.as_str(), Align::Right)));
    let mut table = Table::new(&titles);
    for (at, answerer) in names.iter().enumerate() {
        let cells = names.iter().map(|questioner| {
            let cell = stats
                .matrix
                .get(&((*answerer).clone(), (*questioner).clone()));
            let shown = cell.and_then(|cell| Some((cell.ratio()?, cell.interval()?, cell.n)));
            shown.map_or("-".to_owned(), |(ratio, i, n)| {
                format!(
                    "{:.0} [{:.0},{:.0}] {n}",
                    100.0 * ratio,
                    100.0 * i.low,
                    100.0 * i.high
                )
            })
        });
        table.row([format!("{} {answerer}", at + 1)].into_iter().chain(cells));
    }
    table
}

fn parts<'p, K: ToString + 'p>(
    parts: impl Iterator<Item = (K, &'p forgemark_arena::stats::Part)>,
    title: &'static str,
) -> Table {
    let mut table = Table::new(&[
        (title, Align::Left),
        ("questions", Align::Right),
        ("newest", Align::Right),
        ("valid", Align::Right),
        ("games the answerer wins (%)", Align::Right),
    ]);
    for (name, part) in parts {
        table.row([
            name.to_string(),
            count(part.questions),
            count(part.live),
            count(part.valid),
            share(part.games),
        ]);
    }
    table
}
