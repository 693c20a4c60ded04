//! Units: which records are judged together, and what stands for them.

use std::borrow::Cow;

use crate::recipe::{Recipe, Unit};
use crate::similar::vectors;
use crate::tree::Forest;

/// One unit.
#[derive(Debug, Clone)]
pub struct Item<'f> {
    /// The place of its group in the forest.
    pub group: usize,
    /// Its records.
    pub records: Vec<usize>,
    /// Those of them that belong to no other unit.
    pub owned: Vec<usize>,
    /// The texts of the scope, one after the other.
    pub text: String,
    /// The vector of a single record, or the mean direction of several.
    pub vector: Option<Cow<'f, [f32]>>,
    /// The reward.
    pub reward: Option<f64>,
}

/// What of a unit is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) texts: bool,
    pub(crate) vectors: bool,
}

/// The units of all groups, in the order of groups.
pub(crate) fn items<'f>(forest: &'f Forest, recipe: &Recipe, wanted: Wanted) -> Vec<Item<'f>> {
    let mut items = Vec::new();
    let mut make = Make {
        forest,
        recipe,
        wanted,
        group: 0,
    };
    for (place, group) in forest.groups.iter().enumerate() {
        make.group = place;
        match recipe.unit {
            Unit::Record => items.extend(
                group
                    .records
                    .iter()
                    .map(|record| make.item(vec![*record], vec![*record], &[*record])),
            ),
            Unit::Conversation => {
                let records = group.records.clone();
                items.push(make.item(records.clone(), records.clone(), &records));
            }
            Unit::Branch => {
                for leaf in forest.leaves(group, false) {
                    let path = forest.path(leaf);
                    items.push(make.item(path.clone(), vec![leaf], &path));
                }
            }
            Unit::TurnPair => {
                for record in group
                    .records
                    .iter()
                    .copied()
                    .filter(|record| forest.records[*record].is_assistant())
                {
                    let mut pair = vec![record];
                    let mut before = forest.parent(record);
                    while let Some(asked) =
                        before.filter(|asked| !forest.records[*asked].is_assistant())
                    {
                        pair.push(asked);
                        before = forest.parent(asked);
                    }
                    pair.reverse();
                    items.push(make.item(pair.clone(), vec![record], &pair));
                }
            }
            Unit::CandidateGroup => {
                for set in forest.candidates(group) {
                    let answers: Vec<usize> = set.answers.concat();
                    let mut records = answers.clone();
                    records.extend(&set.prompt);
                    // Samples of one prompt are alike by nature: their prompt stands for them, and where there is none they do.
                    let shown = if set.prompt.is_empty() {
                        &answers
                    } else {
                        &set.prompt
                    };
                    let mut item = make.item(records, answers.clone(), shown);
                    item.reward = set
                        .answers
                        .iter()
                        .filter_map(|answer| forest.reward(answer))
                        .reduce(f64::max);
                    items.push(item);
                }
            }
        }
    }
    items
}

/// The vector that stands for some records.
pub fn represent<'f>(
    forest: &'f Forest,
    recipe: &Recipe,
    records: &[usize],
) -> Option<Cow<'f, [f32]>> {
    let wanted = Wanted {
        texts: false,
        vectors: true,
    };
    let make = Make {
        forest,
        recipe,
        wanted,
        group: 0,
    };
    let item = make.item(Vec::new(), Vec::new(), records);
    item.vector
}

struct Make<'f, 'r> {
    forest: &'f Forest,
    recipe: &'r Recipe,
    wanted: Wanted,
    group: usize,
}

impl<'f> Make<'f, '_> {
    fn item(&self, records: Vec<usize>, owned: Vec<usize>, shown: &[usize]) -> Item<'f> {
        let in_scope = |record: &&usize| {
            let role = self.forest.records[**record].role.as_str();
            if self.recipe.scope.is_empty() {
                !role.eq_ignore_ascii_case("system")
            } else {
                self.recipe
                    .scope
                    .iter()
                    .any(|scope| scope.eq_ignore_ascii_case(role))
            }
        };
        let shown: Vec<usize> = shown.iter().filter(in_scope).copied().collect();
        // Texts are the largest part of a set; where nothing looks at them there is no second copy.
        let texts: Vec<Cow<'_, str>> = shown
            .iter()
            .filter(|_| self.wanted.texts)
            .map(|record| self.forest.messages[*record].content_text())
            .collect();
        let vector = self.wanted.vectors.then(|| self.vector(&shown));
        Item {
            group: self.group,
            text: texts.join("\n"),
            vector: vector.flatten(),
            reward: self.forest.reward(&records),
            records,
            owned,
        }
    }

    /// The vector of one record, else the sum of the directions of those that have a usable one of the first's length.
    fn vector(&self, shown: &[usize]) -> Option<Cow<'f, [f32]>> {
        let vector = |record: &usize| self.forest.records[*record].embedding.as_deref();
        if let [record] = shown {
            return vector(record).map(Cow::Borrowed);
        }
        let mut sum: Vec<f64> = Vec::new();
        for row in shown
            .iter()
            .filter_map(vector)
            .filter(|row| vectors::unusable(Some(row)).is_none())
        {
            if sum.is_empty() {
                sum.resize(row.len(), 0.0);
            }
            if row.len() != sum.len() {
                continue;
            }
            let length = row
                .iter()
                .map(|x| f64::from(*x).powi(2))
                .sum::<f64>()
                .sqrt();
            for (sum, x) in sum.iter_mut().zip(row) {
                *sum += f64::from(*x) / length;
            }
        }
        let sum: Vec<f32> = sum.into_iter().map(|x| x as f32).collect();
        (!sum.is_empty()).then_some(Cow::Owned(sum))
    }
}
