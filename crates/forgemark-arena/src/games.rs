//! The game table: every answerer on every live question, and how the meeting ended.

use std::collections::{BTreeMap, BTreeSet};

use forgemark_contract::arena::{AnswerKey, Benchmark, ClaimKey, QuestionKey};
use forgemark_stats::rating::{Decision, Design, Game, Item};

use crate::adjudicate::{Adjudicator, By, Outcome, Ruling, ill_posed};
use crate::corpus::Corpus;
use crate::graph::Name;
use crate::policy::{Missing, Scope};

/// How the meeting of an answerer and a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The questioner found no question: dropped.
    QuestionFailed,
    /// There is no answer: dropped.
    AnswerMissing,
    /// The answerer did not criticise the questioner's own answer, and the policy wants that: dropped.
    ContradictionMissing,
    /// The verdict of that critique could not be read: dropped.
    ContradictionUnread,
    /// That critique is upheld: dropped.
    ContradictionUpheld,
    /// Nobody decides about that critique, or it decides nothing: dropped.
    ContradictionUnresolved,
    /// The answerer gave up: the questioner wins.
    AnswerFailed,
    /// The answerer calls the question ill-posed and is right: dropped.
    IllPosedUpheld,
    /// The answerer calls the question ill-posed and is wrong: the questioner wins.
    IllPosedRejected,
    /// Nobody decides whether it is: dropped.
    IllPosedUnresolved,
    /// The questioner did not criticise the answer, or its verdict could not be read: dropped.
    EvaluationMissing,
    /// The questioner calls the answer correct: the answerer wins.
    CriticCorrect,
    /// The questioner's critique is rejected: the answerer wins.
    CritiqueRejected,
    /// The questioner's critique is upheld: the questioner wins.
    CritiqueUpheld,
    /// Nobody decides about it, or it decides nothing: dropped.
    CritiqueUnresolved,
}

impl End {
    /// All of them, in the order of the walk.
    pub const ALL: [End; 15] = [
        End::QuestionFailed,
        End::AnswerMissing,
        End::ContradictionMissing,
        End::ContradictionUnread,
        End::ContradictionUpheld,
        End::ContradictionUnresolved,
        End::AnswerFailed,
        End::IllPosedUpheld,
        End::IllPosedRejected,
        End::IllPosedUnresolved,
        End::EvaluationMissing,
        End::CriticCorrect,
        End::CritiqueRejected,
        End::CritiqueUpheld,
        End::CritiqueUnresolved,
    ];

    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            End::QuestionFailed => "question_failed",
            End::AnswerMissing => "answer_missing",
            End::ContradictionMissing => "self_critique_missing",
            End::ContradictionUnread => "self_critique_unread",
            End::ContradictionUpheld => "self_critique_upheld",
            End::ContradictionUnresolved => "self_critique_unresolved",
            End::AnswerFailed => "answer_failed",
            End::IllPosedUpheld => "ill_posed_upheld",
            End::IllPosedRejected => "ill_posed_rejected",
            End::IllPosedUnresolved => "ill_posed_unresolved",
            End::EvaluationMissing => "critique_missing",
            End::CriticCorrect => "critic_correct",
            End::CritiqueRejected => "critique_rejected",
            End::CritiqueUpheld => "critique_upheld",
            End::CritiqueUnresolved => "critique_unresolved",
        }
    }

    /// Whether the answerer wins; `None` where the meeting is no game.
    pub fn answerer_wins(self) -> Option<bool> {
        match self {
            End::CriticCorrect | End::CritiqueRejected => Some(true),
            End::AnswerFailed | End::IllPosedRejected | End::CritiqueUpheld => Some(false),
            _ => None,
        }
    }

    /// Whether there was something to decide about an answer and nobody did.
    pub fn is_unresolved(self) -> bool {
        matches!(self, End::IllPosedUnresolved | End::CritiqueUnresolved)
    }
}

/// What became of the answerer's critique of the questioner's own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnAnswer {
    /// The answerer calls it correct.
    Correct,
    /// The answerer's critique is rejected.
    Rejected,
    /// There is none.
    Missing,
    /// It was not looked at, or ended the meeting.
    Ended,
}

/// An answerer and a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meeting {
    /// The question.
    pub question: QuestionKey<Name>,
    /// The answerer.
    pub answerer: Name,
    /// How it ended.
    pub end: End,
    /// What became of the answerer's critique of the questioner's own answer.
    pub own: OwnAnswer,
    /// The claim that the end stands on.
    pub claim: Option<ClaimKey<Name>>,
    /// What was decided about it.
    pub ruling: Option<Ruling>,
    /// Whether the question is invalid; such a meeting is no game, whatever its end.
    pub invalid: bool,
}

impl Meeting {
    /// Whether the answerer wins; `None` where the meeting is no game.
    pub fn answerer_wins(&self) -> Option<bool> {
        self.end.answerer_wins().filter(|_| !self.invalid)
    }
}

/// All meetings of an arena under a policy.
#[derive(Debug)]
pub struct Walk {
    /// Every answerer but the questioner on every live question, in the order of keys.
    pub meetings: Vec<Meeting>,
    /// Everybody who answers, by name.
    pub answerers: Vec<Name>,
    /// Everybody who questions, by name.
    pub questioners: Vec<Name>,
    /// Live questions.
    pub live: usize,
    /// Live questions that succeeded and are valid.
    pub valid: usize,
}

impl Walk {
    /// Walks every live question with every answerer.
    pub fn new(corpus: &Corpus, adjudicator: &Adjudicator<'_>) -> Self {
        let docket = adjudicator.docket;
        let graph = docket.graph;
        let by_text = |names: BTreeSet<Name>| {
            let mut names: Vec<Name> = names.into_iter().collect();
            names.sort_unstable_by_key(|name| graph.text(*name));
            names
        };
        let answerers = by_text(docket.answers.keys().map(|key| key.answerer).collect());
        let live: BTreeMap<QuestionKey<Name>, bool> = (graph.questions.iter())
            .filter(|(key, _)| graph.is_live(key))
            .map(|(key, _)| (*key, succeeded(corpus, adjudicator, key)))
            .collect();
        let questioners = by_text(live.keys().map(|key| key.questioner).collect());
        let (mut meetings, mut valid) = (Vec::new(), 0);
        for (question, succeeded) in &live {
            let invalid = adjudicator.is_invalid(question);
            valid += usize::from(*succeeded && !invalid);
            let of = (*question, *succeeded, invalid);
            meetings.extend(meetings_on(adjudicator, of, &answerers));
        }
        Walk {
            meetings,
            answerers,
            questioners,
            live: live.len(),
            valid,
        }
    }

    /// The same with the meetings on one question walked again, by an adjudicator that decides otherwise about it.
    #[must_use]
    pub fn redone(
        &self,
        corpus: &Corpus,
        adjudicator: &Adjudicator<'_>,
        question: &QuestionKey<Name>,
    ) -> Self {
        let succeeded = succeeded(corpus, adjudicator, question);
        let invalid = adjudicator.is_invalid(question);
        let of = |meeting: &&Meeting| meeting.question == *question;
        let was_valid = self.meetings.iter().find(of).is_some_and(|m| !m.invalid);
        let met: Vec<Meeting> = meetings_on(
            adjudicator,
            (*question, succeeded, invalid),
            &self.answerers,
        )
        .collect();
        let meetings = self.meetings.iter().map(|meeting| {
            let again = met.iter().find(|again| {
                again.question == meeting.question && again.answerer == meeting.answerer
            });
            *again.unwrap_or(meeting)
        });
        let valid = |valid: bool| usize::from(succeeded && valid);
        Walk {
            meetings: meetings.collect(),
            answerers: self.answerers.clone(),
            questioners: self.questioners.clone(),
            live: self.live,
            valid: self.valid - valid(was_valid) + valid(!invalid),
        }
    }

    /// The same with some of the questions only.
    #[must_use]
    pub fn only(&self, takes: impl Fn(&QuestionKey<Name>) -> bool) -> Self {
        let met = self
            .meetings
            .iter()
            .filter(|meeting| takes(&meeting.question));
        let meetings: Vec<Meeting> = met.copied().collect();
        let questions = meetings.chunk_by(|a, b| a.question == b.question);
        let is_valid = |same: &&[Meeting]| {
            let first = same.first();
            first.is_some_and(|one| !one.invalid && one.end != End::QuestionFailed)
        };
        let (live, valid) = (
            questions.clone().count(),
            questions.filter(is_valid).count(),
        );
        Walk {
            meetings,
            answerers: self.answerers.clone(),
            questioners: self.questioners.clone(),
            live,
            valid,
        }
    }

    /// The games, as ratings want them: an item for each question with games.
    pub fn design(&self) -> Design {
        let place = |names: &[Name], name: Name| names.iter().position(|other| *other == name);
        let mut design = Design {
            answerers: self.answerers.len(),
            questioners: self.questioners.len(),
            items: Vec::new(),
        };
        for same in self.meetings.chunk_by(|a, b| a.question == b.question) {
            let Some(questioner) = (same.first())
                .and_then(|meeting| place(&self.questioners, meeting.question.questioner))
            else {
                continue;
            };
            let games = same.iter().filter_map(|meeting| {
                let won = meeting.answerer_wins()?;
                Some(Game {
                    answerer: place(&self.answerers, meeting.answerer)?,
                    wins: f64::from(u8::from(won)),
                    losses: f64::from(u8::from(!won)),
                    judged: meeting.ruling.and_then(judged),
                })
            });
            let games: Vec<Game> = games.collect();
            if !games.is_empty() {
                design.items.push(Item { questioner, games });
            }
        }
        design
    }

    /// How many meetings ended in each way; invalid questions are taken as valid, as the original's protocol flow does.
    pub fn ends(&self) -> BTreeMap<End, u64> {
        let mut ends = BTreeMap::new();
        for meeting in &self.meetings {
            *ends.entry(meeting.end).or_insert(0) += 1;
        }
        ends
    }

    /// Meetings on valid questions about which nobody decided.
    pub fn unresolved(&self) -> u64 {
        let open = |meeting: &&Meeting| !meeting.invalid && meeting.end.is_unresolved();
        self.meetings.iter().filter(open).count() as u64
    }
}

/// The panel's decision that a game stands on; a person's is not doubted.
fn judged(ruling: Ruling) -> Option<Decision> {
    match (ruling.by, ruling.outcome) {
        (By::Panel, Outcome::Claimant) => Some(Decision::Claimant),
        (By::Panel, Outcome::Defender) => Some(Decision::Defender),
        _ => None,
    }
}

/// Whether a question was found.
fn succeeded(corpus: &Corpus, adjudicator: &Adjudicator<'_>, key: &QuestionKey<Name>) -> bool {
    let places = adjudicator.docket.graph.questions.get(key);
    let record = places.and_then(|places| corpus.record::<Benchmark>(*places.last()?));
    record.is_some_and(|record| record.status == "succeeded")
}

/// The meetings of everybody but its questioner on a question: its key, whether it succeeded and whether it is invalid.
fn meetings_on(
    adjudicator: &Adjudicator<'_>,
    (question, succeeded, invalid): (QuestionKey<Name>, bool, bool),
    answerers: &[Name],
) -> impl Iterator<Item = Meeting> {
    let others = answerers
        .iter()
        .filter(move |name| **name != question.questioner);
    others.map(move |answerer| {
        let mut meeting = Meeting {
            question,
            answerer: *answerer,
            end: End::QuestionFailed,
            own: OwnAnswer::Ended,
            claim: None,
            ruling: None,
            invalid,
        };
        if succeeded {
            meet(adjudicator, &mut meeting);
        }
        meeting
    })
}

/// Walks one meeting on a question that succeeded.
fn meet(adjudicator: &Adjudicator<'_>, meeting: &mut Meeting) {
    let docket = adjudicator.docket;
    let (question, answerer) = (meeting.question, meeting.answerer);
    let answer = AnswerKey { question, answerer };
    let Some(status) = docket.answers.get(&answer) else {
        meeting.end = End::AnswerMissing;
        return;
    };
    let own = docket.contradiction(question, answerer);
    let critique = own.and_then(|key| docket.critiques.get(&key).map(|verdict| (key, *verdict)));
    meeting.own = match critique {
        None if adjudicator.policy.missing_contradictor == Missing::Drop => {
            meeting.end = End::ContradictionMissing;
            return;
        }
        None => OwnAnswer::Missing,
        Some((_, Some("correct"))) => OwnAnswer::Correct,
        Some((_, None)) => {
            meeting.end = End::ContradictionUnread;
            return;
        }
        Some((key, Some(_))) => {
            let outcome = match adjudicator.policy.contradictor_scope {
                Scope::Claim => adjudicator.claim(&key).outcome,
                Scope::Question => {
                    let claims = docket.against(&question).iter();
                    let claims = claims.filter(|key| key.critique.is_some() && docket.is_made(key));
                    Outcome::together(claims.map(|key| adjudicator.claim(key).outcome))
                }
            };
            match outcome {
                Outcome::Defender => OwnAnswer::Rejected,
                Outcome::Claimant => {
                    (meeting.end, meeting.claim) = (End::ContradictionUpheld, Some(key));
                    return;
                }
                Outcome::Dropped | Outcome::Unresolved => {
                    (meeting.end, meeting.claim) = (End::ContradictionUnresolved, Some(key));
                    return;
                }
            }
        }
    };
    let decided = |key: ClaimKey<Name>, ends: [End; 3]| {
        let ruling = adjudicator.claim(&key);
        let end = match ruling.outcome {
            Outcome::Claimant => ends[0],
            Outcome::Defender => ends[1],
            Outcome::Dropped | Outcome::Unresolved => ends[2],
        };
        (end, Some(key), Some(ruling))
    };
    (meeting.end, meeting.claim, meeting.ruling) = match *status {
        "failed" => (End::AnswerFailed, None, None),
        "ill-posed" => decided(
            ill_posed(answer),
            [
                End::IllPosedUpheld,
                End::IllPosedRejected,
                End::IllPosedUnresolved,
            ],
        ),
        _ => {
            let key = docket.evaluation(answer);
            let verdict = key.and_then(|key| Some((key, (*docket.critiques.get(&key)?)?)));
            match verdict {
                None => (End::EvaluationMissing, None, None),
                Some((key, "correct")) => (End::CriticCorrect, Some(key), None),
                Some((key, _)) => decided(
                    key,
                    [
                        End::CritiqueUpheld,
                        End::CritiqueRejected,
                        End::CritiqueUnresolved,
                    ],
                ),
            }
        }
    };
}
