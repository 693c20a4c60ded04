//! Stages that look at one unit at a time.

use super::holdout::Grams;
use super::{Found, Item, Reason};
use crate::error::{CurateError, Result};
use crate::recipe::{HoldoutRule, LanguageRule, LengthRule, OnMissing, Recipe, RewardRule};
use crate::tokens::TokenRule;
use crate::tree::Forest;

/// What the stages of a recipe need.
pub(crate) struct Alone<'r> {
    recipe: &'r Recipe,
    grams: Option<Grams>,
}

impl<'r> Alone<'r> {
    pub(crate) fn new(recipe: &'r Recipe) -> Self {
        let grams = recipe.holdout.as_ref();
        Alone {
            recipe,
            grams: grams.map(|rule| Grams::new(&rule.items, rule.n, rule.share)),
        }
    }

    /// Why a unit is dropped, if it is. `found` is what was found when units were compared.
    pub(crate) fn judge(
        &self,
        item: &Item<'_>,
        forest: &Forest,
        found: Option<Found>,
    ) -> Result<Option<Reason>> {
        let id = super::first_id(item, forest);
        if let Some(rule) = self.recipe.reward
            && let Some(reason) = reward(&rule, item, id)?
        {
            return Ok(Some(reason));
        }
        if let Some(Found::Dropped(reason)) = found {
            return Ok(Some(reason));
        }
        if let (Some(rule), Some(grams)) = (&self.recipe.holdout, &self.grams)
            && let Some(reason) = holdout(rule, grams, item, id, found)?
        {
            return Ok(Some(reason));
        }
        if let Some(rule) = &self.recipe.language
            && let Some(reason) = language(rule, item, id)?
        {
            return Ok(Some(reason));
        }
        if let Some(rule) = &self.recipe.length
            && let Some(reason) = length(rule, item)
        {
            return Ok(Some(reason));
        }
        let tokens = self.recipe.tokens.as_ref();
        Ok(tokens.and_then(|rule| tokens_of(rule, item, forest)))
    }
}

/// Whether a reward drops a unit, and why.
fn reward(rule: &RewardRule, item: &Item<'_>, id: &str) -> Result<Option<Reason>> {
    match (item.reward, rule.on_missing) {
        (Some(reward), _) if reward >= rule.min => Ok(None),
        (Some(reward), _) => {
            let why = format!("below {}", rule.min);
            Ok(Some(Reason::new("reward", why).scored(reward)))
        }
        (None, OnMissing::Keep) => Ok(None),
        (None, OnMissing::Drop) => Ok(Some(Reason::new("reward", "no reward"))),
        (None, OnMissing::Error) => Err(CurateError::NoReward {
            record: id.to_owned(),
        }),
    }
}

/// Whether a unit may be compared with others as far as its reward is concerned.
pub(super) fn may_stay(rule: Option<RewardRule>, item: &Item<'_>) -> bool {
    rule.is_none_or(|rule| matches!(reward(&rule, item, ""), Ok(None)))
}

fn holdout(
    rule: &HoldoutRule,
    grams: &Grams,
    item: &Item<'_>,
    id: &str,
    found: Option<Found>,
) -> Result<Option<Reason>> {
    if let Some(shared) = grams.find(&item.text) {
        let reason = Reason::new("holdout", "it repeats an evaluation item");
        let mut reason = reason.by(&rule.items[shared.item].id, shared.share);
        reason.span = Some(shared.span);
        return Ok(Some(reason));
    }
    match found {
        Some(Found::Held(reason)) => Ok(Some(reason)),
        Some(Found::NoVector(why)) => match rule.on_missing {
            OnMissing::Keep => Ok(None),
            OnMissing::Drop => Ok(Some(Reason::new(
                "holdout",
                format!("no usable vector: {why}"),
            ))),
            OnMissing::Error => Err(CurateError::NoVector {
                stage: "holdout",
                record: id.to_owned(),
                why,
            }),
        },
        _ => Ok(None),
    }
}

fn language(rule: &LanguageRule, item: &Item<'_>, id: &str) -> Result<Option<Reason>> {
    let told =
        forgemark_language::tell(&item.text).filter(|told| told.confidence >= rule.confidence);
    match (told, rule.on_unsure) {
        (Some(told), _) if rule.allowed.iter().any(|code| code == told.code) => Ok(None),
        (Some(told), _) => {
            let reason = Reason::new("language", told.code);
            Ok(Some(reason.scored(told.confidence)))
        }
        (None, OnMissing::Keep) => Ok(None),
        (None, OnMissing::Drop) => Ok(Some(Reason::new("language", "it cannot be told"))),
        (None, OnMissing::Error) => Err(CurateError::NoLanguage {
            record: id.to_owned(),
        }),
    }
}

fn tokens_of(rule: &TokenRule, item: &Item<'_>, forest: &Forest) -> Option<Reason> {
    let messages = item.records.iter().map(|record| &forest.messages[*record]);
    match rule.count(messages) {
        Ok(count) if count <= rule.max => None,
        Ok(count) => {
            let why = format!("more than {} tokens", rule.max);
            Some(Reason::new("tokens", why).scored(count as f64))
        }
        Err(why) => {
            let why = format!("its tokens cannot be counted: {why}");
            Some(Reason::new("tokens", why))
        }
    }
}

fn length(rule: &LengthRule, item: &Item<'_>) -> Option<Reason> {
    let (characters, words) = (
        item.text.chars().count(),
        item.text.split_whitespace().count(),
    );
    let (why, found) = if characters < rule.min_characters {
        (
            format!("fewer than {} characters", rule.min_characters),
            characters,
        )
    } else if characters > rule.max_characters {
        (
            format!("more than {} characters", rule.max_characters),
            characters,
        )
    } else if words > rule.max_words {
        (format!("more than {} words", rule.max_words), words)
    } else {
        return None;
    };
    Some(Reason::new("length", why).scored(found as f64))
}
