use bytes::Bytes;

use super::{Scrubber, Secret};

#[test]
fn debug_shows_nothing_of_it() {
    let secret = Secret::new(" sk-abcdefghijklmnop\n");
    assert_eq!(format!("{secret:?}"), "Secret(***)");
    assert_eq!(secret.expose(), "sk-abcdefghijklmnop");
    let scrubber = Scrubber::new([&secret]);
    assert!(!format!("{scrubber:?}").contains("abcdef"));
}

#[test]
fn every_occurrence_goes_and_longer_secrets_go_first() {
    let secrets = [
        Secret::new("sk-0123456789abcdef"),
        Secret::new("sk-0123456789abcdef-more"),
    ];
    let scrubber = Scrubber::new(&secrets);
    let text = "a sk-0123456789abcdef-more b sk-0123456789abcdef, sk-0123456789abcdef";
    assert_eq!(scrubber.text(text), "a *** b ***, ***");
    assert_eq!(scrubber.error_body(Bytes::from(text)), "a *** b ***, ***");
}

#[test]
fn a_clean_reply_is_not_copied() {
    let secret = Secret::new("sk-0123456789abcdef");
    let scrubber = Scrubber::new([&secret]);
    let body = Bytes::from_static(b"nothing of the kind");
    let clean = scrubber.reply(body.clone());
    assert_eq!(clean.as_ptr(), body.as_ptr());
}

#[test]
fn dummy_keys_do_not_damage_replies() {
    let dummy = Secret::new("lm-studio");
    let scrubber = Scrubber::new([&dummy]);
    let body = Bytes::from_static(b"Start lm-studio first.");
    assert_eq!(scrubber.reply(body.clone()), body);
    assert_eq!(scrubber.error_body(body), "Start *** first.");
    // Too short to be a secret anywhere.
    let short = Secret::new("EMPTY");
    assert_eq!(Scrubber::new([&short]).text("EMPTY body"), "EMPTY body");
}
