//! Which file holds what, by its path.

/// A kind of file of an arena folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `benchmarks/Q.json`
    Benchmarks,
    /// `answers/Q/A.json`
    Answers,
    /// `critiques/MODE/Q/C__A.json`
    Critiques,
    /// A file below `debates/`.
    Debates,
    /// `automated_evaluations/J.json`
    Judgments,
    /// `evaluations/USER.json`
    Labels,
    /// `synthetic_adjudications/J.json`
    Adjudications,
}

impl FileKind {
    /// All seven, in the order in which one stands on another.
    pub const ALL: [FileKind; 7] = [
        FileKind::Benchmarks,
        FileKind::Answers,
        FileKind::Critiques,
        FileKind::Debates,
        FileKind::Judgments,
        FileKind::Labels,
        FileKind::Adjudications,
    ];

    /// The folder that holds the files.
    pub fn folder(self) -> &'static str {
        match self {
            FileKind::Benchmarks => "benchmarks",
            FileKind::Answers => "answers",
            FileKind::Critiques => "critiques",
            FileKind::Debates => "debates",
            FileKind::Judgments => "automated_evaluations",
            FileKind::Labels => "evaluations",
            FileKind::Adjudications => "synthetic_adjudications",
        }
    }

    /// Whether the entries stand under `decisions`, in place of being the file.
    pub fn has_decisions(self) -> bool {
        matches!(
            self,
            FileKind::Judgments | FileKind::Labels | FileKind::Adjudications
        )
    }
}

/// What the path of a file says of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The kind of the file.
    pub kind: FileKind,
    /// The mode of critiques and of debates about them; `None` elsewhere, and for debates about ill-posed claims.
    pub mode: Option<String>,
    /// The questioner; `None` for decisions.
    pub questioner: Option<String>,
    /// The name without its extension: the questioner, the answerer, `critic__answerer`, the judge or the user.
    pub stem: String,
}

impl Place {
    /// The place of a path relative to the arena folder, with `/` between its parts; `None` for any other path.
    ///
    /// Debates about critiques are found in `debates/critiques/MODE/` and in `debates/MODE/`, which older descriptions
    /// have.
    pub fn of_path(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_suffix(".json")?.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (folder, rest) = parts.split_first()?;
        let kind = FileKind::ALL
            .into_iter()
            .find(|kind| kind.folder() == *folder)?;
        let place = |mode: Option<&str>, questioner: Option<&str>, stem: &str| Place {
            kind,
            mode: mode.map(str::to_owned),
            questioner: questioner.map(str::to_owned),
            stem: stem.to_owned(),
        };
        match (kind, rest) {
            (FileKind::Benchmarks, [stem]) => Some(place(None, Some(*stem), stem)),
            (FileKind::Answers, [questioner, stem])
            | (FileKind::Debates, ["illposed", questioner, stem]) => {
                Some(place(None, Some(*questioner), stem))
            }
            (FileKind::Critiques, [mode, questioner, stem])
            | (
                FileKind::Debates,
                ["critiques", mode, questioner, stem] | [mode, questioner, stem],
            ) => Some(place(Some(*mode), Some(*questioner), stem)),
            (FileKind::Judgments | FileKind::Labels | FileKind::Adjudications, [stem]) => {
                Some(place(None, None, stem))
            }
            _ => None,
        }
    }

    /// The critic and the answerer that the name says, for critiques and debates about them. A slug that holds `__` itself
    /// makes the name ambiguous; the entries decide then.
    pub fn critic_and_answerer(&self) -> Option<(&str, &str)> {
        self.mode.as_ref()?;
        self.stem.split_once("__")
    }
}
