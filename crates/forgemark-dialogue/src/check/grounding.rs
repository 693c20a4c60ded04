//! What a turn rests on: topics, passages, tool results, support, judgement.

use std::fmt::Write as _;

use forgemark_contract::dialogue::derive::assistant_message;
use forgemark_contract::dialogue::{DatasetRow, ToolEvent, Turn};
use forgemark_contract::ids::{CallKey, topic_id};
use forgemark_contract::json::Json;

use super::report::{At, Collector, Kind};
use crate::tools::{WEB, tell_the_truth};
use crate::web::WebPage;

/// Support scores are written with four decimals, so a mean of rounded ones may be off by this much.
const ROUNDING: f64 = 1.01e-4;

/// Whether a text has the form of a topic id: 32 hexadecimal digits, a dash, a number.
fn is_topic(text: &str) -> bool {
    let Some((hash, ordinal)) = text.split_once('-') else {
        return false;
    };
    hash.len() == 32
        && hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && !ordinal.is_empty()
        && ordinal.bytes().all(|byte| byte.is_ascii_digit())
}

/// The document and the number of a descriptor such as `guide.md#chunk3`.
fn descriptor(text: &str) -> Option<(&str, u64)> {
    let (path, ordinal) = text.rsplit_once("#chunk")?;
    Some((path, ordinal.parse().ok()?))
}

/// One turn under the microscope.
struct Look<'a, 'c> {
    at: At<'a>,
    /// `turns[2]`.
    path: String,
    turn: &'a Turn,
    ours: &'a Json,
    to: &'c mut Collector,
}

/// Checks what a turn of ours says about its ground, and any turn's tool events and judgement.
pub(super) fn check_turn(at: At<'_>, place: usize, row: &DatasetRow, to: &mut Collector) {
    let Some(turn) = row.turns.get(place) else {
        return;
    };
    let path = format!("turns[{place}]");
    judge_score(at, &format!("{path}.qa_judge"), &turn.qa_judge, to);
    let Some(ours) = &turn.forgemark else {
        return;
    };
    let mut look = Look {
        at,
        path,
        turn,
        ours,
        to,
    };
    // A turn of another program that was judged later has nothing of ours but that.
    if crate::judge::is_ours(row.forgemark.as_ref()) {
        look.evidence();
        look.searches();
        look.coverage();
        look.support();
        look.calls();
    }
    let later = row
        .forgemark
        .as_ref()
        .is_some_and(|ours| ours.get("judging").is_some());
    look.judged(&row.inputs, later);
}

/// A score has to be a number from 0 to 10; a judgement without one is none.
pub(super) fn judge_score(at: At<'_>, path: &str, judge: &Json, to: &mut Collector) {
    let Some(score) = judge.get("score").and_then(Json::as_f64) else {
        return;
    };
    if !(0.0..=10.0).contains(&score) {
        let what = format!("is {score}, a judge's score lies between 0 and 10");
        to.add(at, Kind::Judge, &format!("{path}.score"), what);
    }
}

/// The document that the ledger has for a turn: that of the claimed topic when it was offered.
pub(super) fn source_path(turn: &Turn) -> Option<String> {
    let ours = turn.forgemark.as_ref()?;
    let coverage = ours.at("coverage");
    if coverage.at("claim").as_str() != Some("ok") {
        return Some(String::new());
    }
    let topic = coverage.at("topic_id").as_str()?;
    let passage = ours
        .items("evidence")
        .iter()
        .find(|passage| passage.at("topic_id").as_str() == Some(topic))?;
    let (path, _) = descriptor(passage.at("source").as_str()?)?;
    Some(path.to_owned())
}

impl Look<'_, '_> {
    fn add(&mut self, kind: Kind, path: &str, what: impl Into<String>) {
        let path = format!("{}.{path}", self.path);
        self.to.add(self.at, kind, &path, what);
    }

    /// The topic ids of a list of ours, each well formed.
    fn topics(&mut self, key: &str) -> Vec<String> {
        let ours = self.ours;
        if ours.at(key).as_array().is_none() {
            self.add(Kind::Grounding, &format!("forgemark.{key}"), "is no array");
        }
        let mut topics = Vec::new();
        for (place, topic) in ours.items(key).iter().enumerate() {
            match topic.as_str() {
                Some(topic) if is_topic(topic) => topics.push(topic.to_owned()),
                _ => self.add(
                    Kind::Grounding,
                    &format!("forgemark.{key}[{place}]"),
                    "is no topic id (32 hexadecimal digits, a dash, a number)",
                ),
            }
        }
        topics
    }

    /// Every passage that either side was shown is evidence, and nothing else is.
    fn evidence(&mut self) {
        let found = self.to.report.total();
        let ours = self.ours;
        let offered = self.topics("offered");
        let mut expected = self.topics("retrieved");
        expected.extend(self.tool_topics());
        expected.extend(offered.iter().cloned());
        let mut evidence: Vec<&str> = Vec::new();
        for (place, passage) in ours.items("evidence").iter().enumerate() {
            let path = format!("forgemark.evidence[{place}]");
            let topic = passage.str_or("topic_id", "");
            evidence.push(topic);
            if let Some(page) = WebPage::of_evidence(passage) {
                if page.id != topic {
                    self.add(
                        Kind::Grounding,
                        &format!("{path}.topic_id"),
                        "is not the id of the page with this source, title and snippet",
                    );
                }
                continue;
            }
            match descriptor(passage.str_or("source", "")) {
                Some((document, ordinal)) if topic_id(document, ordinal) == topic => {}
                _ => self.add(
                    Kind::Grounding,
                    &format!("{path}.topic_id"),
                    "is not the topic id of the passage's source",
                ),
            }
            let (start, end) = (passage.at("char_start"), passage.at("char_end"));
            if !matches!((start.as_u64(), end.as_u64()), (Some(start), Some(end)) if start < end) {
                self.add(
                    Kind::Grounding,
                    &format!("{path}.char_start"),
                    "is no place before char_end",
                );
            }
            let page = passage.at("page");
            if !page.is_null() && page.as_i64().is_none_or(|page| page < 1) {
                self.add(
                    Kind::Grounding,
                    &format!("{path}.page"),
                    "is no page number",
                );
            }
        }
        if offered.is_empty() && self.to.report.total() == found {
            self.add(
                Kind::Grounding,
                "forgemark.offered",
                "no passage was offered; every turn rests on some",
            );
        }
        if self.to.report.total() > found {
            return;
        }
        let mut unique: Vec<&str> = Vec::new();
        for topic in &expected {
            if !unique.contains(&topic.as_str()) {
                unique.push(topic);
            }
        }
        if unique == evidence {
            return;
        }
        let missing = unique.iter().find(|topic| !evidence.contains(topic));
        let what = match missing {
            Some(topic) => format!("lacks the passage {topic}, which was shown"),
            None => {
                "is not what was retrieved, found by tools and offered, in this order".to_owned()
            }
        };
        self.add(Kind::Grounding, "forgemark.evidence", what);
    }

    /// The passages of the tool results.
    fn tool_topics(&mut self) -> Vec<String> {
        let turn = self.turn;
        let mut topics = Vec::new();
        let mut round = 0;
        for (place, event) in turn.tool_events.iter().enumerate() {
            let path = format!("tool_events[{place}]");
            let own = event.forgemark.as_ref();
            let this = own.map_or(0, |ours| ours.i64_or("round", -1));
            if this != round && this != round + 1 || (place == 0 && this != 0) {
                self.add(
                    Kind::Tools,
                    &format!("{path}.forgemark.round"),
                    "rounds are counted from 0 without gaps",
                );
            }
            round = this;
            topics.extend(self.result(&path, event));
        }
        topics
    }

    fn result(&mut self, path: &str, event: &ToolEvent) -> Vec<String> {
        let result = &event.result;
        if result.get("error").is_some() {
            return Vec::new();
        }
        let asked = event.arguments.at("query").to_text().unwrap_or_default();
        let searched = result.at("query").to_text().unwrap_or_default();
        if asked.trim() != searched {
            self.add(
                Kind::Tools,
                &format!("{path}.result.query"),
                "is not the query of the call",
            );
        }
        let mut topics = Vec::new();
        let mut rendered = String::new();
        for (place, found) in result.items("results").iter().enumerate() {
            if event.name == WEB {
                match WebPage::of_result(found) {
                    Some(page) => {
                        // Writing to a `String` cannot fail.
                        let _ = writeln!(rendered, "{}", found.str_or("link", ""));
                        topics.push(page.id);
                    }
                    None => self.add(
                        Kind::Tools,
                        &format!("{path}.result.results[{place}]"),
                        "names no page",
                    ),
                }
                continue;
            }
            let ordinal = found.at("chunk_index").as_u64();
            match (found.at("source").as_str(), ordinal) {
                (Some(source), Some(ordinal)) => {
                    // Writing to a `String` cannot fail.
                    let _ = writeln!(rendered, "{source}#chunk{ordinal}");
                    topics.push(topic_id(source, ordinal));
                }
                _ => self.add(
                    Kind::Tools,
                    &format!("{path}.result.results[{place}]"),
                    "names no passage",
                ),
            }
        }
        if result.str_or("rendered", "") != rendered {
            self.add(
                Kind::Tools,
                &format!("{path}.result.rendered"),
                "does not list the passages of the results",
            );
        }
        topics
    }

    /// The row says what was searched for and whether the web was: what the tool events show.
    fn searches(&mut self) {
        let turn = self.turn;
        let mut told = (*turn.kb_answer).clone();
        if told.as_object().is_none() {
            return;
        }
        tell_the_truth(&mut told, &turn.tool_events);
        let of = |answer: &Json| {
            let trace = answer.at("reasoning_trace");
            (
                answer.at("did_web_search").clone(),
                trace.at("retrieval_queries").clone(),
            )
        };
        if of(&told) != of(&turn.kb_answer) {
            self.add(
                Kind::Tools,
                "kb_answer",
                "did_web_search or retrieval_queries are not what the tool events show",
            );
        }
    }

    /// The claim of the user role against what was offered to it.
    fn coverage(&mut self) {
        let coverage = self.ours.at("coverage");
        let topic = coverage.at("topic_id");
        let target = self.turn.qa_generation.str_or("coverage_target", "").trim();
        let offered = |topic: &str| {
            self.ours
                .items("offered")
                .iter()
                .any(|one| one.as_str() == Some(topic))
        };
        let wrong = match (coverage.str_or("claim", ""), topic.as_str()) {
            ("ok", Some(topic)) if topic != target => {
                Some("the claim is ok, but coverage_target names another topic")
            }
            ("ok" | "mapped", Some(topic)) if !offered(topic) => {
                Some("the covered topic was not offered")
            }
            ("ok", Some(_)) => None,
            ("mapped" | "invented", _) if offered(target) => {
                Some("coverage_target was offered, so the claim is ok")
            }
            ("mapped", Some(_)) => None,
            ("invented", None) if topic.is_null() => None,
            ("ok" | "mapped", _) => Some("the claim has no topic"),
            ("invented", _) => Some("an invented claim has no topic"),
            _ => Some("the claim is none of ok, mapped, invented"),
        };
        if let Some(what) = wrong {
            self.add(Kind::Grounding, "forgemark.coverage", what);
        }
    }

    /// The support score is the mean over its claims, each a part of the answer.
    fn support(&mut self) {
        let support = self.ours.at("support");
        let answer = assistant_message(self.turn)
            .unwrap_or_default()
            .into_owned();
        let mut sum = 0.0;
        let claims = support.items("claims");
        for (place, claim) in claims.iter().enumerate() {
            let path = format!("forgemark.support.claims[{place}]");
            match claim.at("score").as_f64() {
                Some(score) if (0.0..=1.0).contains(&score) => sum += score,
                _ => {
                    self.add(
                        Kind::Support,
                        &format!("{path}.score"),
                        "is no number from 0 to 1",
                    );
                    return;
                }
            }
            let text = claim.at("claim").to_text().unwrap_or_default();
            if text.is_empty() || !answer.contains(&*text) {
                self.add(
                    Kind::Support,
                    &format!("{path}.claim"),
                    "does not stand in the answer",
                );
            }
            let topic = claim.at("topic_id");
            let shown = self
                .ours
                .items("evidence")
                .iter()
                .any(|passage| passage.at("topic_id") == topic);
            if !topic.is_null() && !shown {
                self.add(
                    Kind::Support,
                    &format!("{path}.topic_id"),
                    "is no passage of the evidence",
                );
            }
        }
        let score = support.at("score");
        let wrong = match score.as_f64() {
            None if score.is_null() && claims.is_empty() => None,
            None => Some("is no number, and there are claims".to_owned()),
            Some(_) if claims.is_empty() => Some("is a number, and there are no claims".to_owned()),
            Some(score) => {
                let mean = sum / claims.len() as f64;
                let fits = (0.0..=1.0).contains(&score) && (score - mean).abs() <= ROUNDING;
                (!fits).then(|| format!("is {score}, the mean of its claims is {mean:.4}"))
            }
        };
        if let Some(what) = wrong {
            self.add(Kind::Support, "forgemark.support.score", what);
        }
    }

    /// The keys of the calls behind the turn.
    fn calls(&mut self) {
        let calls = self.ours.items("calls");
        for (place, call) in calls.iter().enumerate() {
            if call
                .as_str()
                .is_none_or(|call| call.parse::<CallKey>().is_err())
            {
                self.add(
                    Kind::Shape,
                    &format!("forgemark.calls[{place}]"),
                    "is no call key (64 hexadecimal digits)",
                );
            }
        }
        if calls.is_empty() {
            self.add(
                Kind::Shape,
                "forgemark.calls",
                "names no call; a turn takes at least two",
            );
        }
    }

    /// Judging per turn leaves a judgement or the reason why there is none, never both. Whoever is judged `later` may be
    /// judged in both ways, one after the other.
    fn judged(&mut self, inputs: &Json, later: bool) {
        let per_turn = inputs.bool_or("judge_enabled", false)
            && inputs.str_or("judge_granularity", "") == "turn";
        let judged = self.turn.qa_judge.is_truthy();
        let failed = self.ours.get("judge_error").is_some();
        let wrong = match (per_turn, judged, failed) {
            (true, true, false) | (true, false, true) | (false, false, false) => None,
            (true, false, false) => {
                Some("the turn was to be judged; there is neither judgement nor error")
            }
            (_, true, true) => Some("the judge failed, so there can be no judgement"),
            (false, true, false) | (false, false, true) if later => None,
            (false, true, false) => Some("turns were not to be judged"),
            (false, false, true) => Some("turns were not to be judged, so there can be no error"),
        };
        if let Some(what) = wrong {
            self.add(Kind::Judge, "qa_judge", what);
        } else if judged && self.turn.qa_judge.at("score").as_f64().is_none() {
            self.add(
                Kind::Judge,
                "qa_judge.score",
                "a judgement of ours has a number",
            );
        }
    }
}
