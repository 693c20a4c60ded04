//! The problems of solvers, as text that they read back.
//!
//! Three kinds: numbers that are changed step by step, the number that was changed (a linear equation, solved backwards), and sums
//! of powers of the roots of a quadratic. Each has a number of steps, which is how hard it is.

use std::fmt::Write as _;

/// How every question of a solver begins.
const HEAD: &str = "An exercise by a simulated model. ";

/// One change of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Add this.
    Add(i128),
    /// Subtract this.
    Subtract(i128),
    /// Multiply by this.
    Multiply(i128),
}

impl Change {
    fn apply(self, x: i128) -> Option<i128> {
        match self {
            Change::Add(a) => x.checked_add(a),
            Change::Subtract(a) => x.checked_sub(a),
            Change::Multiply(a) => x.checked_mul(a),
        }
    }

    /// The number that becomes `y`.
    fn undo(self, y: i128) -> Option<i128> {
        match self {
            Change::Add(a) => y.checked_sub(a),
            Change::Subtract(a) => y.checked_add(a),
            Change::Multiply(0) => None,
            Change::Multiply(a) => (y.checked_rem(a)? == 0).then(|| y.checked_div(a))?,
        }
    }

    fn text(self) -> String {
        match self {
            Change::Add(a) => format!("add ${a}$"),
            Change::Subtract(a) => format!("subtract ${a}$"),
            Change::Multiply(a) => format!("multiply by ${a}$"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        type Make = fn(i128) -> Change;
        let words: [(&str, Make); 3] = [
            ("add $", Change::Add),
            ("subtract $", Change::Subtract),
            ("multiply by $", Change::Multiply),
        ];
        words.into_iter().find_map(|(word, make)| {
            let number = text.strip_prefix(word)?.strip_suffix('$')?;
            number.parse().ok().map(make)
        })
    }
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// What becomes of `start`.
    Forward {
        /// The first number.
        start: i128,
        /// What is done to it, in order.
        changes: Vec<Change>,
    },
    /// What became `end`.
    Backward {
        /// What is done to the number that is looked for, in order.
        changes: Vec<Change>,
        /// What it becomes.
        end: i128,
    },
    /// The sum of the powers of the two roots of `x^2 + b x + c`.
    Roots {
        /// The coefficient of `x`.
        b: i128,
        /// The constant.
        c: i128,
        /// The exponent, at least 1.
        power: usize,
    },
}

/// What a problem asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// There is exactly one, and it is this.
    One(i128),
    /// There is none, or more than one.
    None,
}

impl Problem {
    /// A problem of this many steps. `below` gives a number below its argument for a purpose.
    pub(super) fn invent(steps: usize, below: impl Fn(u64, &str) -> u64) -> Self {
        let number = |low: i128, count: u64, purpose: &str| low + i128::from(below(count, purpose));
        let changes = || {
            let change = |step: usize| match below(3, &format!("change {step}")) {
                0 => Change::Add(number(2, 98, &format!("term {step}"))),
                1 => Change::Subtract(number(2, 98, &format!("term {step}"))),
                _ => Change::Multiply(number(2, 8, &format!("factor {step}"))),
            };
            (0..steps).map(change).collect::<Vec<_>>()
        };
        match below(3, "kind") {
            0 => Problem::Forward {
                start: number(2, 98, "start"),
                changes: changes(),
            },
            1 => {
                let changes = changes();
                let end = forward(number(2, 98, "start"), &changes).unwrap_or(0);
                Problem::Backward { changes, end }
            }
            _ => Problem::Roots {
                b: number(-9, 19, "b"),
                c: number(-9, 19, "c"),
                power: steps.max(2),
            },
        }
    }

    /// Makes it ill-posed, as a careless questioner does: a factor becomes zero, an exponent vanishes.
    pub(super) fn spoil(&mut self) {
        let changes = match self {
            Problem::Backward { changes, .. } => std::mem::take(changes),
            Problem::Forward { changes, .. } => {
                let changes = std::mem::take(changes);
                *self = Problem::Backward {
                    changes: Vec::new(),
                    end: 1,
                };
                changes
            }
            Problem::Roots { .. } => {
                *self = Problem::Backward {
                    changes: Vec::new(),
                    end: 1,
                };
                vec![Change::Add(7)]
            }
        };
        if let Problem::Backward {
            changes: spoilt, ..
        } = self
        {
            *spoilt = changes;
            spoilt.insert(0, Change::Multiply(0));
        }
    }

    /// How many steps a solution has, at least 1.
    pub fn steps(&self) -> usize {
        match self {
            Problem::Forward { changes, .. } | Problem::Backward { changes, .. } => {
                changes.len().max(1)
            }
            Problem::Roots { power, .. } => (*power).max(1),
        }
    }

    /// The right result.
    pub fn value(&self) -> Value {
        let found = match self {
            Problem::Forward { start, changes } => forward(*start, changes),
            Problem::Backward { changes, end } => changes
                .iter()
                .rev()
                .try_fold(*end, |y, change| change.undo(y)),
            Problem::Roots { b, c, power } => {
                power_sums(*b, *c, *power).and_then(|sums| sums.last().copied())
            }
        };
        found.map_or(Value::None, Value::One)
    }

    /// Why there is no single result, as a fragment.
    pub fn why_ill_posed(&self) -> &'static str {
        match self {
            Problem::Backward { changes, .. } if changes.contains(&Change::Multiply(0)) => {
                "every number becomes zero on the way, so that the result says nothing of it"
            }
            _ => "no whole number fits",
        }
    }

    /// The results of the steps of a solution; empty where there is none. `slip` says how far a step goes wrong, and what
    /// follows goes on from there.
    pub(super) fn work(&self, slip: impl Fn(usize) -> Option<i128>) -> Vec<(String, i128)> {
        let mut lines = Vec::new();
        match self {
            Problem::Forward { start, changes } => {
                let mut x = *start;
                for (step, change) in changes.iter().enumerate() {
                    x = change
                        .apply(x)
                        .unwrap_or(0)
                        .saturating_add(slip(step).unwrap_or(0));
                    lines.push((change.text(), x));
                }
            }
            Problem::Backward { changes, end } => {
                let mut x = *end;
                for (step, change) in changes.iter().rev().enumerate() {
                    // After a slip a division may leave a rest.
                    let exact = match change {
                        Change::Multiply(a) if *a != 0 => x.checked_div(*a),
                        other => other.undo(x),
                    };
                    x = exact.unwrap_or(0).saturating_add(slip(step).unwrap_or(0));
                    lines.push((format!("undo {}", change.text()), x));
                }
            }
            Problem::Roots { b, c, power } => {
                let (mut before, mut now) = (2_i128, b.saturating_neg());
                for step in 1..=*power {
                    if step > 1 {
                        let next = now
                            .checked_mul(b.saturating_neg())
                            .and_then(|a| a.checked_sub(before.checked_mul(*c)?));
                        (before, now) = (now, next.unwrap_or(0));
                    }
                    now = now.saturating_add(slip(step - 1).unwrap_or(0));
                    lines.push((format!("$r^{{{step}}} + s^{{{step}}}$"), now));
                }
            }
        }
        lines
    }

    /// The question.
    pub fn text(&self) -> String {
        let list = |changes: &[Change]| {
            let texts: Vec<String> = changes.iter().map(|change| change.text()).collect();
            texts.join(", ")
        };
        let mut out = HEAD.to_owned();
        let _ = match self {
            Problem::Forward { start, changes } => write!(
                out,
                "Start from ${start}$ and do this in order: {}. Which number results?",
                list(changes)
            ),
            Problem::Backward { changes, end } => write!(
                out,
                "To a whole number $x$ this is done in order: {}. The result is ${end}$. Find $x$.",
                list(changes)
            ),
            Problem::Roots { b, c, power } => write!(
                out,
                "Let $r$ and $s$ be the roots of $x^2 + ({b})x + ({c})$, counted with multiplicity. Find $r^{{{power}}} + s^{{{power}}}$."
            ),
        };
        out
    }

    /// The problem of a question; `None` where it is not a solver's.
    pub fn read(question: &str) -> Option<Self> {
        let text = question.trim().strip_prefix(HEAD)?;
        let changes =
            |list: &str| -> Option<Vec<Change>> { list.split(", ").map(Change::read).collect() };
        if let Some(rest) = text.strip_prefix("Start from $") {
            let (start, rest) = rest.split_once("$ and do this in order: ")?;
            let list = rest.strip_suffix(". Which number results?")?;
            return Some(Problem::Forward {
                start: start.parse().ok()?,
                changes: changes(list)?,
            });
        }
        if let Some(rest) = text.strip_prefix("To a whole number $x$ this is done in order: ") {
            let (list, rest) = rest.split_once(". The result is $")?;
            return Some(Problem::Backward {
                changes: changes(list)?,
                end: rest.strip_suffix("$. Find $x$.")?.parse().ok()?,
            });
        }
        let rest = text.strip_prefix("Let $r$ and $s$ be the roots of $x^2 + (")?;
        let (b, rest) = rest.split_once(")x + (")?;
        let (c, rest) = rest.split_once(")$, counted with multiplicity. Find $r^{")?;
        let (power, _) = rest.split_once('}')?;
        let power: usize = power.parse().ok()?;
        // More steps than any solver asks for are somebody else's work, which nobody computes here.
        (1..=64).contains(&power).then_some(())?;
        Some(Problem::Roots {
            b: b.parse().ok()?,
            c: c.parse().ok()?,
            power,
        })
    }
}

fn forward(start: i128, changes: &[Change]) -> Option<i128> {
    changes.iter().try_fold(start, |x, change| change.apply(x))
}

/// The sums of the first to the last power of the roots, by Newton's identities.
fn power_sums(b: i128, c: i128, power: usize) -> Option<Vec<i128>> {
    let mut sums = vec![2, b.checked_neg()?];
    while sums.len() <= power {
        let (a, z) = (sums[sums.len() - 1], sums[sums.len() - 2]);
        sums.push(
            a.checked_mul(b.saturating_neg())?
                .checked_sub(z.checked_mul(c)?)?,
        );
    }
    Some(sums)
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// This result.
    Result(i128),
    /// That there is none.
    IllPosed,
    /// Nothing that a solver reads.
    Other,
}

impl Answer {
    /// The last result of a text, or that it calls the question ill-posed.
    pub fn read(text: &str) -> Self {
        if text.contains("The question is ill-posed") {
            return Answer::IllPosed;
        }
        let number = text
            .rsplit_once("Result: $")
            .and_then(|(_, rest)| rest.split_once('$'))
            .and_then(|(number, _)| number.trim().parse().ok());
        number.map_or(Answer::Other, Answer::Result)
    }

    /// In words.
    pub(super) fn text(self) -> String {
        match self {
            Answer::Result(value) => format!("the result ${value}$"),
            Answer::IllPosed => "no result, and calls the question ill-posed".to_owned(),
            Answer::Other => "no result that can be read".to_owned(),
        }
    }
}
