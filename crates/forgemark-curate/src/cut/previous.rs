//! An earlier cut that a new one goes on from: what was decided stays decided.
//!
//! **What is kept.** A unit of the new snapshot is *old* when the earlier cut decided on a unit of the same records, in the same
//! order, and none of them was changed since (its `updated_at` is not after the last change that the earlier cut saw; clocks
//! that run backwards hide changes). Old units keep their decisions. All others are *new*: units of new rows, conversations that
//! went on, units of which a row was changed.
//!
//! **What is decided.** New units are decided on as in a cut whose order has the old units first, in their earlier order, and
//! then the new ones in the declared order: in each stage they are compared with the old ones that had come as far, and with
//! the new ones before them. So if every unit of the earlier cut is old and every new unit comes after them in the declared order, the files are
//! those of a cut of the whole, byte for byte, but for what the manifest says of the earlier cut.
//!
//! A unit that is gone from the snapshot decides nothing any more; what once gave way to it stays dropped.

use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;

use super::Plan;
use super::manifest::{holdout_json, recipe_json};
use crate::error::{CurateError, Result};
use crate::stages::Prior;

/// An earlier cut of the same recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Previous {
    pub(super) prior: Prior,
    /// The version of the store that it was made of.
    pub(super) version: u64,
    unit: String,
}

impl Previous {
    /// Begins with the manifest of the earlier cut; its decisions are to follow, see [`Previous::decided`].
    ///
    /// # Errors
    /// [`CurateError::Changed`] names what the plan has otherwise than the earlier cut had.
    pub fn new(manifest: &Json, plan: &Plan) -> Result<Self> {
        let now = recipe_json(plan);
        let before = manifest.at("recipe");
        let keys = |json: &Json| -> Vec<String> {
            let object = json.as_object();
            object.map_or_else(Vec::new, |object| {
                object.keys().map(str::to_owned).collect()
            })
        };
        let mut all = keys(before);
        all.extend(keys(&now));
        for key in all {
            refuse(&key, before.at(&key), now.at(&key))?;
        }
        let held = holdout_json(&plan.recipe).unwrap_or(Json::Null);
        refuse("holdout", manifest.at("holdout"), &held)?;
        let changed_at = manifest.at("changed_at").as_str();
        Ok(Previous {
            prior: Prior::new(changed_at.and_then(|text| Timestamp::parse(text).ok())),
            version: manifest.at("version").as_u64().unwrap_or_default(),
            unit: plan.recipe.unit.word().to_owned(),
        })
    }

    /// Takes the next line of the earlier cut's decisions, from the first to the last.
    pub fn decided(&mut self, line: &Json) {
        self.prior.add(&self.unit, line);
    }
}

fn refuse(key: &str, before: &Json, now: &Json) -> Result<()> {
    if before == now {
        return Ok(());
    }
    let text = |value: &Json| forgemark_contract::json::to_line_text(value);
    Err(CurateError::Changed {
        key: key.to_owned(),
        before: text(before),
        now: text(now),
    })
}
