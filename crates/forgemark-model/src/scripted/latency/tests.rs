use super::super::hash::hash128;
use super::*;

fn sample(latency: Latency) -> Vec<f64> {
    let mut times: Vec<f64> = (0..20_000_u32)
        .map(|i| {
            let draws = Draws::new(hash128(0, &i.to_le_bytes()), 3, 0);
            latency.draw(draws).as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(sorted.len() as f64 * q) as usize]
}

#[test]
fn fixed_is_exact() {
    assert_eq!(
        Latency::Fixed { ms: 1.5 }.draw(Draws::new(1, 2, 3)),
        Duration::from_micros(1_500)
    );
    assert_eq!(Latency::NONE.draw(Draws::new(1, 2, 3)), Duration::ZERO);
    assert_eq!(
        Latency::Fixed { ms: -3.0 }.draw(Draws::new(1, 2, 3)),
        Duration::ZERO
    );
}

#[test]
fn uniform_fills_its_range() {
    let times = sample(Latency::Uniform {
        min_ms: 10.0,
        max_ms: 20.0,
    });
    assert!(times[0] >= 10.0 && times[0] < 10.1, "{}", times[0]);
    assert!(
        times[19_999] <= 20.0 && times[19_999] > 19.9,
        "{}",
        times[19_999]
    );
    let median = quantile(&times, 0.5);
    assert!((median - 15.0).abs() < 0.2, "{median}");
}

#[test]
fn log_normal_keeps_its_percentiles_and_its_clip() {
    let times = sample(Latency::log_normal_p5_p95(50.0, 500.0, 1.0, 10_000.0));
    let (p5, p50, p95) = (
        quantile(&times, 0.05),
        quantile(&times, 0.5),
        quantile(&times, 0.95),
    );
    assert!((p5 - 50.0).abs() < 3.0, "{p5}");
    assert!((p50 - 158.1).abs() < 6.0, "{p50}");
    assert!((p95 - 500.0).abs() < 30.0, "{p95}");

    let clipped = sample(Latency::log_normal_p5_p95(50.0, 500.0, 50.0, 500.0));
    assert!((clipped[0] - 50.0).abs() < 1e-6 && (clipped[19_999] - 500.0).abs() < 1e-6);
    let at_bounds = clipped
        .iter()
        .filter(|t| !(50.001..499.999).contains(*t))
        .count();
    assert!((1_700..2_300).contains(&at_bounds), "{at_bounds}");
}
