//! The files of a small arena with claims that people have to decide.

/// Who asks in [`contested`].
pub const QUESTIONER: &str = "openai-gpt-4o";

/// Who answers in [`contested`].
pub const ANSWERERS: [&str; 2] = ["google-gemini-3", "meta-llama-4"];

/// One question, two answers, a critique of each by the questioner, a debate about each, and two judges who disagree about both.
/// Paths with their contents; the texts name the models.
pub fn contested() -> Vec<(String, String)> {
    let check = r#"{"verdict": "pass", "ill_posed": false, "issues": [], "improvements": ""}"#;
    let asked = "How many primes are even?";
    let about = r#""run_id": "1", "outer_attempt": 1, "topic_slug": "number-theory""#;
    let mut files = vec![(
        format!("benchmarks/{QUESTIONER}.json"),
        format!(
            r#"[{{{about}, "topic_name": "Number theory", "status": "succeeded", "generation_rounds": [{{"refinement_rounds": [{{"round": 1, "question": "{asked}", "answer": "One: 2.", "evaluation": {check}}}], "status": "succeeded"}}]}}]"#
        ),
    )];
    let mut judged = [Vec::new(), Vec::new()];
    for answerer in ANSWERERS {
        let claim = format!(
            r#""question_model": "{QUESTIONER}", "answer_model": "{answerer}", "critic_model": "{QUESTIONER}""#
        );
        files.push((
            format!("answers/{QUESTIONER}/{answerer}.json"),
            format!(
                r#"[{{"question_model": "{QUESTIONER}", "answer_model": "{answerer}", "question": "{asked}", {about}, "status": "succeeded", "attempts": [{{"round": 1, "answer": "None, because a prime is odd. I am {answerer}.", "evaluation": {check}}}]}}]"#
            ),
        ));
        let file = format!("evaluator/{QUESTIONER}/{QUESTIONER}__{answerer}.json");
        files.push((
            format!("critiques/{file}"),
            format!(
                r#"[{{"question": "{asked}", {about}, "question_author": "{QUESTIONER}", "critic": "{QUESTIONER}", "answer_author": "{answerer}", "status": "succeeded", "attempts": [{{"round": 1, "raw_critique": "2 is even.", "verdict": "incorrect", "notes": "As GPT 4o knows, 2 is prime and even."}}]}}]"#
            ),
        ));
        files.push((
            format!("debates/critiques/{file}"),
            format!(
                r#"[{{"question": "{asked}", {about}, "alice_model": "{QUESTIONER}", "bob_model": "{answerer}", "answer_author": "{answerer}", "critic": "{QUESTIONER}", "history": [{{"round": 1, "speaker": "Bob", "message": "Two is not odd.", "concede": false}}, {{"round": 1, "speaker": "Alice", "message": "That is the point.", "concede": false}}]}}]"#
            ),
        ));
        for (judged, (judge, verdict)) in judged.iter_mut().zip([
            ("deepseek-v3", "claimant_wins"),
            ("microsoft-phi-4", "wrong_problem"),
        ]) {
            judged.push(format!(
                r#"{{"type": "critique", "mode": "evaluator", {claim}, "verdict": "{verdict}", "confidence": 5, "reasoning": "Because of 2.", "judge_model": "{judge}", "status": "succeeded", {about}}}"#
            ));
        }
    }
    for (judge, judged) in ["deepseek-v3", "microsoft-phi-4"].iter().zip(judged) {
        let decisions = format!("{{\"decisions\": [{}]}}", judged.join(", "));
        files.push((format!("automated_evaluations/{judge}.json"), decisions));
    }
    files
}
