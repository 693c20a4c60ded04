//! The statistics as JSON.

use forgemark_contract::json::{Json, Object};
use forgemark_stats::Interval;

use super::{Part, Share, Stats, Validity};

/// An interval as `[low, high]`.
pub(crate) fn interval_json(interval: Option<Interval>) -> Json {
    interval.map_or(Json::Null, |interval| {
        Json::from(vec![interval.low, interval.high])
    })
}

impl Share {
    /// Hits, whole, ratio and interval.
    pub fn to_json(self) -> Json {
        Json::object([
            ("hits", Json::from(self.hits)),
            ("n", Json::from(self.n)),
            ("share", Json::from(self.ratio())),
            ("interval", interval_json(self.interval())),
        ])
    }
}

impl Validity {
    fn to_json(self) -> Json {
        Json::object([
            ("own_answer_upheld", Json::from(self.own_upheld)),
            ("own_answer_rejected", Json::from(self.own_rejected)),
            ("ill_posed_upheld", Json::from(self.ill_posed_upheld)),
            ("ill_posed_rejected", Json::from(self.ill_posed_rejected)),
            ("invalid", Json::from(self.invalid)),
            ("invalid_live", Json::from(self.invalid_live)),
        ])
    }
}

impl Part {
    fn to_json(self) -> Json {
        Json::object([
            ("questions", Json::from(self.questions)),
            ("live", Json::from(self.live)),
            ("valid", Json::from(self.valid)),
            ("answerer_wins", self.games.to_json()),
        ])
    }
}

fn counts<K: ToString>(entries: impl IntoIterator<Item = (K, u64)>) -> Json {
    let entries = entries.into_iter();
    let object: Object = entries
        .map(|(key, n)| (key.to_string(), Json::from(n)))
        .collect();
    Json::from(object)
}

impl Stats {
    /// Everything, with the policy and its digest.
    pub fn to_json(&self) -> Json {
        let mut verdicts = Object::new();
        for ((kind, verdict), n) in &self.verdicts {
            verdicts.insert(format!("{kind}/{verdict}").as_str(), Json::from(*n));
        }
        let own = self.own.iter();
        let own = own.map(|(own, n)| (format!("{own:?}").to_lowercase(), *n));
        let models = self.models.iter().map(|(name, model)| {
            let value = Json::object([
                ("claimant", model.claimant.to_json()),
                ("defender", model.defender.to_json()),
                ("own_answer", model.own_answer.to_json()),
                (
                    "first_valid_attempt",
                    counts(model.first_valid.iter().map(|(k, n)| (*k, *n))),
                ),
                ("never_valid", Json::from(model.never_valid)),
                ("answerer_wins", model.answerer.to_json()),
                ("questioner_wins", model.questioner.to_json()),
            ]);
            (name.clone(), value)
        });
        let matrix = self.matrix.iter().map(|((answerer, questioner), share)| {
            let mut value = share.to_json();
            if let Some(object) = value.as_object_mut() {
                object.insert("answerer", Json::from(answerer));
                object.insert("questioner", Json::from(questioner));
            }
            value
        });
        let attempts = self.attempts.iter();
        let attempts = attempts.map(|(attempt, part)| (attempt.to_string(), part.to_json()));
        let topics = self
            .topics
            .iter()
            .map(|(topic, part)| (topic.clone(), part.to_json()));
        let [won, lost, dropped] = self.outcomes();
        let outcomes = Json::object([
            ("candidates", Json::from(won + lost + dropped)),
            ("answerer_wins", Json::from(won)),
            ("questioner_wins", Json::from(lost)),
            ("dropped", Json::from(dropped)),
        ]);
        let [without, with] = self.validity.map(Validity::to_json);
        Json::object([
            ("policy", self.policy.to_json()),
            ("policy_digest", Json::from(self.policy.digest())),
            ("questions", Json::from(self.questions)),
            ("valid_questions", Json::from(self.valid)),
            ("answers", Json::from(self.answers)),
            ("ill_posed_answers", Json::from(self.ill_posed_answers)),
            (
                "critiques",
                counts(self.critiques.iter().map(|(k, n)| (k, *n))),
            ),
            ("ill_posed_debates", Json::from(self.debates.0)),
            ("critique_debates", Json::from(self.debates.1)),
            ("verdicts", Json::from(verdicts)),
            ("labels", counts(self.labels.iter().map(|(k, n)| (*k, *n)))),
            ("contested_claims", Json::from(self.contested)),
            ("contested_answers", Json::from(self.contested_answers)),
            (
                "flow",
                counts(self.flow.iter().map(|(end, n)| (end.as_str(), *n))),
            ),
            ("flow_outcomes", outcomes),
            ("self_critique", counts(own)),
            ("decided_on_invalid_questions", Json::from(self.on_invalid)),
            ("answerer_wins", self.games().to_json()),
            ("agreement", self.agreement_json()),
            ("models", Json::from(models.collect::<Object>())),
            ("matrix", Json::from(matrix.collect::<Vec<_>>())),
            (
                "validity",
                Json::object([("without_orphans", without), ("with_orphans", with)]),
            ),
            ("attempts", Json::from(attempts.collect::<Object>())),
            ("topics", Json::from(topics.collect::<Object>())),
        ])
    }

    fn agreement_json(&self) -> Json {
        let agreement = &self.agreement;
        let alphas = agreement.alphas.iter().map(|alpha| {
            let scope = if alpha.live { "live" } else { "all" };
            let level = if alpha.words { "verdict" } else { "side" };
            Json::object([
                ("claims", Json::from(scope)),
                ("level", Json::from(level)),
                ("alpha", Json::from(alpha.alpha.map(|alpha| alpha.value))),
                (
                    "interval",
                    interval_json(alpha.alpha.and_then(|alpha| alpha.interval)),
                ),
                ("units", Json::from(alpha.alpha.map(|alpha| alpha.units))),
                ("values", Json::from(alpha.alpha.map(|alpha| alpha.values))),
            ])
        });
        let name = |number: u32| {
            let judge = agreement.judges.get(number as usize);
            Json::from(judge.map(|(name, _)| name.clone()))
        };
        let pairs = agreement.pairs.iter().map(|pair| {
            Json::object([
                ("first", name(pair.first)),
                ("second", name(pair.second)),
                ("hits", Json::from(pair.equal)),
                ("n", Json::from(pair.n)),
                ("share", Json::from(pair.equal as f64 / pair.n as f64)),
                ("interval", interval_json(Some(pair.interval))),
            ])
        });
        let judges = agreement.judges.iter().map(|(name, judge)| {
            let value = Json::object([
                ("failed", judge.failed.to_json()),
                ("for_claimant", judge.claimant.to_json()),
                ("with_other_judges", judge.with_others.to_json()),
                ("with_people", judge.with_people.to_json()),
            ]);
            (name.clone(), value)
        });
        let panel = &agreement.panel;
        let labelled = panel.labelled;
        Json::object([
            ("alpha", Json::from(alphas.collect::<Vec<_>>())),
            ("pairs", Json::from(pairs.collect::<Vec<_>>())),
            ("judges", Json::from(judges.collect::<Object>())),
            (
                "panel_and_people",
                Json::object([
                    ("upheld", Json::from(labelled.upheld)),
                    ("upheld_wrongly", Json::from(labelled.upheld_wrongly)),
                    ("rejected", Json::from(labelled.rejected)),
                    ("rejected_wrongly", Json::from(labelled.rejected_wrongly)),
                    ("kappa", Json::from(panel.kappa.map(|kappa| kappa.value))),
                    ("most_judges_where_contested", panel.contested.to_json()),
                ]),
            ),
        ])
    }
}
