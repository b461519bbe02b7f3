//! Each check is seen to breach: a sound install, and one thing after the other that is wrong with it.

mod machine;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use tempfile::TempDir;

use super::*;
use crate::{
    control::{AdmittedKind, NewSite},
    domain::{
        STAR, Text,
        counters::Counter,
        day::{Day, Hour},
        declaration::Kept,
        row::{Column, DayRow, Family, KIND_PAGE, Release, ReleaseId, Row, Table, columns, has_hour},
    },
    store::duckdb::{DuckStore, Limits},
};

const SITE: &str = "example.com";
const DAY_MS: UnixMs = 86_400_000;

/// An install with one sound closed day, yesterday's.
struct Install {
    control: Control,
    store: DuckStore,
    looks: Looks,
    site: SiteId,
    now: UnixMs,
    day: Day,
    _data: TempDir,
    _runtime: TempDir,
}

/// A row of `page` and of each family that is told with it: so many visitors saw one page.
fn row(table: Table, family: Family, day: Day, page: &str, label: &str, visitors: i64) -> Row {
    let key = |column: &Column| -> Text {
        match column {
            Column::Kind => KIND_PAGE.into(),
            Column::Page => page.into(),
            _ => label.into(),
        }
    };
    let mut counts = vec![0; table.counters().len()];
    if table == Table::Pages {
        for counter in
            [Counter::Pageviews, Counter::PageVisitors, Counter::Visitors, Counter::Visits, Counter::Exits]
        {
            counts[counter as usize] = visitors;
        }
    } else {
        counts.fill(visitors);
    }
    let hour = has_hour(table, family).then_some(Hour(3));
    Row {
        table,
        family,
        day,
        hour,
        keys: columns(table, family).iter().map(key).collect(),
        counts: counts.into(),
    }
}

/// One page that seven visitors saw, all from one place with one device.
fn sound(day: Day) -> Vec<Row> {
    Family::ALL.map(|family| row(Table::Pages, family, day, "example.com/a", "x", 7)).to_vec()
}

impl Install {
    fn new() -> Install {
        let data = TempDir::new().unwrap();
        let runtime = tempfile::Builder::new().prefix("mayfly-").tempdir_in("/dev/shm").unwrap();
        for folder in [data.path(), runtime.path()] {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
        }
        let day = Day::parse("2026-11-21").unwrap();
        let now = Zone::utc().start_of(day.plus(1)) + 12 * 3_600_000;
        let control = Control::open(&data.path().join("control.sqlite"), now).unwrap();
        let site = control.add_site(NewSite::new(SITE, "UTC"), now).unwrap().id;
        // Rows here tell everything.
        let keep_all = |settings: &mut crate::control::Settings| {
            settings.kept = Kept { region: true, city: true, versions: true, language: true };
            Ok(())
        };
        control.change_site(SITE, now - 2 * DAY_MS, keep_all).unwrap();
        control.reload_if_changed(now).unwrap();
        let places = Places { data: data.path().into(), runtime: Some(runtime.path().into()), store: None };
        let running = Running {
            dumpable: false,
            limits: "Max core file size        0                    0                    bytes".into(),
            salts_locked: true,
            proxy: None,
        };
        let surroundings =
            Surroundings { trusted: vec!["127.0.0.0/8".parse().unwrap()], ..Surroundings::default() };
        let install = Install {
            control,
            store: DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap(),
            looks: Looks { places, surroundings, running: Some(running) },
            site,
            now,
            day,
            _data: data,
            _runtime: runtime,
        };
        install.put(day, sound(day));
        install
    }

    /// Puts a closed day into the store.
    fn put(&self, day: Day, rows: Vec<Row>) {
        self.put_as(day, rows, 5, 1);
    }

    fn put_as(&self, day: Day, rows: Vec<Row>, k: u32, salt_epochs: u32) {
        let close = DayRow {
            site: self.site,
            day,
            node: 0,
            closed_at_hour: 0,
            k,
            salt_epochs,
            settings_version: 1,
            sizes: Vec::new(),
            corrected: false,
        };
        let id = ReleaseId { site: self.site, day, node: 0, number: 1 };
        let release = Release { id, rows, close: Some(close) };
        self.store.replace(&mut [Ok(vec![release])].into_iter()).unwrap();
    }

    /// Changes a setting of the site, in effect now: after the day closed.
    fn change(&self, change: impl Fn(&mut crate::control::Settings)) {
        let change = |settings: &mut crate::control::Settings| -> Result<(), ControlError> {
            change(settings);
            Ok(())
        };
        self.control.change_site(SITE, self.now - 2 * DAY_MS, change).unwrap();
        self.control.reload_if_changed(self.now).unwrap();
    }

    fn file(&self, path: &str, mode: u32) -> PathBuf {
        let path = self.looks.places.data.join(path);
        crate::folder::make(path.parent().unwrap()).unwrap();
        fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn verify(&self) -> Report {
        let subject =
            Subject { control: &self.control, store: &self.store, looks: &self.looks, now: self.now };
        verify(&subject, &Scope::All(None), &|| true).unwrap()
    }

    /// The check must end so, and say these words; all others are as they are in a sound install.
    #[track_caller]
    fn finds(&self, kind: Kind, result: Outcome, words: &str) {
        let report = self.verify();
        let checks = || report.checks.iter().chain(report.sites.iter().flat_map(|site| &site.checks));
        let check = checks().find(|check| check.check == kind).unwrap();
        assert_eq!(check.result, result, "{check:#?}");
        assert!(check.found.iter().any(|found| found.contains(words)), "{:#?}", check.found);
        assert!(report.result >= result);
        for other in checks().filter(|check| check.check != kind) {
            assert_eq!(other.result, Outcome::Ok, "{kind:?} is found by {other:#?}");
        }
    }
}

#[test]
fn a_sound_install_has_no_finding() {
    let install = Install::new();
    let report = install.verify();
    assert_eq!(report.result, Outcome::Ok, "{}", report.text());
    assert_eq!(report.at, "2026-11-22 12:00 UTC");
    assert_eq!(last(&install.control).unwrap(), Some(report.clone()), "it is kept");
    let text = report.text();
    for words in ["Result: ok", "Site example.com", "all days: 6 rows of 1 closes", "k is 5"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
}

#[test]
fn a_planted_column_or_table_is_found_in_both_databases() {
    let install = Install::new();
    install.store.plant("ALTER TABLE pages_place ADD COLUMN visitor BIGINT");
    install.finds(Kind::Columns, Outcome::Breach, "table `pages_place` has a column `visitor`");
    let install = Install::new();
    install.store.plant("ALTER TABLE events_place ADD COLUMN hour TINYINT");
    install.finds(Kind::Columns, Outcome::Breach, "table `events_place` has a column `hour`");
    let install = Install::new();
    install.store.plant("CREATE TABLE seen (site INTEGER, address VARCHAR)");
    install.finds(Kind::Columns, Outcome::Breach, "a table `seen`");
    let install = Install::new();
    let other = rusqlite::Connection::open(install.looks.places.data.join("control.sqlite")).unwrap();
    other.execute_batch("ALTER TABLE notes ADD COLUMN address TEXT").unwrap();
    install.finds(Kind::Columns, Outcome::Breach, "`notes.address`");
}

#[test]
fn values_that_look_like_identifiers_are_found_and_not_repeated() {
    let install = Install::new();
    let mut rows = sound(install.day);
    rows.push(row(Table::Flows, Family::Page, install.day, "x", "example.com/ada@example.org", 7));
    install.put(install.day, rows);
    install.finds(Kind::Values, Outcome::Breach, "a `from_page` of flows/page looks like an e-mail address");
    assert!(!install.verify().text().contains("ada@"));

    let install = Install::new();
    install
        .control
        .admit_values(install.site, install.day, [(AdmittedKind::Page, "example.com/192.0.2.7")])
        .unwrap();
    install.finds(Kind::Values, Outcome::Breach, "a remembered value (Page) looks like a network address");
}

/// A site may be served under an address; of a visitor's below it nothing is overlooked.
#[test]
fn a_site_s_own_address_is_no_visitor_s() {
    let install = Install::new();
    let change = |settings: &mut crate::control::Settings| {
        settings.hosts.push("192.0.2.9".into());
        Ok(())
    };
    install.control.change_site(SITE, install.now, change).unwrap();
    install.control.reload_if_changed(install.now).unwrap();
    let mut rows = sound(install.day);
    rows.push(row(Table::Flows, Family::Page, install.day, "x", "192.0.2.9/pricing", 7));
    install.put(install.day, rows.clone());
    assert_eq!(install.verify().result, Outcome::Ok, "{}", install.verify().text());
    rows.push(row(Table::Flows, Family::Page, install.day, "x", "192.0.2.9/from/192.0.2.7", 7));
    install.put(install.day, rows);
    install.finds(Kind::Values, Outcome::Breach, "a `from_page` of flows/page looks like a network address");
}

/// Replaces the rows of a family in a sound day, so that the family still adds up.
#[track_caller]
fn small(family: Family, some: &[(&str, &str, i64)], words: &str) {
    let install = Install::new();
    let mut rows = sound(install.day);
    rows.retain(|row| (row.table, row.family) != (Table::Pages, family));
    rows.extend(some.iter().map(|(page, label, n)| row(Table::Pages, family, install.day, page, label, *n)));
    install.put(install.day, rows);
    install.finds(Kind::Sizes, Outcome::Breach, words);
}

#[test]
fn rows_and_remainders_that_are_no_crowds_are_found() {
    const A: &str = "example.com/a";
    for family in [Family::Place, Family::Device] {
        let name = family.name();
        small(family, &[(A, "x", 4), (STAR, "x", 3)], "told rows of");
        small(
            family,
            &[(STAR, "x", 3), (STAR, STAR, 4)],
            &format!("1 told rows of `{name}` count fewer than 5"),
        );
        small(family, &[(A, "x", 5), (STAR, STAR, 2)], &format!("remainders of `{name}`"));
        small(family, &[(A, "x", 5), (STAR, "y", 2)], &format!("remainders of pages in `{name}`"));
    }
    small(Family::Language, &[(STAR, "x", 5), (STAR, "y", 2)], "told rows of `language`");
    small(Family::Visit, &[(A, "x", 5), (A, "y", 2)], "sets of visit attributes");
    small(Family::Visit, &[(A, "x", 3), (STAR, "x", 4)], "pages told in `visit`");
}

#[test]
fn events_by_place_are_crowds_unless_too_few_did_it_at_all() {
    let install = Install::new();
    let event = |label: &str, n| row(Table::Events, Family::Place, install.day, "x", label, n);
    let with = |events: Vec<Row>| [sound(install.day), events].concat();
    install.put(install.day, with(vec![event("x", 5), event("y", 4)]));
    // Names and labels are one text here: two names with one row each.
    install.finds(Kind::Sizes, Outcome::Breach, "1 rows of events by `place` count fewer than 5");
    install.put(install.day, with(vec![event("x", 5), event(STAR, 2)]));
    assert_eq!(install.verify().result, Outcome::Ok);
}

/// Seen to fail without the look at flows.
#[test]
fn pairs_of_pages_that_too_few_took_are_found() {
    let install = Install::new();
    let flow = |to: &str, n| Row {
        keys: ["example.com/a".into(), to.into()].into(),
        ..row(Table::Flows, Family::Page, install.day, "x", "x", n)
    };
    let with = |n: i64| [sound(install.day), vec![flow("example.com/b", n), flow("(other)", 1)]].concat();
    install.put(install.day, with(5));
    assert_eq!(install.verify().result, Outcome::Ok, "{}", install.verify().text());
    install.put(install.day, with(4));
    install.finds(Kind::Sizes, Outcome::Breach, "1 pairs of pages in `flows` count fewer than 5 visitors");
}

#[test]
fn a_day_is_held_against_its_own_k_and_salts() {
    let install = Install::new();
    // Two salts: one person may be two visitors, so that nine are needed.
    install.put_as(install.day, sound(install.day), 5, 2);
    install.finds(Kind::Sizes, Outcome::Breach, "fewer than 9 visitors");
    install.put_as(install.day, sound(install.day), 1, 1);
    install.finds(Kind::K, Outcome::Warning, "1 of the closed days closed with k = 1");
    // A day of which too few is known tells nothing, and that is all it says.
    let few: Vec<Row> = Family::ALL
        .map(|family| match family {
            Family::Page | Family::Source => row(Table::Pages, family, install.day, "example.com/a", "x", 3),
            _ => row(Table::Pages, family, install.day, STAR, STAR, 3),
        })
        .to_vec();
    install.put(install.day, few);
    assert_eq!(install.verify().result, Outcome::Ok, "{}", install.verify().text());
}

#[test]
fn grouping_that_is_off_is_said_loudly() {
    let install = Install::new();
    install.change(|settings| settings.k = 1);
    install.finds(Kind::K, Outcome::Warning, "GROUPING IS OFF");
}

/// The day closed before the change, with a k of 5 and with all attributes: its rows stay, and the texts tell the settings of
/// today. Seen to fail where only k = 1 was looked for, and where no row's texts were held against what is kept.
#[test]
fn days_that_closed_under_other_settings_are_warned_of() {
    let install = Install::new();
    install.change(|settings| settings.k = 4);
    assert_eq!(install.verify().result, Outcome::Ok, "a larger k than today's is no worse");
    install.change(|settings| settings.k = 12);
    install.finds(
        Kind::K,
        Outcome::Warning,
        "1 of the closed days closed with a smaller k than the 12 of today",
    );
    install.put_as(install.day, sound(install.day), 1, 1);
    install.finds(Kind::K, Outcome::Warning, "closed with k = 1");
    let findings = |install: &Install, kind| {
        let report = install.verify();
        report.sites[0].checks.iter().find(|one| one.check == kind).unwrap().findings
    };
    assert_eq!(findings(&install, Kind::K), 1, "one day is one finding");

    let install = Install::new();
    install.change(|settings| settings.kept = Kept::default());
    for column in ["browser_version", "city", "language", "os_version", "region"] {
        let words =
            format!("1 rows tell `{column}`, which the site does not keep now; the last of 2026-11-21");
        install.finds(Kind::Kept, Outcome::Warning, &words);
    }
    install.change(|settings| settings.kept.city = true);
    assert_eq!(findings(&install, Kind::Kept), 4, "what is kept is no finding");
}

#[test]
fn attributes_of_a_day_that_has_not_closed_are_found() {
    let install = Install::new();
    let today = install.day.plus(1);
    let id = ReleaseId { site: install.site, day: today, node: 0, number: 1 };
    let told = row(Table::Pages, Family::Source, today, STAR, "x", 7);
    install.store.insert(&Release { id, rows: vec![told], close: None }).unwrap();
    install.finds(
        Kind::Sizes,
        Outcome::Breach,
        "2026-11-22: 1 rows tell attributes of a day that has not closed",
    );
}

#[test]
fn families_that_disagree_are_found() {
    let install = Install::new();
    let mut rows = sound(install.day);
    let place = rows.iter().position(|row| row.family == Family::Device).unwrap();
    rows[place].counts[Counter::Visits as usize] += 1;
    install.put(install.day, rows);
    install.finds(Kind::Sums, Outcome::Breach, "2026-11-21: `device` and `place` differ in visits");
    let mut rows = sound(install.day);
    rows.retain(|row| row.family != Family::Page);
    install.put(install.day, rows);
    install.finds(Kind::Sums, Outcome::Warning, "a release waits or was lost");
}

#[test]
fn rows_past_their_retention_are_found() {
    let install = Install::new();
    let old = install.day.plus(-800);
    install.put(old, sound(old));
    install.finds(
        Kind::Retention,
        Outcome::Breach,
        "rows of 2024-09-12 are still there: 25 months go back to 2024-10-22",
    );
}

#[test]
fn what_is_quickly_seen_leaves_what_was_seen_of_rows() {
    let install = Install::new();
    let full = install.verify();
    let subject = Subject {
        control: &install.control,
        store: &install.store,
        looks: &install.looks,
        now: install.now + 86_400_000,
    };
    let quick = verify(&subject, &Scope::Quick, &|| true).unwrap();
    assert_eq!(quick.sites, full.sites);
    assert_ne!(quick.at, full.at);
    install.control.remove_site(SITE, install.now).unwrap();
    assert!(verify(&subject, &Scope::Quick, &|| true).unwrap().sites.is_empty());
}

#[test]
fn findings_are_all_counted_and_some_are_listed() {
    let mut check = Check::new(Kind::Sizes);
    (0..50).for_each(|n| check.find(Outcome::Breach, format!("{n}")));
    assert_eq!((check.found.len(), check.findings), (FINDINGS_MAX, 50));
}
