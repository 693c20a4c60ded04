use super::*;

const KEYS: &str = "\
## run

| key | type | default | environment | meaning |
|---|---|---|---|---|
| `run.seed` | integer | `0` |  | Seed. |
| `run.batch_size` | integer | `1` | `BATCH_SIZE` | Size. |
| `run.ray` | text | `\"auto\"` | `RAY` `RAY_2` | Cluster. **No effect:** one process. |
| `run.cluster` | true or false | `false` |  | Cluster. **Refused:** one process. |
| `run.n_turns` | anything or null | `null` |  | Old. **Renamed:** `run.turns`. |
";

const RIGHT: &str = "\
| `N_TURNS` | not read |
| `run.batch_size` | `1` | honoured | `BATCH_SIZE` | A remark. |
| `run.ray` | the original's text | warning | `RAY` `RAY_2` | [one process](#reasons) |
| `run.cluster` | `false` | error when true |  | [one process](#reasons) |
| `run.n_turns` | warning | `run.turns` |
";

#[test]
fn a_page_that_says_the_same_is_in_order() {
    assert_eq!(differences(KEYS, RIGHT), [""; 0]);
}

#[test]
fn every_kind_of_difference_is_found() {
    for (from, to) in [
        ("| `1` | honoured", "| `2` | honoured"),
        ("honoured | `BATCH_SIZE`", "warning | `BATCH_SIZE`"),
        ("`BATCH_SIZE`", "`SIZE`"),
        ("`RAY` `RAY_2`", "`RAY_2` `RAY`"),
        ("warning | `run.turns`", "error | `run.turns`"),
        ("error when true", "honoured"),
        ("`run.batch_size`", "`run.batch`"),
        ("| `run.n_turns` | warning | `run.turns` |\n", ""),
        ("| `run.ray` |", "run.ray"),
    ] {
        let page = RIGHT.replacen(from, to, 1);
        assert_ne!(page, RIGHT, "{from}");
        assert_eq!(differences(KEYS, &page).len(), 1, "{from} -> {to}");
    }
}
