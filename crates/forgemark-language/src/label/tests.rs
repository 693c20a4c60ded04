use super::{LANGUAGES, Label, Verdict};

const ENGLISH: &str = "The valve opens when the pressure in the line is higher than the limit that the manual gives, and it closes again a moment later.";
const FRENCH: &str = "La soupape s'ouvre lorsque la pression dans la conduite dépasse la limite indiquée dans le manuel, puis elle se referme peu après.";
const GERMAN: &str = "Das Ventil öffnet sich, wenn der Druck in der Leitung höher ist als der im Handbuch genannte Grenzwert, und schließt kurz danach wieder.";
const ARABIC: &str = "يفتح الصمام عندما يكون الضغط في الخط أعلى من الحد المذكور في الدليل ثم يغلق بعد ذلك بوقت قصير.";
const PERSIAN: &str = "شیر زمانی باز می‌شود که فشار در خط بالاتر از حدی باشد که در دفترچه راهنما آمده است و کمی بعد دوباره بسته می‌شود.";
const HINDI: &str = "जब लाइन में दबाव पुस्तिका में दी गई सीमा से अधिक होता है तो वाल्व खुल जाता है और थोड़ी देर बाद फिर बंद हो जाता है।";
const JAPANESE: &str =
    "配管の圧力が取扱説明書に記載された限界を超えると弁が開き、しばらくして再び閉じます。";
const CHINESE: &str = "当管道中的压力高于手册中给出的极限时，阀门打开，片刻之后又关闭。";
const RUSSIAN: &str = "Клапан открывается, когда давление в линии выше предела, указанного в руководстве, и вскоре снова закрывается.";
const SERBIAN_LATIN: &str = "Ventil se otvara kada je pritisak u cevi veći od granice koja je navedena u uputstvu, i ubrzo se ponovo zatvara.";

fn verdict(label: &str, text: &str) -> Verdict {
    Label::read(label).check(text).verdict
}

#[test]
fn labels_of_every_kind_are_read() {
    let read = |label: &str| {
        let label = Label::read(label);
        (label.language(), label.is_unverifiable())
    };
    for (label, language, unverifiable) in [
        ("en", "eng", false),
        ("EN", "eng", false),
        ("English", "eng", false),
        ("french language", "fra", false),
        ("Français", "fra", false),
        ("zh", "cmn", false),
        ("中文", "cmn", false),
        ("sr-Latn", "srp", false),
        ("Serbian (Latin)", "srp", false),
        ("Modern Standard Arabic", "ara", false),
        ("msa", "ara", false),
        ("Tiếng Việt", "vie", false),
        ("ar-MA", "ara", true),
        ("Moroccan Arabic", "ara", true),
        ("Moroccan Arabic (Darija)", "ara", true),
        ("darija", "ara", true),
        ("morocco", "ara", true),
        ("Egyptian", "ara", true),
        ("arz", "ara", true),
        ("Swiss German", "deu", true),
        ("Schweizerdeutsch", "deu", true),
        ("gsw", "deu", true),
        ("pt_BR", "por", true),
        ("zh-Hant", "cmn", true),
        ("Cantonese", "cmn", true),
        ("Icelandic", "isl", true),
    ] {
        assert_eq!(read(label), (Some(language), unverifiable), "{label}");
    }
    for label in ["", "Klingon", "business casual", "x"] {
        assert_eq!(read(label), (None, true), "{label:?}");
    }
}

#[test]
fn a_text_in_its_language_matches_and_one_in_another_does_not() {
    let texts = [
        ("English", ENGLISH),
        ("fr", FRENCH),
        ("German", GERMAN),
        ("ar", ARABIC),
        ("fa", PERSIAN),
        ("hi", HINDI),
        ("ja", JAPANESE),
        ("zh", CHINESE),
        ("ru", RUSSIAN),
        ("sr-Latn", SERBIAN_LATIN),
    ];
    for (label, _) in texts {
        for (other, text) in texts {
            let expected = if label == other {
                Verdict::Match
            } else {
                Verdict::Mismatch
            };
            assert_eq!(verdict(label, text), expected, "{label}: {text}");
        }
    }
}

#[test]
fn a_dialect_is_never_verified_and_its_language_is() {
    for label in ["Moroccan Arabic", "ar-MA", "Egyptian Arabic", "gulf"] {
        assert_eq!(verdict(label, ARABIC), Verdict::Unverifiable, "{label}");
        for wrong in [ENGLISH, PERSIAN, HINDI] {
            assert_eq!(verdict(label, wrong), Verdict::Mismatch, "{label}");
        }
    }
    assert_eq!(verdict("Swiss German", GERMAN), Verdict::Unverifiable);
    assert_eq!(verdict("Swiss German", FRENCH), Verdict::Mismatch);
    assert_eq!(verdict("en-GB", ENGLISH), Verdict::Unverifiable);
}

#[test]
fn of_a_language_that_cannot_be_told_the_script_is_checked() {
    let swahili = "Vali hufunguka wakati shinikizo kwenye bomba ni kubwa kuliko kikomo kilichotajwa kwenye mwongozo.";
    assert_eq!(verdict("Swahili", swahili), Verdict::Unverifiable);
    assert_eq!(verdict("Swahili", RUSSIAN), Verdict::Mismatch);
    assert_eq!(verdict("Klingon", RUSSIAN), Verdict::Unverifiable);
}

#[test]
fn short_texts_are_undetermined() {
    for text in ["", "OK", "42 + 7 = 49", "!!!", "Oui."] {
        let finding = Label::read("en").check(text);
        assert_eq!(finding.verdict, Verdict::Undetermined, "{text:?}");
    }
    assert_eq!(
        verdict("fr", "Which valve opens first?"),
        Verdict::Undetermined
    );
    // A script of one language needs few letters, and another script is another language however short.
    assert_eq!(verdict("ja", "弁はいつ開きますか。"), Verdict::Match);
    assert_eq!(verdict("ja", "Which valve opens?"), Verdict::Mismatch);
}

#[test]
fn the_share_says_how_much_is_in_the_script() {
    let mixed = format!("{ARABIC} pressure relief valve");
    let finding = Label::read("ar").check(&mixed);
    assert_eq!(finding.verdict, Verdict::Match);
    let share = finding.share.unwrap();
    assert!((0.7..0.95).contains(&share), "{share}");
    assert_eq!(finding.script, Some("Arabic"));
    assert_eq!(Label::read("ar").check(ENGLISH).share, Some(0.0));
    assert_eq!(Label::read("ar").check("12").share, None);
}

#[test]
fn the_table_is_sound() {
    for language in LANGUAGES {
        assert!(!language.scripts.is_empty(), "{}", language.code);
        for told in language.told_as {
            assert!(crate::is_known(told), "{told}");
        }
        for name in language.names {
            assert_eq!(*name, name.to_lowercase());
            let read = Label::read(name);
            assert_eq!(read.language(), Some(language.code), "{name}");
        }
        for code in language.short.iter().chain([&language.code]) {
            assert_eq!(Label::read(code).language(), Some(language.code), "{code}");
        }
    }
}
