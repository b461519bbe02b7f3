//! What was cut short in its steps, or came at the same time as something else, and is done again.

use std::{net::TcpListener, time::Instant};

use super::{
    engine::shared,
    tests::{DAY, SITE, at, failing, holds, release, store},
    *,
};
use crate::{
    close::retention::Retention,
    control::{Control, NewSite},
    store::open::StoreChoice,
    verify::{Kind, Looks, Places, Scope, Subject, verify},
};

/// From the `after`th call of a kind on, one answers as if a table were missing: it is not tried again.
fn away(call: &str, after: usize) -> String {
    let text = "Code: 60. DB::Exception: no table (UNKNOWN_TABLE)";
    format!(r#"[{{"call": "{call}", "act": "error", "after": {after}, "text": "{text}"}}]"#)
}

#[test]
fn a_restore_that_was_cut_short_is_no_closed_day_and_can_be_done_again() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    store.insert(&release(1)).unwrap();
    // After a few of the tables were emptied, and after a few were filled again.
    for (call, after) in [("other", 3), ("insert", 3)] {
        engine.fail(&away(call, after));
        let error = store.replace(&mut [Ok(vec![release(1)])].into_iter()).unwrap_err();
        engine.fail("[]");
        assert!(!store.holds(release(1).id).unwrap(), "rows that are gone do not count as released");
        assert_eq!(store.days(SITE, DAY, DAY).unwrap(), [], "nor as a closed day");
        assert!(error.to_string().contains("half done: do it again"), "{error}");
        store.replace(&mut [Ok(vec![release(1)])].into_iter()).unwrap();
        holds(&store, &[release(1)]);
        assert_eq!(store.days(SITE, DAY, DAY).unwrap().len(), 1);
    }
}

#[test]
fn a_close_is_not_read_before_its_release_is_there() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    let mut hourly = Release { close: None, ..release(1) };
    hourly.rows.sort_unstable();
    store.insert(&hourly).unwrap();
    // Three kinds of rows and the close are there, the identity is not.
    engine.fail(&away("insert", 4));
    store.insert(&release(2)).unwrap_err();
    engine.fail("[]");
    assert_eq!(store.releases(SITE, DAY, DAY).unwrap(), [hourly]);
    store.insert(&release(2)).unwrap();
    let closes = store.releases(SITE, DAY, DAY).unwrap();
    let closes: Vec<_> = closes.into_iter().map(|one| (one.id.number, one.close.is_some())).collect();
    assert_eq!(closes, [(1, false), (2, true)]);
}

#[test]
fn what_was_forgotten_of_a_release_on_its_way_does_not_keep_it_out() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    engine.fail(&away("insert", 3));
    store.insert(&release(1)).unwrap_err();
    engine.fail("[]");
    assert_eq!(store.forget(SITE, "source1", DAY).unwrap().len(), 1);
    store.insert(&release(1)).unwrap();
    holds(&store, &[release(1)]);
    // The day has closed: what waits for that takes the source again.
    assert_eq!(store.forget(SITE, "source1", DAY).unwrap().len(), 1);
}

#[test]
fn merges_that_are_under_way_into_one_site_have_nodes_of_their_own() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    let (other, into) = (SiteId(8), SiteId(9));
    let of = |site| {
        let mut release = release(1);
        (release.id.site, release.close.as_mut().unwrap().site) = (site, site);
        release
    };
    store.insert(&of(SITE)).unwrap();
    store.insert(&of(other)).unwrap();
    // The node is noted, and no row has come.
    engine.fail(&away("insert", 1));
    store.merge(SITE, into).unwrap_err();
    engine.fail("[]");
    store.merge(other, into).unwrap();
    store.merge(SITE, into).unwrap();
    let found = store.releases(into, DAY, DAY).unwrap();
    let rows: Vec<usize> = found.iter().map(|one| one.rows.len()).collect();
    assert_eq!(rows, [15, 15], "of both sites");
    assert_eq!(store.sites().unwrap(), [into]);
}

#[test]
fn rows_that_came_while_a_site_s_retention_changed_expire_with_the_others() {
    let store = store();
    assert!(store.keep(SITE, 120).unwrap());
    store.insert(&release(1)).unwrap();
    let last = || {
        let of = |table| {
            let sql = format!("SELECT toString(max(expires)) FROM {table}");
            store.fetch::<String>(&store.asking(&sql)).unwrap().remove(0)
        };
        ["pages", "ledger", "days", "releases"].map(of)
    };
    assert_eq!(last(), ["2034-10-06"; 4]);
    // As an insert leaves it that had asked before the months were noted.
    for table in ["pages", "releases"] {
        let late = format!("ALTER TABLE {table} UPDATE expires = '2149-06-06' WHERE 1");
        store.command(&late, &[]).unwrap();
    }
    assert!(store.keep(SITE, 120).unwrap());
    assert_eq!(last(), ["2034-10-06"; 4]);
}

/// Seen to fail where only the oldest day was looked at.
#[test]
fn a_verification_warns_of_rows_that_go_later_than_the_site_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let now = crate::domain::day::Zone::utc().start_of(DAY.plus(1));
    let control = Control::open(&folder.path().join("control.sqlite"), now).unwrap();
    let site = control.add_site(NewSite::new("example.com", "UTC"), now).unwrap().id;
    let change = |settings: &mut crate::control::Settings| -> Result<(), crate::control::ControlError> {
        settings.retention_months = 119;
        Ok(())
    };
    control.change_site("example.com", now, change).unwrap();
    control.reload_if_changed(now).unwrap();
    let store = store();
    let mut one = release(1);
    (one.id.site, one.close.as_mut().unwrap().site) = (site, site);
    store.keep(site, 120).unwrap();
    store.insert(&one).unwrap();
    let places = Places { data: folder.path().into(), ..Places::default() };
    let looks = Looks { places, ..Looks::default() };
    let found = || {
        let subject = Subject { control: &control, store: &store, looks: &looks, now };
        let report = verify(&subject, &Scope::All(Some(site)), &|| true).unwrap();
        let checks = &report.sites[0].checks;
        checks.iter().find(|check| check.check == Kind::Retention).unwrap().found.clone()
    };
    let found_late = found();
    assert!(found_late.len() == 1 && found_late[0].contains("later than 119 months say"), "{found_late:?}");
    store.keep(site, 119).unwrap();
    assert_eq!(found(), [] as [String; 0]);
}

#[test]
fn what_was_refused_goes_with_the_rows_also_where_the_store_takes_them_out_itself() {
    let folder = tempfile::tempdir().unwrap();
    let now = crate::domain::day::Zone::utc().start_of(DAY);
    let control = Control::open(&folder.path().join("control.sqlite"), now).unwrap();
    let site = control.add_site(NewSite::new("example.com", "UTC"), now).unwrap().id;
    let asked = std::cell::RefCell::new(Vec::new());
    let aside = |of, _| {
        if of != SiteId::NONE {
            asked.borrow_mut().push(of);
        }
        Ok(0)
    };
    let (store, retention, begun) = (store(), Retention::new(25), Instant::now());
    for minutes in [0, 61] {
        let running = begun + Duration::from_secs(minutes * 60);
        retention.step(&store, aside, &control, now, running);
    }
    assert_eq!(*asked.borrow(), [site]);
    // A collector has files of its own, and leaves the rows to the report node.
    let retention = Retention::new(25);
    for minutes in [0, 61] {
        let running = begun + Duration::from_secs(minutes * 60);
        retention.step_aside(aside, &control.directory().load(), now, running);
    }
    assert_eq!(*asked.borrow(), [site, site]);
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_opened_later() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("clickhouse://127.0.0.1:{}/none", silent.local_addr().unwrap().port());
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let opened = ClickStore::open(&Address::parse(&url).unwrap());
        told.send(matches!(opened, Err(StoreError::Unavailable(_)))).unwrap();
    });
    assert_eq!(hears.recv_timeout(Duration::from_secs(60)), Ok(true), "it is given up");
}

#[test]
fn a_question_that_took_too_long_is_not_asked_again() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    let slow = "Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)";
    engine.fail(&format!(r#"[{{"call": "select", "act": "error", "text": "{slow}"}}]"#));
    let answer = store.sites();
    engine.fail("[]");
    assert!(matches!(&answer, Err(StoreError::Unavailable(why)) if why.contains("159")), "{answer:?}");
}

#[test]
fn rows_that_are_to_be_put_are_held_in_the_data_directory_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let store = StoreChoice::parse(&shared().fresh(), data.path()).unwrap().open().unwrap();
    let held = || std::fs::read_dir(data.path().join("work")).map_or(0, Iterator::count);
    let mut seen = 0;
    let mut parts = [release(1)].into_iter().map(|one| {
        seen = held();
        Ok(vec![one])
    });
    store.replace(&mut parts).unwrap();
    assert_eq!((seen, held()), (1, 0));
    assert!(store.holds(release(1).id).unwrap());
}
