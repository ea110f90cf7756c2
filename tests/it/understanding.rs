//! Messages as people write them: with typos, in other words, with umlauts, hyphens, emoji and symbols.

use replyd::{FoundBy, Replies};

#[track_caller]
fn check(table: &str, message: &str, expected: &str) {
    let replies = Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap();
    assert_eq!(replies.answer(message).reply.as_str(), expected, "{table:?}: {message:?}");
}

/// The same without answers by the nearest example.
#[track_caller]
fn check_phrases(table: &str, message: &str, expected: &str) {
    let replies =
        Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap().with_nearest(false);
    assert_eq!(replies.answer(message).reply.as_str(), expected, "{table:?}: {message:?}");
}

/// The answer with how it was found.
#[track_caller]
fn check_found(table: &str, message: &str, expected: &str, found_by: FoundBy) {
    let replies = Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap();
    let answer = replies.answer(message);
    assert_eq!(
        (answer.reply.as_str(), answer.found_by),
        (expected, found_by),
        "{}",
        replies.explain(message)
    );
}

#[test]
fn one_mistyped_letter() {
    let table = "wedding cake = A\nopening hours = B\ndeliver* = C\nrolls = D";
    for message in ["weding cake", "A weddding cake, please", "wedidng cake", "wedfing cake", "edding cake"] {
        check_found(table, message, "A", FoundBy::Correction);
    }
    check_found(table, "your oepning huors", "B", FoundBy::Correction);
    for message in ["do you delviery", "can you delliver", "dekiver rolls"] {
        check_found(&table.replace("rolls", "bread"), message, "C", FoundBy::Correction);
    }
    // The last letter of a prefix must be correct, and there is never more than one typo in a word.
    for message in ["delivef", "wdedign", "dlievry"] {
        check_phrases("wedding = A\ndeliver* = C", message, "?!");
    }
}

#[test]
fn words_that_are_no_typos() {
    let table = "parties = A\nhouse = B";
    check_found(table, "partier", "A", FoundBy::Correction);
    check_found(table, "horse", "B", FoundBy::Correction);
    // A word that the file has anywhere is what was meant.
    check_found("house = B\nzoo = We have a horse.", "horse", "?!", FoundBy::Nothing);
    check_found("house = B\nzoo = C\n[tests]\nyour horse = zoo", "this horse barks", "?!", FoundBy::Nothing);
    check_found("house = B\nhorse* = C", "horses", "C", FoundBy::Phrase);
    // Shorter words are too often another word.
    check_found("rolls = B\nopen = C", "oben roll", "?!", FoundBy::Nothing);
}

#[test]
fn numbers_are_never_corrected() {
    let table = "10115 = A\niphone13 = B\n2024 & menu = C";
    for message in ["do you deliver to 10117", "order 101150", "iphone12", "my iphone 12"] {
        check_found(table, message, "?!", FoundBy::Nothing);
    }
    check_found(table, "iphone13?", "B", FoundBy::Phrase);
}

#[test]
fn what_no_phrase_has_is_no_correction() {
    // The text of `unknown` has correct words too.
    let replies = Replies::parse("[replies]\nunknown = Call our office.\noffices = A", "f").unwrap();
    assert_eq!(replies.with_nearest(false).answer("your office").found_by, FoundBy::Nothing);
    // "checkin" is only another spelling of a phrase.
    check_phrases("check-in = A", "checking account", "?!");
    check_phrases("rolls = A\n[tests]\nroll = unknown", "roll+", "?!");
    check_phrases("rolls = A\nzoo = B\n[tests]\nroll = zoo", "roll+", "?!");
}

#[test]
fn a_whole_message_of_smalltalk_is_smalltalk() {
    let things: String = (1..9).map(|number| format!("thing{number} = R\n")).collect();
    let table =
        format!("thank you card* = A\nhello kitty = B\n{things}[smalltalk]\nthank you = C\nhello = D");
    check(&table, "Thank you!", "C");
    check(&table, "hello", "D");
    check(&table, "hello kitten", "D");
    check(&table, "a hello kitty", "B");
}

#[test]
fn a_typo_is_worth_less_than_nothing_else() {
    check("opening = A\n[smalltalk]\ngood morning = B", "Good morning, when is the oepning?", "A");
    check("orders = A\nborders = B", "borders", "B");
    check("breads = A\nhoneys = B", "breeds honeys", "B");
    let typos =
        |yes| Replies::parse("[replies]\nopening = A", "f").unwrap().with_typos(yes).with_nearest(false);
    assert_eq!(typos(true).answer("oepning").found_by, FoundBy::Correction);
    assert_eq!(typos(false).answer("oepning").found_by, FoundBy::Nothing);
}

#[test]
fn tests_decide_ties() {
    let table =
        "invoice = A\nproblems = B\n[tests]\nI have problems with my invoice = invoice\nproblems = problems";
    check(table, "problems with an invoice", "A");
    check("invoice = A\nproblems = B", "problems with an invoice", "B");
    let why =
        Replies::parse(&format!("[replies]\n{table}"), "f").unwrap().explain("problems with an invoice");
    assert_eq!(why.winner.why, "1 word in the message, and the most similar sentence, 0.568");
    assert_eq!(why.others[0].why, "similarity 0.296 against 0.568");
}

#[test]
fn tests_count_however_many_phrases_there_are() {
    let more: String = (0..600).map(|number| format!("word{number} | ")).collect();
    let tests = "[tests]\nI have problems with my invoice = invoice\nproblems = problems";
    check(&format!("{more}invoice = A\nproblems = B\n{tests}"), "problems with an invoice", "A");
}

#[test]
fn explanations_name_the_typos_that_mattered() {
    let typos = |table: &str, message: &str| {
        let explanation = Replies::parse(&format!("[replies]\n{table}"), "f").unwrap().explain(message);
        explanation.corrections.into_iter().map(|(word, _)| word).collect::<Vec<_>>()
    };
    assert_eq!(typos("wedding cake = A", "weding cake"), ["weding"]);
    assert_eq!(typos("wedding cake = A", "wedding cake for my weding"), [""; 0]);
    assert_eq!(typos("wedding cake = A", "my weding caek"), ["weding"]);
    let parking = "parking = B\n[tests]\nwhere can I leave my wagon = parking";
    assert_eq!(typos(parking, "where can I leeve my wagon"), ["leeve"]);
}

#[test]
fn the_nearest_example_answers() {
    let table = "opening hours = A\nparking = B\n[tests]\nwhere can I leave my car = parking";
    check_found(table, "hours", "A", FoundBy::Nearest);
    check_found(table, "Where can I leave the car?", "B", FoundBy::Nearest);
    check_found(table, "can I pay by card", "?!", FoundBy::Nothing);
    // Neither of two that are nearly as near.
    check_found("opening hours = A\nhappy hours = B", "hours", "?!", FoundBy::Nothing);
    let nearest = |yes| Replies::parse("[replies]\nopening hours = A", "f").unwrap().with_nearest(yes);
    assert_eq!(nearest(true).answer("hours").found_by, FoundBy::Nearest);
    assert_eq!(nearest(false).answer("hours").found_by, FoundBy::Nothing);
    let explanation =
        Replies::parse(&format!("[replies]\n{table}"), "f").unwrap().explain("leave my car where");
    assert_eq!(
        explanation.to_string(),
        "B\nmessage: leave my car where\nnearest: where can I leave my car (f:5), similarity 0.80"
    );
}

#[test]
fn explanations_of_what_is_not_near_enough() {
    let table = "[replies]\nopening hours = A\nhappy hours | bar = B\ncroissant* = C\n";
    let replies = Replies::parse(table, "f").unwrap();
    let shown = |message: &str| replies.explain(message).to_string();
    assert_eq!(
        shown("the hours"),
        "Sorry, I am unable to understand you.\nDid you mean:\n> opening hours\n> happy hours\nmessage: the hours\n\
         phrase:  unknown (built-in), no phrase is in the message\n\
         not:     opening hours (f:2), similarity 0.40, and an answer needs 0.60\nnot:     happy hours (f:3), similarity 0.40"
    );
    let alike = Replies::parse("[replies]\nlate opening hours = A\nlate happy hours = B", "f").unwrap();
    assert_eq!(
        alike.explain("late hours").others[0].why,
        "similarity 0.72, and the next is nearly as similar"
    );
    assert!(shown("happy opening hours").contains("phrase:  "), "{}", shown("happy opening hours"));
    assert!(
        shown("criossants").contains("typo:    \"criossants\" read as \"croissant*\"\n"),
        "{}",
        shown("criossants")
    );
}

#[test]
fn what_may_be_meant_is_offered() {
    let table = "[replies]\nunknown = ?!\nopening hours = A\ndeliver* & sunday = B\nhappy hours | bar = C\n\
        [tests]\nDo you deliver on Sunday? = deliver* & sunday\n";
    let replies = Replies::parse(table, "f").unwrap();
    let text = |message: &str| replies.answer(message).text().to_string();
    assert_eq!(text("hours"), "?!\nDid you mean:\n> opening hours\n> happy hours");
    assert_eq!(text("is there any work on a Sunday"), "?!\nDid you mean:\n> Do you deliver on Sunday?");
    assert_eq!(text("nothing of this"), "?!");
    assert_eq!(text("huors"), text("hours"));
    assert_eq!(replies.answer("hours").offers, ["opening hours", "happy hours"]);
    let other = replies.clone().with_did_you_mean("Meinten Sie:");
    assert_eq!(other.answer("hours").text().as_str(), "?!\nMeinten Sie:\n> opening hours\n> happy hours");
    let off = replies.with_did_you_mean("");
    assert_eq!(off.answer("hours").text().as_str(), "?!");
    // Replies without anything to offer do not take the place of others.
    let table = "[replies]\nblue ax* = A\nblue bx* = B\nblue cx* = C\nblue door = D";
    assert_eq!(Replies::parse(table, "f").unwrap().answer("blue window").offers, ["blue door"]);
    // A phrase with signs of the grammar is not what people type.
    let replies =
        Replies::parse("[replies]\nunknown = ?!\nwork* & sunday = A\nrest & sunday* = B", "f").unwrap();
    assert_eq!(replies.answer("sunday").offers, [""; 0]);
}

#[test]
fn letters_as_people_type_them() {
    check("öffnungszeiten = A", "Oeffnungszeiten?", "A");
    check("Oeffnungszeiten = A", "Öffnungszeiten?", "A");
    check("öffnung* = A", "Oeffnungszeiten", "A");
    check_phrases("oel* = A", "Ölwechsel", "A");
    check("größe = A", "groesse", "A");
    check("größe = A", "grosse", "A");
    check("über uns = A", "UEBER UNS", "A");
    check("smørrebrød = A", "smoerrebroed", "A");
    check("Łódź = A", "lodz", "A");
    check("oeuf = A\nœuf = B", "œuf", "B");
    check("oeuf = A\nœuf = B", "oeuf", "A");
    check("laks = A\nłaks = B", "łaks", "B");
    check("öl = A\noel = B", "oel", "B");
    check("öl = A\noel = B", "öl", "A");
}

#[test]
fn hyphens_inside_of_words() {
    for phrase in ["e-mail", "email", "e mail", "E–mail", "e'mail"] {
        for message in ["e-mail", "email", "e mail", "Your E-Mail, please", "the e‑mail?"] {
            check(&format!("{phrase} = A"), message, "A");
        }
    }
    for (phrase, messages) in [
        ("wi-fi", ["wifi", "wi fi", "WI-FI"]),
        ("t-shirt*", ["t-shirts", "tshirts", "T shirts"]),
        ("tshirt*", ["t-shirts", "tshirts", "T shirts"]),
        ("check-in", ["checkin", "check in", "Check-In"]),
        ("when & check-in", ["when is checkin", "check in when", "Check-in: when"]),
        ("e-mail-adresse", ["emailadresse", "e mail adresse", "E-Mail-Adresse"]),
        ("emailadresse", ["E-Mail-Adresse", "emailadresse", "EMAILADRESSE"]),
    ] {
        for message in messages {
            check(&format!("{phrase} = A"), message, "A");
        }
    }
    check_phrases("wi-fi in my room = A", "is there wifi in my room", "A");
    check_phrases("e-mail to us = A", "an email to us", "A");
    check_phrases("e-mail to us = A", "an e mail to us", "A");
    check_phrases("tshirtdruck* = A", "T-Shirt-Drucke", "A");
    let others: String = (0..8).map(|number| format!("otherword{number} = B\n")).collect();
    check_phrases(&format!("emailadresse = A\n{others}"), "e mail-adresse", "A");
    check("e-mail | email = A", "my email", "A");
    check("e-mail = A\nemail = B", "email", "B");
    check("e-mail = A\nemail = B", "e-mail", "A");
    check("checking = A", "check in g", "?!");
}

#[test]
fn emoji_are_words() {
    check("🌹 = A", "I love 🌹!", "A");
    check("🌹 = A", "🌹🌹", "A");
    check("👍 = A", "great 👍🏽", "A");
    check("♥ = A", "♥️", "A");
    check("🇩🇪 = A", "Grüße aus 🇩🇪!", "A");
    check("🇩🇪 = A", "🇨🇩🇪🇸", "?!");
    check("? = A", "?", "A");
    check("? = A", "hm?", "?!");
}

#[test]
fn symbols_at_the_end_of_words() {
    check("C++ = A\nC# = B", "Do you teach C++?", "A");
    check("C++ = A\nC# = B", "I like c#", "B");
    check("C++ = A\nC# = B", "vitamin C", "?!");
    check("C = A\nC++ = B", "C++", "B");
    check("C = A", "C++", "A");
    check("pizza = A", "pizza+salad", "A");
    check("24/7 = A", "open 24/7?", "A");
    check("24/7 = A", "open 24 / 7?", "A");
    check("3-5 = A", "children of 3–5 years", "A");
}

/// Persian writes many words apart, together, or half apart.
#[test]
fn words_that_are_half_apart() {
    for phrase in ["می‌خواهم", "می خواهم", "میخواهم", "مي\u{200c}خواهم"] {
        for message in ["می‌خواهم", "من می خواهم", "میخواهم بخرم", "مي خواهم", "ميخواهم"]
        {
            check_phrases(&format!("{phrase} = A"), message, "A");
        }
    }
    for phrase in ["ساعت‌های کاری", "ساعت های کاری", "ساعتهای کاری"] {
        for message in ["ساعت‌های کاری", "ساعت های کاری شما", "ساعتهای کاری"]
        {
            check_phrases(&format!("{phrase} = A"), message, "A");
        }
    }
    for phrase in ["پیش‌فرض", "پیش فرض", "پیشفرض"] {
        for message in ["پیش‌فرض", "پیش فرض", "پیشفرض"] {
            check_phrases(&format!("{phrase} = A"), message, "A");
        }
    }
    check_phrases("می خواهم کتاب ها = A", "میخواهم کتاب‌ها", "A");
    check_phrases("می خواهم کتاب ها = A", "می‌خواهم کتابها", "A");
    check_phrases("خواهم = A", "می‌خواهم", "A");
    check_phrases("پیشفرض = A", "پیش از فرض", "?!");
}

#[test]
fn letters_and_digits_of_other_keyboards() {
    check_phrases("کیک = A", "كيك", "A");
    check_phrases("كعكة = A", "کعکه", "A");
    check_phrases("علي = A\nعلى = B", "على", "B");
    check_phrases("3 لیوان = A", "۳ لیوان", "A");
    check_phrases("٣ = A", "3", "A");
    check_phrases("ราคา ๓๐ = A", "ราคา 30 บาท", "A");
    for digits in [
        "٠١٢٣٤٥٦٧٨٩",
        "۰۱۲۳۴۵۶۷۸۹",
        "०१२३४५६७८९",
        "๐๑๒๓๔๕๖๗๘๙",
        "០១២៣៤៥៦៧៨៩",
        "０１２３４５６７８９",
        "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "𞥐𞥑𞥒𞥓𞥔𞥕𞥖𞥗𞥘𞥙",
    ] {
        assert_eq!(Replies::default().explain(digits).normalised, "0123456789");
    }
    assert_eq!(Replies::default().explain("½ Ⅷ ① wi\u{200c}dth").normalised, "1 2 viii 1 width");
    check_phrases("2024 & menu = A", "menu २०२४", "A");
}

#[test]
fn letters_that_are_repeated() {
    let table = "hello | coffee = A\nthanks* = B\ncool = C\nпривет = D\nschön = E\noops = F\n1000 = G";
    for (message, expected) in [
        ("hellooo", "A"),
        ("HEEELLLLOOOO!!!", "A"),
        ("coooffffeeeee", "A"),
        ("thaaankssss", "B"),
        ("coooool", "C"),
        ("приветтттт", "D"),
        ("schööön", "E"),
        ("ooops", "F"),
        // Emphasis is never of digits, nor all of a word.
        ("10000", "?!"),
        ("colll & co", "?!"),
        ("ccc", "?!"),
    ] {
        check_phrases(table, message, expected);
    }
    assert_eq!(
        Replies::parse("[smalltalk]\nhello = A", "f").unwrap().answer("hellooo").found_by,
        FoundBy::Phrase
    );
    // A word that the file has is meant as it stands, and one letter too many is a typo like others.
    check_found("wedding = A", "weddding", "A", FoundBy::Correction);
    check_phrases("ooops = A\noops = B", "ooops", "A");
    check_phrases("goood* = A\ngood = B", "gooodness", "A");
    check_phrases("w = A\ni = B\nco = C", "www III cooo", "C");
    // Sentences of [tests] are compared without it, too.
    check_found(
        "parking = A\n[tests]\nwhere can I leave my car = parking",
        "where can I leeeave my carrr",
        "A",
        FoundBy::Nearest,
    );
    let parsed = Replies::parse("[replies]\nhello = A", "f").unwrap();
    assert_eq!(parsed.explain("Hellooo!").normalised, "hello");
    assert_eq!(parsed.answer(&"o".repeat(16_000)).found_by, FoundBy::Nothing);
    assert_eq!(parsed.answer(&format!("hell{}", "o".repeat(16_000))).name(), "hello");
}

#[test]
fn dots_between_single_letters() {
    for phrase in ["P.O. box", "PO box"] {
        for message in ["your P.O. Box?", "po box", "a P.O.Box"] {
            check_phrases(&format!("{phrase} = A"), message, "A");
        }
    }
    check_phrases("USA = A", "to the U.S.A.", "A");
    check_phrases("9 am = A", "at 9 a.m.", "A");
    check_phrases("9 a.m. = A", "at 9 am", "A");
    check_phrases("pm = A", "plan P. M. Smith", "?!");
    check_phrases("ab = A", "a.bc", "?!");
}

/// What is offered to a message shares a word with it that says what it is about.
#[test]
fn offers_share_a_word_of_content() {
    let offers = |table: &str, message: &str| {
        let table = format!("[replies]\nunknown = I am sorry, but that is not what I can answer.\n{table}");
        let replies = Replies::parse(&table, "f").unwrap();
        let answer = replies.answer(message);
        assert_eq!(answer.found_by, FoundBy::Nothing, "{message:?}: {answer:?}");
        answer.offers.join(", ")
    };
    let table = "complain* = A\naddress = B\nearly & bread = C\ncar park = D\n[tests]\nI want to complain about the service = complain*\n\
        Where are you? = address\nGood morning, is there bread so early? = early & bread\nWhen do you open the garage? = car park\n";
    for nonsense in [
        "I want doughnuts",
        "you are a stupid little thing",
        "Good morning, what is the score?",
        "hello, where have you been all the time",
        "what's the time when I want it?",
        "is there a good joke",
    ] {
        assert_eq!(offers(table, nonsense), "", "{nonsense:?}");
    }
    assert_eq!(offers(table, "I want a service"), "I want to complain about the service");
    assert_eq!(offers(table, "do you bring milk early"), "Good morning, is there bread so early?");
    // The sentence itself shares it, and not only its reply.
    assert_eq!(offers(table, "is the car open?"), "When do you open the garage?");
    assert_eq!(offers(table, "some car"), "car park");
    // A word is none of content only in the languages of the file.
    let german = "wagen = A\n[tests]\nWo kann ich den Wagen parken, wenn die Straße voll ist? = wagen\n";
    assert_eq!(offers(german, "wo ist die Anna, und kann ich sie sprechen"), "");
    let unknown = "[replies]\nunknown = Tut mir leid, das weiß ich nicht. Bitte rufen Sie uns an.\n";
    let german = Replies::parse(&format!("{unknown}hut kaufen = A\nparkplatz am haus = B\n"), "f").unwrap();
    assert_eq!(german.answer("hat die hut").offers, ["hut kaufen"]);
    assert_eq!(german.answer("war am bahnhof").offers, [""; 0]);
    let french = "[replies]\nunknown = Désolé, je ne sais pas répondre à cela.\nparking car = A\n";
    assert_eq!(Replies::parse(french, "f").unwrap().answer("car il pleut").offers, [""; 0]);
    // Without an answer to a typo or in other scripts, all the same.
    assert_eq!(offers(table, "some servcie"), "I want to complain about the service");
    let chinese = "[replies]\nunknown = 抱歉，我不知道。\n營業時間 = A\n停車 = B\n[tests]\n請問你們星期一有開嗎？ = 營業時間\n";
    let chinese = Replies::parse(chinese, "f").unwrap();
    assert_eq!(chinese.answer("請問你有嗎").offers, [""; 0]);
    assert_eq!(chinese.answer("星期天停業").offers, ["停車", "請問你們星期一有開嗎？"]);
}
