//! The classes of anomalies. Their words are stable: scripts may count by them.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The folder contradicts itself or its contract.
    Fault,
    /// What is there can be used, but a count or a rating over it may be off.
    Warning,
    /// Worth knowing, and no reason to fail.
    Note,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Fault => "fault",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// When a fix takes entries away: what one stage takes is gone before the next is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What is no record, or has no key.
    Unusable,
    /// What stands in a file that it does not belong into.
    Misplaced,
    /// What stands twice.
    Repeated,
    /// What stands on something that is not there.
    Orphan,
}

macro_rules! classes {
    ($($(#[doc = $doc:literal])* $class:ident $word:literal $level:ident $(at $stage:ident)?: $remedy:literal;)*) => {
        /// A class of anomalies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $($(#[doc = $doc])* $class,)*
        }

        impl Class {
            /// All classes, in the order of reports.
            pub const ALL: &[Class] = &[$(Class::$class),*];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Class::$class => $word,)* }
            }

            /// How bad it is.
            pub fn level(self) -> Level {
                match self { $(Class::$class => Level::$level,)* }
            }

            /// When a fix takes the entries of a finding away; `None` for what it leaves alone.
            pub fn stage(self) -> Option<Stage> {
                match self { $(Class::$class => classes!(@stage $($stage)?),)* }
            }

            /// What it is, as a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Class::$class => concat!($($doc),*).trim_ascii(),)* }
            }

            /// What to do about it, as a sentence.
            pub fn remedy(self) -> &'static str {
                match self { $(Class::$class => $remedy,)* }
            }
        }
    };
    (@stage) => { None };
    (@stage $stage:ident) => { Some(Stage::$stage) };
}

classes! {
    /// A file is no JSON, or no list of entries.
    UnreadableFile "unreadable_file" Fault at Unusable: "Restore it from a copy, or let `--fix` put it aside.";
    /// An entry is no record of its kind.
    UnreadableEntry "unreadable_entry" Fault at Unusable: "Restore it from a copy, or let `--fix` put it aside.";
    /// A record lacks a part of its key: run, questioner, answerer, critic or mode.
    Keyless "keyless" Fault at Unusable: "Later stages pass over it; `--fix` puts it aside.";
    /// The path of a record contradicts what it says.
    WrongPlace "wrong_place" Fault at Misplaced: "Move it to the file that its fields name, or let `--fix` put it aside.";
    /// A model answers its own question in a file; its own answer is that of the benchmark.
    SelfAnswer "self_answer" Fault at Misplaced: "The stages after it refuse the folder; `--fix` puts it aside.";
    /// A judge decides a claim that it takes part in.
    SelfJudgment "self_judgment" Fault at Misplaced: "Leave it out of every panel; `--fix` puts it aside.";
    /// A question, answer, critique or debate stands twice.
    DuplicateKey "duplicate_key" Fault at Repeated: "Only one of them counts; `--fix` puts all but the last aside.";
    /// A judge decided one claim twice.
    DuplicateJudgment "duplicate_judgment" Warning at Repeated: "The last one counts; `--fix` puts the others aside.";
    /// A judge decided one claim twice, with different verdicts.
    ConflictingJudgment "conflicting_judgment" Warning: "The last one counts; look at both before you rely on it.";
    /// A person decided one claim twice in one file.
    DuplicateLabel "duplicate_label" Warning at Repeated: "The last one counts; `--fix` puts the others aside.";
    /// An answer to a question that is not there.
    AnswerWithoutQuestion "answer_without_question" Fault at Orphan: "Restore the question, or let `--fix` put it aside.";
    /// A critique of an answer that is not there.
    CritiqueWithoutAnswer "critique_without_answer" Fault at Orphan: "Restore the answer, or let `--fix` put it aside.";
    /// A debate about a claim that nobody makes.
    DebateWithoutClaim "debate_without_claim" Fault at Orphan: "Restore the critique or the answer, or let `--fix` put it aside.";
    /// Judgments on a critique that is not there.
    JudgedWithoutCritique "judged_without_critique" Warning at Orphan: "They count as outcomes of nothing; `--fix` puts them aside.";
    /// Judgments on an ill-posed claim that has no debate or no answer that makes it.
    JudgedWithoutIllPosed "judged_without_ill_posed" Warning at Orphan: "They count as outcomes of nothing; `--fix` puts them aside.";
    /// A label on a critique that is not there.
    LabelWithoutCritique "label_without_critique" Warning at Orphan: "It decides nothing any more; `--fix` puts it aside.";
    /// A label on an ill-posed claim that no answer makes.
    LabelWithoutIllPosed "label_without_ill_posed" Warning at Orphan: "It decides nothing any more; `--fix` puts it aside.";
    /// A model in a person's place decides a claim that nobody makes.
    AdjudicationWithoutClaim "adjudication_without_claim" Warning at Orphan: "It decides nothing; `--fix` puts it aside.";
    /// The text of a question differs from that of its benchmark.
    OtherQuestion "other_question" Fault: "The record is about another question than its key says; restore it from a copy.";
    /// The question changes within one generation.
    ChangedQuestion "changed_question" Fault: "Only the last refinement is answered by others; restore the file from a copy.";
    /// A status that is not that of what it sums up.
    WrongStatus "wrong_status" Fault: "Later stages go by the status; restore the entry from a copy.";
    /// A word outside its vocabulary: status, verdict, type or speaker.
    UnknownWord "unknown_word" Warning: "Other programs drop or refuse it; correct the word.";
    /// A text that must say something is empty.
    EmptyText "empty_text" Warning: "The model said nothing; make the entry again.";
    /// A confidence outside 1 to 5.
    ConfidenceRange "confidence_range" Warning: "Leave it out of anything that uses confidences.";
    /// The rounds of a debate go back.
    RoundOrder "round_order" Fault: "Restore the debate from a copy; its messages are not in order.";
    /// An answer passed its self-check, which called the question ill-posed: the claim was never made.
    LostIllPosed "lost_ill_posed" Warning: "Treat `ill_posed` apart from the verdict, and debate the claim.";
    /// A critique succeeded although its last self-check did not pass.
    UncheckedCritique "unchecked_critique" Warning: "Let the self-check gate, or look at the critique before you rely on it.";
    /// A self-check is the JSON Schema that it was to follow.
    SchemaEcho "schema_echo" Warning: "The model did not check anything; ask it again.";
    /// The verdict of a self-check is neither `pass` nor `fail`.
    SelfCheckVerdict "self_check_verdict" Warning: "The model did not check, it repeated itself; ask it again.";
    /// A self-check lacks keys, or has them in another form.
    SelfCheckForm "self_check_form" Note: "Read it through the typed view, which takes both.";
    /// A self-check has keys that nobody asked for.
    SelfCheckExtra "self_check_extra" Note: "They are kept; nothing reads them.";
    /// A claim of a fault that was never debated.
    UndebatedClaim "undebated_claim" Warning: "Run the debates again; without one there is no judgment.";
    /// A debated claim that nobody judged.
    UnjudgedDebate "unjudged_debate" Warning: "Judge it, unless its question is invalid and it does not matter.";
    /// A claim with fewer judges than there are judges that take no part in it.
    TooFewJudges "too_few_judges" Warning: "Judge it again with the judges that are missing; a quorum may not be met.";
    /// A judgment failed: its reply could not be read, or the judge could not be asked.
    FailedJudgment "failed_judgment" Warning: "Ask the judge again; it counts for nothing.";
    /// A judgment that succeeded without a confidence or a reason.
    BareJudgment "bare_judgment" Note: "The verdict counts; the reply was not read in full.";
    /// A label of an ill-posed claim carries a critic, and so does not join the automated claim.
    MiskeyedLabel "miskeyed_label" Warning: "It is read as if it had none.";
    /// People decided one claim differently.
    ConflictingLabels "conflicting_labels" Warning: "A policy has to say which counts; a third label may.";
    /// More than one person decided one claim.
    SharedLabel "shared_label" Note: "Nothing: agreement can be measured on it.";
    /// A model in a person's place decides a claim that it takes part in.
    SelfAdjudication "self_adjudication" Note: "Leave it out where participants must not decide.";
    /// A live claim whose judges disagree, and that some model in a person's place did not decide; or such a decision on
    /// a claim that is not contested.
    AdjudicationGap "adjudication_gap" Warning: "The sets of decisions are not about the same claims; do not compare them.";
    /// A later text still has the mathematical delimiters that first texts are cleaned of.
    RawLatex "raw_latex" Note: "Clean it where it is shown: `\\(` and `\\[` stand for `$` and `$$`.";
    /// The same in the questioner's own answer.
    RawLatexOwn "raw_latex_own" Note: "Clean it where it is shown: `\\(` and `\\[` stand for `$` and `$$`.";
    /// A debate ends with Bob, who does not give in, while Alice has no answer.
    InterruptedDebate "interrupted_debate" Note: "It may have been cut off; debate it again where it matters.";
    /// A live, succeeded question that an answerer of the folder has not answered.
    MissingAnswer "missing_answer" Note: "Answer it, unless its question is invalid.";
    /// A question that never succeeded.
    FailedQuestion "failed_question" Note: "It is passed over; another attempt may replace it.";
    /// A place in a list without an entry.
    Placeholder "placeholder" Note: "Nothing: older writers keep places so; the second epoch leaves them out.";
    /// An entry without an outer attempt, as the first epoch of the format has them.
    NoAttempt "no_attempt" Note: "Nothing: it is read as attempt 1.";
    /// An entry whose keys stand in another order than in the contract, or with `null` for what is absent.
    KeyOrder "key_order" Note: "Nothing: older writers had other orders, and it stays as it is.";
    /// A file that says the same as JSON but is not written as the pipelines write.
    HandEdited "hand_edited" Note: "Nothing, if you know who changed it; the next program that writes it changes its bytes.";
    /// A file below the folders of an arena that the contract does not know.
    StrayFile "stray_file" Note: "Move it elsewhere; nothing reads it.";
}
