//! Spellings, refusals, round trips.

use super::*;

#[test]
fn spells_conversations_and_waves() {
    let run = RunId::new("R").unwrap();
    assert_eq!(conversation_id(&run, 1, 3).as_str(), "R-w0001-s0003");
    assert_eq!(conversation_id(&run, 12_345, 0).as_str(), "R-w12345-s0000");
    assert_eq!(wave_id(&run, 1).as_str(), "R-w0001");
    assert_eq!(compat_wave_id(&run, 0).as_str(), "R");
    assert_eq!(compat_conversation_id(&run, 0, Some(1)).as_str(), "R-0001");
    // The original's trap: a wave and a conversation with one name. Ours cannot collide.
    assert_eq!(
        compat_wave_id(&run, 1).as_str(),
        compat_conversation_id(&run, 0, Some(1)).as_str()
    );
    assert_ne!(
        wave_id(&run, 1).as_str(),
        conversation_id(&run, 0, 1).as_str()
    );
    assert_eq!(compat_conversation_id(&run, 2, None).as_str(), "R-0002");
}

#[test]
fn spells_topics() {
    // Expected: hashlib.md5("manual.md".encode()).hexdigest() + "-3".
    assert_eq!(
        topic_id("manual.md", 3),
        "53b79337ac69dc5640f8b83337061a7f-3"
    );
    assert_eq!(
        topic_id("a/دليل.md", 0),
        "cb968395dafae4de4e2dea627c65c3b3-0"
    );
}

#[test]
fn refuses_ids_that_cannot_name_a_file() {
    for id in [
        "", ".", "..", ".x", "-x", "a/b", "a\\b", "a b", "a\nb", "a\u{0}", "a:b", "a*",
    ] {
        assert!(RunId::new(id).is_err(), "{id:?} was accepted");
    }
    assert_eq!(
        RunId::new("x".repeat(201)).unwrap_err(),
        IdError::TooLong { bytes: 201 }
    );
    let tagged: ConversationId = "run-العربية-w0000-s0001".parse().unwrap();
    assert_eq!(tagged.to_string(), "run-العربية-w0000-s0001");
}

#[test]
fn call_keys_read_back() {
    let key = CallKey::of(b"request");
    assert_eq!(key.to_string().len(), 64);
    assert_eq!(key.to_string().parse::<CallKey>(), Ok(key));
    assert_eq!(
        key.prefix(),
        u64::from_le_bytes(key.0[..8].try_into().unwrap())
    );
    for text in ["", "00", &"g".repeat(64), &"A".repeat(64), &"é".repeat(32)] {
        assert!(text.parse::<CallKey>().is_err(), "{text}");
    }
}
