//! The rule as it is said: every row against every kept row. It is what the fast way is compared with.

use super::score::Scored;
use super::{Greedy, Match, Search};

/// As the fast one, in time quadratic in the rows.
pub fn first_kept_wins(rows: &[Option<&[f32]>], search: &Search) -> Greedy {
    let scored: Vec<Option<Scored<'_>>> = rows
        .iter()
        .map(|row| row.and_then(|row| Scored::new(row, search.scorer)))
        .collect();
    let mut greedy = Greedy {
        keeper: vec![None; rows.len()],
        compared: 0,
        scored: 0,
    };
    let mut kept: Vec<(usize, Scored<'_>)> = Vec::new();
    for (place, row) in scored.iter().enumerate() {
        let Some(row) = row else { continue };
        for (other, kept) in &kept {
            if row.row.len() != kept.row.len() {
                continue;
            }
            greedy.compared += 1;
            let distance = row.distance(kept, search.scorer);
            if distance <= search.distance {
                greedy.keeper[place] = Some(Match {
                    row: *other,
                    distance,
                });
                break;
            }
        }
        if greedy.keeper[place].is_none() {
            kept.push((place, *row));
        }
    }
    greedy.scored = greedy.compared;
    greedy
}
