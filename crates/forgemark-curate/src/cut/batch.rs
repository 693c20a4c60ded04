//! The second reading: groups in their order, as many at once as make a batch, whole.

use forgemark_contract::store::{Parts, Snapshot};

use super::scan::Member;
use crate::error::Result;
use crate::recipe::Recipe;
use crate::redact::Kind;
use crate::spill::{Merge, Sorted};
use crate::tree::Forest;

/// Rows after which a batch ends with its group. Larger batches make fewer reads and take more memory.
const ROWS: usize = 2048;

/// Groups that were read.
pub(super) struct Batch {
    /// Their records, redacted.
    pub(super) forest: Forest,
    /// The place of each record among all that are seen.
    pub(super) ordinals: Vec<u64>,
    /// How many groups come before.
    pub(super) groups_before: u64,
    /// The records in which something was found.
    pub(super) redacted: Vec<(usize, Vec<Kind>)>,
}

/// All groups.
pub(super) struct Batches<'a> {
    snapshot: &'a dyn Snapshot,
    recipe: &'a Recipe,
    members: Merge<'a>,
    parts: Parts,
    /// The first member of the next batch, with the name of its group.
    next: Option<(Vec<u8>, Member)>,
    groups: u64,
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        snapshot: &'a dyn Snapshot,
        recipe: &'a Recipe,
        members: &'a mut Sorted,
        vectors: bool,
    ) -> Result<Self> {
        let mut batches = Batches {
            snapshot,
            recipe,
            members: members.read()?,
            parts: Parts {
                vector: vectors,
                binary: false,
                ..Parts::ALL
            },
            next: None,
            groups: 0,
        };
        batches.next = batches.member()?;
        Ok(batches)
    }

    fn member(&mut self) -> Result<Option<(Vec<u8>, Member)>> {
        let Some((key, value)) = self.members.next()? else {
            return Ok(None);
        };
        let group = key[..key.len().saturating_sub(Member::ORDINAL)].to_vec();
        Ok(Some((group, Member::of_entry(key, value)?)))
    }

    /// The next groups; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Batch>> {
        let Some((mut group, first)) = self.next.take() else {
            return Ok(None);
        };
        let mut members = vec![first];
        while let Some((of, member)) = self.member()? {
            if of != group {
                if members.len() >= ROWS {
                    self.next = Some((of, member));
                    break;
                }
                group = of;
            }
            members.push(member);
        }
        // In the order of rows they are nearest to each other on the disk.
        members.sort_unstable_by_key(|member| member.ordinal);
        let numbers: Vec<_> = members.iter().map(|member| member.row).collect();
        let records = self.snapshot.take(&numbers, self.parts)?;
        let mut forest = Forest::new(records, &self.recipe.group_by)?;
        let rule = self.recipe.redact.as_ref();
        let redacted = rule.map(|rule| forest.redact(&rule.kinds));
        let groups_before = self.groups;
        self.groups += forest.groups.len() as u64;
        Ok(Some(Batch {
            forest,
            ordinals: members.iter().map(|member| member.ordinal).collect(),
            groups_before,
            redacted: redacted.unwrap_or_default(),
        }))
    }
}
