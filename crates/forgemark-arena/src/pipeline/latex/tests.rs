use std::borrow::Cow;

use super::clean;

#[test]
fn delimiters_take_one_form() {
    assert_eq!(clean(r"Let \( x \) be"), "Let $x$ be");
    assert_eq!(clean(r"\[ x^2 \]"), "$$ x^2 $$");
    assert_eq!(
        clean("\\begin{align*}a&=b\\\\[2pt]c&=d\\end{align*}"),
        "$$a&=b\\\\[2pt]c&=d$$"
    );
    assert_eq!(
        clean("\\begin{equation}1\\end{equation}\\begin{gather}2\\end{gather}"),
        "$$1$$$$2$$"
    );
}

#[test]
fn what_is_no_delimiter_stays() {
    for text in [
        r"\frac{1}{2} \begin{pmatrix}1\end{pmatrix} \\",
        r"a row break \\[4pt] and \\(no maths)",
        "ends in a backslash \\",
        "nothing at all",
    ] {
        assert!(
            matches!(clean(text), Cow::Borrowed(same) if same == text),
            "{text}"
        );
    }
}

#[test]
fn twice_is_once() {
    let text = r"\(\alpha\) and \[\beta\] and \begin{align}x\end{align}";
    assert_eq!(clean(&clean(text)), clean(text));
}
