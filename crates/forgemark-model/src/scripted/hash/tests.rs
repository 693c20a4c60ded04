use super::*;

#[test]
fn the_hash_is_pinned() {
    // A change of these values changes the replies of every script. They come from a second
    // implementation, with Python's integers.
    let cases: [(&[u8], u128); 3] = [
        (b"", 0x1f6d_7747_3c4f_2109_d325_a80d_70ba_f223),
        (
            b"{\"model\":\"m\"}",
            0x712d_65f8_44c3_eb85_954a_c89a_f769_be4a,
        ),
        (&[b'x'; 100], 0x9b27_5bf2_803d_3016_bed9_e859_362c_d82e),
    ];
    for (bytes, expected) in cases {
        assert_eq!(hash128(0, bytes), expected, "{} bytes", bytes.len());
    }
}

#[test]
fn every_byte_and_the_length_matter() {
    let base = vec![0_u8; 100];
    let plain = hash128(0, &base);
    for at in 0..base.len() {
        let mut changed = base.clone();
        changed[at] = 1;
        assert_ne!(hash128(0, &changed), plain, "byte {at}");
    }
    assert_ne!(hash128(0, &base[..99]), plain);
    assert_ne!(hash128(1, &base), plain);
}

#[test]
fn draws_are_even_and_apart() {
    let mut sum = 0.0;
    let mut hits = 0;
    let mut counts = [0_u32; 7];
    let n = 20_000_u32;
    for i in 0..n {
        let draws = Draws::new(hash128(0, &i.to_le_bytes()), 7, 0);
        sum += draws.unit(Purpose::Score);
        hits += u32::from(draws.hit(Purpose::Conflict, 0.1));
        counts[draws.below(Purpose::Topic, 7)] += 1;
        assert_ne!(draws.bits(Purpose::Topic), draws.bits(Purpose::Score));
    }
    let mean = sum / f64::from(n);
    assert!((mean - 0.5).abs() < 0.01, "{mean}");
    assert!((1_850..2_150).contains(&hits), "{hits}");
    assert!(
        counts.iter().all(|count| (2_600..3_120).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn seed_and_salt_change_the_draws() {
    let request = hash128(0, b"body");
    let draws = Draws::new(request, 7, 0).bits(Purpose::Latency);
    assert_ne!(draws, Draws::new(request, 8, 0).bits(Purpose::Latency));
    assert_ne!(draws, Draws::new(request, 7, 1).bits(Purpose::Latency));
    assert_eq!(draws, Draws::new(request, 7, 0).bits(Purpose::Latency));
}

#[test]
fn normal_numbers_have_mean_0_and_deviation_1() {
    let n = 20_000_u32;
    let values: Vec<f64> = (0..n)
        .map(|i| {
            let draws = Draws::new(hash128(0, &i.to_le_bytes()), 1, 0);
            draws.normal(Purpose::Latency, Purpose::LatencyAngle)
        })
        .collect();
    let mean = values.iter().sum::<f64>() / f64::from(n);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n);
    assert!(mean.abs() < 0.03, "{mean}");
    assert!((variance - 1.0).abs() < 0.05, "{variance}");
}
