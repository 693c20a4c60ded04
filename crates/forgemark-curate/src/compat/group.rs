//! Records that make one example.

use std::collections::HashMap;

use forgemark_contract::store::ContextRecord;

use super::config::GroupBy;

/// The records of one key, in the order of time and id.
pub(super) struct Group {
    pub(super) key: String,
    pub(super) records: Vec<ContextRecord>,
}

/// Groups in the order of their first records.
pub(super) fn group(records: Vec<ContextRecord>, by: &GroupBy) -> Vec<Group> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let key = by.key(&record);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push(Group {
                key,
                records: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].records.push(record);
    }
    for group in &mut groups {
        group.records.sort_by(|a, b| moment(a).cmp(&moment(b)));
    }
    groups.sort_by(|a, b| {
        a.records
            .first()
            .map(moment)
            .cmp(&b.records.first().map(moment))
    });
    groups
}

fn moment(record: &ContextRecord) -> (i64, &str) {
    (record.created_at.0, &record.id)
}
