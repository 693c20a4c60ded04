//! The languages that labels may name.

use icu_properties::props::Script;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Language {
    /// ISO 639-3 code.
    pub(super) code: &'static str,
    /// Other codes that stand for it in tags.
    pub(super) short: &'static [&'static str],
    /// English and own names, in lower case; words are apart by one space.
    pub(super) names: &'static [&'static str],
    /// The scripts that it is written in.
    pub(super) scripts: &'static [Script],
    /// What texts in it are told to be, itself first, then what it is taken for; empty for a language that cannot be told.
    pub(super) told_as: &'static [&'static str],
    /// Whether the name itself says more than can be told.
    pub(super) is_variety: bool,
}

const fn language(
    code: &'static str,
    short: &'static [&'static str],
    names: &'static [&'static str],
    scripts: &'static [Script],
    told_as: &'static [&'static str],
) -> Language {
    Language {
        code,
        short,
        names,
        scripts,
        told_as,
        is_variety: false,
    }
}

const fn variety(
    of: Language,
    short: &'static [&'static str],
    names: &'static [&'static str],
) -> Language {
    Language {
        short,
        names,
        is_variety: true,
        ..of
    }
}

/// Words in a label that ask for nothing more.
pub(super) const SAYS_NOTHING: &[&str] = &[
    "language", "standard", "modern", "the", "in", "script", "text",
];

/// Dialects and regions that stand for a language without naming it, by how they begin.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("darija", "ara"),
    ("moroc", "ara"),
    ("egypt", "ara"),
    ("levant", "ara"),
    ("gulf", "ara"),
    ("khalij", "ara"),
    ("saudi", "ara"),
    ("emirat", "ara"),
    ("alger", "ara"),
    ("tunis", "ara"),
    ("syria", "ara"),
    ("leban", "ara"),
    ("jordan", "ara"),
    ("palestin", "ara"),
    ("iraq", "ara"),
    ("yemen", "ara"),
    ("sudan", "ara"),
    ("kuwait", "ara"),
    ("qatar", "ara"),
    ("libya", "ara"),
    ("maghreb", "ara"),
    ("hijaz", "ara"),
    ("najd", "ara"),
    ("brazil", "por"),
    ("mexic", "spa"),
    ("argentin", "spa"),
    ("rioplat", "spa"),
    ("austrian", "deu"),
    ("bavarian", "deu"),
    ("quebec", "fra"),
    ("québéc", "fra"),
];

/// The script that a part of a tag or a word of a label asks for. Simplified and traditional Chinese are no scripts that
/// can be told apart here.
pub(super) fn script(word: &str) -> Option<Script> {
    let scripts = SCRIPTS.iter();
    let mut found = scripts.filter(|(code, name, _)| code == &word || name == &word);
    found.next().map(|(_, _, script)| *script)
}

/// Whether texts in this script are told to be of one language, however short they are.
pub(super) fn is_alone(script: Script) -> bool {
    ![
        Script::Latin,
        Script::Cyrillic,
        Script::Arabic,
        Script::Hebrew,
        Script::Devanagari,
    ]
    .contains(&script)
}

/// ISO 15924 codes and names, in lower case.
const SCRIPTS: &[(&str, &str, Script)] = &[
    ("arab", "arabic", Script::Arabic),
    ("armn", "armenian", Script::Armenian),
    ("beng", "bengali", Script::Bengali),
    ("cyrl", "cyrillic", Script::Cyrillic),
    ("deva", "devanagari", Script::Devanagari),
    ("ethi", "ethiopic", Script::Ethiopic),
    ("geor", "georgian", Script::Georgian),
    ("grek", "greek", Script::Greek),
    ("gujr", "gujarati", Script::Gujarati),
    ("guru", "gurmukhi", Script::Gurmukhi),
    ("hang", "hangul", Script::Hangul),
    ("hani", "han", Script::Han),
    ("hebr", "hebrew", Script::Hebrew),
    ("hira", "hiragana", Script::Hiragana),
    ("kana", "katakana", Script::Katakana),
    ("khmr", "khmer", Script::Khmer),
    ("knda", "kannada", Script::Kannada),
    ("laoo", "lao", Script::Lao),
    ("latn", "latin", Script::Latin),
    ("mlym", "malayalam", Script::Malayalam),
    ("mong", "mongolian", Script::Mongolian),
    ("mymr", "myanmar", Script::Myanmar),
    ("orya", "oriya", Script::Oriya),
    ("sinh", "sinhala", Script::Sinhala),
    ("taml", "tamil", Script::Tamil),
    ("telu", "telugu", Script::Telugu),
    ("thaa", "thaana", Script::Thaana),
    ("thai", "thai", Script::Thai),
    ("tibt", "tibetan", Script::Tibetan),
];

const GERMAN: Language = language("deu", &[], &[], &[Script::Latin], &["deu"]);
const CHINESE: Language = language("cmn", &[], &[], &[Script::Han], &["cmn"]);
const ARABIC: Language = language("ara", &[], &[], &[Script::Arabic], &["ara"]);
const DUTCH: Language = language("nld", &[], &[], &[Script::Latin], &["nld"]);

/// The languages; what one name has as a part of it comes by the longer name.
#[rustfmt::skip]
pub(super) const LANGUAGES: &[Language] = &[
    language("eng", &["en"], &["english"], &[Script::Latin], &["eng"]),
    language("fra", &["fr"], &["french", "français", "francais"], &[Script::Latin], &["fra"]),
    language("deu", &["de"], &["german", "deutsch"], &[Script::Latin], &["deu"]),
    language("spa", &["es"], &["spanish", "español", "espanol", "castellano", "castilian"], &[Script::Latin], &["spa"]),
    language("por", &["pt"], &["portuguese", "português", "portugues"], &[Script::Latin], &["por"]),
    language("ita", &["it"], &["italian", "italiano"], &[Script::Latin], &["ita"]),
    language("nld", &["nl"], &["dutch", "nederlands"], &[Script::Latin], &["nld"]),
    language("pol", &["pl"], &["polish", "polski"], &[Script::Latin], &["pol"]),
    language("ron", &["ro"], &["romanian", "română", "moldovan"], &[Script::Latin], &["ron"]),
    language("hun", &["hu"], &["hungarian", "magyar"], &[Script::Latin], &["hun"]),
    language("ces", &["cs"], &["czech", "čeština"], &[Script::Latin], &["ces", "slk"]),
    language("slk", &["sk"], &["slovak", "slovenčina"], &[Script::Latin], &["slk", "ces"]),
    language("slv", &["sl"], &["slovene", "slovenian", "slovenščina"], &[Script::Latin], &["slv", "hrv"]),
    language("hrv", &["hr"], &["croatian", "hrvatski"], &[Script::Latin], &["hrv", "slv"]),
    language("bos", &["bs"], &["bosnian", "bosanski"], &[Script::Latin, Script::Cyrillic], &["hrv", "srp", "slv"]),
    language("srp", &["sr"], &["serbian", "српски", "srpski"], &[Script::Cyrillic, Script::Latin], &["srp", "hrv", "slv"]),
    language("swe", &["sv"], &["swedish", "svenska"], &[Script::Latin], &["swe"]),
    language("dan", &["da"], &["danish", "dansk"], &[Script::Latin], &["dan", "nob"]),
    language("nob", &["nb", "no", "nn"], &["norwegian", "norsk", "bokmål", "bokmal", "nynorsk"], &[Script::Latin], &["nob", "dan"]),
    language("fin", &["fi"], &["finnish", "suomi"], &[Script::Latin], &["fin"]),
    language("est", &["et"], &["estonian", "eesti"], &[Script::Latin], &["est"]),
    language("lav", &["lv"], &["latvian", "latviešu"], &[Script::Latin], &["lav"]),
    language("lit", &["lt"], &["lithuanian", "lietuvių"], &[Script::Latin], &["lit"]),
    language("tur", &["tr"], &["turkish", "türkçe", "turkce"], &[Script::Latin], &["tur"]),
    language("aze", &["az"], &["azerbaijani", "azeri", "azərbaycanca"], &[Script::Latin], &["aze"]),
    language("tuk", &["tk"], &["turkmen", "türkmençe"], &[Script::Latin], &["tuk"]),
    language("uzb", &["uz"], &["uzbek", "oʻzbekcha"], &[Script::Latin], &["uzb"]),
    language("vie", &["vi"], &["vietnamese", "tiếng việt"], &[Script::Latin], &["vie"]),
    language("ind", &["id"], &["indonesian", "bahasa indonesia"], &[Script::Latin], &["ind"]),
    language("zsm", &["ms"], &["malay", "bahasa melayu"], &[Script::Latin], &["ind"]),
    language("jav", &["jv"], &["javanese", "basa jawa"], &[Script::Latin], &["jav"]),
    language("tgl", &["tl", "fil"], &["tagalog", "filipino"], &[Script::Latin], &["tgl"]),
    language("cat", &["ca"], &["catalan", "català", "valencian"], &[Script::Latin], &["cat"]),
    language("epo", &["eo"], &["esperanto"], &[Script::Latin], &["epo"]),
    language("lat", &["la"], &["latin", "lingua latina"], &[Script::Latin], &["lat"]),
    language("afr", &["af"], &["afrikaans"], &[Script::Latin], &["afr", "nld"]),
    language("cym", &["cy"], &["welsh", "cymraeg"], &[Script::Latin], &["cym"]),
    language("zul", &["zu"], &["zulu", "isizulu"], &[Script::Latin], &["zul"]),
    language("sna", &["sn"], &["shona", "chishona"], &[Script::Latin], &["sna"]),
    language("aka", &["ak", "tw"], &["akan", "twi"], &[Script::Latin], &["aka"]),
    language("rus", &["ru"], &["russian", "русский"], &[Script::Cyrillic], &["rus"]),
    language("ukr", &["uk"], &["ukrainian", "українська"], &[Script::Cyrillic], &["ukr"]),
    language("bel", &["be"], &["belarusian", "беларуская"], &[Script::Cyrillic], &["bel"]),
    language("bul", &["bg"], &["bulgarian", "български"], &[Script::Cyrillic], &["bul", "mkd"]),
    language("mkd", &["mk"], &["macedonian", "македонски"], &[Script::Cyrillic], &["mkd", "bul"]),
    language("ell", &["el"], &["greek", "ελληνικά"], &[Script::Greek], &["ell"]),
    language("kat", &["ka"], &["georgian", "ქართული"], &[Script::Georgian], &["kat"]),
    language("hye", &["hy"], &["armenian", "հայերեն"], &[Script::Armenian], &["hye"]),
    language("heb", &["he", "iw"], &["hebrew", "עברית"], &[Script::Hebrew], &["heb"]),
    language("yid", &["yi"], &["yiddish", "ייִדיש"], &[Script::Hebrew], &["yid"]),
    language("ara", &["ar", "arb"], &["arabic", "العربية", "عربي"], &[Script::Arabic], &["ara"]),
    language("pes", &["fa", "fas"], &["persian", "farsi", "فارسی"], &[Script::Arabic], &["pes"]),
    language("urd", &["ur"], &["urdu", "اردو", "اُردُو"], &[Script::Arabic], &["urd"]),
    language("hin", &["hi"], &["hindi", "हिन्दी", "हिंदी"], &[Script::Devanagari], &["hin"]),
    language("mar", &["mr"], &["marathi", "मराठी"], &[Script::Devanagari], &["mar"]),
    language("nep", &["ne"], &["nepali", "नेपाली"], &[Script::Devanagari], &["nep"]),
    language("ben", &["bn"], &["bengali", "bangla", "বাংলা"], &[Script::Bengali], &["ben"]),
    language("pan", &["pa"], &["punjabi", "panjabi", "ਪੰਜਾਬੀ"], &[Script::Gurmukhi], &["pan"]),
    language("guj", &["gu"], &["gujarati", "ગુજરાતી"], &[Script::Gujarati], &["guj"]),
    language("ori", &["or"], &["oriya", "odia", "ଓଡ଼ିଆ"], &[Script::Oriya], &["ori"]),
    language("tam", &["ta"], &["tamil", "தமிழ்"], &[Script::Tamil], &["tam"]),
    language("tel", &["te"], &["telugu", "తెలుగు"], &[Script::Telugu], &["tel"]),
    language("kan", &["kn"], &["kannada", "ಕನ್ನಡ"], &[Script::Kannada], &["kan"]),
    language("mal", &["ml"], &["malayalam", "മലയാളം"], &[Script::Malayalam], &["mal"]),
    language("sin", &["si"], &["sinhala", "sinhalese", "සිංහල"], &[Script::Sinhala], &["sin"]),
    language("tha", &["th"], &["thai", "ภาษาไทย", "ไทย"], &[Script::Thai], &["tha"]),
    language("mya", &["my"], &["burmese", "myanmar", "မြန်မာစာ"], &[Script::Myanmar], &["mya"]),
    language("khm", &["km"], &["khmer", "cambodian", "ភាសាខ្មែរ"], &[Script::Khmer], &["khm"]),
    language("amh", &["am"], &["amharic", "አማርኛ"], &[Script::Ethiopic], &["amh"]),
    language("kor", &["ko"], &["korean", "한국어"], &[Script::Hangul, Script::Han], &["kor"]),
    language("jpn", &["ja"], &["japanese", "日本語"], &[Script::Hiragana, Script::Katakana, Script::Han], &["jpn"]),
    language("cmn", &["zh", "zho"], &["chinese", "mandarin", "putonghua", "中文", "汉语", "漢語", "普通话", "普通話"], &[Script::Han], &["cmn"]),
    language("isl", &["is"], &["icelandic", "íslenska"], &[Script::Latin], &[]),
    language("gle", &["ga"], &["irish", "gaeilge"], &[Script::Latin], &[]),
    language("gla", &["gd"], &["scottish gaelic", "gàidhlig"], &[Script::Latin], &[]),
    language("eus", &["eu"], &["basque", "euskara"], &[Script::Latin], &[]),
    language("glg", &["gl"], &["galician", "galego"], &[Script::Latin], &[]),
    language("sqi", &["sq"], &["albanian", "shqip"], &[Script::Latin], &[]),
    language("mlt", &["mt"], &["maltese", "malti"], &[Script::Latin], &[]),
    language("ltz", &["lb"], &["luxembourgish", "lëtzebuergesch"], &[Script::Latin], &[]),
    language("swa", &["sw"], &["swahili", "kiswahili"], &[Script::Latin], &[]),
    language("hau", &["ha"], &["hausa"], &[Script::Latin], &[]),
    language("yor", &["yo"], &["yoruba"], &[Script::Latin], &[]),
    language("ibo", &["ig"], &["igbo"], &[Script::Latin], &[]),
    language("xho", &["xh"], &["xhosa"], &[Script::Latin], &[]),
    language("som", &["so"], &["somali", "soomaali"], &[Script::Latin], &[]),
    language("sun", &["su"], &["sundanese"], &[Script::Latin], &[]),
    language("mlg", &["mg"], &["malagasy"], &[Script::Latin], &[]),
    language("hat", &["ht"], &["haitian creole", "haitian"], &[Script::Latin], &[]),
    language("kaz", &["kk"], &["kazakh", "қазақ"], &[Script::Cyrillic, Script::Latin], &[]),
    language("kir", &["ky"], &["kyrgyz", "кыргыз"], &[Script::Cyrillic], &[]),
    language("tgk", &["tg"], &["tajik", "тоҷикӣ"], &[Script::Cyrillic], &[]),
    language("mon", &["mn"], &["mongolian", "монгол"], &[Script::Cyrillic, Script::Mongolian], &[]),
    language("tat", &["tt"], &["tatar", "татар"], &[Script::Cyrillic], &[]),
    language("pus", &["ps"], &["pashto", "پښتو"], &[Script::Arabic], &[]),
    language("snd", &["sd"], &["sindhi", "سنڌي"], &[Script::Arabic, Script::Devanagari], &[]),
    language("kur", &["ku", "ckb"], &["kurdish", "kurdî", "sorani", "kurmanji"], &[Script::Latin, Script::Arabic], &[]),
    language("uig", &["ug"], &["uyghur", "ئۇيغۇرچە"], &[Script::Arabic], &[]),
    language("asm", &["as"], &["assamese", "অসমীয়া"], &[Script::Bengali], &[]),
    language("san", &["sa"], &["sanskrit"], &[Script::Devanagari], &[]),
    language("tir", &["ti"], &["tigrinya", "ትግርኛ"], &[Script::Ethiopic], &[]),
    language("lao", &["lo"], &["lao", "laotian", "ລາວ"], &[Script::Lao], &[]),
    language("bod", &["bo"], &["tibetan", "བོད་སྐད"], &[Script::Tibetan], &[]),
    language("div", &["dv"], &["dhivehi", "maldivian"], &[Script::Thaana], &[]),
    // Names of varieties, and the tag of the standard form of Arabic.
    language("ara", &["msa"], &["modern standard arabic"], &[Script::Arabic], &["ara"]),
    variety(ARABIC, &["ary", "arz", "apc", "ajp", "afb", "acm", "arq", "aeb", "ars"], &["darija"]),
    variety(GERMAN, &["gsw", "bar"], &["schweizerdeutsch", "schwyzerdütsch", "swiss german"]),
    variety(CHINESE, &["yue", "wuu", "nan"], &["cantonese", "粤语", "粵語", "廣東話"]),
    variety(DUTCH, &["vls"], &["flemish", "vlaams"]),
];
