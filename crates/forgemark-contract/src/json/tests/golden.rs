//! What Python's `json` makes of these texts. Made with Python 3.11:
//!
//! ```text
//! v = json.loads(text)
//! ascii, line  = json.dumps(v), fix(json.dumps(v, ensure_ascii=False))
//! pretty       = fix(json.dumps(v, ensure_ascii=False, indent=2))
//! compact      = fix(json.dumps(v, ensure_ascii=False, separators=(",", ":")))
//! ```
//!
//! where `fix` replaces each lone surrogate by its escape, since Python makes a string that cannot be encoded there.

/// Text, then the four outputs.
pub(super) struct Golden {
    pub(super) text: &'static str,
    pub(super) ascii: &'static str,
    pub(super) line: &'static str,
    pub(super) pretty: &'static str,
    pub(super) compact: &'static str,
}

#[rustfmt::skip]
pub(super) const GOLDEN: &[Golden] = &[
    Golden { text: "1e-07", ascii: "1e-07", line: "1e-07", pretty: "1e-07", compact: "1e-07" },
    Golden { text: "1e-05", ascii: "1e-05", line: "1e-05", pretty: "1e-05", compact: "1e-05" },
    Golden { text: "0.0001", ascii: "0.0001", line: "0.0001", pretty: "0.0001", compact: "0.0001" },
    Golden { text: "0.00012345", ascii: "0.00012345", line: "0.00012345", pretty: "0.00012345", compact: "0.00012345" },
    Golden { text: "1e+16", ascii: "1e+16", line: "1e+16", pretty: "1e+16", compact: "1e+16" },
    Golden { text: "1e15", ascii: "1000000000000000.0", line: "1000000000000000.0", pretty: "1000000000000000.0", compact: "1000000000000000.0" },
    Golden { text: "9999999999999998.0", ascii: "9999999999999998.0", line: "9999999999999998.0", pretty: "9999999999999998.0", compact: "9999999999999998.0" },
    Golden { text: "1e22", ascii: "1e+22", line: "1e+22", pretty: "1e+22", compact: "1e+22" },
    Golden { text: "1E400", ascii: "Infinity", line: "Infinity", pretty: "Infinity", compact: "Infinity" },
    Golden { text: "-1e400", ascii: "-Infinity", line: "-Infinity", pretty: "-Infinity", compact: "-Infinity" },
    Golden { text: "5e-324", ascii: "5e-324", line: "5e-324", pretty: "5e-324", compact: "5e-324" },
    Golden { text: "2.2250738585072014e-308", ascii: "2.2250738585072014e-308", line: "2.2250738585072014e-308", pretty: "2.2250738585072014e-308", compact: "2.2250738585072014e-308" },
    Golden { text: "1.7976931348623157e308", ascii: "1.7976931348623157e+308", line: "1.7976931348623157e+308", pretty: "1.7976931348623157e+308", compact: "1.7976931348623157e+308" },
    Golden { text: "-0.0", ascii: "-0.0", line: "-0.0", pretty: "-0.0", compact: "-0.0" },
    Golden { text: "-0", ascii: "0", line: "0", pretty: "0", compact: "0" },
    Golden { text: "0", ascii: "0", line: "0", pretty: "0", compact: "0" },
    Golden { text: "123456789012345680.0", ascii: "1.2345678901234568e+17", line: "1.2345678901234568e+17", pretty: "1.2345678901234568e+17", compact: "1.2345678901234568e+17" },
    Golden { text: "12345678901234567.0", ascii: "1.2345678901234568e+16", line: "1.2345678901234568e+16", pretty: "1.2345678901234568e+16", compact: "1.2345678901234568e+16" },
    Golden { text: "0.1", ascii: "0.1", line: "0.1", pretty: "0.1", compact: "0.1" },
    Golden { text: "0.30000000000000004", ascii: "0.30000000000000004", line: "0.30000000000000004", pretty: "0.30000000000000004", compact: "0.30000000000000004" },
    Golden { text: "4.0", ascii: "4.0", line: "4.0", pretty: "4.0", compact: "4.0" },
    Golden { text: "1e21", ascii: "1e+21", line: "1e+21", pretty: "1e+21", compact: "1e+21" },
    Golden { text: "-1.5e-300", ascii: "-1.5e-300", line: "-1.5e-300", pretty: "-1.5e-300", compact: "-1.5e-300" },
    Golden { text: "123456.789e3", ascii: "123456789.0", line: "123456789.0", pretty: "123456789.0", compact: "123456789.0" },
    Golden { text: "-1113178120592002.25", ascii: "-1113178120592002.2", line: "-1113178120592002.2", pretty: "-1113178120592002.2", compact: "-1113178120592002.2" },
    Golden { text: "233891771783429.625", ascii: "233891771783429.62", line: "233891771783429.62", pretty: "233891771783429.62", compact: "233891771783429.62" },
    Golden { text: "15069454959019362.67320e-2", ascii: "150694549590193.62", line: "150694549590193.62", pretty: "150694549590193.62", compact: "150694549590193.62" },
    Golden { text: "9223372036854775807", ascii: "9223372036854775807", line: "9223372036854775807", pretty: "9223372036854775807", compact: "9223372036854775807" },
    Golden { text: "9223372036854775808", ascii: "9223372036854775808", line: "9223372036854775808", pretty: "9223372036854775808", compact: "9223372036854775808" },
    Golden { text: "-9223372036854775808", ascii: "-9223372036854775808", line: "-9223372036854775808", pretty: "-9223372036854775808", compact: "-9223372036854775808" },
    Golden { text: "-9223372036854775809", ascii: "-9223372036854775809", line: "-9223372036854775809", pretty: "-9223372036854775809", compact: "-9223372036854775809" },
    Golden { text: "18446744073709551616", ascii: "18446744073709551616", line: "18446744073709551616", pretty: "18446744073709551616", compact: "18446744073709551616" },
    Golden { text: "-340282366920938463463374607431768211456", ascii: "-340282366920938463463374607431768211456", line: "-340282366920938463463374607431768211456", pretty: "-340282366920938463463374607431768211456", compact: "-340282366920938463463374607431768211456" },
    Golden { text: "NaN", ascii: "NaN", line: "NaN", pretty: "NaN", compact: "NaN" },
    Golden { text: "Infinity", ascii: "Infinity", line: "Infinity", pretty: "Infinity", compact: "Infinity" },
    Golden { text: "-Infinity", ascii: "-Infinity", line: "-Infinity", pretty: "-Infinity", compact: "-Infinity" },
    Golden { text: "\"\"", ascii: "\"\"", line: "\"\"", pretty: "\"\"", compact: "\"\"" },
    Golden { text: "\"plain\"", ascii: "\"plain\"", line: "\"plain\"", pretty: "\"plain\"", compact: "\"plain\"" },
    Golden { text: "\"\\ud83d\\ude00 \u{1f600}\"", ascii: "\"\\ud83d\\ude00 \\ud83d\\ude00\"", line: "\"\u{1f600} \u{1f600}\"", pretty: "\"\u{1f600} \u{1f600}\"", compact: "\"\u{1f600} \u{1f600}\"" },
    Golden { text: "\"\\ud800\"", ascii: "\"\\ud800\"", line: "\"\\ud800\"", pretty: "\"\\ud800\"", compact: "\"\\ud800\"" },
    Golden { text: "\"a\\udc00b\"", ascii: "\"a\\udc00b\"", line: "\"a\\udc00b\"", pretty: "\"a\\udc00b\"", compact: "\"a\\udc00b\"" },
    Golden { text: "\"\\ud800\\ud800\\udc00\"", ascii: "\"\\ud800\\ud800\\udc00\"", line: "\"\\ud800\u{10000}\"", pretty: "\"\\ud800\u{10000}\"", compact: "\"\\ud800\u{10000}\"" },
    Golden { text: "\"\\udc00\\ud800\"", ascii: "\"\\udc00\\ud800\"", line: "\"\\udc00\\ud800\"", pretty: "\"\\udc00\\ud800\"", compact: "\"\\udc00\\ud800\"" },
    Golden { text: "\"\u{2028}\u{2029}\u{85}\"", ascii: "\"\\u2028\\u2029\\u0085\"", line: "\"\u{2028}\u{2029}\u{85}\"", pretty: "\"\u{2028}\u{2029}\u{85}\"", compact: "\"\u{2028}\u{2029}\u{85}\"" },
    Golden { text: "\"\u{7f}\\u007f\"", ascii: "\"\\u007f\\u007f\"", line: "\"\u{7f}\u{7f}\"", pretty: "\"\u{7f}\u{7f}\"", compact: "\"\u{7f}\u{7f}\"" },
    Golden { text: "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\"", ascii: "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\"", line: "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\"", pretty: "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\"", compact: "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001b\\u001f\"" },
    Golden { text: "\"\\\"\\\\\\/\"", ascii: "\"\\\"\\\\/\"", line: "\"\\\"\\\\/\"", pretty: "\"\\\"\\\\/\"", compact: "\"\\\"\\\\/\"" },
    Golden { text: "\"\u{e9}\u{feff}\u{ffff}\u{10ffff}\"", ascii: "\"\\u00e9\\ufeff\\uffff\\udbff\\udfff\"", line: "\"\u{e9}\u{feff}\u{ffff}\u{10ffff}\"", pretty: "\"\u{e9}\u{feff}\u{ffff}\u{10ffff}\"", compact: "\"\u{e9}\u{feff}\u{ffff}\u{10ffff}\"" },
    Golden { text: "\"\u{627}\u{644}\u{644}\u{63a}\u{629}\"", ascii: "\"\\u0627\\u0644\\u0644\\u063a\\u0629\"", line: "\"\u{627}\u{644}\u{644}\u{63a}\u{629}\"", pretty: "\"\u{627}\u{644}\u{644}\u{63a}\u{629}\"", compact: "\"\u{627}\u{644}\u{644}\u{63a}\u{629}\"" },
    Golden { text: "{\"\\ud800\": 1, \"\\udfff\\ud800k\": {\"\u{10ffff}\": 2, \"\u{2028}\": 3}}", ascii: "{\"\\ud800\": 1, \"\\udfff\\ud800k\": {\"\\udbff\\udfff\": 2, \"\\u2028\": 3}}", line: "{\"\\ud800\": 1, \"\\udfff\\ud800k\": {\"\u{10ffff}\": 2, \"\u{2028}\": 3}}", pretty: "{\n  \"\\ud800\": 1,\n  \"\\udfff\\ud800k\": {\n    \"\u{10ffff}\": 2,\n    \"\u{2028}\": 3\n  }\n}", compact: "{\"\\ud800\":1,\"\\udfff\\ud800k\":{\"\u{10ffff}\":2,\"\u{2028}\":3}}" },
    Golden { text: "[]", ascii: "[]", line: "[]", pretty: "[]", compact: "[]" },
    Golden { text: "{}", ascii: "{}", line: "{}", pretty: "{}", compact: "{}" },
    Golden { text: "[[]]", ascii: "[[]]", line: "[[]]", pretty: "[\n  []\n]", compact: "[[]]" },
    Golden { text: "[{}]", ascii: "[{}]", line: "[{}]", pretty: "[\n  {}\n]", compact: "[{}]" },
    Golden { text: "{\"a\": []}", ascii: "{\"a\": []}", line: "{\"a\": []}", pretty: "{\n  \"a\": []\n}", compact: "{\"a\":[]}" },
    Golden { text: "{\"a\": {}}", ascii: "{\"a\": {}}", line: "{\"a\": {}}", pretty: "{\n  \"a\": {}\n}", compact: "{\"a\":{}}" },
    Golden { text: "[[], {}, [[]], {\"b\": {\"c\": []}}]", ascii: "[[], {}, [[]], {\"b\": {\"c\": []}}]", line: "[[], {}, [[]], {\"b\": {\"c\": []}}]", pretty: "[\n  [],\n  {},\n  [\n    []\n  ],\n  {\n    \"b\": {\n      \"c\": []\n    }\n  }\n]", compact: "[[],{},[[]],{\"b\":{\"c\":[]}}]" },
    Golden { text: "{\"a\": 1, \"b\": [1, 2.5, \"x\", null, true, false], \"c\": {\"d\": [{\"e\": []}, {}]}}", ascii: "{\"a\": 1, \"b\": [1, 2.5, \"x\", null, true, false], \"c\": {\"d\": [{\"e\": []}, {}]}}", line: "{\"a\": 1, \"b\": [1, 2.5, \"x\", null, true, false], \"c\": {\"d\": [{\"e\": []}, {}]}}", pretty: "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2.5,\n    \"x\",\n    null,\n    true,\n    false\n  ],\n  \"c\": {\n    \"d\": [\n      {\n        \"e\": []\n      },\n      {}\n    ]\n  }\n}", compact: "{\"a\":1,\"b\":[1,2.5,\"x\",null,true,false],\"c\":{\"d\":[{\"e\":[]},{}]}}" },
    Golden { text: "{\"k\": 1, \"l\": 2, \"k\": 3}", ascii: "{\"k\": 3, \"l\": 2}", line: "{\"k\": 3, \"l\": 2}", pretty: "{\n  \"k\": 3,\n  \"l\": 2\n}", compact: "{\"k\":3,\"l\":2}" },
    Golden { text: "  [ 1 ,\n\t2\r]  ", ascii: "[1, 2]", line: "[1, 2]", pretty: "[\n  1,\n  2\n]", compact: "[1,2]" },
    Golden { text: "[NaN, -Infinity, 1e5]", ascii: "[NaN, -Infinity, 100000.0]", line: "[NaN, -Infinity, 100000.0]", pretty: "[\n  NaN,\n  -Infinity,\n  100000.0\n]", compact: "[NaN,-Infinity,100000.0]" },
];
