//! What the ratings depend on: other policies, fewer judges, other adjudicators.

use std::collections::BTreeSet;

use forgemark_contract::json::{Json, Object};
use forgemark_stats::rating::Labelled;

use super::{Model, Options, Ratings, Role, rate};
use crate::adjudicate::{Adjudicator, Docket};
use crate::corpus::Corpus;
use crate::games::Walk;
use crate::policy::{Mixed, Order, PRESETS, Participants, People, Policy, Quorum, Unanimity};

/// The ratings under one variant of a policy.
#[derive(Debug)]
pub struct Variant {
    /// What group it belongs to: `policy`, `judges` or `adjudicator`.
    pub group: &'static str,
    /// The bipartite ratings, whose policy is named after what was changed.
    pub ratings: Ratings,
    /// How many models have another rank than under the policy itself, as answerers and as questioners.
    pub moved: (usize, usize),
}

/// The ratings under the policy itself, then under the presets, with one field changed, without each judge, and with each model
/// of `synthetic_adjudications/` in people's place.
pub fn sensitivity(corpus: &Corpus, docket: &Docket<'_>, base: &Policy) -> Vec<Variant> {
    let options = Options {
        model: Model::Bipartite,
        resamples: 0,
        seed: 0,
    };
    let rated = |policy: &Policy| {
        let adjudicator = Adjudicator::new(docket, policy);
        let walk = Walk::new(corpus, &adjudicator);
        rate(&adjudicator, &walk, &Labelled::default(), options)
    };
    let reference = rated(base);
    let variants = variants(docket, base).into_iter();
    variants
        .map(|(group, policy)| {
            let ratings = rated(&policy);
            let moved = |role| moved(&reference, &ratings, role);
            Variant {
                group,
                moved: (moved(Role::Answerer), moved(Role::Questioner)),
                ratings,
            }
        })
        .collect()
}

fn variants(docket: &Docket<'_>, base: &Policy) -> Vec<(&'static str, Policy)> {
    let graph = docket.graph;
    let mut all = vec![("policy", base.clone())];
    let presets = PRESETS.into_iter().filter(|name| *name != base.name);
    all.extend(presets.filter_map(|name| Some(("policy", Policy::preset(name)?))));
    for unanimity in Unanimity::ALL {
        let name = format!("unanimity {}", unanimity.as_str());
        all.push((
            "policy",
            base.with_rules(name, |rule| rule.unanimity = *unanimity),
        ));
    }
    for mixed in Mixed::ALL {
        let name = format!("mixed {}", mixed.as_str());
        all.push(("policy", base.with_rules(name, |rule| rule.mixed = *mixed)));
    }
    for quorum in Quorum::ALL {
        let name = format!("quorum {}", quorum.as_str());
        all.push((
            "policy",
            base.with_rules(name, |rule| rule.quorum = *quorum),
        ));
    }
    for order in Order::ALL {
        let name = format!("order {}", order.as_str());
        all.push(("policy", base.with_rules(name, |rule| rule.order = *order)));
    }
    // A variant that changes nothing says nothing.
    let digest = base.digest();
    let mut at = 0;
    all.retain(|(_, policy)| {
        at += 1;
        at == 1 || policy.digest() != digest
    });
    let by_text = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    for judge in by_text(
        graph
            .judges()
            .iter()
            .map(|judge| graph.text(*judge))
            .collect(),
    ) {
        let policy = base.varied(format!("without {judge}"), |policy| {
            policy.without_judges.push(judge.clone());
            policy.without_judges.sort_unstable();
            policy.without_judges.dedup();
        });
        all.push(("judges", policy));
    }
    let models = docket.cases.values().flat_map(|case| &case.models);
    for model in by_text(models.map(|(model, ..)| graph.text(*model)).collect()) {
        for participants in Participants::ALL {
            let own = match participants {
                Participants::Decide => "",
                Participants::Excluded => ", not of its own claims",
            };
            let mut policy = base.with_rules(format!("{model} decides{own}"), |rule| {
                rule.participants = *participants;
                rule.order = Order::PanelThenPeople;
            });
            policy.people = People::Model(model.clone());
            all.push(("adjudicator", policy));
        }
    }
    all
}

/// How many models have another place in the order of a role.
fn moved(reference: &Ratings, ratings: &Ratings, role: Role) -> usize {
    let order = |ratings: &Ratings| -> Vec<String> {
        let rows = ratings.rows.iter().filter(|row| row.role == role);
        rows.map(|row| row.model.clone()).collect()
    };
    let (before, after) = (order(reference), order(ratings));
    let pairs = before.iter().zip(&after);
    pairs.filter(|(before, after)| before != after).count()
}

impl Variant {
    /// The counts and the Elo ratings, without what is the same in all variants.
    pub fn to_json(&self) -> Json {
        let ratings = &self.ratings;
        let elo = |role: Role| {
            let rows = ratings.rows.iter().filter(|row| row.role == role);
            let rows: Object = rows
                .map(|row| (row.model.clone(), Json::from(row.rating.elo())))
                .collect();
            Json::from(rows)
        };
        Json::object([
            ("group", Json::from(self.group)),
            ("variant", Json::from(ratings.policy.name.as_str())),
            ("policy_digest", Json::from(ratings.policy.digest())),
            ("games", Json::from(ratings.games)),
            ("valid_questions", Json::from(ratings.valid)),
            ("unresolved", Json::from(ratings.unresolved)),
            ("log_likelihood", Json::from(ratings.log_likelihood)),
            ("moved_answerers", Json::from(self.moved.0)),
            ("moved_questioners", Json::from(self.moved.1)),
            ("answerers", elo(Role::Answerer)),
            ("questioners", elo(Role::Questioner)),
        ])
    }
}
