//! Output folders of the original, written by hand from the description of its format: every artifact, single and
//! batched, finished or stopped in the middle.

use std::fmt::Write as _;

use forgemark_contract::json::{self, Json};

use super::check::Files;

/// When everything happened.
const DATASET_TIME: &str = "2030-01-02T03:04:05.000006+00:00";
const LEDGER_TIME: &str = "2030-01-02T03:04:05.000006Z";

/// One conversation of the original.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) id: String,
    pub(crate) target: usize,
    pub(crate) turns: usize,
    /// `active`, `completed` or `dropped`.
    pub(crate) status: &'static str,
    /// Whether its rows are on disk.
    pub(crate) has_rows: bool,
}

impl Talk {
    /// One that is finished and written.
    pub(crate) fn done(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            target: 2,
            turns: 2,
            status: "completed",
            has_rows: true,
        }
    }

    /// One that has come this far; its rows are not written.
    pub(crate) fn open(id: &str, turns: usize, target: usize) -> Self {
        Self {
            id: id.to_owned(),
            target,
            turns,
            status: "active",
            has_rows: false,
        }
    }
}

/// One wave with its state.
#[derive(Debug, Clone)]
pub(crate) struct Wave {
    pub(crate) id: String,
    pub(crate) language: &'static str,
    /// Whether it was made by the batched path.
    pub(crate) batched: bool,
    pub(crate) total: u64,
    pub(crate) talks: Vec<Talk>,
}

/// The name of a document and its id, which the original makes of an absolute path.
const SOURCE: &str = "/data/somebody/project/knowledge/section-00.txt";
const HASH: &str = "d41d8cd98f00b204e9800998ecf8427e";

pub(crate) fn question(id: &str, turn: usize) -> String {
    format!("Which valve opens first in talk {id} at step {turn}?")
}

fn generation(id: &str, turn: usize) -> String {
    format!(
        r#"{{"user_message": "{}", "intent": "how_to", "difficulty": "easy", "grounding_facts": [{{"fact": "Valve {turn} opens at 3 bar.", "source_descriptor": "section-00.txt#chunk{turn}"}}], "coverage_target": "{HASH}-{turn}", "notes_for_assistant": ["name the pressure"]}}"#,
        question(id, turn)
    )
}

fn trace(turn: usize) -> String {
    format!(
        r#"{{"question": "Which valve?", "retrieval_queries": {{"vector_db_search": ["valve {turn}"], "web_search": []}}, "evidence": [{{"id": "E1", "cue": "KB: section 0", "content": "Valve {turn} opens at 3 bar."}}], "premises": [{{"id": "P1", "text": "Valve {turn} is first", "evidence_refs": ["E1"], "assumption": ""}}], "thinking": [{{"text": "the section says so"}}], "confidence": "high", "known_limits": []}}"#
    )
}

fn answer(turn: usize) -> String {
    format!(
        r#"{{"assistant_message": "Valve {turn} opens at 3 bar.", "reasoning_trace": {}, "did_web_search": false}}"#,
        trace(turn)
    )
}

const JUDGE: &str =
    r#"{"score": 8, "reasons": [], "notes": "ok", "question_ok": true, "answer_ok": true}"#;

fn events(turn: usize) -> String {
    format!(
        r#"[{{"id": "{turn}", "name": "vector_db_search", "arguments": {{"query": "valve {turn}", "k": 4}}, "result": {{"query": "valve {turn}", "results": [{{"source": "section-00.txt", "chunk_index": {turn}, "content": "Valve {turn} opens at 3 bar."}}], "rendered": "[section-00.txt] Valve {turn} opens at 3 bar."}}}}]"#
    )
}

fn mode(turn: usize) -> &'static str {
    if turn == 1 { "fresh" } else { "followup" }
}

fn turn(id: &str, turn: usize) -> String {
    format!(
        r#"{{"turn_index": {turn}, "qa_generation": {}, "kb_answer": {}, "qa_judge": {JUDGE}, "qa_agent_used_name": "openai/m", "kb_agent_used_name": "gemini/m2", "seed_topic": "", "seed_question": "", "question_mode": "{}", "tool_events": {}}}"#,
        generation(id, turn),
        answer(turn),
        mode(turn),
        events(turn)
    )
}

fn raw(id: &str, turn: usize) -> String {
    let (generation, answer) = (generation(id, turn), answer(turn));
    format!(
        r#"{{"turn_index": {turn}, "attempt": 0, "qa_raw": {{"id": "r1", "choices": []}}, "kb_raw": {{"id": "r2", "choices": []}}, "judge_raw": {{"id": "r3", "choices": []}}, "qa_output": {generation}, "kb_output": {answer}, "qa_judge": {JUDGE}}}"#
    )
}

fn list(n: usize, of: impl Fn(usize) -> String) -> String {
    let parts: Vec<String> = (1..=n).map(of).collect();
    format!("[{}]", parts.join(", "))
}

impl Wave {
    fn inputs(&self, talk: Option<(usize, &Talk)>) -> String {
        let run_id = talk.map_or(self.id.as_str(), |(_, talk)| talk.id.as_str());
        let mut text = format!(
            r#"{{"question": "", "target_language": "{}", "target_languages": ["{}"], "question_seed": "", "run_id": "{run_id}", "resume_run_id": "", "total_samples": {}, "min_turns": 2, "max_turns": 3, "turn_count_distribution": "poisson", "turn_count_mean": null, "seed_topics_path": "data/seeds/topics.yaml", "seed_topics_variant": "", "seed_topics_probability": 0.35, "seed_topics_enabled": false, "retrieval_default_k": 4, "user_persona": "Field Tech | direct | asks short things", "assistant_persona": "", "user_persona_id": "field_tech", "assistant_persona_id": "", "user_agent_used_name": "openai/m", "assistant_agent_used_name": "gemini/m2", "judge_enabled": true, "judge_granularity": "turn", "judge_reasons": ["vague", "other"], "project_root": "/data/somebody/project", "config_dir": "/data/somebody/project""#,
            self.language, self.language, self.total
        );
        if let Some((index, talk)) = talk {
            write!(text, r#", "n_turns": {}"#, talk.target).unwrap();
            if self.batched {
                let reason = reason(talk);
                write!(
                    text,
                    r#", "batch_size": {}, "conversation_index": {index}, "conversation_status": "{}", "drop_reason": "{reason}""#,
                    self.talks.len(),
                    talk.status
                )
                .unwrap();
            }
        }
        text + "}"
    }

    /// The state, pretty-printed as every `.json` file of the original.
    pub(crate) fn state(&self) -> Json {
        let finished = self.talks.iter().all(|talk| talk.status != "active");
        let status = if finished { "completed" } else { "in_progress" };
        let most = self.talks.iter().map(|talk| talk.target).max().unwrap();
        let made = |talk: &Talk| {
            (
                list(talk.turns, |n| turn(&talk.id, n)),
                list(talk.turns, |n| raw(&talk.id, n)),
            )
        };
        let text = if self.batched {
            let slots: Vec<String> = self
                .talks
                .iter()
                .enumerate()
                .map(|(index, talk)| {
                    let (turns, raws) = made(talk);
                    format!(
                        r#"{{"conversation_index": {index}, "conversation_id": "{}", "target_n_turns": {}, "status": "{}", "drop_reason": "{}", "inputs": {}, "turns": {turns}, "raw_results": {raws}}}"#,
                        talk.id,
                        talk.target,
                        talk.status,
                        reason(talk),
                        self.inputs(Some((index, talk)))
                    )
                })
                .collect();
            format!(
                r#"{{"run_id": "{}", "status": "{status}", "updated_at": "{LEDGER_TIME}", "n_turns": {most}, "batch_size": {}, "inputs": {}, "conversations": [{}]}}"#,
                self.id,
                self.talks.len(),
                self.inputs(None),
                slots.join(", ")
            )
        } else {
            let talk = &self.talks[0];
            let (turns, raws) = made(talk);
            format!(
                r#"{{"run_id": "{}", "status": "{status}", "updated_at": "{LEDGER_TIME}", "n_turns": {most}, "inputs": {}, "turns": {turns}, "raw_results": {raws}}}"#,
                self.id,
                self.inputs(Some((0, talk)))
            )
        };
        json::parse_str(&text).unwrap()
    }
}

fn reason(talk: &Talk) -> &'static str {
    if talk.status == "dropped" {
        "dedup_exhausted"
    } else {
        ""
    }
}

/// The folder that the original leaves after these waves: the nine artifacts, some of them empty.
pub(crate) fn folder(waves: &[Wave]) -> Files {
    let mut lines: [(&str, String); 6] = [
        "synthetic_qa.jsonl",
        "coverage_ledger.jsonl",
        "turns.jsonl",
        "conversations_sharegpt.jsonl",
        "conversations_sharegpt_judged.jsonl",
        "conversations_index.jsonl",
    ]
    .map(|name| (name, String::new()));
    let mut files = Files::new();
    for wave in waves {
        for (index, talk) in wave.talks.iter().enumerate() {
            for n in 1..=talk.turns {
                let row = format!(
                    r#"{{"timestamp": "{LEDGER_TIME}", "topic_id": "{HASH}-{n}", "source_path": "{SOURCE}", "question": "{}", "question_hash": "{}", "question_mode": "{}", "seed_topic": "", "seed_question": "", "seed_question_hash": ""}}"#,
                    question(&talk.id, n),
                    forgemark_contract::text::question_hash(&question(&talk.id, n)),
                    mode(n)
                );
                lines[1].1 += &(row + "\n");
            }
            if talk.has_rows {
                rows(wave, index, talk, &mut lines, &mut files);
            }
        }
        files.insert(
            format!("run_state/{}.json", wave.id),
            json::to_pretty(&wave.state()),
        );
        files.insert(
            "run_state/last_run_id.txt".to_owned(),
            wave.id.clone().into_bytes(),
        );
    }
    for (name, text) in lines {
        files.insert(name.to_owned(), text.into_bytes());
    }
    files
}

/// What a finished conversation adds to every artifact.
fn rows(
    wave: &Wave,
    index: usize,
    talk: &Talk,
    lines: &mut [(&str, String); 6],
    files: &mut Files,
) {
    let (id, n) = (&talk.id, talk.turns);
    let inputs = wave.inputs(Some((index, talk)));
    let turns = list(n, |n| turn(id, n));
    let raws = list(n, |n| raw(id, n));
    let history = pairs(n, |n| {
        (
            format!(
                r#"{{"turn_index": {n}, "role": "user", "message": "{}", "agent": "openai/m", "intent": "how_to", "difficulty": "easy", "coverage_target": "{HASH}-{n}"}}"#,
                question(id, n)
            ),
            format!(
                r#"{{"turn_index": {n}, "role": "assistant", "message": "Valve {n} opens at 3 bar.", "agent": "gemini/m2", "confidence": "high"}}"#
            ),
        )
    });
    let messages = pairs(n, |n| {
        (
            format!(
                r#"{{"role": "user", "content": "{}", "turn_index": {n}, "agent": "openai/m"}}"#,
                question(id, n)
            ),
            format!(
                r#"{{"role": "assistant", "content": "Valve {n} opens at 3 bar.", "turn_index": {n}, "agent": "gemini/m2"}}"#
            ),
        )
    });
    let plain = pairs(n, |n| {
        (
            format!(
                r#"{{"role": "user", "content": "{}", "agent": "openai/m"}}"#,
                question(id, n)
            ),
            format!(
                r#"{{"role": "assistant", "content": "Valve {n} opens at 3 bar.", "agent": "gemini/m2"}}"#
            ),
        )
    });
    let with_tools = pairs(n, |n| {
        let arguments = format!(r#"{{\"query\": \"valve {n}\", \"k\": 4}}"#);
        let result = format!(
            r#"{{\"query\": \"valve {n}\", \"results\": [{{\"source\": \"section-00.txt\", \"chunk_index\": {n}, \"content\": \"Valve {n} opens at 3 bar.\"}}], \"rendered\": \"[section-00.txt] Valve {n} opens at 3 bar.\"}}"#
        );
        (
            format!(
                r#"{{"role": "user", "content": "{}", "agent": "openai/m"}}, {{"role": "assistant", "content": "", "tool_calls": [{{"id": "{n}", "type": "function", "function": {{"name": "vector_db_search", "arguments": "{arguments}"}}}}], "agent": "gemini/m2"}}, {{"role": "tool", "tool_call_id": "{n}", "name": "vector_db_search", "content": "{result}"}}"#,
                question(id, n)
            ),
            format!(
                r#"{{"role": "assistant", "content": "Valve {n} opens at 3 bar.", "agent": "gemini/m2"}}"#
            ),
        )
    });
    let personas = r#"{"user": "Field Tech | direct | asks short things", "assistant": "", "user_id": "field_tech", "assistant_id": ""}"#;
    let each = |text: &str| list(n, |_| format!("\"{text}\""));
    let (targets, modes) = (
        list(n, |n| format!("\"{HASH}-{n}\"")),
        list(n, |n| format!("\"{}\"", mode(n))),
    );
    let metadata = format!(
        r#"{{"conversation_id": "{id}", "timestamp": "{DATASET_TIME}", "n_turns": {}, "language": "{}", "judge_granularity": "turn", "personas": {personas}, "difficulty_sequence": {}, "difficulty_max": "easy", "intent_sequence": {}, "coverage_targets": {targets}, "question_modes": {modes}, "seed_topics": [], "seed_questions": []}}"#,
        talk.target,
        wave.language,
        each("easy"),
        each("how_to")
    );
    let facts = |n: usize| {
        format!(
            r#"[{{"fact": "Valve {n} opens at 3 bar.", "source_descriptor": "section-00.txt#chunk{n}"}}]"#
        )
    };
    let user_reasoning = list(n, |n| {
        format!(
            r#"{{"turn_index": {n}, "user_message": "{}", "intent": "how_to", "difficulty": "easy", "coverage_target": "{HASH}-{n}", "grounding_facts": {}, "notes_for_assistant": ["name the pressure"], "seed_topic": "", "seed_question": "", "question_mode": "{}"}}"#,
            question(id, n),
            facts(n),
            mode(n)
        )
    });
    let assistant_reasoning = list(n, |n| {
        format!(
            r#"{{"turn_index": {n}, "assistant_message": "Valve {n} opens at 3 bar.", "reasoning_trace": {}, "did_web_search": false}}"#,
            trace(n)
        )
    });
    let (last_plan, last_answer) = (generation(id, n), answer(n));
    writeln!(lines[0].1, r#"{{"conversation_id": "{id}", "timestamp": "{DATASET_TIME}", "question": "", "inputs": {inputs}, "qa_generation_plan": {last_plan}, "kb_final_answer": {last_answer}, "qa_judge": {JUDGE}, "conversation_judge": {{}}, "turns": {turns}, "conversation_history": {history}, "messages": {messages}, "raw_result": {last_answer}, "raw_results": {raws}}}"#).unwrap();
    for n in 1..=n {
        writeln!(lines[2].1, r#"{{"conversation_id": "{id}", "timestamp": "{DATASET_TIME}", "turn_index": {n}, "user_message": "{}", "assistant_message": "Valve {n} opens at 3 bar.", "question_mode": "{}", "seed_topic": "", "seed_question": "", "intent": "how_to", "difficulty": "easy", "coverage_target": "{HASH}-{n}", "grounding_facts": {}, "notes_for_assistant": ["name the pressure"], "reasoning_trace": {}, "did_web_search": false, "judge_granularity": "turn", "judge_score": 8, "judge_reasons": [], "judge_notes": "ok", "judge_question_ok": true, "judge_answer_ok": true, "conversation_judge_score": null, "conversation_judge_reasons": []}}"#,
            question(id, n),
            mode(n),
            facts(n),
            trace(n)).unwrap();
    }
    let columns = format!(
        r#""messages": {plain}, "messages_with_tools": {with_tools}, "metadata": {metadata}, "user_reasoning": {user_reasoning}, "assistant_reasoning": {assistant_reasoning}"#
    );
    let per_turn = list(n, |n| {
        format!(
            r#"{{"turn_index": {n}, "user_message": "{}", "assistant_message": "Valve {n} opens at 3 bar.", "score": 8, "reasons": [], "notes": "ok", "question_ok": true, "answer_ok": true}}"#,
            question(id, n)
        )
    });
    writeln!(lines[3].1, "{{{columns}}}").unwrap();
    writeln!(lines[4].1, "{{{columns}, \"judge\": {{\"per_turn\": {per_turn}, \"avg_score\": 8.0, \"conversation\": {{}}}}}}").unwrap();
    writeln!(lines[5].1, "{{\"conversation_id\": \"{id}\", \"timestamp\": \"{DATASET_TIME}\", \"n_turns\": {}, \"seed_question\": \"\", \"language\": \"{}\", \"conversation_file\": \"out/conversations/{id}.json\"}}",
        talk.target, wave.language).unwrap();
    let file = format!(
        r#"{{"conversation_id": "{id}", "timestamp": "{DATASET_TIME}", "seed_question": "", "inputs": {inputs}, "n_turns": {}, "language": "{}", "personas": {personas}, "messages": {messages}, "messages_with_tools": {with_tools}, "user_reasoning": {user_reasoning}, "assistant_reasoning": {assistant_reasoning}, "conversation_judge": {{}}, "turns": {turns}, "conversation_history": {history}, "raw_results": {raws}}}"#,
        talk.target, wave.language
    );
    files.insert(
        format!("conversations/{id}.json"),
        json::to_pretty(&json::parse_str(&file).unwrap()),
    );
}

/// Two entries a turn.
fn pairs(n: usize, of: impl Fn(usize) -> (String, String)) -> String {
    list(n, |n| {
        let (first, second) = of(n);
        format!("{first}, {second}")
    })
}
