//! A6: differences of answers over a closed day. The attacker asks what `meta.can` offers, up to three filters deep, and looks
//! for an answer, or for the difference of two of which one asks for one thing more, that stands for fewer than k.

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
const QUESTIONS: usize = 160;
/// What tells where a visitor is or what they use.
const OF_VISITORS: [&str; 5] = ["country", "browser", "os", "device", "language"];
/// What tells where a visit came from, but for the bare list.
const OF_SETS: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
const OF_PAGES: [&str; 4] = ["page", "entry_page", "exit_page", "host"];
/// Numbers that count visitors or visits.
const COUNTED: [&str; 5] = ["visits", "visitors", "page_visits", "page_visitors", "exits"];

/// Conditions of an answer: dimension and value.
type Asked = BTreeSet<(String, String)>;
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
                asked.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
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
            let other = (!panel["other"].is_null()).then_some(("*", &panel["other"]));
            for (value, row) in told.chain(other) {
                let mut asked = asked.clone();
                asked.insert((dimension.clone(), value.to_owned()));
                self.found.entry(asked).or_insert_with(|| numbers(row));
            }
        }
    }

    /// Answers and differences that stand for some, but for fewer than k.
    fn small(&self) -> Vec<String> {
        let is_small = |n: i64| (1..i64::from(K)).contains(&n);
        let mut small = Vec::new();
        for (asked, numbers) in self.found.iter().filter(|(asked, _)| is_protected(asked)) {
            if self.tells_nothing(asked, numbers) {
                continue;
            }
            small.extend(
                numbers
                    .iter()
                    .filter(|(_, n)| is_small(**n))
                    .map(|(name, n)| format!("{asked:?}: {n} {name}")),
            );
            for one in asked.iter().filter(|one| is_protected(&Asked::from([(*one).clone()]))) {
                let mut less = asked.clone();
                less.remove(one);
                let wider = self.found.get(&less).into_iter().flatten();
                let apart = wider.filter_map(|(name, n)| Some((name, n - numbers.get(name)?)));
                small.extend(
                    apart
                        .filter(|(_, n)| is_small(*n))
                        .map(|(name, n)| format!("{less:?} without {one:?}: {n} {name}")),
                );
            }
        }
        small
    }

    /// Whether what is left of an answer is all of it: no row of it is told.
    fn tells_nothing(&self, asked: &Asked, numbers: &Numbers) -> bool {
        let Some(other) = asked.iter().find(|(_, value)| value == "*") else { return false };
        let mut whole = asked.clone();
        whole.remove(other);
        self.found.get(&whole).is_some_and(|whole| whole.get("visits") == numbers.get("visits"))
    }
}

/// Whether an answer must stand for a crowd: it tells where or what, or a set that visits came by (of no page).
fn is_protected(asked: &Asked) -> bool {
    let names = |list: &[&str]| asked.iter().any(|(name, _)| list.contains(&name.as_str()));
    names(&OF_VISITORS) || names(&OF_SETS) && !names(&OF_PAGES)
}

fn pick(left: &mut Vec<Asked>, dice: &mut Dice) -> Option<Asked> {
    (!left.is_empty()).then(|| left.swap_remove(dice.roll(left.len() as u64) as usize))
}

/// Questions with one more filter that the answer offers: the rarest values, and some others.
fn further(asked: &Asked, report: &Value) -> Vec<Asked> {
    let can = &report["meta"]["can"]["filters"];
    let names = OF_VISITORS.iter().chain(&OF_SETS).chain(&OF_PAGES[..3]);
    let mut more = Vec::new();
    for &name in names.filter(|&&name| can[name] == true && asked.iter().all(|(there, _)| there != name)) {
        let rows = report["panels"][name]["rows"].as_array().unwrap();
        for row in rows.iter().rev().take(4).chain(rows.first()) {
            let mut asked = asked.clone();
            asked.insert((name.to_owned(), row["value"].as_str().unwrap_or_default().to_owned()));
            more.push(asked);
        }
    }
    more
}

fn encoded(value: &str) -> String {
    format!("={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
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
    assert_eq!(clean.small(), Vec::<String>::new());
    for fault in ["k_off", "no_remainder", "small_cells"] {
        assert!(!asked(Some(fault)).await.small().is_empty(), "{fault}");
    }
}
