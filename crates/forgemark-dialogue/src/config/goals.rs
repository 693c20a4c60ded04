//! `quotas`: what a run should have of each value, and what of it cannot be.

use forgemark_contract::settings::{Resolved, SettingError};

use super::Coverage;
use crate::goals::{Dimension, Goal, Goals};
use crate::plan::Mode;

/// The difficulties that the user role may claim.
pub(crate) const DIFFICULTIES: [&str; 3] = ["easy", "medium", "hard"];

/// Reads the goals of all dimensions; those of languages stay as they are written.
pub(super) fn read(
    values: &Resolved,
    coverage: Coverage,
    problems: &mut Vec<SettingError>,
) -> Result<Goals, SettingError> {
    let mut all = Goals::default();
    for dimension in Dimension::ALL {
        let path = format!("quotas.{}", dimension.as_str());
        let mut goals = Vec::new();
        let mut shares = 0.0;
        for (name, value) in values.map(&path)? {
            let Some(goal) = Goal::from_json(value) else {
                problems.push(
                    SettingError::new(path.as_str(), format!("the quota of {name:?} is neither a count nor a share"))
                        .with_hint("write a whole number (12), a fraction up to 1 (0.25) or a percentage (25%)"),
                );
                continue;
            };
            if let Goal::Share(share) = goal {
                shares += share;
            }
            let known: Option<Vec<&str>> = match dimension {
                Dimension::Mode => Some(Mode::ALL.iter().map(|mode| mode.as_str()).collect()),
                Dimension::Difficulty => Some(DIFFICULTIES.to_vec()),
                _ => None,
            };
            if let Some(known) = known
                && !known.contains(&name)
            {
                problems.push(
                    SettingError::new(
                        path.as_str(),
                        format!("{name:?} is no {}", dimension.as_str()),
                    )
                    .with_hint(format!("known: {}", known.join(", "))),
                );
                continue;
            }
            goals.push((name.to_owned(), goal));
        }
        if shares > 1.0 + 1e-9 {
            problems.push(
                SettingError::new(path.as_str(), format!("the shares add up to {shares:.3}"))
                    .with_hint("they are parts of one whole and cannot exceed 1"),
            );
        }
        if dimension == Dimension::Document && !goals.is_empty() && coverage != Coverage::Balanced {
            problems.push(
                SettingError::new(path.as_str(), "needs documents that take turns")
                    .with_hint("set coverage.doc_coverage_mode: balanced, or remove it"),
            );
        }
        all.set(dimension, goals);
    }
    Ok(all)
}

/// The totals of languages with goals: a count as it is, a share of all conversations; what is left of these is divided
/// evenly over the languages without a goal. Nothing changes without goals.
pub(super) fn totals(
    goals: &Goals,
    languages: &[String],
    totals: Vec<u64>,
    problems: &mut Vec<SettingError>,
) -> Vec<u64> {
    const PATH: &str = "quotas.language";
    let goals = goals.of(Dimension::Language);
    if goals.is_empty() {
        return totals;
    }
    for (name, _) in goals {
        if !languages.contains(name) {
            problems.push(
                SettingError::new(
                    PATH,
                    format!("names {name:?}, which is not among run.target_languages"),
                )
                .with_hint("add the language or remove its quota"),
            );
        }
    }
    let all: u64 = totals.iter().sum();
    let wanted = |language: &String| {
        let (_, goal) = goals.iter().find(|(name, _)| name == language)?;
        Some(match goal {
            Goal::Count(count) => *count,
            Goal::Share(share) => (share * all as f64).round() as u64,
        })
    };
    let given: u64 = languages.iter().filter_map(wanted).sum();
    let mut rest = all.saturating_sub(given);
    let mut free = languages
        .iter()
        .filter(|name| wanted(name).is_none())
        .count() as u64;
    languages
        .iter()
        .map(|language| {
            wanted(language).unwrap_or_else(|| {
                let part = rest.div_ceil(free.max(1));
                rest -= part.min(rest);
                free = free.saturating_sub(1);
                part
            })
        })
        .collect()
}
