//! Ratings of an arena under a policy, and what they depend on.

mod parts;
mod sensitivity;

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object};
use forgemark_stats::rating::{
    AscentRules, Bootstrap, ELO_PER_LOGIT, Labelled, Rating, Sigmas, Spread, Structure, ascend,
    bootstrap, bootstrap_corrected, bootstrap_itemised, choose_sigmas, corrected, elo, firth, fit,
};
use forgemark_stats::{Interval, Z_95};

pub use parts::{By, Part, rate_parts};
pub use sensitivity::{Variant, sensitivity};

use crate::adjudicate::Adjudicator;
use crate::games::Walk;
use crate::graph::Name;
use crate::policy::Policy;
use crate::stats::interval_json;

/// How games become ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// Bipartite Bradley-Terry by maximum likelihood.
    #[default]
    Bipartite,
    /// The same with a difficulty for each question and priors of chosen width.
    Itemised,
    /// Bipartite with Firth's penalty, finite for everybody.
    Firth,
    /// Bipartite with the panel's errors, as labels show them, taken into account.
    Corrected,
    /// The optimiser of the original program, without errors or intervals.
    Gradient,
}

impl Model {
    /// All of them.
    pub const ALL: [Model; 5] = [
        Model::Bipartite,
        Model::Itemised,
        Model::Firth,
        Model::Corrected,
        Model::Gradient,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Model::Bipartite => "bipartite",
            Model::Itemised => "itemised",
            Model::Firth => "firth",
            Model::Corrected => "corrected",
            Model::Gradient => "gradient",
        }
    }
}

/// A role of the game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Who answers.
    Answerer,
    /// Who asks.
    Questioner,
}

impl Role {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Answerer => "answerer",
            Role::Questioner => "questioner",
        }
    }
}

/// One model in one role.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The model.
    pub model: String,
    /// The role.
    pub role: Role,
    /// Its strength and standard error.
    pub rating: Rating,
    /// The 95 % interval in logits, infinities included.
    pub interval: Option<Interval>,
    /// The 95 % interval of its rank within the role.
    pub rank: Option<(u32, u32)>,
    /// Share of resamples in which the strength is infinite, and in which nothing compares it; `None` without resamples.
    pub shares: Option<(f64, f64)>,
    /// Games won in the role.
    pub wins: u64,
    /// Games lost in the role.
    pub losses: u64,
}

/// Where intervals come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intervals {
    /// Percentiles over so many resamples of questions, of which so many were separated.
    Resamples {
        /// All.
        all: u32,
        /// Separated ones.
        separated: u32,
    },
    /// The standard errors.
    Errors,
    /// There are none.
    Absent,
}

/// The ratings of an arena.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    /// The policy behind the games.
    pub policy: Policy,
    /// The model.
    pub model: Model,
    /// Games.
    pub games: u64,
    /// Live questions that succeeded and are valid.
    pub valid: u64,
    /// Meetings on valid questions about which nobody decides.
    pub unresolved: u64,
    /// The log-likelihood of the games.
    pub log_likelihood: f64,
    /// Of the itemised model: the log-evidence and the widths of the priors.
    pub evidence: Option<(f64, Sigmas)>,
    /// The labels behind a correction.
    pub labelled: Option<Labelled>,
    /// Whether the optimiser converged; `None` for those that always do.
    pub converged: Option<bool>,
    /// Who can be compared with whom.
    pub structure: Structure,
    /// Where the intervals come from.
    pub intervals: Intervals,
    /// Answerers, then questioners, each from the strongest down; who has no rating last.
    pub rows: Vec<Row>,
}

/// How to rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The model.
    pub model: Model,
    /// How many resamples; 0 for intervals from standard errors.
    pub resamples: u32,
    /// Their seed.
    pub seed: u64,
}

/// What a model makes of the games.
struct Fitted {
    answerers: Vec<Rating>,
    questioners: Vec<Rating>,
    log_likelihood: f64,
    evidence: Option<(f64, Sigmas)>,
    converged: Option<bool>,
    drawn: Option<Bootstrap>,
}

impl Fitted {
    fn bipartite(fit: forgemark_stats::rating::Fit, drawn: Option<Bootstrap>) -> Self {
        Fitted {
            answerers: fit.answerers,
            questioners: fit.questioners,
            log_likelihood: fit.log_likelihood,
            evidence: None,
            converged: None,
            drawn,
        }
    }
}

/// The ratings of a walk. `labelled` is what people say of the panel, for [`Model::Corrected`].
pub fn rate(
    adjudicator: &Adjudicator<'_>,
    walk: &Walk,
    labelled: &Labelled,
    options: Options,
) -> Ratings {
    let design = walk.design();
    let Options {
        model,
        resamples,
        seed,
    } = options;
    let fitted = match model {
        Model::Bipartite => {
            let fit = fit(&design);
            let drawn = (resamples > 0).then(|| bootstrap(&design, &fit, resamples, seed));
            Fitted::bipartite(fit, drawn)
        }
        Model::Firth => Fitted::bipartite(firth(&design), None),
        Model::Corrected => {
            let fit = fit(&corrected(&design, labelled));
            let drawn = (resamples > 0)
                .then(|| bootstrap_corrected(&design, labelled, &fit, resamples, seed));
            Fitted::bipartite(fit, drawn)
        }
        Model::Itemised => {
            let fit = choose_sigmas(&design);
            let drawn = (resamples > 0).then(|| bootstrap_itemised(&design, &fit, resamples, seed));
            Fitted {
                log_likelihood: fit.log_likelihood,
                evidence: Some((fit.log_evidence, fit.sigmas)),
                converged: None,
                drawn,
                answerers: fit.answerers,
                questioners: fit.questioners,
            }
        }
        Model::Gradient => {
            let climbed = ascend(&design, &AscentRules::default());
            let rating = |logit: f64| Rating {
                logit: Some(logit),
                error: None,
            };
            Fitted {
                log_likelihood: climbed.log_likelihood,
                evidence: None,
                converged: Some(climbed.converged),
                drawn: None,
                answerers: climbed.answerers.into_iter().map(rating).collect(),
                questioners: climbed.questioners.into_iter().map(rating).collect(),
            }
        }
    };
    let mut rows = rows(adjudicator, walk, &fitted);
    rows.sort_by(|a, b| {
        let strength = |row: &Row| row.rating.logit.map_or(f64::NEG_INFINITY, |logit| logit);
        let known = |row: &Row| row.rating.logit.is_none();
        (a.role, known(a))
            .cmp(&(b.role, known(b)))
            .then_with(|| strength(b).total_cmp(&strength(a)))
            .then_with(|| a.model.cmp(&b.model))
    });
    Ratings {
        policy: adjudicator.policy.clone(),
        model,
        games: design
            .items
            .iter()
            .map(|item| item.games.len() as u64)
            .sum(),
        valid: walk.valid as u64,
        unresolved: walk.unresolved(),
        log_likelihood: fitted.log_likelihood,
        evidence: fitted.evidence,
        labelled: (model == Model::Corrected).then_some(*labelled),
        converged: fitted.converged,
        structure: Structure::new(&design),
        intervals: match (&fitted.drawn, model) {
            (Some(drawn), _) => Intervals::Resamples {
                all: drawn.resamples,
                separated: drawn.separated,
            },
            (None, Model::Gradient) => Intervals::Absent,
            (None, _) => Intervals::Errors,
        },
        rows,
    }
}

fn rows(adjudicator: &Adjudicator<'_>, walk: &Walk, fitted: &Fitted) -> Vec<Row> {
    let mut counts: BTreeMap<(Role, Name), (u64, u64)> = BTreeMap::new();
    for meeting in &walk.meetings {
        let Some(wins) = meeting.answerer_wins() else {
            continue;
        };
        let roles = [
            (Role::Answerer, meeting.answerer, wins),
            (Role::Questioner, meeting.question.questioner, !wins),
        ];
        for (role, name, wins) in roles {
            let (won, lost) = counts.entry((role, name)).or_default();
            *if wins { won } else { lost } += 1;
        }
    }
    let row = |role: Role, name: Name, rating: Rating, spread: Option<&Spread>| {
        let (wins, losses) = counts.get(&(role, name)).copied().unwrap_or_default();
        let of_errors = || {
            let (logit, error) = (rating.logit?, rating.error?);
            Some(Interval {
                low: logit - Z_95 * error,
                high: logit + Z_95 * error,
            })
        };
        Row {
            model: adjudicator.docket.graph.text(name).to_owned(),
            role,
            rating,
            interval: spread.map_or_else(of_errors, |spread| spread.interval),
            rank: spread.and_then(|spread| spread.rank),
            shares: spread.map(|spread| (spread.infinite, spread.absent)),
            wins,
            losses,
        }
    };
    let drawn = fitted.drawn.as_ref();
    let sides = [
        (
            Role::Answerer,
            &walk.answerers,
            &fitted.answerers,
            drawn.map(|d| &d.answerers),
        ),
        (
            Role::Questioner,
            &walk.questioners,
            &fitted.questioners,
            drawn.map(|d| &d.questioners),
        ),
    ];
    let mut rows = Vec::new();
    for (role, names, ratings, spreads) in sides {
        for (at, (name, rating)) in names.iter().zip(ratings).enumerate() {
            let spread = spreads.and_then(|spreads| spreads.get(at));
            rows.push(row(role, *name, *rating, spread));
        }
    }
    rows
}

impl Row {
    /// The 95 % interval on the Elo scale.
    pub fn elo_interval(&self) -> Option<Interval> {
        let interval = self.interval?;
        Some(Interval {
            low: elo(interval.low),
            high: elo(interval.high),
        })
    }

    fn to_json(&self) -> Json {
        let (infinite, absent) = self.shares.unzip();
        Json::object([
            ("model", Json::from(self.model.as_str())),
            ("role", Json::from(self.role.as_str())),
            ("elo", Json::from(self.rating.elo())),
            ("elo_error", Json::from(self.rating.elo_error())),
            ("elo_interval", interval_json(self.elo_interval())),
            ("logit", Json::from(self.rating.logit)),
            ("logit_error", Json::from(self.rating.error)),
            (
                "rank_interval",
                self.rank
                    .map_or(Json::Null, |(low, high)| Json::from(vec![low, high])),
            ),
            ("infinite_share", Json::from(infinite)),
            ("absent_share", Json::from(absent)),
            ("wins", Json::from(self.wins)),
            ("losses", Json::from(self.losses)),
            ("games", Json::from(self.wins + self.losses)),
        ])
    }
}

impl Ratings {
    /// The row of a model in a role.
    pub fn row(&self, model: &str, role: Role) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.model == model && row.role == role)
    }

    /// Everything, with the policy and its digest. Infinities are written as Python writes them.
    pub fn to_json(&self) -> Json {
        let mut object = Object::from([
            ("policy", self.policy.to_json()),
            ("policy_digest", Json::from(self.policy.digest())),
            ("rating_model", Json::from(self.model.as_str())),
            ("games", Json::from(self.games)),
            ("valid_questions", Json::from(self.valid)),
            ("unresolved", Json::from(self.unresolved)),
            ("log_likelihood", Json::from(self.log_likelihood)),
        ]);
        if let Some((evidence, sigmas)) = self.evidence {
            object.insert("log_evidence", Json::from(evidence));
            let sigmas = Json::object([
                ("answerers", Json::from(sigmas.answerers)),
                ("questioners", Json::from(sigmas.questioners)),
                ("items", Json::from(sigmas.items)),
            ]);
            object.insert("sigmas", sigmas);
        }
        if let Some(labelled) = self.labelled {
            let labelled = Json::object([
                ("upheld", Json::from(labelled.upheld)),
                ("upheld_wrongly", Json::from(labelled.upheld_wrongly)),
                ("rejected", Json::from(labelled.rejected)),
                ("rejected_wrongly", Json::from(labelled.rejected_wrongly)),
            ]);
            object.insert("labels", labelled);
        }
        if let Some(converged) = self.converged {
            object.insert("converged", Json::from(converged));
        }
        object.insert("components", Json::from(self.structure.components));
        object.insert("separated", Json::from(!self.structure.is_whole()));
        object.insert("elo_per_logit", Json::from(ELO_PER_LOGIT));
        let intervals = match self.intervals {
            Intervals::Resamples { all, separated } => Json::object([
                ("of", Json::from("resampled questions")),
                ("resamples", Json::from(all)),
                ("separated_resamples", Json::from(separated)),
            ]),
            Intervals::Errors => Json::object([("of", Json::from("standard errors"))]),
            Intervals::Absent => Json::Null,
        };
        object.insert("intervals", intervals);
        let rows = self.rows.iter().map(Row::to_json);
        object.insert("ratings", Json::Array(rows.collect()));
        Json::from(object)
    }
}
