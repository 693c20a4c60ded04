//! `offline:user`: a question about an informative sentence.

use std::collections::BTreeSet;

use forgemark_contract::json::Json;
use forgemark_model::agent::AgentReply;

use super::Draw;
use super::english::{self, Made};
use super::language::{Family, ask_about, detect, family};
use super::prompt::Prompt;
use super::quote::{Quote, collapse, content, core_question, likeness, numbers, quotes};
use crate::passages::Passage;

/// Questions with at least this share of common words count as asked already.
const SAME: f64 = 0.72;
/// A question has at least so many times the characters of its opening. Of the 5-grams of a question
/// of n characters with either of two openings, (n - 4) / (n - 4 + n / 7) are then common: more than
/// the 0.85 from which two questions count as one by default.
const WEIGHTIER: usize = 14;
/// How many of the best questions the sample chooses among.
const CHOICE: usize = 24;
/// Further behind the best than this, a question is not chosen.
const SPREAD: f64 = 16.0;
/// The same where the question has to fit what was said.
const CLOSE: f64 = 12.0;
/// What a point of a pattern's weight counts. Small, so that conversations about one document do
/// not all ask its best question.
const WEIGHT: f64 = 0.4;

/// A question that could be asked.
struct Candidate {
    text: String,
    intent: &'static str,
    score: f64,
    quote: usize,
}

pub(super) fn reply(prompt: &Prompt, sample: u64) -> AgentReply {
    let draw = Draw(sample);
    let quotes = quotes(&prompt.passages);
    let target = family(&prompt.language);
    let chosen = seeded(prompt, &quotes).or_else(|| choose(prompt, &quotes, target, draw));
    let Some(chosen) = chosen else {
        return AgentReply::json(&nothing(prompt, target, draw));
    };
    let quote = &quotes[chosen.quote];
    let passage = &prompt.passages[quote.passage];
    let mut facts = vec![fact(&quote.text, passage)];
    // Steps go on in the next sentence; whoever asks how to do something needs it.
    if chosen.intent == "how_to"
        && let Some(next) = following(&quotes, quote)
    {
        facts.push(fact(&next.text, passage));
    }
    let difficulty = match chosen.intent {
        "compare" => "hard",
        "how_to" | "troubleshoot" | "edge_case" | "decision_support" => "medium",
        _ if chosen.text.starts_with("Why") => "medium",
        _ => "easy",
    };
    let mut notes = Vec::new();
    if target == Family::English && numbers(&quote.text) > 0 {
        notes.push(Json::from(
            "Give the figures exactly as the source has them.",
        ));
    }
    AgentReply::json(&Json::object([
        ("coverage_target", Json::from(&*passage.topic_id)),
        ("grounding_facts", Json::Array(facts)),
        ("user_message", Json::from(chosen.text)),
        ("intent", Json::from(chosen.intent)),
        ("difficulty", Json::from(difficulty)),
        ("notes_for_assistant", Json::Array(notes)),
    ]))
}

fn fact(text: &str, passage: &Passage) -> Json {
    Json::object([
        ("fact", Json::from(text)),
        ("source_descriptor", Json::from(&*passage.descriptor)),
    ])
}

fn following<'a>(quotes: &'a [Quote], quote: &Quote) -> Option<&'a Quote> {
    quotes
        .iter()
        .find(|next| next.passage == quote.passage && next.place == quote.place + 1 && next.whole)
}

/// A reply for a prompt whose passages hold no sentence at all.
fn nothing(prompt: &Prompt, target: Family, draw: Draw) -> Json {
    let passage = prompt.passages.first();
    let phrase = passage.map_or_else(String::new, |passage| {
        passage
            .text
            .split_whitespace()
            .take(6)
            .collect::<Vec<_>>()
            .join(" ")
    });
    let facts = passage
        .map(|passage| fact(&phrase, passage))
        .into_iter()
        .collect();
    let text = if phrase.is_empty() {
        "?".to_owned()
    } else {
        ask_about(target, &phrase, draw)
    };
    Json::object([
        (
            "coverage_target",
            Json::from(passage.map_or("", |passage| &passage.topic_id)),
        ),
        ("grounding_facts", Json::Array(facts)),
        ("user_message", Json::from(text)),
        ("intent", Json::from("clarify")),
        ("difficulty", Json::from("easy")),
        ("notes_for_assistant", Json::Array(Vec::new())),
    ])
}

/// The question that the conversation has to begin with, tied to the sentence that fits it best.
fn seeded(prompt: &Prompt, quotes: &[Quote]) -> Option<Candidate> {
    let (_, question) = match prompt.seed.strip_prefix("Topic: ") {
        Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
        None => ("", prompt.seed.as_str()),
    };
    let question = question.trim();
    // A bare topic is no question; it only weighs the choice below.
    if !question.ends_with(['?', '؟', '？']) {
        return None;
    }
    let wanted = content(question);
    let best = quotes
        .iter()
        .enumerate()
        .filter(|(_, quote)| quote.whole)
        .max_by(|(_, a), (_, b)| {
            likeness(&wanted, &a.words).total_cmp(&likeness(&wanted, &b.words))
        })?;
    Some(Candidate {
        text: collapse(question),
        intent: "clarify",
        score: 0.0,
        quote: best.0,
    })
}

fn choose(prompt: &Prompt, quotes: &[Quote], target: Family, draw: Draw) -> Option<Candidate> {
    let mut asked: Vec<BTreeSet<u64>> = prompt
        .asked
        .iter()
        .map(|question| content(core_question(question)))
        .collect();
    asked.extend(
        prompt
            .history
            .iter()
            .map(|(question, _)| content(core_question(question))),
    );
    let said = prompt.history.last().map(|(_, answer)| content(answer));
    let told: Vec<&str> = prompt
        .history
        .iter()
        .map(|(_, answer)| answer.as_str())
        .collect();
    let cited = sources(told.last().copied().unwrap_or_default());
    let seed = content(&prompt.seed);
    let spoken: Vec<Family> = prompt
        .passages
        .iter()
        .map(|passage| detect(&passage.text))
        .collect();
    let mut all: Vec<Candidate> = Vec::new();
    for (index, quote) in quotes.iter().enumerate() {
        if quote.text.len() > 400 || commands_a_model(&quote.text) {
            continue;
        }
        let passage = &prompt.passages[quote.passage];
        let english = target == Family::English && spoken[quote.passage] == target;
        for made in make(quotes, index, passage, target, english, draw) {
            let words = content(&made.text);
            let new = asked.iter().all(|before| likeness(before, &words) < SAME);
            if !new {
                continue;
            }
            let mut score = WEIGHT * f64::from(made.weight) + informative(&quote.text);
            if told.iter().any(|answer| answer.contains(&quote.text)) {
                // It has just been said; asking for it would be odd.
                score -= 100.0;
            }
            if let Some(said) = &said {
                let near = likeness(said, &quote.words).min(0.5) * 2.0;
                let same = if cited.contains(&&*passage.source) {
                    1.0
                } else {
                    0.0
                };
                score += match prompt.mode.as_str() {
                    "followup" => 40.0 * near + 28.0 * same,
                    "adjacent" => 20.0 * near + 20.0 * same,
                    "off_topic" => -40.0 * near - 40.0 * same,
                    _ => 0.0,
                };
            }
            score += 40.0 * likeness(&seed, &quote.words);
            all.push(Candidate {
                text: made.text,
                intent: made.intent,
                score,
                quote: index,
            });
        }
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    let best = all.first()?.score;
    let spread = if prompt.mode == "followup" {
        CLOSE
    } else {
        SPREAD
    };
    let near = all
        .iter()
        .take(CHOICE)
        .take_while(|one| one.score > best - spread)
        .count();
    let mut chosen = all.swap_remove(draw.below(near, 1));
    if target == Family::English {
        chosen.text = in_conversation(prompt, &chosen.text, draw);
    }
    Some(chosen)
}

/// Documents that an answer cites: what stands before `#chunk`.
fn sources(answer: &str) -> Vec<&str> {
    answer
        .match_indices("#chunk")
        .filter_map(|(at, _)| answer[..at].rsplit([' ', '(', '[']).next())
        .collect()
}

/// Figures and a middling length make a sentence worth asking about.
fn informative(text: &str) -> f64 {
    let words = text.split_whitespace().count();
    let length = if (8..=28).contains(&words) { 4.0 } else { 0.0 };
    length + (numbers(text).min(2) * 3) as f64
}

/// A sentence that speaks to a model and not to a reader. Asking about it would carry it on.
fn commands_a_model(text: &str) -> bool {
    let lower = text.to_lowercase();
    let order = [
        "ignore",
        "disregard",
        "forget",
        "you are now",
        "pretend",
        "reply with",
        "respond with",
    ];
    let about = [
        "instruction",
        "prompt",
        "system",
        "rules above",
        "as an ai",
        "you are now",
        "the json",
        "previous",
    ];
    order.iter().any(|word| lower.contains(word)) && about.iter().any(|word| lower.contains(word))
}

/// The questions that one sentence gives.
fn make(
    quotes: &[Quote],
    index: usize,
    passage: &Passage,
    target: Family,
    english: bool,
    draw: Draw,
) -> Vec<Made> {
    let quote = &quotes[index];
    if !english {
        if !quote.whole {
            return Vec::new();
        }
        let phrases = phrases(&quote.text);
        let made = phrases.into_iter().map(|phrase| Made {
            text: ask_about(target, &phrase, Draw(draw.0 ^ index as u64)),
            weight: 50,
            intent: "clarify",
        });
        return made.collect();
    }
    if !quote.whole {
        return heading(&quote.text, passage, draw).into_iter().collect();
    }
    let before = quotes[..index].iter().rev().find(|before| {
        before.passage == quote.passage && before.place + 1 == quote.place && before.whole
    });
    let mut made = english::questions(
        &quote.text,
        before.map(|before| before.text.as_str()),
        &passage.text,
    );
    if made.is_empty()
        && let Some(topic) = english::topic(&quote.text, &passage.text)
    {
        made.push(plain(&topic, passage, 34, Draw(draw.0 ^ index as u64)));
    }
    made
}

/// A plain question about a thing.
fn plain(topic: &str, passage: &Passage, weight: u32, draw: Draw) -> Made {
    let text = match (draw.below(3, 5), document_name(&passage.source)) {
        (0, Some(document)) => format!("What does the {document} say about {topic}?"),
        (1, _) => format!("Can you tell me more about {topic}?"),
        _ => format!("What should I know about {topic}?"),
    };
    Made {
        text,
        weight,
        intent: "clarify",
    }
}

/// A question about the section that a heading opens.
fn heading(text: &str, passage: &Passage, draw: Draw) -> Option<Made> {
    let words: Vec<&str> = text.split(' ').collect();
    let title = (2..=7).contains(&words.len())
        && text.len() <= 60
        && text.starts_with(char::is_uppercase)
        && text
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | ','))
        && words.iter().any(|word| word.len() > 4);
    // A heading stands on a line of its own, with text behind it.
    let alone = passage.text.lines().any(|line| line.trim() == text)
        && !passage.text.trim_end().ends_with(text);
    if !title
        || !alone
        || words
            .iter()
            .skip(1)
            .any(|word| word.starts_with(char::is_uppercase))
    {
        return None;
    }
    let mut chars = text.chars();
    let first = chars.next()?.to_lowercase();
    Some(plain(
        &format!("{first}{}", chars.as_str()),
        passage,
        48,
        draw,
    ))
}

/// "guides/bicycle-handbook.md" is a "bicycle handbook"; a name that is no words is none.
fn document_name(source: &str) -> Option<String> {
    let file = source.rsplit('/').next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name = stem.replace(['-', '_'], " ");
    let words = name.split(' ').count();
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
    (plain && (1..=4).contains(&words) && name.len() >= 5).then_some(name)
}

/// Phrases of two to five words that a question can quote: runs between commas and stops that begin
/// and end with a content word, the one with most letters first.
fn phrases(sentence: &str) -> Vec<String> {
    let mut best: Option<(usize, String)> = None;
    for part in sentence.split([
        ',', ';', ':', '.', '،', '؛', '(', ')', '«', '»', '"', '“', '”', '!', '?', '؟', '。', '，',
    ]) {
        let words: Vec<&str> = part.split_whitespace().collect();
        for length in (2..=5).rev() {
            for window in words.windows(length) {
                let heavy = |word: &str| !content(word).is_empty() && word.chars().count() > 2;
                let inner = window.iter().filter(|word| heavy(word)).count();
                if !heavy(window[0]) || !heavy(window[length - 1]) || numbers(&window.join(" ")) > 0
                {
                    continue;
                }
                let letters = window
                    .iter()
                    .map(|word| word.chars().count())
                    .sum::<usize>();
                let score = inner * 6 + letters.min(30);
                if best.as_ref().is_none_or(|(kept, _)| score > *kept) {
                    best = Some((score, window.join(" ")));
                }
            }
        }
    }
    if best.is_none() {
        // A script without spaces: the beginning of the sentence has to do.
        let start: String = sentence.chars().take(12).collect();
        return vec![start.trim_end_matches(['。', '.', ' ']).to_owned()];
    }
    best.into_iter().map(|(_, phrase)| phrase).collect()
}

/// The question as it is said in this place of the conversation.
///
/// Two questions that differ in what leads up to them are the same question, and the check for
/// near-duplicates compares wording: an opening is only taken where the question outweighs it.
fn in_conversation(prompt: &Prompt, question: &str, draw: Draw) -> String {
    if prompt.history.is_empty() {
        return question.to_owned();
    }
    let openings: &[&str] = match prompt.mode.as_str() {
        "followup" => &["And ", "So ", "Thanks. "],
        "adjacent" => &["And ", "Also, "],
        "off_topic" => &["Now, ", "OK. "],
        _ => &["Next, "],
    };
    let length = question.chars().count();
    let fits = |opening: &str| opening.len() * WEIGHTIER <= length;
    let fitting: Vec<&str> = openings.iter().copied().filter(|one| fits(one)).collect();
    let Some(opening) = fitting.get(draw.below(fitting.len() + 1, 3)) else {
        return question.to_owned();
    };
    if opening.ends_with(". ") {
        return format!("{opening}{question}");
    }
    let mut chars = question.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    let small: String = first.chain(chars).collect();
    format!("{opening}{small}")
}
