//! Events, revenue, goals, funnels and flows.

use super::*;
use crate::domain::declaration::{Funnel, Goal, Step};

const VISIT: [&str; 7] = ["Search", "Google", "(none)", "(none)", "(none)", "(none)", "(none)"];

fn yesterday() -> Day {
    today().plus(-1)
}

/// An event's cell in the families `page` and `visit`.
fn event(day: Day, own: [&str; 4], page: &str, counts: [i64; 4]) -> Vec<Row> {
    let counts: Vec<(usize, i64)> = counts.into_iter().enumerate().collect();
    let of_page: Vec<&str> = own.into_iter().chain(["page", page]).collect();
    let of_visit: Vec<&str> = own.into_iter().chain(VISIT).collect();
    vec![
        row(Table::Events, Family::Page, day, 5, &of_page, &counts),
        row(Table::Events, Family::Visit, day, 5, &of_visit, &counts),
    ]
}

/// Visits that saw one page, in the families `page` and `visit`.
fn seen(day: Day, page: &str, visits: i64) -> Vec<Row> {
    let counts = [(0, visits), (1, visits), (2, visits), (3, visits), (4, visits)];
    let of_visit: Vec<&str> = ["page", page].into_iter().chain(VISIT).collect();
    vec![
        row(Table::Pages, Family::Page, day, 5, &["page", page], &counts),
        row(Table::Pages, Family::Visit, day, 5, &of_visit, &counts),
    ]
}

#[test]
fn events_have_counts_visits_rates_properties_and_revenue() {
    let day = yesterday();
    let rows = [
        seen(day, "example.com/x", 20),
        event(day, ["signup", "", "", "EUR"], "example.com/x", [6, 4, 5, 12_50]),
        event(day, ["signup", "plan", "pro", ""], "example.com/x", [4, 3, 4, 0]),
        event(day, ["signup", "plan", "free", ""], "example.com/x", [2, 2, 2, 0]),
    ];
    let laid = laid(&rows.concat(), 0.0, 1);
    let made = report(&laid, "p=yesterday");
    let signup = row_of(&made, "event", "signup");
    assert_eq!(
        (&signup["events"], &signup["event_visits"], &signup["event_visitors"]),
        (&6.into(), &5.into(), &4.into())
    );
    assert_eq!(
        (&signup["event_rate"], &signup["value_sum"], &signup["currency"]),
        (&0.25.into(), &1250.into(), &"EUR".into())
    );
    for filter in ["", "&source=Google"] {
        let made = report(&laid, &format!("p=yesterday&event=signup{filter}"));
        let tiles = &made["tiles"];
        assert_eq!(
            (&tiles["events"]["value"], &tiles["event_visits"]["value"]),
            (&6.into(), &5.into()),
            "{filter}"
        );
        assert_eq!(
            (&tiles["event_rate"]["value"], &tiles["value_sum"]["value"]),
            (&0.25.into(), &1250.into()),
            "{filter}"
        );
        assert_eq!(tiles["value_sum"]["currency"], "EUR", "{filter}");
        let buckets = made["series"]["buckets"].as_array().unwrap();
        let revenue: i64 = buckets.iter().filter_map(|one| one["values"]["value_sum"].as_i64()).sum();
        assert_eq!((revenue, &made["meta"]["can"]["metrics"]["value_sum"]), (1250, &true.into()), "{filter}");
        assert_eq!(row_of(&made, "prop.plan", "pro")["events"], 4, "{filter}");
        assert_eq!(row_of(&made, "prop.plan", "free")["event_rate"], 0.1, "{filter}");
        assert!(row_of(&made, "prop.plan", "free")["value_sum"].is_null(), "revenue is not parted by values");
    }
    let mut bare = crate::report::testing::site();
    bare.events[0].currency = None;
    let made = report_of(&bare, &laid, "p=yesterday&event=signup");
    let (tile, words) = (&made["tiles"]["value_sum"], "the event is declared without a currency");
    assert_eq!((&tile["value"], &tile["refused"]), (&Value::Null, &words.into()));
    assert_eq!(made["meta"]["can"]["metrics"]["value_sum"], words);
    let made = report(&laid, "p=yesterday&event=signup&prop.plan=pro");
    assert_eq!(
        (&made["tiles"]["events"]["value"], &made["tiles"]["event_visits"]["value"]),
        (&4.into(), &4.into())
    );
    assert!(made["tiles"]["value_sum"]["value"].is_null());
    assert_eq!(report(&laid, "p=yesterday&event=~sign")["tiles"]["events"]["value"], 6);
    assert_eq!(report(&laid, "p=yesterday&event=!signup")["tiles"]["events"]["value"], 0);
    assert_eq!(report(&laid, "p=yesterday&event=signup&page=/x")["tiles"]["events"]["value"], 6);
    assert!(report(&laid, "p=yesterday&event=signup&page=/x")["tiles"]["event_rate"]["value"].is_null());
}

#[test]
fn declared_events_that_nobody_caused_are_listed_with_nothing() {
    let made = report(&laid(&seen(yesterday(), "example.com/x", 3), 0.0, 1), "p=yesterday");
    assert_eq!(row_of(&made, "event", "signup")["events"], 0);
}

fn goals() -> Site {
    let goal = |name: &str, reached_by| Goal { name: name.into(), reached_by };
    let steps = vec![Step::Page("/pricing".into()), Step::Event("signup".into())];
    Site {
        goals: vec![
            goal("Signed up", Step::Event("signup".into())),
            goal("Saw prices", Step::Page("/pricing".into())),
            goal("Read", Step::Section("/blog/*".into())),
        ],
        funnels: vec![Arc::new(Funnel { name: "Buy".into(), steps })],
        ..site()
    }
}

#[test]
fn goals_are_visits_that_reached_them() {
    let day = yesterday();
    let section = row(Table::Pages, Family::Page, day, 5, &["section", "/blog/*"], &[(0, 9), (2, 3)]);
    let rows = [
        seen(day, "example.com/pricing", 8),
        seen(day, "docs.example.com/pricing", 2),
        seen(day.plus(-7), "example.com/pricing", 4),
        event(day, ["signup", "", "", ""], "example.com/pricing", [6, 4, 5, 0]),
        vec![section],
    ];
    let laid = laid(&rows.concat(), 0.4, 1);
    let made = report_of(&goals(), &laid, "p=yesterday&c=prev");
    let reached = |name: &str| {
        (row_of(&made, "goal", name)["visits"].clone(), row_of(&made, "goal", name)["event_rate"].clone())
    };
    assert_eq!(reached("Signed up"), (5.into(), 0.5.into()));
    assert_eq!(reached("Saw prices"), (10.into(), 1.0.into()), "on any host");
    assert_eq!(reached("Read"), (3.into(), 0.3.into()));
    assert_eq!(row_of(&made, "goal", "Saw prices")["previous"]["visits"], 4);
    let made = report_of(&goals(), &laid, "p=yesterday&source=Google");
    assert_eq!(row_of(&made, "goal", "Signed up")["visits"], 5);
    assert!(row_of(&made, "goal", "Read")["visits"].is_null(), "under k or none");
}

#[test]
fn funnels_count_entrants_by_step() {
    let step = |day: Day, step: &str, n: i64| {
        let of_visit: Vec<&str> = ["Buy", step].into_iter().chain(VISIT).collect();
        [
            row(Table::Funnels, Family::Page, day, 0, &["Buy", step], &[(0, n)]),
            row(Table::Funnels, Family::Visit, day, 0, &of_visit, &[(0, n - 1)]),
        ]
    };
    let day = yesterday();
    let rows = [step(day, "1", 10), step(day, "2", 4), step(day.plus(-7), "1", 6)];
    let laid = laid(&rows.concat(), 0.4, 1);
    let steps = |query: &str| {
        let made = report_of(&goals(), &laid, query);
        let steps = row_of(&made, "funnel", "Buy")["steps"].as_array().unwrap().clone();
        steps
            .iter()
            .map(|one| (one["entrants"].as_i64().unwrap(), one["previous"].as_i64()))
            .collect::<Vec<_>>()
    };
    assert_eq!(steps("p=yesterday"), [(10, None), (4, None)]);
    assert_eq!(steps("p=yesterday&c=prev"), [(10, Some(6)), (4, Some(0))]);
    assert_eq!(steps("p=yesterday&source=Google&c=prev"), [(9, Some(5)), (3, Some(0))]);
    assert_eq!(steps("p=yesterday&source=Other"), [(0, None), (0, None)]);
}

// Seen to fail with what is stored from before the declaration counted too, and with the day left out.
#[test]
fn a_funnel_is_counted_from_its_declaration_on_and_says_so() {
    let step = |day: Day, n: i64| row(Table::Funnels, Family::Page, day, 0, &["Buy", "1"], &[(0, n)]);
    let day = yesterday();
    let laid = laid(&[step(day, 10), step(day.plus(-1), 4), step(day.plus(-2), 7)], 0.4, 1);
    let since = |days: i32, query: &str| {
        let site = Site { funnels_since: [("Buy".into(), day.plus(days))].into(), ..goals() };
        let made = report_of(&site, &laid, query);
        let row = row_of(&made, "funnel", "Buy");
        (row["steps"][0]["entrants"].as_i64().unwrap(), row["since"].as_str().map(str::to_owned))
    };
    assert_eq!(since(-1, "p=7d"), (14, Some(day.plus(-1).to_string())));
    assert_eq!(since(-9, "p=7d"), (21, None), "before the range");
    assert_eq!(since(-1, "p=yesterday"), (10, None));
    assert_eq!(since(-1, &format!("p={}", day.plus(-2))), (0, Some(day.plus(-1).to_string())));
}

#[test]
fn flows_list_the_pages_that_follow() {
    let day = yesterday();
    let flow = |from: &str, to: &str, n: i64| row(Table::Flows, Family::Page, day, 0, &[from, to], &[(0, n)]);
    let (home, prices) = ("example.com/", "example.com/pricing");
    let laid = laid(&[flow(home, prices, 7), flow(home, "(other)", 2), flow("(entry)", home, 9)], 0.4, 1);
    let made = report(&laid, "p=yesterday&page=/");
    assert_eq!(row_of(&made, "flow", prices)["pageviews"], 7);
    assert_eq!(row_of(&made, "flow", "(other)")["pageviews"], 2);
    assert_eq!(made["panels"]["flow"]["rows"].as_array().unwrap().len(), 2);
    assert!(report(&laid, "p=yesterday")["panels"]["flow"]["refused"].is_string());
}
