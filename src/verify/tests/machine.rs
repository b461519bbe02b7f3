//! Files, the machine and the process: what is not of rows.

use super::*;

#[test]
fn journals_keys_and_tables_of_past_days_are_found() {
    for path in [
        "journal/1-2026-11-21.journal",
        "journal/1-2026-11-21.journal.damaged",
        "journal-keys/1-2026-11-21.journal-key",
    ] {
        let install = Install::new();
        install.file(path, 0o600);
        install.finds(Kind::Journals, Outcome::Breach, "is of a day that is over");
    }
    for part in ["salt", "visitors", "seen", "undo"] {
        let install = Install::new();
        let runtime = install.looks.places.runtime.clone().unwrap();
        let path = install.file(runtime.join(format!("1-2026-11-21.{part}")).to_str().unwrap(), 0o600);
        install.finds(Kind::Journals, Outcome::Breach, "(memory) is of a day that is over");
        fs::rename(&path, runtime.join(format!("1-2026-11-22.{part}"))).unwrap();
        assert_eq!(install.verify().result, Outcome::Ok, "today's may be there");
    }
    let install = Install::new();
    install.file("journal/9-2026-11-22.journal", 0o600);
    install.finds(Kind::Journals, Outcome::Breach, "is of a site that is no more");
}

#[test]
fn a_day_has_minutes_to_be_gone() {
    let mut install = Install::new();
    install.file("journal/1-2026-11-21.journal", 0o600);
    let midnight = Zone::utc().start_of(install.day.plus(1));
    install.now = midnight + disk::GONE_WITHIN_MS - 1;
    assert_eq!(install.verify().result, Outcome::Ok);
    install.now = midnight + disk::GONE_WITHIN_MS;
    install.finds(Kind::Journals, Outcome::Breach, "is of a day that is over");
}

/// Seen to fail with the five minutes that a journal has.
#[test]
fn a_salt_has_a_minute_to_be_gone() {
    let mut install = Install::new();
    let runtime = install.looks.places.runtime.clone().unwrap();
    install.file(runtime.join("1-2026-11-21.salt").to_str().unwrap(), 0o600);
    let midnight = Zone::utc().start_of(install.day.plus(1));
    install.now = midnight + 59_999;
    assert_eq!(install.verify().result, Outcome::Ok);
    install.now = midnight + 60_000;
    install.finds(Kind::Journals, Outcome::Breach, "1-2026-11-21.salt (memory) is of a day that is over");
}

#[test]
fn releases_that_are_stuck_are_found() {
    let install = Install::new();
    install.file("releases/1-2026-11-20-0-3.release", 0o600);
    install.finds(Kind::Releases, Outcome::Warning, "for more than a day");
    let install = Install::new();
    install.file("refused/1-2026-11-21-0-3.release", 0o600);
    install.finds(Kind::Releases, Outcome::Warning, "was refused");
}

#[test]
fn files_that_others_can_read_are_found() {
    let places: [(&str, u32); 3] = [
        ("journal-keys/1-2026-11-22.journal-key", 0o644),
        ("journal/1-2026-11-22.journal", 0o640),
        ("control.sqlite", 0o604),
    ];
    for (path, mode) in places {
        let install = Install::new();
        install.file(path, mode);
        install.finds(Kind::Files, Outcome::Breach, &format!("{path} is open to others (mode {mode:o})"));
    }
    for folder in ["data", "runtime"] {
        let install = Install::new();
        let places = &install.looks.places;
        let path = if folder == "data" { &places.data } else { places.runtime.as_ref().unwrap() };
        fs::set_permissions(path, Permissions::from_mode(0o750)).unwrap();
        install.finds(Kind::Files, Outcome::Breach, &format!("the {folder} directory is open to others"));
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn the_machine_and_the_process_are_asked() {
    let mut install = Install::new();
    // Which areas are in the clear is the kernel's to say: `swap_in_the_clear_is_told_from_encrypted_and_from_none`.
    install.looks.surroundings.swaps = vec!["/dev/sda2".into()];
    install.finds(Kind::Swap, Outcome::Warning, "may be swapped to /dev/sda2 in the clear");
    install.looks.surroundings.swaps.clear();
    assert_eq!(install.verify().result, Outcome::Ok);
    install.looks.surroundings.trusted.push("0.0.0.0/0".parse().unwrap());
    install.finds(Kind::Proxy, Outcome::Breach, "whoever is in it can pass for any number of visitors");
    install.looks.surroundings.trusted.pop();
    install.looks.surroundings.node = Some("run it on each".into());
    install.finds(Kind::Nodes, Outcome::NotSeen, "run it on each");
    install.looks.surroundings.node = None;
    let running = |install: &mut Install, change: fn(&mut Running)| {
        let mut sound = Running {
            dumpable: false,
            limits: "Max core file size 0 0 bytes".into(),
            salts_locked: true,
            proxy: None,
        };
        change(&mut sound);
        install.looks.running = Some(sound);
    };
    running(&mut install, |it| it.dumpable = true);
    install.finds(Kind::Process, Outcome::Breach, "can be dumped");
    running(&mut install, |it| it.limits = "Max core file size unlimited unlimited bytes".into());
    install.finds(Kind::Process, Outcome::Breach, "may write core files");
    running(&mut install, |it| it.salts_locked = false);
    install.finds(Kind::Salts, Outcome::Warning, "could not be locked");
    running(&mut install, |it| it.proxy = Some("most hits come through one peer".into()));
    install.finds(Kind::Proxy, Outcome::Warning, "most hits");
    install.looks.running = None;
    let report = install.verify();
    assert_eq!(report.result, Outcome::NotSeen);
    assert!(report.by.contains("no server running"));
    let disk = TempDir::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    fs::set_permissions(disk.path(), Permissions::from_mode(0o700)).unwrap();
    if !crate::memory::sealed::is_memory(disk.path()).unwrap() {
        running(&mut install, |_| {});
        install.looks.places.runtime = Some(disk.path().into());
        install.finds(Kind::Runtime, Outcome::Breach, "is on a disk");
    }
}
