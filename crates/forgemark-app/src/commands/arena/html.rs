//! A leaderboard as HTML that leads down to questions, claims and transcripts.
//!
//! Everything stands in the files themselves: no script, no font, no request to anywhere. Whatever models or people wrote passes
//! through [`escaped`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use forgemark_arena::adjudicate::Ruling;
use forgemark_arena::corpus::Stored;
use forgemark_arena::games::Meeting;
use forgemark_arena::rate::{Ratings, Role};
use forgemark_arena::{Adjudicator, Corpus, Name, Ref, Stats, Walk};
use forgemark_contract::arena::{
    Answer, AnswerKey, Benchmark, ClaimKey, Critique, Debate, Judgment, Label, QuestionKey,
};

use super::{ground, svg};
use crate::error::AppError;
use crate::escape;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;color:#1f2328}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem}table{border-collapse:collapse;margin:.5rem 0}\
th,td{text-align:left;padding:.2rem .7rem;border-bottom:1px solid #d8dee4}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.text{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;padding:.6rem .8rem;border-radius:4px;margin:.3rem 0}\
.muted{color:#57606a}.won{color:#1a7f37}.lost{color:#b35806}details{margin:.3rem 0 .3rem 1rem}summary{cursor:pointer}\
svg{max-width:100%;height:auto}";

/// Makes foreign text safe in HTML and in attributes; what a terminal would obey is spelled out, as everywhere.
pub(super) fn escaped(text: &str) -> String {
    let safe = escape::for_terminal(text);
    let mut out = String::with_capacity(safe.len() + 16);
    for c in safe.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// The leaderboard and a part for each live question.
pub(super) struct Pages<'a> {
    book: Book<'a>,
    stats: &'a Stats,
    ratings: &'a Ratings,
}

/// The leaderboard of an arena.
pub(super) fn pages<'a>(
    corpus: &'a Corpus,
    adjudicator: &'a Adjudicator<'a>,
    walk: &'a Walk,
    stats: &'a Stats,
    ratings: &'a Ratings,
) -> Pages<'a> {
    let mut questions: BTreeMap<_, &[Meeting]> = BTreeMap::new();
    for same in walk.meetings.chunk_by(|a, b| a.question == b.question) {
        if let Some(first) = same.first() {
            let key = first
                .question
                .map(|name| adjudicator.docket.graph.text(name));
            questions.insert((key.questioner, natural(key.run), key.attempt), same);
        }
    }
    let book = Book {
        corpus,
        adjudicator,
        questions: questions.into_values().collect(),
    };
    Pages {
        book,
        stats,
        ratings,
    }
}

/// Numbers before words, and in the order of their size.
fn natural(run: &str) -> (u64, &str) {
    (run.parse().unwrap_or(u64::MAX), run)
}

impl Pages<'_> {
    /// Writes one file where the path ends in `.html`, else a folder with `index.html` and a page for each question; how many files.
    ///
    /// # Errors
    /// When the system does not take a file.
    pub(super) fn write(&self, path: &Path) -> Result<u64, AppError> {
        let one = path
            .extension()
            .is_some_and(|extension| extension == "html");
        let link = |number: usize| {
            if one {
                format!("#q{number}")
            } else {
                format!("questions/{}", self.book.file(number))
            }
        };
        let mut index = self.index(&link);
        if one {
            for number in 0..self.book.questions.len() {
                let _ = write!(
                    index,
                    "<section id=\"q{number}\">{}</section>",
                    self.book.question(number)
                );
            }
            ground::write(path, &page("Arena leaderboard", &index))?;
            return Ok(1);
        }
        for number in 0..self.book.questions.len() {
            let body = format!(
                "<p><a href=\"../index.html\">leaderboard</a></p>{}",
                self.book.question(number)
            );
            let file = path.join("questions").join(self.book.file(number));
            ground::write(&file, &page(&self.book.title(number), &body))?;
        }
        // Last, so that what it leads to is there.
        ground::write(&path.join("index.html"), &page("Arena leaderboard", &index))?;
        Ok(self.book.questions.len() as u64 + 1)
    }

    fn index(&self, link: &dyn Fn(usize) -> String) -> String {
        let ratings = self.ratings;
        let mut out = String::from("<h1>Arena leaderboard</h1>");
        let _ = write!(
            out,
            "<p>{} games on {} valid questions, {} unresolved; {} model, log-likelihood {:.3}. Intervals hold 95 %.</p>",
            ratings.games,
            ratings.valid,
            ratings.unresolved,
            ratings.model.as_str(),
            ratings.log_likelihood
        );
        for (role, title) in [
            (Role::Answerer, "Answerers"),
            (Role::Questioner, "Questioners"),
        ] {
            let _ = write!(
                out,
                "<h2>{title}</h2><table><tr><th>model</th><th class=\"n\">Elo</th><th class=\"n\">error</th><th class=\"n\">95 %</th><th class=\"n\">rank</th><th class=\"n\">won</th><th class=\"n\">lost</th></tr>"
            );
            for row in ratings.rows.iter().filter(|row| row.role == role) {
                let number = |value: Option<f64>| {
                    value.map_or("-".to_owned(), |value| format!("{value:.0}"))
                };
                let range = row.elo_interval();
                let range =
                    range.map_or("-".to_owned(), |i| format!("{:.0} to {:.0}", i.low, i.high));
                let rank = row
                    .rank
                    .map_or("-".to_owned(), |(low, high)| format!("{low} to {high}"));
                let _ = write!(
                    out,
                    "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{range}</td><td class=\"n\">{rank}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                    escaped(&row.model),
                    number(row.rating.elo()),
                    number(row.rating.elo_error()),
                    row.wins,
                    row.losses
                );
            }
            let _ = write!(out, "</table>{}", svg::ratings(ratings, role));
        }
        out += "<h2>Who beats whom</h2>";
        out += &svg::matrix(self.stats);
        let policy = ground::policy_text(&ratings.policy);
        let _ = write!(
            out,
            "<h2>Policy</h2><pre class=\"text\">{}</pre>",
            escaped(&policy)
        );
        out += "<h2>Questions</h2>";
        let mut questioner = None;
        for (number, meetings) in self.book.questions.iter().enumerate() {
            let Some(first) = meetings.first() else {
                continue;
            };
            if questioner != Some(first.question.questioner) {
                if questioner.is_some() {
                    out += "</table></details>";
                }
                questioner = Some(first.question.questioner);
                let _ = write!(
                    out,
                    "<details><summary>{}</summary><table><tr><th>question</th><th>topic</th><th></th><th class=\"n\">answerers win</th></tr>",
                    escaped(self.book.text(first.question.questioner))
                );
            }
            let games: Vec<bool> = meetings.iter().filter_map(Meeting::answerer_wins).collect();
            let won = games.iter().filter(|won| **won).count();
            let state = if first.invalid { "invalid" } else { "" };
            let _ = write!(
                out,
                "<tr><td><a href=\"{}\">run {}, attempt {}</a></td><td>{}</td><td>{state}</td><td class=\"n\">{won} of {}</td></tr>",
                escaped(&link(number)),
                escaped(self.book.text(first.question.run)),
                first.question.attempt,
                escaped(self.book.topic(&first.question)),
                games.len()
            );
        }
        if questioner.is_some() {
            out += "</table></details>";
        }
        out
    }
}

/// What the parts on questions are made of.
struct Book<'a> {
    corpus: &'a Corpus,
    adjudicator: &'a Adjudicator<'a>,
    questions: Vec<&'a [Meeting]>,
}

impl<'a> Book<'a> {
    fn text(&self, name: Name) -> &'a str {
        self.adjudicator.docket.graph.text(name)
    }

    /// The last of the records at some places.
    fn last<T: Stored>(&self, places: Option<&Vec<Ref>>) -> Option<&'a T> {
        self.corpus.record::<T>(*places?.last()?)
    }

    fn benchmark(&self, key: &QuestionKey<Name>) -> Option<&'a Benchmark> {
        self.last(self.adjudicator.docket.graph.questions.get(key))
    }

    fn topic(&self, key: &QuestionKey<Name>) -> &'a str {
        let record = self.benchmark(key);
        record.map_or("", |record| {
            record.topic_name.as_deref().unwrap_or(&record.topic_slug)
        })
    }

    fn key(&self, number: usize) -> Option<QuestionKey<Name>> {
        Some(self.questions.get(number)?.first()?.question)
    }

    fn title(&self, number: usize) -> String {
        self.key(number).map_or(String::new(), |key| {
            format!(
                "{}, run {}, attempt {}",
                self.text(key.questioner),
                self.text(key.run),
                key.attempt
            )
        })
    }

    /// A name that any file system takes, and no two questions share.
    fn file(&self, number: usize) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
                c
            } else {
                '-'
            }
        };
        let title: String = self.title(number).chars().map(plain).take(80).collect();
        format!("{number:04}-{title}.html")
    }

    fn question(&self, number: usize) -> String {
        let Some((key, meetings)) = self.key(number).zip(self.questions.get(number)) else {
            return String::new();
        };
        let docket = self.adjudicator.docket;
        let mut out = format!("<h1>{}</h1>", escaped(&self.title(number)));
        let invalid = meetings.first().is_some_and(|meeting| meeting.invalid);
        let state = if invalid {
            "invalid: its games do not count"
        } else {
            "valid"
        };
        let _ = write!(
            out,
            "<p class=\"muted\">{}; {state}</p>",
            escaped(self.topic(&key))
        );
        if let Some(last) = self.benchmark(&key).and_then(Benchmark::last) {
            block(&mut out, "Question", &last.question);
            block(&mut out, "The questioner's own answer", &last.answer);
        }
        for claim in docket
            .against(&key)
            .iter()
            .filter(|claim| claim.critique.is_some())
        {
            self.claim(
                &mut out,
                claim,
                self.adjudicator
                    .rule(&self.adjudicator.policy.validity, claim),
            );
        }
        for meeting in *meetings {
            let answerer = self.text(meeting.answerer);
            let (class, word) = match meeting.answerer_wins() {
                Some(true) => ("won", "answerer wins"),
                Some(false) => ("lost", "questioner wins"),
                None => ("muted", "no game"),
            };
            let _ = write!(
                out,
                "<h2>{}</h2><p class=\"{class}\">{word}: {}</p>",
                escaped(answerer),
                meeting.end.as_str().replace('_', " ")
            );
            let answer = AnswerKey {
                question: key,
                answerer: meeting.answerer,
            };
            if let Some(last) = self
                .last::<Answer>(docket.graph.answers.get(&answer))
                .and_then(Answer::last)
            {
                let _ = write!(
                    out,
                    "<details><summary>Answer</summary><div class=\"text\">{}</div></details>",
                    escaped(&last.answer)
                );
            }
            let claims = [
                docket.evaluation(answer),
                Some(ClaimKey {
                    answer,
                    critique: None,
                }),
            ];
            for claim in claims.into_iter().flatten() {
                let there = docket.critiques.contains_key(&claim) || docket.is_made(&claim);
                if there {
                    self.claim(&mut out, &claim, self.adjudicator.claim(&claim));
                }
            }
        }
        out
    }

    /// A claim with its debate and decisions, folded.
    fn claim(&self, out: &mut String, key: &ClaimKey<Name>, ruling: Ruling) {
        let graph = self.adjudicator.docket.graph;
        let critique: Option<&Critique> = self.last(graph.critiques.get(key));
        let critic = key
            .critique
            .map_or(key.answer.answerer, |(_, critic)| critic);
        let verdict = match (key.critique, critique.and_then(Critique::verdict)) {
            (None, _) => "ill-posed",
            (Some(_), verdict) => verdict.unwrap_or("unknown"),
        };
        let made = self.adjudicator.docket.is_made(key) || critique.is_none();
        let outcome = if made {
            format!(
                "; {} decides: {}",
                ruling.by.as_str(),
                ruling.outcome.as_str()
            )
        } else {
            String::new()
        };
        let _ = write!(
            out,
            "<details><summary>{} says <b>{}</b>{outcome}</summary>",
            escaped(self.text(critic)),
            escaped(verdict)
        );
        if let Some(last) = critique.and_then(Critique::last) {
            block(out, "Notes", &last.notes);
        }
        if let Some(debate) = self.last::<Debate>(graph.debates.get(key)) {
            out.push_str("<h3>Debate</h3>");
            for message in &debate.history {
                let who = match message.is_alice() {
                    Some(true) => format!("claimant ({})", debate.alice_model),
                    Some(false) => format!("defender ({})", debate.bob_model),
                    None => message.speaker.clone(),
                };
                let concedes = if message.concedes() { ", gives in" } else { "" };
                block(
                    out,
                    &format!("Round {}, {who}{concedes}", message.round),
                    &message.message,
                );
            }
        }
        for (judge, at) in graph.judgments.get(key).into_iter().flatten() {
            if let Some(record) = self.corpus.record::<Judgment>(*at) {
                let title = format!("Judge {}: {}", self.text(*judge), record.verdict);
                block(out, &title, record.reasoning.as_deref().unwrap_or_default());
            }
        }
        for (user, at) in graph.labels.get(key).into_iter().flatten() {
            if let Some(record) = self.corpus.record::<Label>(*at) {
                let title = format!("Person {}: {}", self.text(*user), record.verdict);
                block(out, &title, record.comment.as_deref().unwrap_or_default());
            }
        }
        out.push_str("</details>");
    }
}

fn block(out: &mut String, title: &str, text: &str) {
    let _ = write!(
        out,
        "<h3>{}</h3><div class=\"text\">{}</div>",
        escaped(title),
        escaped(text)
    );
}

fn page(title: &str, body: &str) -> String {
    // The policy forbids what the page does not need, should anything slip through.
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_its_place() {
        let nasty = "</div><script>alert('x')</script>\"&\u{202e}";
        assert_eq!(
            escaped(nasty),
            "&lt;/div&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\\u{202e}"
        );
    }
}
