//! The words that a policy is made of.

/// An enum whose variants are words of a file.
macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $meaning:literal])* $variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $meaning])* $variant),*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The word in a file.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word),*
                }
            }

            /// What the word means.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($name::$variant => concat!($($meaning),*)),*
                }
            }

            /// The value of a word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }
    )*};
}

words! {
    /// Who is asked first about a claim.
    Order {
        /// The panel of judges alone.
        Panel = "panel",
        /// People alone.
        People = "people",
        /// The panel; where it does not agree, people.
        PanelThenPeople = "panel-then-people",
        /// People; where nobody has labelled the claim, the panel.
        PeopleThenPanel = "people-then-panel",
    }

    /// How far the judges must agree; failed decisions do not count.
    Unanimity {
        /// All verdicts are the same word.
        Verdict = "verdict",
        /// All verdicts are on the same side.
        Side = "side",
        /// More than half of the verdicts are on one side.
        Majority = "majority",
    }

    /// How many judges must have decided.
    Quorum {
        /// One is enough.
        None = "none",
        /// Every judge of the arena that does not take part in the claim.
        Full = "full",
    }

    /// What the verdict `mixed` says.
    Mixed {
        /// The claimant is right.
        Claimant = "claimant",
        /// The defender is right.
        Defender = "defender",
        /// The claim decides nothing.
        Dropped = "dropped",
        /// The judge or person has not decided.
        Abstains = "abstains",
    }

    /// What happens when people disagree about the side.
    Conflict {
        /// The claim is unresolved.
        Unresolved = "unresolved",
        /// The side of more than half of them counts.
        Majority = "majority",
    }

    /// Whether the claimant or the defender may decide a claim.
    Participants {
        /// Their decisions count as all others do.
        Decide = "decide",
        /// Their decisions do not count.
        Excluded = "excluded",
    }

    /// What the contradictor step of a game looks at.
    Scope {
        /// The claim of the game's answerer.
        Claim = "claim",
        /// All claims against the question: one for the claimant decides, else one for the defender.
        Question = "question",
    }

    /// What a game does whose answerer has not criticised the questioner's own answer.
    Missing {
        /// It goes on.
        Continue = "continue",
        /// It is dropped.
        Drop = "drop",
    }

    /// Decisions about claims that no critique and no answer makes.
    Orphans {
        /// They count for nothing.
        Ignored = "ignored",
        /// They count for the validity of their question.
        Counted = "counted",
    }

    /// Labels of ill-posed claims that carry a mode or a critic, which such a claim does not have.
    LabelKeys {
        /// They belong to no claim.
        AsWritten = "as-written",
        /// They belong to the claim of their answer.
        Normalised = "normalised",
    }
}
