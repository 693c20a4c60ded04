//! The declared order of units: the first of several duplicates stays.

use std::collections::HashMap;

use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;

use super::{Item, Reason, STAGES, fingerprint};
use crate::recipe::Order;
use crate::spill::code::Key;
use crate::tree::Forest;

/// The place of a unit among all: what was decided on in an earlier cut comes first, in its order there, then the others as
/// [`key`] has them.
pub(crate) fn place<'p>(
    item: &Item<'_>,
    forest: &Forest,
    ordinals: &[u64],
    order: Order,
    number: u64,
    prior: Option<&'p Prior>,
) -> (Key, Option<&'p Earlier>) {
    let key = key(item, forest, ordinals, order, number);
    let Some(prior) = prior else {
        return (key, None);
    };
    match prior.of(item, forest) {
        Some(earlier) => (Key::default().uint(0).uint(earlier.place), Some(earlier)),
        None => (Key::default().uint(1).bytes(&key.0), None),
    }
}

/// The place of a unit in the declared order, as bytes that compare. `number` is its place in the order of groups, which
/// settles what nothing else does.
fn key(item: &Item<'_>, forest: &Forest, ordinals: &[u64], order: Order, number: u64) -> Key {
    let key = match order {
        Order::Given => {
            let first = item.records.iter().map(|record| ordinals[*record]).min();
            return Key::default().uint(first.unwrap_or(0)).uint(number);
        }
        Order::Time => Key::default(),
        Order::Reward => Key::default().float_down(item.reward.unwrap_or(f64::NEG_INFINITY)),
        Order::Length => Key::default().uint(!(item.text.chars().count() as u64)),
    };
    let key = match item.records.first().map(|first| &forest.records[*first]) {
        Some(first) => key.int(first.created_at.0).text(&first.id),
        None => key,
    };
    key.uint(number)
}

/// The units of an earlier cut and what became of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Prior {
    /// By the fingerprint of the ids of their records.
    units: HashMap<u128, Earlier>,
    /// The last change of a row that the earlier cut saw.
    changed_at: Option<Timestamp>,
}

/// A unit of an earlier cut.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Earlier {
    /// Its place in the earlier order.
    pub(crate) place: u64,
    /// Why it was dropped.
    pub(crate) dropped: Option<Reason>,
}

fn name<'i>(ids: impl Iterator<Item = &'i str>) -> u128 {
    let ids = ids.fold(Key::default(), Key::text);
    fingerprint(&ids.0)
}

impl Prior {
    pub(crate) fn new(changed_at: Option<Timestamp>) -> Self {
        Prior {
            units: HashMap::new(),
            changed_at,
        }
    }

    /// Takes a line of an earlier cut's decisions; lines about anything but units of this kind are passed over.
    pub(crate) fn add(&mut self, unit: &str, line: &Json) {
        if line.str_or("unit", "") != unit {
            return;
        }
        let stage = STAGES
            .into_iter()
            .find(|stage| *stage == line.str_or("stage", ""));
        let kept = line.bool_or("kept", false);
        let text = |key: &str| line.at(key).as_str().map(str::to_owned);
        let dropped = stage.map(|stage| Reason {
            stage,
            why: line.str_or("why", "").to_owned(),
            by: text("by"),
            score: line.at("score").as_f64(),
            span: text("span"),
        });
        if kept != dropped.is_none() {
            // A row alone may be a unit too, and lines on hidden rows are none about units.
            return;
        }
        let ids = line.items("records").iter();
        let name = name(ids.map(|id| id.as_str().unwrap_or_default()));
        let place = self.units.len() as u64;
        self.units.entry(name).or_insert(Earlier { place, dropped });
    }

    /// What became of a unit; `None` where it was not there, or where a record of it was changed since.
    fn of(&self, item: &Item<'_>, forest: &Forest) -> Option<&Earlier> {
        let rows = || item.records.iter().map(|record| &forest.records[*record]);
        let changed = rows().any(|row| row.updated_at > self.changed_at);
        let earlier = self.units.get(&name(rows().map(|row| row.id.as_str())));
        earlier.filter(|_| !changed)
    }
}
