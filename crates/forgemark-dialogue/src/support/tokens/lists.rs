//! Words that the comparison of texts treats in a way of their own.

/// Words without content of their own. What sets a limit ("before", "above", "only", "more") is
/// not among them: a claim that swaps it says something else.
pub(super) const FUNCTION: &str = "\
a an the this that these those it its they them their theirs he she his her him we us our you your \
i me my mine yours itself themselves yourself myself who whom whose which what where when why how \
and or but nor so yet if then than as of in on at to for from by with into onto about \
between through during up down out again further once here there all \
any both each other some such own same too very just also even still is are was \
were be been being am has have had having do does did doing can could will would shall should may \
might must ought let get gets got one ones because while until unless though although whether per \
via etc eg ie upon against among around along across within toward towards since that's it's i'm i'd i'll i've \
you're you'd you'll you've we're we'd we'll we've he'd he'll she'd she'll it'll they're they'd they'll \
they've let's \
le la les un une des du de d l et ou où que qui quoi dont ce cet cette ces il elle ils elles on nous \
vous je tu sa ses leur leurs mon ma mes ta tes est sont était être avoir a ont au aux en \
dans par pour sur avec y se s \
der die das den dem ein eine einer eines einem einen und oder aber ist sind waren sein \
haben wird werden im am zum zur vom von mit auf aus bei nach für über unter vor zu es er sie wir \
ihr ich sich auch als wie dass wenn so nur noch \
el los las lo una unos unas y o u pero es era ser al del con por para su sus se que como más \
este esta estos estas ese esa hay \
في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم كان كانت يكون تكون قد كل أو او ثم \
أن ان إن كما بين بعد قبل عند حتى إذا اذا ما هل و لكن";

pub(super) const NEGATION: &str = "\
not no never cannot without neither none nothing nobody nowhere hardly \
ne pas jamais aucun aucune sans rien nicht kein keine keinen keiner keinem nie niemals ohne \
nunca jamás ninguno ninguna nada لا لم لن ليس ليست بدون دون غير";

/// Number words and the digits that they stand for. `one` is too often a pronoun.
pub(super) const NUMBER_WORDS: &[(&str, &str)] = &[
    ("zero", "0"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("million", "1000000"),
];
