use proptest::collection::vec;
use proptest::prelude::*;

use super::code::{Key, Pack, Unpack};
use super::*;

fn read_all(sorted: &mut Sorted) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let mut merge = sorted.read().unwrap();
    while let Some((key, value)) = merge.next().unwrap() {
        all.push((key.to_vec(), value.to_vec()));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sorter_sorts_as_memory_does_and_keeps_equal_keys_in_their_order(
        keys in vec(vec(0_u8..3, 0..4), 0..300),
        buffer in prop_oneof![Just(1_usize), 50_usize..2000, Just(1 << 20)],
    ) {
        let mut sorter = Sorter::with_buffer(&MemoryScratch, buffer);
        let mut expected: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (place, key) in keys.into_iter().enumerate() {
            let value = vec![7; place % 5].into_iter().chain(place.to_be_bytes()).collect::<Vec<u8>>();
            sorter.push(&key, &value).unwrap();
            expected.push((key, value));
        }
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sorted = sorter.finish().unwrap();
        prop_assert_eq!(&read_all(&mut sorted), &expected);
        prop_assert_eq!(&read_all(&mut sorted), &expected, "it can be read again");
    }

    #[test]
    fn keys_compare_as_their_values(
        a in (any::<i64>(), any::<f64>(), "[\u{0}ab]{0,4}", any::<u64>()),
        b in (any::<i64>(), any::<f64>(), "[\u{0}ab]{0,4}", any::<u64>()),
        alike in 0_usize..4,
    ) {
        let mut b = b;
        if alike > 0 { b.0 = a.0; }
        if alike > 1 { b.1 = a.1; }
        if alike > 2 { b.2.clone_from(&a.2); }
        let key = |v: &(i64, f64, String, u64)| Key::default().int(v.0).float(v.1).text(&v.2).uint(v.3);
        let order = a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)).then(a.3.cmp(&b.3));
        prop_assert_eq!(key(&a).0.cmp(&key(&b).0), order);
        let down = Key::default().float_down(a.1).0.cmp(&Key::default().float_down(b.1).0);
        prop_assert_eq!(down, b.1.total_cmp(&a.1));
    }

    #[test]
    fn what_is_packed_is_read_again(number in any::<u64>(), time in any::<i64>(), text in ".*", there in any::<bool>()) {
        let mut pack = Pack::default();
        pack.uint(number).int(time).text(&text).maybe(there.then_some(0.5), |pack, x| { pack.float(x); }).byte(9);
        let mut unpack = Unpack(&pack.0);
        prop_assert_eq!(unpack.uint().unwrap(), number);
        prop_assert_eq!(unpack.int().unwrap(), time);
        prop_assert_eq!(unpack.text().unwrap(), text.as_str());
        prop_assert_eq!(unpack.maybe(Unpack::float).unwrap(), there.then_some(0.5));
        prop_assert_eq!(unpack.byte().unwrap(), 9);
        prop_assert!(unpack.byte().is_err());
    }
}

#[test]
fn a_spool_is_read_from_the_front_and_at_places() {
    let mut spool = Spool::new(&MemoryScratch).unwrap();
    let entry = |n: usize| vec![n as u8; n * 37 % 5_000];
    let places: Vec<u64> = (0..200).map(|n| spool.push(&entry(n)).unwrap()).collect();
    let mut entries = spool.read().unwrap();
    for n in 0..200 {
        assert_eq!(entries.next().unwrap(), Some(&entry(n)[..]));
    }
    assert_eq!(entries.next().unwrap(), None);
    for n in [199, 0, 77, 78, 79, 5, 6].into_iter().chain(100..200) {
        assert_eq!(spool.at(places[n]).unwrap(), entry(n));
    }
}

#[test]
fn a_temporary_file_that_cannot_be_written_is_an_error() {
    struct Full;
    impl Scratch for Full {
        fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
            let block: Box<[u8]> = vec![0; 100].into();
            Ok(Box::new(Cursor::new(block)))
        }
    }
    let mut spool = Spool::new(&Full).unwrap();
    let full = (0..1000).find_map(|_| spool.push(&[1; 1000]).err());
    assert!(
        matches!(full, Some(CurateError::Scratch { .. })),
        "{full:?}"
    );
}
