//! `forgemark arena rate DIR`

use forgemark_arena::rate::{
    By, Intervals, Options, Part, Ratings, Role, Row, Variant, rate_parts,
};
use forgemark_arena::{Adjudicator, Stats, Walk, rate, sensitivity};
use forgemark_contract::json::Json;
use forgemark_stats::Interval;

use super::{ground, html, svg};
use crate::Context;
use crate::cli::ArenaRateArgs;
use crate::error::AppError;
use crate::exit::Exit;
use crate::human::count;
use crate::table::{Align, Table};

/// Rates the models of an arena, and writes tables, plots and pages where asked to.
///
/// # Errors
/// A folder or policy that cannot be read, a file that cannot be written, a stdout that takes nothing.
pub fn run(args: &ArenaRateArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let policy = ground::policy(&args.policy)?;
    let corpus = ground::load(&args.dir, context)?;
    let options = Options {
        model: args.model.into(),
        resamples: args.bootstrap,
        seed: args.seed,
    };
    ground::with_docket(&corpus, |docket| {
        let adjudicator = Adjudicator::new(docket, &policy);
        let walk = Walk::new(&corpus, &adjudicator);
        let stats = Stats::new(&corpus, &adjudicator, &walk, 0, args.seed);
        let labelled = stats.agreement.panel.labelled;
        let ratings = rate(&adjudicator, &walk, &labelled, options);
        let variants = args
            .sensitivity
            .then(|| sensitivity(&corpus, docket, &policy));
        let parts = args.by.map(|by| {
            let options = Options {
                resamples: 0,
                ..options
            };
            let by = By::from(by);
            let parts = rate_parts(&corpus, &adjudicator, &walk, &labelled, options, by);
            (by, parts)
        });
        if let Some(path) = &args.csv {
            ground::write(path, &csv(&ratings))?;
            context.printer.note(format!("wrote {}", path.display()));
        }
        if let Some(folder) = &args.svg {
            let plots = [
                ("answerers.svg", svg::ratings(&ratings, Role::Answerer)),
                ("questioners.svg", svg::ratings(&ratings, Role::Questioner)),
                ("matrix.svg", svg::matrix(&stats)),
            ];
            for (name, plot) in plots {
                ground::write(&folder.join(name), &plot)?;
            }
            context
                .printer
                .note(format!("wrote 3 plots to {}", folder.display()));
        }
        if let Some(path) = &args.html {
            let pages = html::pages(&corpus, &adjudicator, &walk, &stats, &ratings);
            let n = pages.write(path)?;
            let pages = crate::human::plural(n, "page", "pages");
            context
                .printer
                .note(format!("wrote {pages} to {}", path.display()));
        }
        if args.json.json {
            let mut value = ratings.to_json();
            if let (Some(variants), Some(object)) = (&variants, value.as_object_mut()) {
                let variants = variants.iter().map(Variant::to_json);
                object.insert("sensitivity", Json::Array(variants.collect()));
            }
            if let (Some((by, parts)), Some(object)) = (&parts, value.as_object_mut()) {
                object.insert("parts_by", by.as_str());
                object.insert("parts", parts.iter().map(Part::to_json).collect::<Json>());
            }
            context.printer.json_line(&value)?;
        } else {
            context.printer.result(ground::policy_text(&policy))?;
            context.printer.result(text(&ratings))?;
            if let Some(variants) = &variants {
                context
                    .printer
                    .result(format!("\n{}", variants_text(variants)))?;
            }
            if let Some((by, parts)) = &parts {
                context
                    .printer
                    .result(format!("\n{}", parts_text(*by, parts)))?;
            }
        }
        Ok(Exit::Done)
    })
}

/// An Elo rating without digits that say nothing.
fn elo(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value == f64::INFINITY => "+inf".to_owned(),
        Some(value) if value == f64::NEG_INFINITY => "-inf".to_owned(),
        Some(value) => format!("{value:.2}"),
    }
}

fn range(interval: Option<Interval>) -> String {
    let Some(Interval { low, high }) = interval else {
        return "-".to_owned();
    };
    let end = |value: f64| {
        if value.is_finite() {
            format!("{value:.0}")
        } else {
            elo(Some(value))
        }
    };
    format!("[{}, {}]", end(low), end(high))
}

fn text(ratings: &Ratings) -> String {
    let mut out = facts(ratings).to_string();
    out.push('\n');
    for (role, title) in [
        (Role::Answerer, "answerer"),
        (Role::Questioner, "questioner"),
    ] {
        let mut table = Table::new(&[
            (title, Align::Left),
            ("Elo", Align::Right),
            ("error", Align::Right),
            ("95 %", Align::Right),
            ("rank", Align::Right),
            ("separated", Align::Right),
            ("won", Align::Right),
            ("lost", Align::Right),
        ]);
        for row in ratings.rows.iter().filter(|row| row.role == role) {
            table.row([
                row.model.clone(),
                elo(row.rating.elo()),
                row.rating
                    .elo_error()
                    .map_or("-".to_owned(), |error| format!("{error:.1}")),
                range(row.elo_interval()),
                row.rank.map_or("-".to_owned(), |(low, high)| {
                    if low == high {
                        low.to_string()
                    } else {
                        format!("{low}-{high}")
                    }
                }),
                row.shares.map_or("-".to_owned(), |(infinite, _)| {
                    format!("{:.1} %", 100.0 * infinite)
                }),
                count(row.wins),
                count(row.losses),
            ]);
        }
        out.push('\n');
        out += &table.to_string();
        out.push('\n');
    }
    out.trim_end().to_owned()
}

fn facts(ratings: &Ratings) -> Table {
    let mut table = Table::new(&[("", Align::Left), ("", Align::Left)]);
    table.row(["model", ratings.model.as_str()]);
    table.row(["games", &count(ratings.games)]);
    table.row(["valid questions", &count(ratings.valid)]);
    table.row(["unresolved", &count(ratings.unresolved)]);
    table.row(["log-likelihood", &format!("{:.6}", ratings.log_likelihood)]);
    if let Some((evidence, sigmas)) = ratings.evidence {
        table.row(["log-evidence", &format!("{evidence:.6}")]);
        let widths = format!(
            "answerers {:.4}, questioners {:.4}, questions {:.4}",
            sigmas.answerers, sigmas.questioners, sigmas.items
        );
        table.row(["sigmas (logits)", &widths]);
    }
    if let Some(labelled) = ratings.labelled {
        let labels = format!(
            "people contradict {} of {} upheld and {} of {} rejected claims",
            labelled.upheld_wrongly, labelled.upheld, labelled.rejected_wrongly, labelled.rejected
        );
        table.row(["labels", &labels]);
    }
    if let Some(converged) = ratings.converged {
        table.row(["converged", if converged { "yes" } else { "no" }]);
    }
    let structure = match (ratings.structure.components, ratings.structure.is_whole()) {
        (_, true) => "everybody can be compared, nobody is separated".to_owned(),
        (1, false) => "separated: `--model firth` keeps everybody finite".to_owned(),
        (n, false) => format!("{n} groups that never met; the one with most games is rated"),
    };
    table.row(["comparability", &structure]);
    let intervals = match ratings.intervals {
        Intervals::Resamples { all, separated } => format!(
            "percentiles over {} resamples of questions, {} of them separated",
            count(all.into()),
            count(separated.into())
        ),
        Intervals::Errors => "from standard errors".to_owned(),
        Intervals::Absent => "none".to_owned(),
    };
    table.row(["intervals", &intervals]);
    table
}

fn variants_text(variants: &[Variant]) -> String {
    let Some(reference) = variants.first() else {
        return String::new();
    };
    let rows: Vec<&Row> = reference.ratings.rows.iter().collect();
    let columns: Vec<String> = (1..=rows.len()).map(|n| n.to_string()).collect();
    let mut titles = vec![
        ("variant", Align::Left),
        ("games", Align::Right),
        ("valid", Align::Right),
        ("open", Align::Right),
        ("moved", Align::Right),
    ];
    titles.extend(columns.iter().map(|title| (title.as_str(), Align::Right)));
    let mut table = Table::new(&titles);
    for variant in variants {
        let ratings = &variant.ratings;
        let cells = rows.iter().map(|row| {
            let found = ratings
                .row(&row.model, row.role)
                .and_then(|row| row.rating.elo());
            match found {
                Some(value) if value.is_finite() => format!("{value:.0}"),
                other => elo(other),
            }
        });
        let head = [
            ratings.policy.name.clone(),
            count(ratings.games),
            count(ratings.valid),
            count(ratings.unresolved),
            format!("{}+{}", variant.moved.0, variant.moved.1),
        ];
        table.row(head.into_iter().chain(cells));
    }
    let legend = rows
        .iter()
        .enumerate()
        .map(|(at, row)| format!("{} {} ({})", at + 1, row.model, row.role.as_str()));
    let legend = crate::escape::for_line(&legend.collect::<Vec<_>>().join(", ")).into_owned();
    format!(
        "What the ratings depend on (Elo; moved: ranks that differ, answerers + questioners)\n{table}\n{legend}"
    )
}

fn parts_text(by: By, parts: &[Part]) -> String {
    let mut table = Table::new(&[
        (by.as_str(), Align::Left),
        ("games", Align::Right),
        ("valid", Align::Right),
        ("model", Align::Left),
        ("role", Align::Left),
        ("Elo", Align::Right),
        ("error", Align::Right),
        ("won", Align::Right),
        ("lost", Align::Right),
    ]);
    for part in parts {
        let ratings = &part.ratings;
        let rows = ratings.rows.iter().filter(|row| row.wins + row.losses > 0);
        for (at, row) in rows.enumerate() {
            let (name, games, valid) = if at == 0 {
                (
                    part.name.clone(),
                    count(ratings.games),
                    count(ratings.valid),
                )
            } else {
                Default::default()
            };
            table.row([
                name,
                games,
                valid,
                row.model.clone(),
                row.role.as_str().to_owned(),
                elo(row.rating.elo()),
                row.rating
                    .elo_error()
                    .map_or("-".to_owned(), |error| format!("{error:.1}")),
                count(row.wins),
                count(row.losses),
            ]);
        }
    }
    format!(
        "Each {} by itself (the mean of its questioners is 1000)\n{table}",
        by.as_str()
    )
}

/// The ratings as CSV (RFC 4180); infinities are `inf` and `-inf`, what is not there is empty.
fn csv(ratings: &Ratings) -> String {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut out = String::from(
        "role,model,elo,elo_error,elo_low,elo_high,rank_low,rank_high,logit,logit_error,wins,losses,games,infinite_share,rating_model,policy,policy_digest\r\n",
    );
    let (policy, digest) = (quoted(&ratings.policy.name), ratings.policy.digest());
    for row in &ratings.rows {
        let interval = row.elo_interval();
        let rank = |pick: fn((u32, u32)) -> u32| {
            row.rank
                .map_or(String::new(), |rank| pick(rank).to_string())
        };
        let cells = [
            row.role.as_str().to_owned(),
            quoted(&row.model),
            number(row.rating.elo()),
            number(row.rating.elo_error()),
            number(interval.map(|i| i.low)),
            number(interval.map(|i| i.high)),
            rank(|rank| rank.0),
            rank(|rank| rank.1),
            number(row.rating.logit),
            number(row.rating.error),
            row.wins.to_string(),
            row.losses.to_string(),
            (row.wins + row.losses).to_string(),
            number(row.shares.map(|shares| shares.0)),
            ratings.model.as_str().to_owned(),
            policy.clone(),
            digest.clone(),
        ];
        out += &cells.join(",");
        out += "\r\n";
    }
    out
}

/// A field of CSV, in quotes where it must be. A spreadsheet takes what begins with `=`, `+`, `-` or `@` for a formula; such text
/// gets an apostrophe.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_are_safe() {
        assert_eq!(quoted("gpt-4o"), "gpt-4o");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }

    #[test]
    fn numbers_that_are_none_are_said() {
        let ends = |low, high| range(Some(Interval { low, high }));
        assert_eq!(ends(f64::NEG_INFINITY, 1200.4), "[-inf, 1200]");
        assert_eq!(
            (elo(None), elo(Some(f64::INFINITY))),
            ("-".to_owned(), "+inf".to_owned())
        );
    }
}
