//! Days, hours and comparisons through whole reports.

use super::*;

fn views(day: Day, hour: u8) -> Row {
    row(Table::Pages, Family::Page, day, hour, &["page", "example.com/"], &[(0, 1), (3, 1), (4, 1)])
}

#[test]
fn an_open_day_is_compared_up_to_its_last_complete_hour() {
    let before = today().plus(-7);
    let rows =
        [views(today(), 13), views(today(), 14), views(before, 13), views(before, 14), views(before, 20)];
    let made = report(&laid(&rows, 0.5, 1), "p=today&c=prev");
    let tile = &made["tiles"]["visits"];
    assert_eq!((&tile["value"], &tile["compared"], &tile["previous"]), (&2.into(), &1.into(), &1.into()));
    let buckets = made["series"]["buckets"].as_array().unwrap();
    assert_eq!(buckets[20]["previous"]["visits"], 1, "the grey line goes on to the end of the day");
    assert_eq!((&buckets[13]["complete"], &buckets[14]["complete"]), (&true.into(), &false.into()));
    assert!(buckets[15]["values"]["visits"].is_null(), "what has not happened is unknown");
    // No hours are stored beside attributes: nothing is left to compare.
    let made = report(&laid(&rows, 0.5, 1), "p=today&c=prev&country=EE");
    assert!(made["tiles"]["visits"]["previous"].is_null());
}

fn bucket<'a>(made: &'a Value, at: &str) -> Option<&'a Value> {
    made["series"]["buckets"].as_array().unwrap().iter().find(|one| one["at"] == at)
}

#[test]
fn an_hour_that_happens_twice_is_one_bucket_and_a_missing_one_none() {
    let day = |text| Day::parse(text).unwrap();
    // Tallinn: the clock goes back at 04:00 on 25 October, forward at 03:00 on 29 March.
    let (twice, missing) = (day("2026-10-25"), day("2026-03-29"));
    let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
    for day in [twice, missing] {
        let id = ReleaseId { site: SiteId(1), day, node: 0, number: 1 };
        let rows = [2, 3, 3, 4].into_iter().map(|hour| views(day, hour)).collect();
        store.insert(&Release { id, rows, close: None }).unwrap();
    }
    let laid = (store, MemoryView::default());
    let made = report(&laid, "p=2026-10-25");
    assert_eq!(made["series"]["buckets"].as_array().unwrap().len(), 24);
    assert_eq!(bucket(&made, "2026-10-25T03").unwrap()["values"]["visits"], 2);
    assert_eq!(made["tiles"]["visits"]["value"], 4);
    let made = report(&laid, "p=2026-03-29");
    assert_eq!(made["series"]["buckets"].as_array().unwrap().len(), 23);
    assert!(bucket(&made, "2026-03-29T03").is_none(), "no clock shows it");
    assert_eq!(bucket(&made, "2026-03-29T04").unwrap()["values"]["visits"], 1);
}

#[test]
fn comparisons_match_weekdays_unless_asked_by_date() {
    let rows: Vec<Row> = [(1, 1), (8, 2), (2, 4)]
        .iter()
        .flat_map(|&(back, n)| (0..n).map(move |_| views(today().plus(-back), 5)))
        .collect();
    let laid = laid(&rows, 0.0, 1);
    let previous = |query: &str| report(&laid, query)["tiles"]["visits"]["previous"].clone();
    assert_eq!(previous("p=yesterday&c=prev"), 2, "the same weekday a week before");
    assert_eq!(previous("p=yesterday&c=prev&cw=date"), 4, "the day before");
    assert_eq!(previous("p=yesterday&c=2026-11-10..2026-11-21"), 7);
    assert!(previous("p=yesterday").is_null());
}

#[test]
fn weeks_begin_on_monday_and_one_day_is_shown_by_the_hour() {
    let laid = laid(&[views(today(), 3), views(today().plus(-6), 3)], 0.0, 1);
    let made = report(&laid, "p=7d&i=week");
    // 22 November 2026 is a Sunday: seven days are one week.
    let at: Vec<&str> =
        made["series"]["buckets"].as_array().unwrap().iter().map(|one| one["at"].as_str().unwrap()).collect();
    assert_eq!(at, ["2026-11-16"]);
    assert_eq!(report(&laid, "p=today")["range"]["interval"], "hour");
    assert_eq!(report(&laid, "p=today&country=EE")["range"]["interval"], "day");
    assert_eq!(report(&laid, "p=today")["meta"]["daily_sum"], false);
    assert_eq!(report(&laid, "p=2d")["meta"]["daily_sum"], true);
}

#[test]
fn readers_from_outside_see_what_their_view_holds_and_are_told_so() {
    let laid = laid(&[views(today(), 3)], 1.0, 1);
    let site = site();
    let plan = parse("p=today", &[], &site, &Today::at(&site.zone, now(&site)), None).unwrap();
    for (reader, live) in [(Reader::Staff, true), (Reader::Outside, false)] {
        let made =
            answer(&laid.0, &laid.1, &site, &plan, &Today::at(&site.zone, now(&site)), reader).unwrap();
        assert_eq!((made.meta.live, made.meta.as_of.as_deref()), (live, Some("14:00")));
    }
}

#[test]
fn a_site_without_rows_is_answered() {
    let laid = laid(&[], 0.0, 1);
    for query in ["", "p=today", "p=all", "p=12mo&c=year", "p=7d&country=EE&c=prev", "p=7d&event=signup"] {
        let made = report(&laid, query);
        let first = if query.contains("event") { "events" } else { "visits" };
        assert_eq!(made["tiles"][first]["value"], 0, "{query}");
        assert!(made["panels"].as_object().unwrap().values().all(|one| one["other"].is_null()), "{query}");
    }
    assert!(report(&laid, "")["tiles"]["bounce_rate"]["value"].is_null(), "no rate without visits");
}
