//! The languages that the offline agents have frames for.

use super::Draw;

/// A language with frames of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    English,
    French,
    German,
    Spanish,
    /// All dialect labels too: the frames are in Modern Standard Arabic.
    Arabic,
    /// Quotations only.
    Other,
}

/// The family of a language label such as `en`, `fr-CA`, `French` or `morocco`.
pub(super) fn family(label: &str) -> Family {
    let label = label.trim().to_lowercase();
    let code = label.split(['-', '_', ' ', '(']).next().unwrap_or("");
    let has = |words: &[&str]| words.iter().any(|word| label.contains(word));
    match code {
        "en" | "english" => Family::English,
        "fr" | "french" | "france" | "français" => Family::French,
        "de" | "german" | "deutsch" => Family::German,
        "es" | "spanish" | "español" | "castellano" => Family::Spanish,
        "ar" | "msa" | "arabic" => Family::Arabic,
        _ if has(&[
            "arab", "عرب", "moroc", "darija", "egypt", "levant", "gulf", "saudi", "uae", "emirat",
            "alger", "tunis", "syria", "leban", "jordan", "palestin", "iraq", "yemen", "sudan",
            "kuwait", "qatar", "libya",
        ]) =>
        {
            Family::Arabic
        }
        _ if has(&["english"]) => Family::English,
        _ if has(&["french", "français"]) => Family::French,
        _ if has(&["german", "deutsch"]) => Family::German,
        _ if has(&["spanish", "español", "mexic", "argentin"]) => Family::Spanish,
        _ => Family::Other,
    }
}

/// The commonest words of the languages that share the Latin script.
const COMMON: [(Family, &[&str]); 4] = [
    (
        Family::English,
        &[
            "the", "of", "and", "is", "are", "to", "in", "for", "with", "be", "must", "not",
        ],
    ),
    (
        Family::French,
        &[
            "le", "la", "les", "des", "et", "est", "une", "dans", "du", "sont", "pour", "ne",
        ],
    ),
    (
        Family::German,
        &[
            "der", "die", "das", "und", "ist", "ein", "eine", "nicht", "wird", "mit", "den", "im",
        ],
    ),
    (
        Family::Spanish,
        &[
            "el", "los", "las", "de", "y", "es", "una", "en", "se", "del", "con", "que",
        ],
    ),
];

/// The family that a text is written in, from its script and its commonest words.
pub(super) fn detect(text: &str) -> Family {
    let (mut latin, mut arabic, mut other) = (0_usize, 0_usize, 0_usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        match c {
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => latin += 1,
            '\u{600}'..='\u{6ff}' => arabic += 1,
            _ => other += 1,
        }
    }
    if arabic > latin && arabic > other {
        return Family::Arabic;
    }
    if other > latin {
        return Family::Other;
    }
    let mut counts = [1_usize; COMMON.len()];
    for word in text.split(|c: char| !c.is_alphabetic()) {
        // The common words are short; most others need no further look.
        if (1..=5).contains(&word.len()) {
            let word = word.to_lowercase();
            for (count, (_, words)) in counts.iter_mut().zip(&COMMON) {
                *count += usize::from(words.contains(&word.as_str()));
            }
        }
    }
    // One such word may be chance.
    let mut best = (Family::Other, 2);
    for (count, (family, _)) in counts.iter().zip(&COMMON) {
        if *count > best.1 {
            best = (*family, *count);
        }
    }
    best.0
}

/// A question about a quoted phrase.
pub(super) fn ask_about(family: Family, phrase: &str, draw: Draw) -> String {
    let frames: &[(&str, &str)] = match family {
        Family::English => &[
            ("What does the document say about “", "”?"),
            ("Can you explain what is meant by “", "”?"),
            ("What should I know about “", "”?"),
            ("Which details does the document give about “", "”?"),
        ],
        Family::French => &[
            ("Que dit le document au sujet de « ", " » ?"),
            ("Que faut-il savoir à propos de « ", " » ?"),
            (
                "Pouvez-vous expliquer ce que le document entend par « ",
                " » ?",
            ),
            ("Quelles précisions le document donne-t-il sur « ", " » ?"),
        ],
        Family::German => &[
            ("Was sagt das Dokument über „", "“?"),
            ("Was muss man über „", "“ wissen?"),
            ("Können Sie erklären, was mit „", "“ gemeint ist?"),
            ("Welche Angaben macht das Dokument zu „", "“?"),
        ],
        Family::Spanish => &[
            ("¿Qué dice el documento sobre «", "»?"),
            ("¿Qué hay que saber sobre «", "»?"),
            ("¿Puede explicar qué significa «", "»?"),
            ("¿Qué detalles da el documento sobre «", "»?"),
        ],
        Family::Arabic => &[
            ("ماذا تقول الوثيقة عن «", "»؟"),
            ("ما الذي ينبغي معرفته عن «", "»؟"),
            ("هل يمكن توضيح المقصود بـ «", "»؟"),
            ("ما التفاصيل التي تذكرها الوثيقة حول «", "»؟"),
        ],
        Family::Other => &[("« ", " » ?")],
    };
    let (before, after) = draw.of(frames, 11);
    format!("{before}{phrase}{after}")
}

/// Sentences with their source.
pub(super) fn cite(family: Family, text: &str, source: &str) -> String {
    match family {
        Family::English => format!("{text} (Source: {source})"),
        Family::French => format!("{text} (Source : {source})"),
        Family::German => format!("{text} (Quelle: {source})"),
        Family::Spanish => format!("{text} (Fuente: {source})"),
        Family::Arabic => format!("{text} (المصدر: {source})"),
        Family::Other => format!("{text} ({source})"),
    }
}

/// A quotation in the marks of the language around it.
pub(super) fn quoted(family: Family, text: &str) -> String {
    match family {
        Family::English => format!("“{text}”"),
        Family::German => format!("„{text}“"),
        Family::French | Family::Other => format!("« {text} »"),
        Family::Spanish | Family::Arabic => format!("«{text}»"),
    }
}

/// Says that the passages hold no answer, and what the nearest one says.
pub(super) fn no_answer(family: Family, nearest: Option<(&str, &str)>) -> String {
    let (plain, nearer) = match family {
        Family::English => (
            "The passages that I have do not answer this question.",
            "The nearest one says: ",
        ),
        Family::French => (
            "Les passages dont je dispose ne répondent pas à cette question.",
            "Le plus proche dit : ",
        ),
        Family::German => (
            "Die Passagen, die mir vorliegen, beantworten diese Frage nicht.",
            "Die nächstliegende lautet: ",
        ),
        Family::Spanish => (
            "Los pasajes que tengo no responden a esta pregunta.",
            "El más cercano dice: ",
        ),
        Family::Arabic => ("لا تجيب المقاطع المتاحة لي عن هذا السؤال.", "وأقربها يقول: "),
        Family::Other => ("", ""),
    };
    match nearest {
        Some((text, source)) => {
            let quote = cite(family, &quoted(family, text), source);
            format!("{plain} {nearer}{quote}").trim().to_owned()
        }
        None if family == Family::Other => "—".to_owned(),
        None => plain.to_owned(),
    }
}
