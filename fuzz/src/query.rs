//! Query strings: from any of them a report or words for people, never a read that its family has no columns for,
//! never a number beside a refusal, and rows that add up to the tile.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use mayfly::{
    domain::{
        Text,
        counters::Counter,
        day::{Day, Hour, UnixMs, Zone},
        declaration::{
            Consent, EventDeclaration, Excluded, Funnel, Goal, Kept, Objection, Once, PropertyDeclaration,
            Section, Site, SiteId, Step, Values,
        },
        plan::{Dimension, Metric, NO_CURRENCY, NOT_COLLECTED, View},
        query::{Group, Query},
        row::{Column, DayRow, Family, Release, ReleaseId, Row, Table, columns, has_hour},
        view::{DayView, MemoryView, Reader},
    },
    report::{
        Plan, ROWS_MAX, Today, parse,
        routes::{Context, ReportError, RowsAnswer, report, rows_of},
    },
    store::{AsOf, Forgotten, Parts, Store, StoreError, TableAnatomy},
};
use serde_json::Value;

/// Days that there are rows of, today included.
const DAYS: i32 = 6;
/// 2026-11-22, 14:01 in Tallinn.
const TODAY: Day = Day(20_779);

static LAID: LazyLock<Laid> = LazyLock::new(Laid::new);

/// A query string, as bytes of a request's line.
pub fn check(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    let laid = &*LAID;
    let reader = if data.len().is_multiple_of(2) { Reader::Staff } else { Reader::Outside };
    let context = Context {
        store: &laid.store,
        memory: &laid.memory,
        site: &laid.site,
        now: laid.now,
        day: TODAY,
        reader,
        locked: &[],
    };
    match report(context, &query) {
        Ok(found) => {
            let plan = laid.plan(&query).expect("a query that is answered is understood");
            let found = serde_json::to_value(found).expect("a report is JSON");
            tiles(&plan, &found);
            panels(&plan, &found, &laid.site);
        }
        Err(ReportError::Asked(words)) => assert_eq!(laid.plan(&query).err(), Some(words)),
        Err(error @ (ReportError::Store(_) | ReportError::Incomplete(_))) => panic!("{error}"),
    }
    match rows_of(context, &query) {
        Ok(RowsAnswer::Json(rows)) => {
            assert!(rows.panel.rows.len() <= ROWS_MAX.min(laid.plan(&query).expect("a plan").limit));
            assert!(rows.panel.refused.is_none() || rows.panel.rows.is_empty());
        }
        Ok(RowsAnswer::Csv(text)) => assert!(!text.is_empty()),
        Err(ReportError::Asked(words)) => assert!(!words.is_empty()),
        Err(error @ (ReportError::Store(_) | ReportError::Incomplete(_))) => panic!("{error}"),
    }
}

/// What a plan refuses is told of no tile, and what it does not refuse of every one.
fn tiles(plan: &Plan, found: &Value) {
    for metric in Metric::ALL {
        let Some(tile) = found["tiles"].get(metric.key()) else { continue };
        match plan.scope.tile(metric) {
            Ok(_) => {
                let of_no_revenue = metric == Metric::ValueSum && tile["refused"] == NO_CURRENCY;
                assert!(tile["refused"].is_null() || of_no_revenue, "{tile}");
            }
            Err(words) => {
                assert_eq!(tile["refused"], words);
                assert!(tile["value"].is_null() && tile["compared"].is_null() && tile["previous"].is_null());
            }
        }
    }
}

fn panels(plan: &Plan, found: &Value, site: &Site) {
    let visits = &found["tiles"]["visits"]["value"];
    for dimension in Dimension::PANELS {
        let panel = &found["panels"][dimension.key()];
        let rows = panel["rows"].as_array().expect("a panel has rows");
        assert!(rows.len() <= plan.limit);
        let refused = match dimension.is_kept(&site.kept) {
            true => plan.scope.answers(&dimension).err(),
            false => Some(NOT_COLLECTED),
        };
        assert_eq!(panel["refused"].as_str(), refused, "{panel}");
        if refused.is_some() {
            let told = ["family", "other", "rest", "told"].iter().any(|key| !panel[key].is_null());
            assert!(rows.is_empty() && !told, "refused, and told all the same: {panel}");
            continue;
        }
        for row in rows {
            assert!(row["value"] != "*", "what is not told has no row: {panel}");
        }
        let parts = dimension.partitions() && !plan.scope.event && plan.scope.view == View::Whole;
        if parts && !visits.is_null() && rows.iter().all(has_visits) {
            adds_up(rows, panel, visits, &dimension, plan);
        }
    }
}

fn has_visits(row: &Value) -> bool {
    row["visits"].is_i64()
}

fn adds_up(rows: &[Value], panel: &Value, visits: &Value, dimension: &Dimension, plan: &Plan) {
    let n = |value: &Value| value["visits"].as_i64().unwrap_or(0);
    let parts = rows.iter().map(n).sum::<i64>() + n(&panel["other"]) + n(&panel["rest"]);
    assert_eq!(parts, visits.as_i64().unwrap_or(0), "{dimension:?} of {:?}: {panel}", plan.filters);
}

/// A site with rows in the store and in memory.
struct Laid {
    site: Site,
    store: Rows,
    memory: MemoryView,
    now: UnixMs,
}

impl Laid {
    fn new() -> Laid {
        let site = site();
        let now = site.zone.start_of(TODAY) + 14 * 3_600_000 + 60_000;
        let rows: Vec<Row> = (0..36).flat_map(visit).collect();
        let (open, stored): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.day == TODAY);
        let mut by_family: HashMap<(Table, Family), Vec<Row>> = HashMap::new();
        open.into_iter().for_each(|row| by_family.entry((row.table, row.family)).or_default().push(row));
        let view = DayView {
            day: TODAY,
            node: 0,
            released: 0,
            as_of: Some(Hour(14)),
            rows: by_family.into_iter().map(|(key, rows)| (key, Arc::new(rows))).collect(),
            k: 5,
            salt_epochs: 1,
            on_disk: 0,
        };
        Laid {
            site,
            store: Rows(stored),
            memory: MemoryView { days: vec![view], ..MemoryView::default() },
            now,
        }
    }

    fn plan(&self, query: &str) -> Result<Plan, String> {
        parse(query, &[], &self.site, &Today::at(&self.site.zone, self.now), Some(TODAY.plus(1 - DAYS)))
    }
}

/// A store that keeps rows and looks at every query it gets. Reports only read.
struct Rows(Vec<Row>);

impl Store for Rows {
    fn read(&self, _: SiteId, query: &Query, _: &AsOf) -> Result<Vec<Group>, StoreError> {
        answerable(query);
        Ok(query.evaluate(&self.0))
    }

    fn extent(&self, _: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        Ok(Some((TODAY.plus(1 - DAYS), TODAY.plus(-1))))
    }

    fn days(&self, _: SiteId, _: Day, _: Day) -> Result<Vec<DayRow>, StoreError> {
        Ok(Vec::new())
    }

    fn insert(&self, _: &Release) -> Result<(), StoreError> {
        unasked()
    }

    fn holds(&self, _: ReleaseId) -> Result<bool, StoreError> {
        unasked()
    }

    fn last_release(&self, _: SiteId, _: Day, _: u32) -> Result<u32, StoreError> {
        unasked()
    }

    fn erase(&self, _: SiteId, _: Option<Day>) -> Result<(), StoreError> {
        unasked()
    }

    fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        unasked()
    }

    fn releases(&self, _: SiteId, _: Day, _: Day) -> Result<Vec<Release>, StoreError> {
        unasked()
    }

    fn replace(&self, _: Parts<'_>) -> Result<(), StoreError> {
        unasked()
    }

    fn forget(&self, _: SiteId, _: &str, _: Day) -> Result<Vec<Forgotten>, StoreError> {
        unasked()
    }

    fn merge(&self, _: SiteId, _: SiteId) -> Result<(), StoreError> {
        unasked()
    }

    fn copy(&self, _: &Path) -> Result<(), StoreError> {
        unasked()
    }

    fn anatomy(&self) -> Result<Vec<TableAnatomy>, StoreError> {
        unasked()
    }
}

fn unasked<T>() -> Result<T, StoreError> {
    panic!("a report only reads")
}

/// Groups and filters name columns that the rows have; so nothing of two families is ever read together.
fn answerable(query: &Query) {
    assert!(query.days.0 <= query.days.1, "{query:?}");
    assert!(query.table.families().contains(&query.family), "{query:?}");
    let own = columns(query.table, query.family);
    let asked = query.group.iter().copied().chain(query.filters.iter().map(|one| one.column));
    for column in asked {
        let there = match column {
            Column::Day => true,
            Column::Hour => has_hour(query.table, query.family),
            Column::Host => own.contains(&Column::Page),
            column => own.contains(&column),
        };
        assert!(there, "{column:?} is no column of {query:?}");
    }
    assert!(query.filters.iter().all(|one| !one.values.is_empty()), "{query:?}");
}

fn row(table: Table, family: Family, day: Day, hour: u8, keys: &[&str], counts: &[(usize, i64)]) -> Row {
    let mut own = vec![0; table.counters().len()];
    counts.iter().for_each(|&(at, n)| own[at] += n);
    let keys: Box<[Text]> = keys.iter().map(|&key| Text::from(key)).collect();
    let row = Row {
        table,
        family,
        day,
        hour: has_hour(table, family).then_some(Hour(hour)),
        keys,
        counts: own.into(),
    };
    assert!(row.is_well_formed(), "{row:?}");
    row
}

/// The rows of one visit in all families.
fn visit(n: usize) -> Vec<Row> {
    use Counter::*;
    let pages = ["example.com/", "example.com/pricing", "example.com/blog/a", "docs.example.com/x"];
    let day = TODAY.plus(-(n as i32 % DAYS));
    let hour = (n % 14) as u8;
    let source = [["Organic Search", "Google"], ["Organic Social", "Bing"], ["*", "*"]][n / 6 % 3];
    let visit =
        [source[0], source[1], "(none)", "(none)", ["(none)", "spring"][n / 18 % 2], "(none)", "(none)"];
    let place = [["EE", "*", "*"], ["FI", "*", "*"], ["*", "*", "*"]][n / 5 % 3];
    let device = [["Firefox", "*", "Linux", "*", "Desktop"], ["*", "*", "*", "*", "*"]][n / 7 % 2];
    let seen = &[pages[n % 4], pages[n / 4 % 4], pages[n / 16 % 4]][..1 + n % 3];
    let mut out = Vec::new();
    for (at, &page) in seen.iter().enumerate() {
        let mut counts = vec![(Pageviews as usize, 1)];
        if !seen[..at].contains(&page) {
            counts.extend([(PageVisitors as usize, 1), (PageVisits as usize, 1)]);
        }
        if at == 0 {
            let bounced = i64::from(seen.len() == 1);
            counts.extend([(Visits as usize, 1), (Visitors as usize, 1), (Bounces as usize, bounced)]);
            counts.push((VisitSeconds as usize, n as i64));
        }
        if at == seen.len() - 1 {
            counts.push((Exits as usize, 1));
        }
        let keyed = |keys: &[&'static str]| -> Vec<&str> {
            ["page", page].into_iter().chain(keys.iter().copied()).collect()
        };
        out.push(row(Table::Pages, Family::Page, day, hour, &["page", page], &counts));
        out.push(row(Table::Pages, Family::Visit, day, hour, &keyed(&visit), &counts));
        out.push(row(Table::Pages, Family::Place, day, hour, &keyed(&place), &counts));
        out.push(row(Table::Pages, Family::Device, day, hour, &keyed(&device), &counts));
        out.push(row(Table::Pages, Family::Language, day, hour, &["et"], &counts));
        if at == 0 {
            let counts = [(Visits as usize, 1), (Visitors as usize, 1)];
            out.push(row(Table::Pages, Family::Source, day, hour, &[source[0], source[1]], &counts));
        }
        let from = if at == 0 { "(entry)" } else { seen[at - 1] };
        out.push(row(Table::Flows, Family::Page, day, hour, &[from, page], &[(0, 1)]));
    }
    if n.is_multiple_of(3) {
        out.extend(signup(n, day, hour, seen[0], &visit, &place, &device));
    }
    out
}

fn signup(
    n: usize,
    day: Day,
    hour: u8,
    page: &str,
    visit: &[&str],
    place: &[&str],
    device: &[&str],
) -> Vec<Row> {
    let counts = [(0, 1), (1, 1), (2, 1)];
    let mut out = Vec::new();
    for (property, value) in [("", ""), ("plan", ["free", "pro"][n / 3 % 2])] {
        let own = ["signup", property, value, ""];
        let with = |keys: &[&'static str]| -> Vec<String> {
            own.iter().chain(keys).map(|key| key.to_string()).collect()
        };
        let mut of_page = with(&["page"]);
        of_page.push(page.to_owned());
        let of_visit: Vec<&str> = own.iter().copied().chain(visit.iter().copied()).collect();
        let of_page: Vec<&str> = of_page.iter().map(String::as_str).collect();
        out.push(row(Table::Events, Family::Page, day, hour, &of_page, &counts));
        out.push(row(Table::Events, Family::Visit, day, hour, &of_visit, &counts));
    }
    let named =
        |keys: &[&str]| -> Vec<String> { ["signup"].iter().chain(keys).map(|key| key.to_string()).collect() };
    for (family, keys) in [(Family::Place, named(place)), (Family::Device, named(device))] {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        out.push(row(Table::Events, family, day, hour, &keys, &counts));
    }
    out
}

fn site() -> Site {
    let plan =
        PropertyDeclaration { name: "plan".into(), values: Values::List(vec!["free".into(), "pro".into()]) };
    let signup = EventDeclaration {
        name: "signup".into(),
        interactive: true,
        once: Once::Never,
        currency: None,
        properties: vec![plan],
    };
    let steps = vec![Step::Page("/pricing".into()), Step::Event("signup".into())];
    Site {
        id: SiteId(1),
        name: "example.com".to_owned(),
        uuid: "8b1d0c7e-0000-4000-8000-000000000001".to_owned(),
        hosts: vec!["example.com".to_owned(), "docs.example.com".to_owned()],
        zone: Zone::named("Europe/Tallinn").expect("a zone"),
        k: 5,
        kept: Kept { region: false, city: false, versions: false, language: true },
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded::default(),
        path_parameters: Vec::new(),
        path_rules: Vec::new(),
        sections: vec![Section { pattern: "/blog/*".into() }],
        events: vec![signup],
        funnels: vec![Arc::new(Funnel { name: "Buy".into(), steps })],
        funnels_since: Default::default(),
        goals: vec![Goal { name: "Signed up".into(), reached_by: Step::Event("signup".into()) }],
        retention_months: 24,
        simulated: false,
        version: 1,
    }
}
