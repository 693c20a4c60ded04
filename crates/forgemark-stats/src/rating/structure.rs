//! What the games say about who can be compared with whom.

use super::{Counts, Design};

/// Where a model in a role stands beside those whose strengths have a finite maximum-likelihood estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Among them.
    Core,
    /// Nobody of the core, or below it, beats it: its strength grows without bound.
    Above,
    /// It beats nobody of the core or above it: its strength falls without bound.
    Below,
    /// No chain of wins leads from it to the core or back, or it played no game.
    Apart,
}

/// Connectivity and separation of a game table.
///
/// Draw an arrow from each winner to each loser. The maximum of the likelihood is finite exactly for roles that reach one
/// another along the arrows (Ford's condition); the largest such group, counted by games, is the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The place of each answerer.
    pub answerers: Vec<Place>,
    /// The place of each questioner.
    pub questioners: Vec<Place>,
    /// Groups of roles that games connect, whoever won; 1 when everybody can be compared. Roles without games do not count.
    pub components: usize,
}

impl Structure {
    /// The structure of a design.
    pub fn new(design: &Design) -> Self {
        Self::of(&Counts::new(design))
    }

    /// Whether the likelihood has a finite maximum for everybody who played.
    pub fn is_whole(&self) -> bool {
        self.components == 1 && self.separated().next().is_none()
    }

    /// The places of roles whose strength is infinite.
    fn separated(&self) -> impl Iterator<Item = Place> {
        let all = self.answerers.iter().chain(&self.questioners).copied();
        all.filter(|place| matches!(place, Place::Above | Place::Below))
    }

    pub(crate) fn of(counts: &Counts) -> Self {
        let n = counts.answerers + counts.questioners;
        let (mut beats, mut beaten, mut met) = (vec![vec![]; n], vec![vec![]; n], vec![vec![]; n]);
        for (answerer, questioner, wins, losses) in counts.played() {
            let questioner = counts.answerers + questioner;
            if wins > 0.0 {
                beats[answerer].push(questioner);
                beaten[questioner].push(answerer);
            }
            if losses > 0.0 {
                beats[questioner].push(answerer);
                beaten[answerer].push(questioner);
            }
            met[answerer].push(questioner);
            met[questioner].push(answerer);
        }
        let core = core(counts, &beats, &beaten);
        let from_core = reached(&core, &beats);
        let to_core = reached(&core, &beaten);
        let place = |node: usize| match (core.contains(&node), to_core[node], from_core[node]) {
            (true, ..) => Place::Core,
            (_, true, _) => Place::Above,
            (_, _, true) => Place::Below,
            _ => Place::Apart,
        };
        let mut seen = vec![false; n];
        let mut components = 0;
        for node in 0..n {
            if !seen[node] && !met[node].is_empty() {
                components += 1;
                for (seen, reached) in seen.iter_mut().zip(reached(&[node], &met)) {
                    *seen |= reached;
                }
            }
        }
        Structure {
            answerers: (0..counts.answerers).map(place).collect(),
            questioners: (counts.answerers..n).map(place).collect(),
            components,
        }
    }
}

/// The largest group of nodes that reach one another, by games within it; empty when no two do.
fn core(counts: &Counts, beats: &[Vec<usize>], beaten: &[Vec<usize>]) -> Vec<usize> {
    let n = beats.len();
    let mut group = vec![usize::MAX; n];
    for node in 0..n {
        if group[node] != usize::MAX {
            continue;
        }
        let (down, up) = (reached(&[node], beats), reached(&[node], beaten));
        for other in 0..n {
            if down[other] && up[other] {
                group[other] = node;
            }
        }
    }
    let mut games = vec![0.0; n];
    for (answerer, questioner, wins, losses) in counts.played() {
        let questioner = counts.answerers + questioner;
        if group[answerer] == group[questioner] {
            games[group[answerer]] += wins + losses;
        }
    }
    let mut best = None;
    for (node, games) in games.into_iter().enumerate() {
        if games > best.map_or(0.0, |(_, most)| most) {
            best = Some((node, games));
        }
    }
    let Some((best, _)) = best else {
        return Vec::new();
    };
    (0..n).filter(|node| group[*node] == best).collect()
}

fn reached(from: &[usize], edges: &[Vec<usize>]) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    let mut open = from.to_vec();
    for node in from {
        seen[*node] = true;
    }
    while let Some(node) = open.pop() {
        for next in &edges[node] {
            if !std::mem::replace(&mut seen[*next], true) {
                open.push(*next);
            }
        }
    }
    seen
}
