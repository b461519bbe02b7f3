//! A6: differences of answers over a closed day. The attacker asks what `meta.can` offers, up to three filters deep (a value, all
//! but a value, values with a part of it; also of an event), and looks for an answer, or for the difference of any two of which
//! one is about part of whom the other is about, that stands for fewer than k.

use std::collections::{BTreeMap, BTreeSet};

use mayfly::simulate::wide::Dice;
use serde_json::Value;

use super::{
    crowds::planted,
    lived::{close, day, home, send},
};
use crate::{
    api::{Api, SITE},
    play::K,
};

/// Reports that are asked for.
const QUESTIONS: usize = 200;
/// What tells where a visitor is or what they use.
const OF_VISITORS: [&str; 5] = ["country", "browser", "os", "device", "language"];
/// What tells where a visit came from, but for the bare list.
const OF_SETS: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
const OF_PAGES: [&str; 4] = ["page", "entry_page", "exit_page", "host"];
/// Numbers that count visitors or visits.
const COUNTED: [&str; 7] =
    ["visits", "visitors", "page_visits", "page_visitors", "exits", "event_visits", "event_visitors"];

/// What a dimension is asked to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Is(String),
    IsNot(String),
    Contains(String),
    /// What no row tells.
    Rest,
}

impl Wanted {
    /// As the value of a filter; what no row tells cannot be asked for.
    fn filter(&self) -> String {
        let (sign, value) = match self {
            Wanted::Is(value) => ("=", value.as_str()),
            Wanted::IsNot(value) => ("!=", value.as_str()),
            Wanted::Contains(part) => ("~", part.as_str()),
            Wanted::Rest => ("", ""),
        };
        format!("{sign}{}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
    }

    /// Whether all that is wanted here is also wanted there.
    fn is_within(&self, wider: &Wanted) -> bool {
        match (self, wider) {
            (Wanted::Is(value), Wanted::IsNot(other)) => value != other,
            (Wanted::Is(value), Wanted::Contains(part)) => value.contains(part),
            _ => self == wider,
        }
    }
}

/// Conditions of an answer, by dimension.
type Asked = BTreeMap<String, Wanted>;
type Numbers = BTreeMap<String, i64>;

fn numbers(values: &Value) -> Numbers {
    let counted = COUNTED.iter().filter_map(|&name| Some((name.to_owned(), values[name].as_i64()?)));
    counted.collect()
}

/// What can be asked, and what was answered.
#[derive(Default)]
struct Answers {
    found: BTreeMap<Asked, Numbers>,
    reports: usize,
}

impl Answers {
    /// Asks, and goes on with what came back.
    async fn ask(api: &Api, key: &str) -> Answers {
        let mut answers = Answers::default();
        let (mut dice, mut left) = (Dice::new(6), vec![Asked::new()]);
        while let Some(asked) = pick(&mut left, &mut dice).filter(|_| answers.reports < QUESTIONS) {
            let filters: Vec<String> =
                asked.iter().map(|(name, wanted)| format!("&{name}={}", wanted.filter())).collect();
            let path = format!("/api/sites/{SITE}/report?p={}&limit=10000{}", day(), filters.concat());
            let (status, report) = api.get(&path, key).await;
            if !status.is_success() {
                continue;
            }
            answers.reports += 1;
            answers.take(&asked, &report);
            if asked.len() < 3 {
                left.extend(further(&asked, &report));
            }
        }
        answers
    }

    fn take(&mut self, asked: &Asked, report: &Value) {
        let tiles = report["tiles"].as_object().unwrap();
        let of_tiles = tiles.iter().filter(|(name, _)| COUNTED.contains(&name.as_str()));
        let of_tiles = of_tiles.filter_map(|(name, tile)| Some((name.clone(), tile["value"].as_i64()?)));
        self.found.insert(asked.clone(), of_tiles.collect());
        for (dimension, panel) in report["panels"].as_object().unwrap() {
            let told = panel["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row["value"].as_str().unwrap_or_default(), row));
            let told = told.map(|(value, row)| (Wanted::Is(value.to_owned()), row));
            let other = (!panel["other"].is_null()).then_some((Wanted::Rest, &panel["other"]));
            for (wanted, row) in told.chain(other) {
                let mut asked = asked.clone();
                // Of what is filtered by, what no row tells is beside the filter, not in its place.
                let beside = wanted == Wanted::Rest && asked.contains_key(dimension);
                asked.insert(if beside { format!("rest of {dimension}") } else { dimension.clone() }, wanted);
                self.found.entry(asked).or_insert_with(|| numbers(row));
            }
        }
    }

    /// Answers and differences that stand for some, but for fewer than k.
    fn small(&self) -> Vec<String> {
        let is_small = |n: &i64| (1..i64::from(K)).contains(n);
        let mut small = Vec::new();
        let signs = self.signs();
        for (asked, numbers) in self.found.iter().filter(|(asked, _)| is_protected(asked)) {
            if self.tells_nothing(asked, numbers) {
                continue;
            }
            let alone = numbers.iter().filter(|(_, n)| is_small(n));
            small.extend(alone.map(|(name, n)| format!("{asked:?}: {n} {name}")));
            for wider in wider(asked, &signs) {
                let others = self.found.get(&wider).into_iter().flatten();
                let apart = others.filter_map(|(name, n)| Some((name, n - numbers.get(name)?)));
                let apart = apart.filter(|(_, n)| is_small(n));
                small.extend(apart.map(|(name, n)| format!("{wider:?} without {asked:?}: {n} {name}")));
            }
        }
        small
    }

    /// What was asked for by a sign, by dimension.
    fn signs(&self) -> BTreeMap<&str, BTreeSet<&Wanted>> {
        let mut signs: BTreeMap<&str, BTreeSet<&Wanted>> = BTreeMap::new();
        for (name, wanted) in self.found.keys().flatten() {
            if matches!(wanted, Wanted::IsNot(_) | Wanted::Contains(_)) {
                signs.entry(name).or_default().insert(wanted);
            }
        }
        signs
    }

    /// Whether what is left of an answer is all of it: no row of it is told.
    fn tells_nothing(&self, asked: &Asked, numbers: &Numbers) -> bool {
        let Some((rest, _)) = asked.iter().find(|(_, wanted)| **wanted == Wanted::Rest) else { return false };
        let mut whole = asked.clone();
        whole.remove(rest);
        let counted = if asked.contains_key("event") { "event_visits" } else { "visits" };
        self.found.get(&whole).is_some_and(|whole| whole.get(counted) == numbers.get(counted))
    }
}

/// Whether a dimension tells where or what.
fn is_of_visitors(name: &str) -> bool {
    OF_VISITORS.contains(&name)
}

/// Whether an answer must stand for a crowd: it tells where or what, or a set that visits came by (of no page and no event).
fn is_protected(asked: &Asked) -> bool {
    let names = |list: &[&str]| asked.keys().any(|name| list.contains(&name.as_str()));
    names(&OF_VISITORS) || names(&OF_SETS) && !names(&OF_PAGES) && !asked.contains_key("event")
}

/// The questions about all whom a question is about, and others. What visits are is another thing for each page, and for an event.
fn wider(asked: &Asked, signs: &BTreeMap<&str, BTreeSet<&Wanted>>) -> Vec<Asked> {
    let mut found = vec![asked.clone()];
    for (name, wanted) in
        asked.iter().filter(|(name, _)| is_of_visitors(name) || OF_SETS.contains(&name.as_str()))
    {
        let known = signs.get(name.as_str()).into_iter().flatten();
        let signs: Vec<&Wanted> =
            known.copied().filter(|sign| *sign != wanted && wanted.is_within(sign)).collect();
        for at in 0..found.len() {
            let mut without = found[at].clone();
            without.remove(name);
            for &sign in &signs {
                let mut wider = without.clone();
                wider.insert(name.clone(), sign.clone());
                found.push(wider);
            }
            found.push(without);
        }
    }
    found.split_off(1)
}

fn pick(left: &mut Vec<Asked>, dice: &mut Dice) -> Option<Asked> {
    (!left.is_empty()).then(|| left.swap_remove(dice.roll(left.len() as u64) as usize))
}

/// Questions with one more filter that the answer offers: the rarest values, and some others; all but one; what holds a part.
fn further(asked: &Asked, report: &Value) -> Vec<Asked> {
    let can = &report["meta"]["can"]["filters"];
    let names = OF_VISITORS.iter().chain(&OF_SETS).chain(&OF_PAGES[..3]).chain(&["event"]);
    let mut more = Vec::new();
    for &name in names.filter(|&&name| can[name] == true && !asked.contains_key(name)) {
        let rows = report["panels"][name]["rows"].as_array().unwrap();
        let of = |row: &Value| row["value"].as_str().unwrap_or_default().to_owned();
        let mut wanted: Vec<Wanted> =
            rows.iter().rev().take(4).chain(rows.first()).map(of).map(Wanted::Is).collect();
        if let (Some(first), Some(last)) = (rows.first().map(of), rows.last().map(of))
            && !OF_PAGES.contains(&name)
            && name != "event"
        {
            wanted.extend([Wanted::IsNot(first), Wanted::IsNot(last.clone())]);
            wanted.extend(last.chars().next().map(|letter| Wanted::Contains(letter.to_string())));
        }
        for wanted in wanted {
            let mut asked = asked.clone();
            asked.insert(name.to_owned(), wanted);
            more.push(asked);
        }
    }
    more
}

async fn asked(build: Option<&str>) -> Answers {
    let (home, mut now) = (home(build), 0);
    let key = home.run(&["key", "add", "read", "--site", SITE, "--scope", "read"]);
    let server = home.serve();
    let mut traffic = planted();
    traffic.crowd(120, 14);
    let mut truth = mayfly::simulate::truth::Truth::new(day(), Vec::new());
    send(&home, &server, &traffic.hits(), &mut now, &mut truth).await;
    close(&home);
    Answers::ask(&Api::of(&server), &key).await
}

#[tokio::test]
async fn differences_of_answers_isolate_nobody() {
    let clean = asked(None).await;
    assert_eq!(clean.reports, QUESTIONS);
    assert!(
        clean.found.keys().any(|asked| asked.len() == 4 && is_protected(asked)),
        "three filters and a row"
    );
    let asks =
        |wanted: fn(&Wanted) -> bool| clean.found.keys().filter(|asked| asked.values().any(wanted)).count();
    assert!(
        asks(|one| matches!(one, Wanted::IsNot(_))) > 50
            && asks(|one| matches!(one, Wanted::Contains(_))) > 50
    );
    assert!(
        clean.found.keys().any(|asked| asked.contains_key("event") && is_protected(asked)),
        "events by place"
    );
    assert_eq!(clean.small(), Vec::<String>::new());
    for fault in ["k_off", "no_remainder", "small_cells"] {
        assert!(!asked(Some(fault)).await.small().is_empty(), "{fault}");
    }
}
