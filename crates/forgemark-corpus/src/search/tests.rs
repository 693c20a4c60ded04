use std::collections::BTreeMap;

use proptest::prelude::{Strategy, prop, prop_assert_eq, proptest};

use super::tokens::{Scratch, each_token};
use super::top::{Scored, Top};
use super::{ChunkId, SearchIndex};

fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    each_token(text, &mut Scratch::default(), |token| {
        let mut word = Vec::new();
        token.spell(&mut word);
        out.push(word.into_iter().collect());
    });
    out
}

fn index(texts: &[&str]) -> SearchIndex {
    SearchIndex::build(texts.iter().copied())
}

fn found(index: &SearchIndex, query: &str) -> Vec<u32> {
    index
        .search(query, None, 10, &|_| true)
        .iter()
        .map(|hit| hit.chunk.0)
        .collect()
}

#[test]
fn words_are_folded() {
    assert_eq!(
        tokens("The DUF1220-domain's ﬁrst Σ, naïve (2nd)!"),
        [
            "the", "duf1220", "domain", "s", "first", "σ", "naïve", "2nd"
        ]
    );
    assert_eq!(
        tokens("foo-ba\u{301}r x"),
        ["foo", "bár", "x"],
        "a mark joins the letter before it"
    );
    assert_eq!(tokens("soft\u{ad}ware"), ["software"]);
    assert_eq!(tokens(" \u{2028}\u{85}.,"), Vec::<String>::new());
    assert_eq!(tokens(""), Vec::<String>::new());
}

#[test]
fn arabic_signs_do_not_count() {
    assert_eq!(tokens("السَّلَامُ عَلَيْكُم"), tokens("السلام عليكم"));
    assert_eq!(tokens("العـــربية"), ["العربية"]);
}

#[test]
fn scripts_without_spaces_become_pairs() {
    assert_eq!(
        tokens("東京都に住む"),
        ["東京", "京都", "都に", "に住", "住む"]
    );
    assert_eq!(tokens("中 a字b"), ["中", "a", "字", "b"]);
    assert_eq!(tokens("ｶﾞｽ"), ["ガス"], "half-width kana are folded first");
}

#[test]
fn long_words_are_cut_and_not_split() {
    let long = "x".repeat(5_000);
    assert_eq!(tokens(&long), ["x".repeat(48)]);
    assert_eq!(
        tokens(&format!("é{long}")),
        [format!("é{}", "x".repeat(47))]
    );
}

#[test]
fn the_chunk_with_the_words_comes_first() {
    let index = index(&[
        "The river Danube flows through Vienna and Budapest.",
        "Bridges over the river were built in the nineteenth century.",
        "Bread is made of flour, water, salt and yeast.",
    ]);
    assert_eq!(found(&index, "How is bread made?")[0], 2);
    assert_eq!(found(&index, "Which river flows through Budapest?")[0], 0);
    assert_eq!(found(&index, "zzz qqq"), Vec::<u32>::new());
    assert_eq!(found(&index, ""), Vec::<u32>::new());
}

#[test]
fn vectors_find_inflected_compounded_and_misspelt_words() {
    let index = index(&[
        "The measurement of temperatures in deep water.",
        "A history of the railway and of its stations.",
        "The cultivation of tomatoes in glasshouses.",
    ]);
    assert_eq!(found(&index, "measuring temperature")[0], 0);
    assert_eq!(found(&index, "railways station")[0], 1);
    assert_eq!(found(&index, "tomatos cultivaton")[0], 2);
    assert_eq!(found(&index, "glasshouse")[0], 2);
}

#[test]
fn numbers_match_only_as_they_are() {
    let index = index(&["In 2017 it rained.", "In 2018 it snowed."]);
    assert_eq!(found(&index, "2018"), [1]);
    assert_eq!(found(&index, "2016"), Vec::<u32>::new());
}

#[test]
fn other_scripts_are_found() {
    let index = index(&[
        "الزكاة واجبة على كل مسلم",
        "東京都の人口は多い",
        "Население города растёт",
    ]);
    assert_eq!(found(&index, "الزَّكاة")[0], 0);
    assert_eq!(found(&index, "人口")[0], 1);
    assert_eq!(found(&index, "населения города")[0], 2);
}

#[test]
fn a_filter_is_kept_and_the_rest_moves_up() {
    let texts: Vec<String> = (0..300)
        .map(|n| format!("common words of chunk number{n}"))
        .collect();
    let index = SearchIndex::build(texts.iter().map(String::as_str));
    let odd = index.search("common words", None, 7, &|id: ChunkId| id.0 % 2 == 1);
    assert_eq!(
        odd.iter().map(|hit| hit.chunk.0).collect::<Vec<_>>(),
        [1, 3, 5, 7, 9, 11, 13],
        "ties stand in order of id"
    );
    assert!(index.search("common words", None, 7, &|_| false).is_empty());
    assert!(index.search("common words", None, 0, &|_| true).is_empty());
    assert_eq!(index.search("common words", None, 1_000, &|_| true).len(), 300);
}

#[test]
fn a_filter_may_search() {
    let index = index(&["alpha", "alpha beta"]);
    let hits = index.search("alpha", None, 5, &|id| {
        index
            .search("beta", None, 1, &|_| true)
            .iter()
            .any(|hit| hit.chunk == id)
    });
    assert_eq!(hits.len(), 1);
}

#[test]
fn indexes_of_different_size_share_a_thread() {
    let small = index(&["alpha", "beta"]);
    let texts: Vec<String> = (0..50).map(|n| format!("alpha word{n}")).collect();
    let large = SearchIndex::build(texts.iter().map(String::as_str));
    for _ in 0..3 {
        assert_eq!(found(&large, "word17")[0], 17);
        assert_eq!(found(&small, "alpha beta word17"), [0, 1]);
    }
}

#[test]
fn threads_agree() {
    let texts: Vec<String> = (0..400)
        .map(|n| format!("river {} bridge {} tower {}", n % 7, n % 11, n % 13))
        .collect();
    let index = SearchIndex::build(texts.iter().map(String::as_str));
    let queries: Vec<String> = (0..40)
        .map(|n| format!("bridge {} rivers {}", n % 11, n % 7))
        .collect();
    let answer = |query: &String| index.search(query, None, 12, &|_| true);
    let expected: Vec<_> = queries.iter().map(answer).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| queries.iter().map(answer).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

#[test]
fn an_empty_index_answers() {
    assert_eq!(found(&index(&[]), "anything"), Vec::<u32>::new());
    assert_eq!(found(&index(&["", "..."]), "anything"), Vec::<u32>::new());
}

/// BM25 as the formula says, over strings.
fn plain_bm25(texts: &[String], query: &str) -> Vec<(u32, f64)> {
    let documents: Vec<Vec<String>> = texts.iter().map(|text| tokens(text)).collect();
    let n = documents.len() as f64;
    let mean = documents.iter().map(Vec::len).sum::<usize>() as f64 / n;
    let mut scores = BTreeMap::new();
    for token in tokens(query) {
        let df = documents
            .iter()
            .filter(|document| document.contains(&token))
            .count() as f64;
        let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        for (at, document) in (0..).zip(&documents) {
            let times = document.iter().filter(|word| **word == token).count() as f64;
            if times > 0.0 {
                let norm = 1.2 * (0.25 + 0.75 * document.len() as f64 / mean.max(1.0));
                *scores.entry(at).or_insert(0.0) += idf * times * 2.2 / (times + norm);
            }
        }
    }
    scores.into_iter().collect()
}

fn corpora() -> impl Strategy<Value = (Vec<String>, String)> {
    let word = prop::sample::select(vec![
        "river", "bridge", "tower", "rivers", "a", "of", "12", "13", "漢字", "Été",
    ]);
    let text = prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "));
    (prop::collection::vec(text.clone(), 1..12), text)
}

proptest! {
    #[test]
    fn keyword_scores_are_those_of_the_formula((texts, query) in corpora()) {
        let index = SearchIndex::build(texts.iter().map(String::as_str));
        let mut scores = vec![0.0; texts.len()];
        let mut touched = Vec::new();
        each_token(&query, &mut Scratch::default(), |token| {
            if let Some(number) = index.dictionary.get(&token.hash) {
                index.keywords.score(*number, index.idf[*number as usize], &mut scores, &mut touched);
            }
        });
        let expected = plain_bm25(&texts, &query);
        touched.sort_unstable();
        prop_assert_eq!(&touched, &expected.iter().map(|(at, _)| *at).collect::<Vec<u32>>());
        for (at, score) in expected {
            prop_assert_eq!((scores[at as usize] - score as f32).abs() < 1e-3, true, "{} {}", scores[at as usize], score);
        }
    }

    #[test]
    fn the_top_is_that_of_a_sort(scores in prop::collection::vec(0_u8..20, 0..200), limit in 1_usize..50, modulus in 1_u32..5) {
        let filter = |id: ChunkId| id.0.is_multiple_of(modulus);
        let all: Vec<Scored> = (0..).zip(&scores).map(|(chunk, score)| Scored { score: f32::from(*score), chunk }).collect();
        let mut top = Top::default();
        top.reset(limit);
        for scored in &all {
            top.offer(*scored, &filter);
        }
        let mut expected: Vec<Scored> = all.into_iter().filter(|scored| filter(ChunkId(scored.chunk))).collect();
        expected.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        expected.truncate(limit);
        prop_assert_eq!(top.sorted(), expected.as_slice());
    }

    #[test]
    fn any_text_can_be_indexed_and_asked(texts in prop::collection::vec("\\PC{0,60}", 0..6), query in "\\PC{0,200}") {
        let index = SearchIndex::build(texts.iter().map(String::as_str));
        let hits = index.search(&query, None, 3, &|_| true);
        prop_assert_eq!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score), true);
        prop_assert_eq!(hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 2.0 / 61.0), true);
    }
}
