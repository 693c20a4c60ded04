use super::{declared_charset, strip_tags, to_text};

#[track_caller]
fn check(html: &str, expected: &str) {
    assert_eq!(to_text(html).trim(), expected);
}

#[test]
fn blocks_become_lines_and_noise_goes() {
    check(
        "<html><head><title>The title</title><style>p{}</style><script>x()</script></head><body>\
         <nav><a href=/>Home</a></nav><header>Site banner</header>\
         <article><header><h1>Heading</h1></header><p>First  <b>bold</b>\n word&nbsp;here.</p><p>Second&eacute;<br>line</p></article>\
         <div>One</div><div>Two</div><button>Press</button><footer>Imprint</footer></body></html>",
        "The title\n\nHeading\n\nFirst bold word\u{a0}here.\n\nSecondé\nline\n\nOne\nTwo",
    );
}

#[test]
fn tables_lists_and_preformatted_text() {
    check(
        "<table><tr><th>Name<th>Dose</tr><tr><td><p>A</p></td><td>5 &micro;g</td></tr></table>\
         <ul><li>one<li><p>two</p><li></li><li>three</ul><pre>a\n  b</pre><img alt='A figure' src=x>",
        "Name | Dose\nA | 5 µg\n\n- one\n- two\n\n- \n- three\n\na\n  b\n\nA figure",
    );
}

#[test]
fn a_table_that_lays_out_the_page_keeps_its_paragraphs() {
    check(
        "<table><tr><td><p>One</p><p>Two</p></td><td><p>Three</p></td></tr></table>",
        "One\n\nTwo\n\nThree",
    );
}

#[test]
fn a_title_that_the_body_repeats_stands_once() {
    check("<title>Same</title><h1>Same</h1><p>Text", "Same\n\nText");
}

#[test]
fn hidden_text_goes_and_a_page_of_noise_still_speaks() {
    check(
        "<p>a</p><p hidden>b</p><div aria-hidden=true>c</div><div role=navigation>d</div>",
        "a",
    );
    check("<nav>Only this</nav><script>no</script>", "Only this");
    check("<script>no</script>", "");
}

#[test]
fn depth_costs_no_stack() {
    let deep = "<div>".repeat(3_000) + "core";
    check(&deep, "core");
}

#[test]
fn the_declared_charset_is_found() {
    let name = |html: &str| declared_charset(html.as_bytes()).map(encoding_rs::Encoding::name);
    assert_eq!(name("<meta charset=\"Shift_JIS\">"), Some("Shift_JIS"));
    assert_eq!(
        name("<META http-equiv=Content-Type content='text/html; CHARSET=iso-8859-2'>"),
        Some("ISO-8859-2")
    );
    assert_eq!(
        name("<p>a charset of options</p><meta charset = utf-8>"),
        Some("UTF-8")
    );
    assert_eq!(name("<p>none</p>"), None);
    assert_eq!(name("charset="), None);
}

#[test]
fn tags_are_stripped_from_fragments() {
    let strip = |fragment: &str| {
        let mut out = String::new();
        strip_tags(fragment, &mut out);
        out
    };
    assert_eq!(
        strip("a<p class='x'>b</p>c &lt;d&gt; &#233;&#x41; &bogus; & <!-- e --> f < g"),
        "a\nb\nc <d> éA &bogus; &  f < g"
    );
    assert_eq!(
        strip("x<script>if (a<b) {}</script>y<style>p{}</STYLE>z"),
        "xyz"
    );
    assert_eq!(strip("<unclosed"), "");
    assert_eq!(strip("<!-- unclosed"), "");
}
