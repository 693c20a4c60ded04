//! `offline:assistant`: one search, then an answer made of quotations.

use std::collections::BTreeSet;

use forgemark_contract::json::Json;
use forgemark_model::agent::{AgentReply, AgentToolCall};
use forgemark_model::chat::{ChatRequest, ToolChoice};

use super::language::{Family, cite, detect, family, no_answer, quoted};
use super::prompt::Prompt;
use super::quote::{Quote, Rarity, core_question, likeness, numbers, quotes, wanted};
use crate::support::tokens::tokens;

const SEARCH: &str = "vector_db_search";
/// A sentence with less of the question than this does not answer it.
const ENOUGH: f64 = 0.3;
/// Beginnings of sentences that lean on the one before.
const POINTING: &[&str] = &[
    "It ",
    "They ",
    "Its ",
    "Their ",
    "Then ",
    "This ",
    "These ",
    "In that case",
];

/// The most sentences of an answer.
const SENTENCES: usize = 3;

pub(super) fn reply(prompt: &Prompt, request: &ChatRequest) -> AgentReply {
    let asked = core_question(&prompt.question);
    let query = query(asked);
    let offered = request.tools.iter().any(|tool| tool.name == SEARCH);
    let allowed = request.tool_choice != ToolChoice::None;
    if offered && allowed && !prompt.searched && !query.is_empty() {
        let arguments = Json::object([("query", Json::from(query))]);
        return AgentReply::tools(vec![AgentToolCall {
            name: SEARCH.to_owned(),
            arguments,
        }]);
    }
    let quotes = quotes(&prompt.passages);
    let found = evidence(asked, &quotes);
    AgentReply::json(&written(prompt, &quotes, &found, &query))
}

/// The content words of a question, in their order: what a search is good at.
fn query(question: &str) -> String {
    const MOST: usize = 12;
    let words: Vec<&str> = tokens(question)
        .iter()
        .filter(|token| token.counts())
        .map(|token| token.text(question))
        .take(MOST)
        .collect();
    words.join(" ")
}

/// Sentences that answer, best first by how much of the question they have.
struct Found {
    /// Indices into the quotes, in reading order, with their share of the question.
    chosen: Vec<usize>,
    /// Share of the question that the best sentence has, in [0, 1].
    best: f64,
    /// The nearest sentence, also when nothing is near enough.
    nearest: Option<usize>,
}

/// What a question asks for, beside the words that it has in common with a sentence.
struct Asked {
    words: BTreeSet<u64>,
    /// It asks for a number or a time.
    number: bool,
    /// It asks what to do, which may take more than one sentence.
    steps: bool,
    /// How a sentence that answers begins: "to clean the chain" for "How do I clean the chain?".
    start: Option<String>,
    /// The thing that it wants explained.
    thing: Option<String>,
}

impl Asked {
    fn read(question: &str) -> Self {
        let lower = question.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let behind = |starts: &[&str]| {
            let rest = starts.iter().find_map(|start| lower.split_once(start))?.1;
            let rest = rest.trim_end_matches(['?', ' ']);
            // The asker's "I hear" is the document's "you hear".
            Some(
                format!(" {rest} ")
                    .replace(" i ", " you ")
                    .replace(" my ", " your ")
                    .trim()
                    .to_owned(),
            )
        };
        Self {
            words: wanted(question),
            number: has(&[
                "how many",
                "how much",
                "how long",
                "how often",
                "how far",
                "how high",
                "how quickly",
                "when",
                "what time",
            ]),
            steps: has(&["how do i", "what should i do", "how should i"]),
            start: behind(&["how do i "])
                .map(|goal| format!("to {goal}"))
                .or_else(|| {
                    behind(&["what should i do ", "what should be done ", "what happens "])
                }),
            thing: behind(&["what is ", "what are "]),
        }
    }

    /// How well a sentence answers: the share of the question's words that it has, more when it
    /// is of the form that the question asks for. 0 to about 2.
    fn score(&self, quote: &Quote, rarity: &Rarity) -> f64 {
        const DEFINES: &[&str] = &[" is a ", " is an ", " is the ", " is one ", " are "];
        let text = quote.text.to_lowercase();
        let behind = |start: &Option<String>| {
            start
                .as_ref()
                .and_then(|start| text.strip_prefix(start.as_str()))
        };
        let begins = behind(&self.start).is_some();
        let defines = behind(&self.thing)
            .is_some_and(|rest| DEFINES.iter().any(|verb| rest.starts_with(verb)));
        let holds = self
            .start
            .as_ref()
            .is_some_and(|start| text.contains(start.as_str()));
        let form = match (begins || defines, holds) {
            (true, _) => 0.6,
            (false, true) => 0.3,
            (false, false) => 0.0,
        };
        let number = if self.number && numbers(&quote.text) > 0 {
            0.08
        } else {
            0.0
        };
        // Of two alike the shorter says less beside the point.
        let near = 0.15 * likeness(&self.words, &quote.words);
        rarity.coverage(&self.words, &quote.words) + form + number + near
    }
}

fn evidence(question: &str, quotes: &[Quote]) -> Found {
    let rarity = Rarity::new(quotes);
    let asked = Asked::read(question);
    let wanted = &asked.words;
    let mut ranked: Vec<(usize, f64)> = quotes
        .iter()
        .enumerate()
        .filter(|(_, quote)| quote.whole)
        .map(|(index, quote)| (index, asked.score(quote, &rarity)))
        .collect();
    // Equal shares: the earlier passage, then the earlier sentence.
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let Some(&(first, best)) = ranked.first() else {
        return Found {
            chosen: Vec::new(),
            best: 0.0,
            nearest: None,
        };
    };
    if let Some((sections, share)) = section(quotes, &rarity, wanted, best) {
        return Found {
            nearest: Some(sections[0]),
            chosen: sections,
            best: share,
        };
    }
    let mut chosen = vec![first];
    let mut covered: BTreeSet<u64> = quotes[first].words.intersection(wanted).copied().collect();
    // A second sentence only for what the first leaves open.
    for (index, share) in ranked.iter().skip(1).take(4) {
        let more: BTreeSet<u64> = quotes[*index]
            .words
            .intersection(wanted)
            .filter(|word| !covered.contains(word))
            .copied()
            .collect();
        let adds = rarity.coverage(wanted, &more);
        if chosen.len() < SENTENCES - 1 && *share > best * 0.6 && adds > 0.25 {
            covered.extend(&more);
            chosen.push(*index);
        }
    }
    complete(quotes, &mut chosen, asked.steps);
    Found {
        chosen,
        best,
        nearest: Some(first),
    }
}

/// The first sentences under a heading that has more of the question than any sentence has.
fn section(
    quotes: &[Quote],
    rarity: &Rarity,
    wanted: &BTreeSet<u64>,
    best: f64,
) -> Option<(Vec<usize>, f64)> {
    let follows = |heading: &Quote, offset: usize| {
        quotes.iter().position(|quote| {
            quote.whole && quote.passage == heading.passage && quote.place == heading.place + offset
        })
    };
    let (heading, share) = quotes
        .iter()
        .filter(|quote| !quote.whole && quote.text.len() <= 60 && follows(quote, 1).is_some())
        .map(|quote| (quote, rarity.coverage(wanted, &quote.words)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    if share <= best || share < 0.5 {
        return None;
    }
    let chosen = [follows(heading, 1), follows(heading, 2)];
    Some((chosen.into_iter().flatten().collect(), share))
}

/// Adds what a sentence needs beside it: the one before for "it", the next for further steps.
fn complete(quotes: &[Quote], chosen: &mut Vec<usize>, steps: bool) {
    let first = chosen[0];
    let quote = &quotes[first];
    let beside = |offset: isize| {
        quotes.iter().position(|other| {
            other.passage == quote.passage
                && other.whole
                && isize::try_from(other.place).ok()
                    == isize::try_from(quote.place)
                        .ok()
                        .map(|place| place + offset)
        })
    };
    let begins = |text: &str, words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if begins(&quote.text, POINTING)
        && let Some(before) = beside(-1)
    {
        chosen.push(before);
    }
    if let Some(next) = beside(1)
        && (begins(&quotes[next].text, POINTING)
            || (steps && begins(&quotes[next].text, &["Then ", "If ", "Never "])))
        && chosen.len() < SENTENCES
    {
        chosen.push(next);
    }
    chosen.sort_by_key(|index| (quotes[*index].passage, quotes[*index].place));
    chosen.dedup();
}

fn written(prompt: &Prompt, quotes: &[Quote], found: &Found, query: &str) -> Json {
    let target = family(&prompt.language);
    let answers = found.best >= ENOUGH;
    let source = |quote: &Quote| &*prompt.passages[quote.passage].descriptor;
    let message = if answers {
        answer(target, prompt, quotes, &found.chosen)
    } else {
        let nearest = found
            .nearest
            .map(|index| (quotes[index].text.as_str(), source(&quotes[index])));
        no_answer(target, nearest)
    };
    let used: Vec<&Quote> = found.chosen.iter().map(|index| &quotes[*index]).collect();
    let id = |letter: char, index: usize| Json::from(format!("{letter}{}", index + 1));
    let evidence = used.iter().enumerate().map(|(index, quote)| {
        Json::object([
            ("id", id('E', index)),
            ("cue", Json::from(source(quote))),
            ("content", Json::from(quote.text.as_str())),
        ])
    });
    let premises = used
        .iter()
        .enumerate()
        .filter(|_| answers)
        .map(|(index, quote)| {
            Json::object([
                ("id", id('P', index)),
                ("text", Json::from(quote.text.as_str())),
                ("evidence_refs", Json::Array(vec![id('E', index)])),
            ])
        });
    let percent = (found.best.min(1.0) * 100.0).round();
    let thinking = format!(
        "The sentence that fits best has {percent} % of the question's words, weighed by rarity."
    );
    let confidence = match found.best {
        best if best >= 0.75 => "high",
        best if best >= 0.5 => "medium",
        _ => "low",
    };
    let limits = if answers {
        Vec::new()
    } else {
        vec![Json::from("No passage at hand answers the question.")]
    };
    let queries = if prompt.searched {
        vec![Json::from(query)]
    } else {
        Vec::new()
    };
    Json::object([
        (
            "reasoning_trace",
            Json::object([
                ("question", Json::from(prompt.question.as_str())),
                (
                    "retrieval_queries",
                    Json::object([
                        ("vector_db_search", Json::Array(queries)),
                        ("web_search", Json::Array(Vec::new())),
                    ]),
                ),
                ("evidence", evidence.collect()),
                ("premises", premises.collect()),
                (
                    "thinking",
                    Json::Array(vec![Json::object([("text", Json::from(thinking))])]),
                ),
                ("confidence", Json::from(confidence)),
                ("known_limits", Json::Array(limits)),
            ]),
        ),
        ("assistant_message", Json::from(message)),
        ("did_web_search", Json::from(false)),
    ])
}

/// The chosen sentences, those of one source together, each source named once.
fn answer(target: Family, prompt: &Prompt, quotes: &[Quote], chosen: &[usize]) -> String {
    let mut parts: Vec<(usize, String)> = Vec::new();
    for index in chosen {
        let quote = &quotes[*index];
        let passage = &prompt.passages[quote.passage];
        // A sentence in another language than the answer's stands in quotation marks.
        let foreign = target == Family::Other || detect(&passage.text) != target;
        let text = if foreign {
            quoted(target, &quote.text)
        } else {
            quote.text.clone()
        };
        match parts.last_mut() {
            Some((last, together)) if *last == quote.passage => {
                together.push(' ');
                together.push_str(&text);
            }
            _ => parts.push((quote.passage, text)),
        }
    }
    let cited: Vec<String> = parts
        .iter()
        .map(|(passage, text)| cite(target, text, &prompt.passages[*passage].descriptor))
        .collect();
    cited.join(" ")
}
