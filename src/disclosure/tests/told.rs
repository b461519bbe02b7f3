//! What texts tell of days before, of tags, of what lies in memory and on devices; and how they are asked for.

use super::*;

/// What each language says, for a site with these facts, as plain text in one line.
fn texts(facts: &Facts) -> [String; 3] {
    Language::ALL.map(|language| {
        let text = render(facts, Format::Text, language, None);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[track_caller]
fn say(facts: &Facts, words: [&str; 3]) {
    for (text, words) in texts(facts).iter().zip(words) {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
}

/// Always: the facts know the settings, and nothing of the days that closed under others.
#[test]
fn days_that_closed_before_a_change_are_told_of_in_every_text() {
    for facts in all_kinds() {
        say(
            &facts,
            [
                "Days that closed before a change keep what was set then",
                "Tage, die vor einer Änderung abgeschlossen wurden, behalten, was damals eingestellt war",
                "Les jours clos avant un changement gardent ce qui était réglé alors",
            ],
        );
        assert_eq!(serde_json::to_value(&facts).unwrap()["earlier_days"], "as_they_closed");
    }
}

#[test]
fn tags_of_campaigns_are_told_to_be_counted_as_they_are_sent() {
    say(
        &facts(),
        [
            "a tag that was made for one person would show there",
            "die für eine einzelne Person gemacht wurde, wäre dort also zu sehen",
            "une balise faite pour une seule personne s’y verrait donc",
        ],
    );
}

#[test]
fn undeclared_texts_are_told_to_lie_in_memory() {
    let of = |k: u32| facts_with(|it| it.k = k, RawConfig::default(), false);
    let row = |facts: &Facts| {
        let found = facts.processing.iter().find(|one| one.datum == tables::Datum::Proposals).unwrap();
        serde_json::to_value(found).unwrap()
    };
    let expected = |k: u32| json!({"datum": "proposals", "held": "memory", "until": "midnight", "crowd": k, "in_reports": true});
    assert_eq!((row(&of(7)), row(&of(1))), (expected(7), expected(1)));
    say(&of(7), ["until there are 7", "bis es 7 sind", "jusqu’à ce qu’il y en ait 7"]);
    for text in texts(&of(1)) {
        for words in ["until there are", "bis es", "jusqu’à ce qu’il"] {
            assert!(!text.contains(words), "{text}");
        }
    }
}

/// Seen to fail where only the counting server's cookie was listed.
#[test]
fn the_page_s_own_opt_out_is_listed_where_the_server_s_may_not_reach_it() {
    for (effective, rows) in [(Some(true), 1), (Some(false), 2), (None, 2)] {
        let facts = with_opt_out(effective);
        assert_eq!(facts.device.len(), rows, "{effective:?}");
        let all = serde_json::to_value(&facts.device).unwrap();
        assert_eq!((&all[0]["offered_by"], &all[0]["category"]), (&json!("server"), &json!("preference")));
        if rows == 2 {
            let own = json!({
                "name": "mayfly_opt_out", "kind": "cookie", "domain": "example.com", "first_party": true, "days": 395,
                "purpose": "objection", "category": "preference", "offered_by": "page", "third_party_access": false,
                "http_only": false, "secure": true, "same_site": "Lax",
            });
            assert_eq!(all[1], own);
        }
        let words =
            ["kept by the page itself", "von der Seite selbst abgelegt", "retenue par la page elle-même"];
        for (text, words) in texts(&facts).iter().zip(words) {
            assert_eq!(text.contains(words), rows == 2, "{text}");
        }
        say(
            &facts,
            [
                "only by a click with which somebody objects",
                "nur durch einen Klick, mit dem jemand widerspricht",
                "que par un clic par lequel quelqu’un s’oppose",
            ],
        );
    }
}

#[test]
fn languages_are_chosen_as_browsers_ask() {
    #[track_caller]
    fn check(header: &str, expected: Language) {
        assert_eq!(Language::accepted(header), expected, "{header}");
    }
    check("de-AT,de;q=0.9,en;q=0.8", Language::De);
    check("en;q=0.5, fr-CA;q=0.9", Language::Fr);
    check("ja, pt-BR;q=0.9", Language::En);
    check("ja, de;q=0.1", Language::De);
    check("fr;q=0, de;q=0.2", Language::De);
    check("", Language::En);
    check(";;;,q=9,de;q=x", Language::De);
}

#[test]
fn the_note_of_a_running_server_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config::new(&RawConfig::default(), &Environment { processors: 1, ..Environment::default() }).unwrap();
    let process = Process::of(&config, true);
    process.note(folder.path()).unwrap();
    assert_eq!(Process::noted(folder.path()).unwrap(), process);
    assert_eq!((process.store, process.store_encrypted), (StoreKind::Embedded, None));
}

#[test]
fn names_cannot_become_markup() {
    let mut facts = facts();
    facts.vocabulary.path_parameters = vec!["<script>\"&".into(), "a|b*c".into()];
    let policy = policy::policy(&facts, Language::En);
    let html = super::super::html::fragment(&policy);
    assert!(html.contains("&lt;script&gt;&quot;&amp;") && !html.contains("<script>"), "{html}");
    let markdown = plain::markdown(&policy);
    assert!(markdown.contains("\\<script\\>") && markdown.contains("b\\*c"), "{markdown}");
    facts.vocabulary.path_parameters = vec!["{site}".into()];
    let text = render(&facts, Format::Text, Language::En, None);
    assert!(text.contains("{site}"), "what is filled in is not read again: {text}");
}

#[test]
fn k_of_one_is_said_and_no_crowd_is_claimed() {
    let off = facts_with(|it| (it.k, it.kept.language) = (1, true), RawConfig::default(), false);
    assert!(!off.in_effect.grouping);
    for (language, says, claims) in [
        (Language::En, "grouping is switched off", "at least"),
        (Language::De, "Gruppierung ist für diese Website abgeschaltet", "mindestens"),
        (Language::Fr, "regroupement est désactivé pour ce site", "au moins"),
    ] {
        let text = render(&off, Format::Markdown, language, None);
        assert!(text.contains(says) && !text.contains(claims), "{language:?}: {text}");
    }
}
