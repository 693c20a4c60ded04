//! Reads a script from JSON, and says precisely what is wrong with it.

use forgemark_contract::json::Json;

use super::place::{Place, Read};
use super::read_fault::{read_attempt, read_fault_rule};
use super::{BatchEnd, BatchPlay, Behaviour, Matcher, Reply, Rule, Script, Stall, Storm};
use crate::scripted::dialogue::Dialogue;
use crate::scripted::latency::Latency;
use crate::scripted::template::Template;
use crate::scripted::vectors::MAX_DIMENSIONS;

/// Longest time that a script may ask for: a day.
pub(super) const MS_LIMIT: f64 = 86_400_000.0;
/// Largest body that a script may ask for.
pub(super) const BYTES_LIMIT: u64 = 1 << 30;

const BEHAVIOUR_KEYS: [&str; 8] = [
    "reply",
    "latency",
    "stall_rate",
    "stall_ms",
    "reply_bytes",
    "fail",
    "faults",
    "match",
];
const SCRIPT_KEYS: [&str; 11] = [
    "seed",
    "models",
    "dialogue",
    "dimensions",
    "word_vectors",
    "storm_s",
    "storm_retry_after_s",
    "batches",
    "rules",
    "roles",
    "description",
];

pub(super) fn script(value: &Json) -> Read<Script> {
    let top = Place::top(value);
    let behaviour_keys = &BEHAVIOUR_KEYS[..BEHAVIOUR_KEYS.len() - 1];
    let known: Vec<&str> = SCRIPT_KEYS.iter().chain(behaviour_keys).copied().collect();
    top.only(&known)?;
    let mut script = Script::new(top.integer("seed", 0, u64::MAX)?.unwrap_or(0));
    if let Some(models) = top.get("models") {
        script.models = models.strings()?;
    }
    if let Some(dialogue) = top.get("dialogue") {
        script.dialogue = read_dialogue(&dialogue)?;
    }
    if let Some(dimensions) = top.small("dimensions", 1, MAX_DIMENSIONS)? {
        script.dimensions = dimensions;
    }
    if let Some(place) = top.get("word_vectors") {
        let Some(by_word) = place.value.as_bool() else {
            return Err(place.wrong("true or false"));
        };
        script.word_vectors = by_word;
    }
    if let Some(seconds) = top.number("storm_s", 0.0, MS_LIMIT / 1_000.0)? {
        let retry_after_s = top.small("storm_retry_after_s", 0, u32::MAX)?;
        script.storm = Some(Storm {
            seconds,
            retry_after_s,
        });
    } else if let Some(orphan) = top.get("storm_retry_after_s") {
        return Err(orphan.error("needs `storm_s`"));
    }
    if let Some(batches) = top.get("batches") {
        script.batches = batches
            .list()?
            .iter()
            .map(read_batch)
            .collect::<Read<_>>()?;
        if script.batches.is_empty() {
            return Err(batches.error("is empty; leave it out for batches that complete"));
        }
    }
    script.otherwise = behaviour(&top)?;
    if let Some(rules) = top.get("rules") {
        for rule in rules.list()? {
            rule.only(&BEHAVIOUR_KEYS)?;
            let Some(matcher) = rule.get("match") else {
                return Err(rule.error("has no `match`; `match: {}` is for every request"));
            };
            let matcher = read_matcher(&matcher)?;
            script.rules.push(Rule {
                matcher,
                behaviour: behaviour(&rule)?,
            });
        }
    }
    if let Some(roles) = top.get("roles") {
        for (role, place) in roles.entries()? {
            place.only(behaviour_keys)?;
            script.rules.push(Rule {
                matcher: Matcher::role(role),
                behaviour: behaviour(&place)?,
            });
        }
    }
    Ok(script)
}

fn read_batch(place: &Place<'_>) -> Read<BatchPlay> {
    place.only(&["polls", "end", "finish", "in_order", "cut_submit"])?;
    let mut play = BatchPlay::PLAIN;
    if let Some(end) = place.get("end") {
        let word = end.value.as_str().unwrap_or_default();
        play.end = BatchEnd::from_word(word)
            .ok_or_else(|| end.error("is none of completed, expired, cancelled, failed"))?;
    }
    play.polls = place.small("polls", 0, u32::MAX)?.unwrap_or(play.polls);
    play.finish = place.rate("finish")?.unwrap_or(play.finish);
    for (name, flag) in [
        ("in_order", &mut play.in_order),
        ("cut_submit", &mut play.cut_submit),
    ] {
        if let Some(given) = place.get(name) {
            *flag = match given.value {
                Json::Bool(given) => *given,
                _ => return Err(given.error("is neither true nor false")),
            };
        }
    }
    Ok(play)
}

fn read_dialogue(place: &Place<'_>) -> Read<Dialogue> {
    place.only(&[
        "conflict_rate",
        "paraphrase_rate",
        "shared_questions",
        "min_score",
        "max_score",
    ])?;
    let plain = Dialogue::PLAIN;
    let min_score = place.small("min_score", 0, 10)?;
    let max_score = place.small("max_score", min_score.unwrap_or(0), 10)?;
    let max_score = max_score.unwrap_or(plain.max_score);
    Ok(Dialogue {
        conflict_rate: place.rate("conflict_rate")?.unwrap_or(plain.conflict_rate),
        paraphrase_rate: place
            .rate("paraphrase_rate")?
            .unwrap_or(plain.paraphrase_rate),
        shared_questions: place
            .small("shared_questions", 1, u32::MAX)?
            .unwrap_or(plain.shared_questions),
        min_score: min_score.unwrap_or(plain.min_score.min(max_score)),
        max_score,
    })
}

fn read_matcher(place: &Place<'_>) -> Read<Matcher> {
    place.only(&["role", "model", "contains"])?;
    let mut matcher = Matcher::ANY;
    matcher.role = place.string("role")?.map(str::to_owned);
    matcher.model = place.string("model")?.map(str::to_owned);
    if let Some(contains) = place.get("contains") {
        matcher.contains = match contains.value {
            Json::Str(text) => vec![text.clone()],
            _ => contains.strings()?,
        };
    }
    Ok(matcher)
}

fn behaviour(place: &Place<'_>) -> Read<Behaviour> {
    let mut behaviour = Behaviour::NONE;
    if let Some(reply) = place.get("reply") {
        let replies = if reply.value.as_array().is_some() {
            let items = reply.list()?;
            if items.is_empty() {
                return Err(reply.error("is empty; leave it out for the ready-made replies"));
            }
            items.iter().map(read_reply).collect::<Read<_>>()?
        } else {
            vec![read_reply(&reply)?]
        };
        behaviour.replies = Some(replies);
    }
    if let Some(latency) = place.get("latency") {
        behaviour.latency = Some(read_latency(&latency)?);
    }
    let stall = (
        place.rate("stall_rate")?,
        place.number("stall_ms", 0.0, MS_LIMIT)?,
    );
    behaviour.stall = match stall {
        (None, None) => None,
        (Some(rate), Some(ms)) => Some(Stall { rate, ms }),
        // A rate of 0 switches off what the script says for all.
        (Some(0.0), None) => Some(Stall { rate: 0.0, ms: 0.0 }),
        (Some(_), None) => return Err(place.error("`stall_rate` needs `stall_ms`")),
        (None, Some(_)) => return Err(place.error("`stall_ms` needs `stall_rate`")),
    };
    behaviour.reply_bytes = place
        .integer("reply_bytes", 0, BYTES_LIMIT)?
        .map(|bytes| bytes as usize);
    if let Some(fail) = place.get("fail") {
        behaviour.fail = Some(fail.list()?.iter().map(read_attempt).collect::<Read<_>>()?);
    }
    if let Some(faults) = place.get("faults") {
        behaviour.faults = Some(
            faults
                .list()?
                .iter()
                .map(read_fault_rule)
                .collect::<Read<_>>()?,
        );
    }
    Ok(behaviour)
}

fn read_reply(place: &Place<'_>) -> Read<Reply> {
    if let Json::Str(text) = place.value {
        return text_reply(place, text);
    }
    place.only(&["text", "json", "tool_call", "builtin"])?;
    let mut entries = place.entries()?;
    let (Some((kind, value)), None) = (entries.pop(), entries.pop()) else {
        return Err(place.error("expected exactly one of text, json, tool_call, builtin"));
    };
    match kind {
        "text" => text_reply(&value, value.text()?),
        "json" => {
            Template::json(value.value).map_err(|what| value.error(what))?;
            Ok(Reply::Json(value.value.clone()))
        }
        "tool_call" => {
            value.only(&["name", "arguments"])?;
            let Some(name) = value.string("name")? else {
                return Err(value.error("has no `name`"));
            };
            let arguments = match value.get("arguments") {
                None => Json::empty_object(),
                Some(place) => match place.value {
                    Json::Str(text) => {
                        Template::text(text).map_err(|what| place.error(what))?;
                        place.value.clone()
                    }
                    Json::Object(_) => {
                        Template::json(place.value).map_err(|what| place.error(what))?;
                        place.value.clone()
                    }
                    _ => return Err(place.wrong("an object, or a string with the arguments' text")),
                },
            };
            Ok(Reply::ToolCall {
                name: name.to_owned(),
                arguments,
            })
        }
        _ => match value.text()? {
            "dialogue" => Ok(Reply::Dialogue),
            other => Err(value.error(format!("unknown builtin `{other}`; known is dialogue"))),
        },
    }
}

fn text_reply(place: &Place<'_>, text: &str) -> Read<Reply> {
    Template::text(text).map_err(|what| place.error(what))?;
    Ok(Reply::Text(text.to_owned()))
}

fn read_latency(place: &Place<'_>) -> Read<Latency> {
    if let Some(ms) = place.value.as_f64() {
        return Ok(Latency::Fixed {
            ms: place.in_range(ms, 0.0, MS_LIMIT)?,
        });
    }
    let one_of = "expected milliseconds, or exactly one of fixed_ms, uniform_ms, log_normal_ms";
    if place.value.as_object().is_none() {
        return Err(place.error(one_of));
    }
    place.only(&["fixed_ms", "uniform_ms", "log_normal_ms"])?;
    let mut entries = place.entries()?;
    let (Some((kind, value)), None) = (entries.pop(), entries.pop()) else {
        return Err(place.error(one_of));
    };
    match kind {
        "fixed_ms" => {
            let Some(ms) = value.value.as_f64() else {
                return Err(value.wrong("a number"));
            };
            Ok(Latency::Fixed {
                ms: value.in_range(ms, 0.0, MS_LIMIT)?,
            })
        }
        "uniform_ms" => {
            let bounds: Option<Vec<f64>> = value
                .value
                .as_array()
                .map(|items| items.iter().filter_map(Json::as_f64).collect());
            match bounds.as_deref() {
                Some(&[min_ms, max_ms]) if value.value.as_array().is_some_and(|i| i.len() == 2) => {
                    value.in_range(min_ms, 0.0, max_ms)?;
                    value.in_range(max_ms, min_ms, MS_LIMIT)?;
                    Ok(Latency::Uniform { min_ms, max_ms })
                }
                _ => Err(value.wrong("[min, max]")),
            }
        }
        _ => log_normal(&value),
    }
}

fn log_normal(place: &Place<'_>) -> Read<Latency> {
    place.only(&["p5", "p95", "median", "sigma", "min", "max"])?;
    let min_ms = place.number("min", 0.0, MS_LIMIT)?.unwrap_or(0.0);
    let max_ms = place.number("max", min_ms, MS_LIMIT)?.unwrap_or(MS_LIMIT);
    let least = 1e-3;
    let percentiles = (
        place.number("p5", least, MS_LIMIT)?,
        place.number("p95", least, MS_LIMIT)?,
    );
    let moments = (
        place.number("median", least, MS_LIMIT)?,
        place.number("sigma", 0.0, 10.0)?,
    );
    match (percentiles, moments) {
        ((Some(p5), Some(p95)), (None, None)) if p5 <= p95 => {
            Ok(Latency::log_normal_p5_p95(p5, p95, min_ms, max_ms))
        }
        ((Some(_), Some(_)), (None, None)) => Err(place.error("p5 is above p95")),
        ((None, None), (Some(median_ms), Some(sigma))) => Ok(Latency::LogNormal {
            median_ms,
            sigma,
            min_ms,
            max_ms,
        }),
        _ => Err(place.error("expected p5 and p95, or median and sigma")),
    }
}
