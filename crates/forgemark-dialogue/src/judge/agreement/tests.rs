use super::*;

fn judge(name: &str) -> RoleSettings {
    RoleSettings {
        role: name.to_owned(),
        model: format!("m-{name}"),
        ..RoleSettings::default()
    }
}

fn mark(unit: u32, judge: u32, repeat: u32, value: f64) -> Mark {
    Mark {
        unit,
        judge,
        repeat,
        value,
    }
}

#[test]
fn two_judges_by_hand() {
    let (a, b) = (judge("a"), judge("b"));
    let marks = [
        mark(0, 0, 0, 6.0),
        mark(0, 0, 1, 8.0),
        mark(1, 0, 0, 2.0),
        mark(1, 0, 1, 2.0),
        mark(0, 1, 0, 8.0),
        mark(1, 1, 0, 5.0),
        // Only one of them judged this.
        mark(2, 1, 0, 9.0),
    ];
    let found = of(&[&a, &b], 2, &marks);
    assert_eq!(found.judges[0].n, 4);
    assert_eq!(found.judges[0].mean, Some(4.5));
    // Variances 2 and 0 with one degree of freedom each.
    assert_eq!(found.judges[0].repeat_sd, Some(1.0));
    assert_eq!(found.judges[1].repeat_sd, None);
    let pair = &found.pairs[0];
    assert_eq!((pair.n, pair.near), (2, 1));
    assert_eq!(pair.mean_difference, Some(2.0));
    assert_eq!(pair.bias, Some(2.0));
    // Means 7 and 2 against 8 and 5: Do = (1 + 9) * 2 / 4 = 5, De = 2 * 4 * 21 / 12 = 14.
    let alpha = found.alpha.unwrap();
    assert!(
        (alpha.value - (1.0 - 5.0 / 14.0)).abs() < 1e-12,
        "{alpha:?}"
    );
    assert!(found.alpha_of_repeats.is_some());
}

#[test]
fn one_judge_agrees_with_nobody() {
    let a = judge("a");
    let found = of(&[&a], 1, &[mark(0, 0, 0, 6.0), mark(1, 0, 0, 8.0)]);
    assert_eq!((found.alpha, found.alpha_of_repeats), (None, None));
    assert!(found.pairs.is_empty());
    assert_eq!(found.judges[0].mean, Some(7.0));
}
