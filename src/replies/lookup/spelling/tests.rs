use proptest::prelude::*;

use super::*;

#[test]
fn one_edit() {
    for (one, other) in [
        ("wedding", "weding"),
        ("wedding", "weddding"),
        ("wedding", "weddimg"),
        ("wedding", "wedidng"),
        ("wedding", "edding"),
        ("wedding", "weddign"),
        ("größe", "grösse"),
    ] {
        let is_near = one != "größe";
        assert_eq!(is_one_edit_apart(one, other), is_near, "{one} {other}");
        assert_eq!(is_one_edit_apart(other, one), is_near, "{one} {other}");
    }
    assert!(!is_one_edit_apart("wedding", "weedinng"));
    assert!(!is_one_edit_apart("abcde", "badce"));
}

#[test]
fn a_letter_outside_of_ascii_may_be_missing() {
    let spellings = Spellings::of([(1, "aébaa")].into_iter());
    assert_eq!(found(&spellings, "abaaloc"), [1]);
}

fn found(spellings: &Spellings, word: &str) -> Vec<WordId> {
    let mut found = Vec::new();
    spellings.visit(word, |id| found.push(id));
    found
}

/// A word with one edit at a place.
fn edited(word: &str, kind: u8, at: usize, letter: char) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = at % (letters.len() - 1);
    match kind {
        0 => letters.insert(at, letter),
        1 => drop(letters.remove(at)),
        2 => letters[at] = letter,
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn each_edit_is_found(word in "[a-eé]{5,12}", kind in 0_u8..4, at in 0_usize..12, letter in "[a-e]") {
        let typo = edited(&word, kind, at, letter.chars().next().unwrap());
        let spellings = Spellings::of([(0, &*word)].into_iter());
        prop_assert!(found(&spellings, &typo).contains(&0));
        prop_assert!(word == typo || is_one_edit_apart(&word, &typo));
    }

    #[test]
    fn a_prefix_is_found_in_a_longer_word(word in "[a-eé]{5,12}", kind in 0_u8..4, at in 0_usize..12, rest in "[a-e]{0,5}") {
        let last = word.chars().last().unwrap();
        let typo = edited(&word, kind, at, 'e');
        prop_assume!(typo.ends_with(last));
        let spellings = Spellings::of([(1, &*word)].into_iter());
        prop_assert!(found(&spellings, &(typo + &rest)).contains(&1));
    }
}
