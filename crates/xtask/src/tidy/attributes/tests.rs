use super::*;

fn lines(check: fn(&Source) -> Vec<Hit>, path: &str, text: &str) -> Vec<usize> {
    check(&Source::new(path, text.to_owned()))
        .iter()
        .map(|hit| hit.line)
        .collect()
}

const PATH: &str = "crates/a/src/b.rs";

#[test]
fn allow_is_found_in_every_form() {
    let text = "#![allow(dead_code)]\nfn f() {}\n#[allow(\n    unused,\n    reason = \"x\"\n)]\nfn g() {}\n# [ allow (unused) ]\nfn h() {}\n#[cfg_attr(test, allow(unused))]\nfn i() {}\n";
    assert_eq!(lines(allow, PATH, text), [1, 3, 8, 10]);
}

#[test]
fn what_only_looks_like_allow_is_left_alone() {
    let text = "// #[allow(dead_code)]\nconst A: &str = \"#[allow(x)]\";\n#[expect(dead_code, reason = \"allow\")]\nfn allow() {}\n#[doc = \"#[allow(x)]\"]\nfn g() { allow(); }\n";
    assert_eq!(lines(allow, PATH, text), [0usize; 0]);
}

#[test]
fn a_test_that_is_switched_off_is_found() {
    let text = "#[test]\n#[ignore]\nfn a() {}\n#[test]\n#[ignore = \"slow\"]\nfn b() {}\n#[cfg_attr(debug_assertions, ignore)]\nfn c() {}\n";
    assert_eq!(lines(ignore, PATH, text), [2, 5, 7]);
    assert_eq!(
        lines(ignore, PATH, "#[test]\nfn ignore() {}\n"),
        [0usize; 0]
    );
}

#[test]
fn flatten_and_untagged_are_found() {
    let text = "#[derive(Serialize)]\n#[serde(untagged)]\nenum A {}\nstruct B {\n    #[serde(default, flatten)]\n    rest: Map,\n}\n";
    assert_eq!(lines(serde, PATH, text), [2, 5]);
    assert_eq!(
        lines(
            serde,
            PATH,
            "#[serde(rename = \"flatten\")]\nstruct C;\nfn f() { x.flatten(); }\n"
        ),
        [0usize; 0]
    );
}

#[test]
fn the_extra_map_of_the_contract_is_the_exception() {
    let text = "struct A {\n    #[serde(flatten)]\n    pub extra: Object,\n}\n";
    assert_eq!(
        lines(serde, "crates/forgemark-contract/src/a.rs", text),
        [0usize; 0]
    );
    assert_eq!(lines(serde, PATH, text), [2], "in another crate it is none");
    let other = text.replace("extra", "more");
    assert_eq!(
        lines(serde, "crates/forgemark-contract/src/a.rs", &other),
        [2]
    );
}
