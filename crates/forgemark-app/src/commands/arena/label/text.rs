//! A claim as titled texts, for the screen and for output without one, and as JSON.

use forgemark_arena::label::{Opinion, Reveal, View};
use forgemark_contract::arena::Label;
use forgemark_contract::json::{Json, Object};

/// A text under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) text: String,
}

fn section(title: impl Into<String>, text: &str) -> Section {
    Section {
        title: title.into(),
        text: text.trim().to_owned(),
    }
}

/// What the claim is about: question and answer.
pub(super) fn about(view: &View) -> Vec<Section> {
    vec![
        section(format!("Question: {}", view.topic), &view.question),
        section("Answer", &view.answer),
    ]
}

/// The claim, and what was said about it.
pub(super) fn said(view: &View) -> Vec<Section> {
    let mut sections = vec![section(
        format!("Claim {}: {}", view.ticket, view.kind.as_str()),
        &view.claim,
    )];
    sections.extend(view.debate.iter().map(|said| {
        let gives_in = if said.concedes { ", gives in" } else { "" };
        section(
            format!("Round {}, {}{gives_in}", said.round, said.who),
            &said.text,
        )
    }));
    sections
}

/// Everything of a view.
pub(super) fn claim(view: &View) -> Vec<Section> {
    let mut sections = about(view);
    sections.extend(said(view));
    sections
}

/// The person's own label.
pub(super) fn label(label: &Label) -> Section {
    let confidence = label
        .confidence
        .map_or(String::new(), |n| format!(", confidence {n}"));
    section(
        format!("Your label: {}{confidence}", label.verdict),
        label.comment.as_deref().unwrap_or_default(),
    )
}

/// What a blind view leaves out.
pub(super) fn reveal(reveal: &Reveal) -> Vec<Section> {
    let mut sections = vec![section(
        format!("Names: {}", reveal.key),
        &format!(
            "claimant: {}\ndefender: {}\ndecided so far: {}",
            reveal.claimant,
            reveal.defender,
            reveal.outcome.as_str()
        ),
    )];
    let opinion = |role: &str, opinion: &Opinion| {
        let confidence = opinion
            .confidence
            .map_or(String::new(), |n| format!(" ({n})"));
        let title = format!("{role} {}: {}{confidence}", opinion.who, opinion.verdict);
        section(title, &opinion.text)
    };
    sections.extend(reveal.judges.iter().map(|one| opinion("Judge", one)));
    sections.extend(reveal.people.iter().map(|one| opinion("Person", one)));
    sections
}

/// A claim as one value; what is hidden is `null`.
pub(super) fn json(view: &View, reveal: Option<&Reveal>, label: Option<&Label>) -> Json {
    let debate = view.debate.iter().map(|said| {
        Json::object([
            ("who", Json::from(said.who)),
            ("round", Json::from(said.round)),
            ("text", Json::from(said.text.as_str())),
            ("concedes", Json::from(said.concedes)),
        ])
    });
    let opinions = |opinions: &[Opinion]| -> Json {
        let opinions = opinions.iter().map(|one| {
            Json::object([
                ("who", Json::from(one.who.as_str())),
                ("verdict", Json::from(one.verdict.as_str())),
                ("confidence", Json::from(one.confidence)),
                ("text", Json::from(one.text.as_str())),
            ])
        });
        opinions.collect()
    };
    let reveal = reveal.map(|reveal| {
        Json::object([
            ("key", Json::from(reveal.key.as_str())),
            ("claimant", Json::from(reveal.claimant.as_str())),
            ("defender", Json::from(reveal.defender.as_str())),
            ("outcome", Json::from(reveal.outcome.as_str())),
            ("judges", opinions(&reveal.judges)),
            ("people", opinions(&reveal.people)),
        ])
    });
    Json::Object(Object::from([
        ("ticket", Json::from(view.ticket.as_str())),
        ("kind", Json::from(view.kind.as_str())),
        ("topic", Json::from(view.topic.as_str())),
        ("question", Json::from(view.question.as_str())),
        ("answer", Json::from(view.answer.as_str())),
        ("claim", Json::from(view.claim.as_str())),
        ("debate", debate.collect()),
        ("names_replaced", Json::from(view.replaced.len())),
        ("label", label.map_or(Json::Null, Label::to_json)),
        ("revealed", Json::from(reveal)),
    ]))
}
