//! Two whole files of replies, as an owner would write them, each with its customers' sentences.

use replyd::Replies;

#[track_caller]
fn check(text: &str, sentence: &str, beginning: &str) {
    let replies = Replies::parse(text, "faq.ini").unwrap();
    assert_eq!(replies.warnings(), [""; 0]);
    assert_eq!(replies.failures(), [""; 0]);
    assert!(
        replies.len() >= 40 && replies.tests() >= 50,
        "{} replies, {} tests",
        replies.len(),
        replies.tests()
    );
    assert!(replies.answer(sentence).reply.starts_with(beginning), "{}", replies.explain(sentence));
}

#[test]
fn a_bakery() {
    let text = include_str!("../faq/bakery.ini");
    check(text, "Good morning! When do you open?", "We are open Tuesday to Friday");
}

/// The typos are the same at each run. Each sentence is tried without being an example itself.
#[test]
fn a_bakery_with_typos() {
    let replies = Replies::parse(include_str!("../faq/bakery.ini"), "faq.ini").unwrap();
    let outcomes = replies.robustness(8);
    assert!(outcomes.total() > 500, "{outcomes:?}");
    assert!(outcomes.right * 1000 >= outcomes.total() * 930, "{outcomes:?}");
    assert!(outcomes.wrong * 1000 <= outcomes.total() * 45, "{outcomes:?}");
    assert_eq!(replies.unproven_tests().0, [""; 0]);
}

/// Questions in words that the file does not have: what is offered to them is mostly what they ask for, and to what has nothing to
/// do with a bakery, next to nothing is offered.
#[test]
fn what_a_bakery_offers() {
    let replies = Replies::parse(include_str!("../faq/bakery.ini"), "faq.ini").unwrap();
    let (mut lists, mut useful, mut nonsense, mut found) = (0, 0, 0, 0);
    let questions = include_str!("../faq/bakery-questions.tsv").lines();
    for (question, wanted) in questions.map(|line| line.split_once('\t').unwrap()) {
        let answer = replies.answer(question);
        let is_useful = answer.offers.iter().any(|offer| replies.answer(offer).name() == wanted);
        match wanted {
            "unknown" => nonsense += usize::from(!answer.offers.is_empty()),
            wanted => {
                assert!(replies.names().any(|name| name == wanted), "{wanted:?}");
                lists += usize::from(!answer.offers.is_empty());
                useful += usize::from(is_useful);
                found += usize::from(is_useful || answer.name() == wanted);
            }
        }
    }
    assert!(useful * 100 >= lists * 80, "{useful} of {lists}");
    assert!(found >= 50, "{found} were found or offered");
    assert!(nonsense <= 5, "{nonsense} lists for nothing");
}

#[test]
fn a_bakery_in_chinese() {
    let text = include_str!("../faq/bakery-zh.ini");
    check(text, "你好，請問你們的營業時間是幾點？", "我們的營業時間：\n週二至週五");
}
