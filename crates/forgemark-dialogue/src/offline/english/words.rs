//! Word lists of the English question rules.

/// Verbs in their base form; third person and past are derived, see [`super::verb`].
pub(super) const VERBS: &str = "\
accept act add admit adjust agree align allow answer appear apply arrive ask attach attract avoid bake bear become \
begin belong bleed block boil book borrow break bring brush build burn buy calculate call cancel carry catch cause \
change charge check choose clean climb close collect come complete confirm connect consist contain continue control \
cool cost count cover cross crouch cut decide delete deliver demand describe destroy develop differ dig disappear \
dissolve distribute divide double drain draw dress drink drive drop dry earn eat empty enable encourage end enter \
evaporate exceed exist expect expire explain extend face fail fall feed feel fill find finish fit fix float fold \
follow forbid form freeze gain generate get give go grind grow guide handle hang happen harden heat help hide hold \
ignore improve include increase inform insert inspect install intend join keep know last lay lead leak lean learn \
leave lend let lie lift light limit listen live load lock look loosen lose lower make mark mean measure meet melt \
mix move need note notice observe obtain occur offer open operate order organise own pack paint park pass pause pay \
peel perform pick place plan plant play point pour practise prefer prepare press prevent print produce protect prove \
provide publish pull pump push put raise reach react read receive recommend record reduce refuse register reject \
release rely remain remember remove renew rent repair repeat replace reply report represent request require reserve \
reset rest restart retry return rinse rise roughen round run save say scrape see seal sell send separate serve set \
shake shape share shine shorten show shred shut sign sink sit skip sleep slide slow smell soak solve sort sound \
speak specify spend spin split spray spread sprinkle squeeze stack stand start state stay step stick stop store \
stretch strengthen study submit suffer suit supply support swap sweep swim switch take talk taste tear tell test \
thicken think throw tie tighten touch track train travel treat trim triple try turn understand update upgrade use \
verify visit wait walk warm warn wash watch water wear weigh welcome win wind wipe withdraw work wrap write miss exceed fold arrive happen melt pump tighten bleed squeal knead proof rinse";

/// Past forms that are not made with -ed, and the base form.
pub(super) const IRREGULAR: &[(&str, &str)] = &[
    ("became", "become"),
    ("began", "begin"),
    ("bore", "bear"),
    ("bought", "buy"),
    ("broke", "break"),
    ("brought", "bring"),
    ("built", "build"),
    ("came", "come"),
    ("caught", "catch"),
    ("chose", "choose"),
    ("drew", "draw"),
    ("drove", "drive"),
    ("fell", "fall"),
    ("found", "find"),
    ("froze", "freeze"),
    ("gave", "give"),
    ("got", "get"),
    ("grew", "grow"),
    ("held", "hold"),
    ("kept", "keep"),
    ("knew", "know"),
    ("led", "lead"),
    ("left", "leave"),
    ("lost", "lose"),
    ("made", "make"),
    ("meant", "mean"),
    ("met", "meet"),
    ("paid", "pay"),
    ("ran", "run"),
    ("rose", "rise"),
    ("said", "say"),
    ("sent", "send"),
    ("sold", "sell"),
    ("spent", "spend"),
    ("stood", "stand"),
    ("stuck", "stick"),
    ("swept", "sweep"),
    ("told", "tell"),
    ("took", "take"),
    ("went", "go"),
    ("won", "win"),
    ("wore", "wear"),
    ("wrote", "write"),
];

/// Auxiliaries that change places with the subject.
pub(super) const AUXILIARIES: &[&str] = &[
    "is", "are", "was", "were", "must", "may", "can", "cannot", "could", "should", "will", "would",
    "might", "does", "do", "did", "has", "have", "had",
];

/// What may stand before a noun and never after a verb's subject has ended.
pub(super) const DETERMINERS: &[&str] = &[
    "a", "an", "the", "each", "every", "all", "any", "some", "no", "both", "most", "many", "few",
    "several", "this", "that", "these", "those", "its", "their", "his", "her", "our", "your", "my",
    "another", "other", "only", "such", "one", "two", "three", "four", "five", "six", "seven",
    "eight", "nine", "ten", "twelve",
];

/// Words that stand for something said before: a question must not lean on them.
pub(super) const PRONOUNS: &[&str] = &[
    "it", "they", "this", "these", "those", "he", "she", "them", "him", "such", "there", "here",
    "its", "their", "his", "hers", "theirs", "that", "we", "us", "our", "both", "either",
    "neither",
];

pub(super) const PREPOSITIONS: &[&str] = &[
    "about", "above", "across", "after", "against", "along", "among", "around", "at", "before",
    "behind", "below", "beside", "between", "beyond", "by", "down", "during", "for", "from", "in",
    "inside", "into", "like", "near", "next", "of", "off", "on", "onto", "out", "outside", "over",
    "per", "through", "to", "towards", "under", "until", "up", "upon", "via", "with", "within",
    "without", "than", "as",
];

/// Words that begin another clause.
pub(super) const JOINS: &[&str] = &[
    "and",
    "but",
    "or",
    "because",
    "since",
    "so",
    "which",
    "who",
    "while",
    "whereas",
    "where",
    "then",
    "otherwise",
    "unless",
    "if",
    "when",
    "although",
    "though",
    "until",
    "before",
    "after",
    "that",
    "whoever",
    "nor",
    "yet",
];

/// Words that do not end a noun phrase with the sense of a person only.
pub(super) const PEOPLE: &[&str] = &[
    "adult",
    "assistant",
    "astronomer",
    "baker",
    "board",
    "captain",
    "caretaker",
    "child",
    "children",
    "club",
    "committee",
    "company",
    "coordinator",
    "council",
    "crew",
    "customer",
    "director",
    "doctor",
    "driver",
    "electrician",
    "engineer",
    "expert",
    "gardener",
    "group",
    "guard",
    "guest",
    "guide",
    "head",
    "holder",
    "inspector",
    "keeper",
    "leader",
    "librarian",
    "manager",
    "mechanic",
    "member",
    "minister",
    "neighbour",
    "nurse",
    "observer",
    "officer",
    "operator",
    "owner",
    "parent",
    "parents",
    "people",
    "person",
    "pharmacist",
    "physician",
    "police",
    "professional",
    "ranger",
    "resident",
    "shift",
    "specialist",
    "staff",
    "student",
    "supervisor",
    "surgeon",
    "teacher",
    "team",
    "technician",
    "user",
    "visitor",
    "volunteer",
    "warden",
    "worker",
];

/// Verbs and participles that put something somewhere.
pub(super) const PLACING: &[&str] = &[
    "attached",
    "collected",
    "displayed",
    "fixed",
    "found",
    "hang",
    "hangs",
    "held",
    "hung",
    "keep",
    "kept",
    "laid",
    "leave",
    "left",
    "lie",
    "lies",
    "located",
    "mounted",
    "note",
    "noted",
    "park",
    "parked",
    "placed",
    "post",
    "posted",
    "printed",
    "put",
    "registered",
    "shown",
    "stand",
    "stands",
    "stay",
    "stays",
    "store",
    "stored",
    "write",
    "written",
];

/// Prepositions of place.
pub(super) const PLACES: &[&str] = &[
    "in", "on", "at", "beside", "under", "behind", "near", "next", "inside", "outside", "above",
    "below",
];

/// Verbs whose object, when it is a list, is worth asking for.
pub(super) const LISTING: &[&str] = &[
    "accept", "carry", "contain", "demand", "include", "lend", "need", "offer", "own", "provide",
    "require", "sell", "bring",
];

pub(super) const TIME_UNITS: &[&str] = &[
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "night",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
];

pub(super) const MONEY: &[&str] = &[
    "euro", "dollar", "pound", "cent", "franc", "crown", "yen", "rupee", "dirham",
];

/// Adjectives of measure behind a number and a unit.
pub(super) const MEASURES: &[&str] = &[
    "wide", "high", "tall", "deep", "long", "thick", "old", "heavy", "apart", "away", "large",
    "far",
];

pub(super) const WEEKDAYS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

pub(super) const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

pub(super) const ORDINALS: &[&str] = &[
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "last",
    "next",
    "same",
    "following",
    "previous",
];

/// Units behind which "of" names the material.
pub(super) const UNITS: &[&str] = &[
    "litre",
    "liter",
    "millilitre",
    "gram",
    "kilogram",
    "tonne",
    "ton",
    "metre",
    "meter",
    "kilometre",
    "centimetre",
    "millimetre",
    "cup",
    "spoonful",
    "drop",
    "tube",
    "box",
    "bag",
    "bucket",
    "can",
];

/// Parts of the day and year that answer "when".
pub(super) const TIMES: &[&str] = &[
    "noon",
    "midnight",
    "night",
    "dawn",
    "dusk",
    "sunrise",
    "sunset",
    "morning",
    "afternoon",
    "evening",
    "spring",
    "summer",
    "autumn",
    "winter",
    "weekend",
];

pub(super) const NUMBERS: &[&str] = &[
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
];

/// Adverbs that may stand between an auxiliary and its verb and that a question does well without.
pub(super) const ADVERBS: &[&str] = &[
    "also",
    "then",
    "therefore",
    "however",
    "usually",
    "often",
    "always",
    "now",
    "still",
    "even",
    "only",
    "later",
];
