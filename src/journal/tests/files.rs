//! What lies on the disk, whole and spoilt.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::atomic::Ordering::SeqCst};

use super::{super::*, Bench, DAY, FRAMES, records_of};

#[test]
fn what_was_appended_is_read_back_in_order() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records, records_of(&FRAMES));
    assert_eq!((opened.records, opened.torn, opened.created), (6, false, false));
    assert_eq!((opened.handle.next_seq(), opened.handle.committed().load(SeqCst)), (7, 6));

    let journal = bench.start();
    assert_eq!(journal.list().unwrap(), [DAY]);
    assert_eq!(journal.last_seq(DAY).unwrap(), 6);
    assert_eq!(journal.last_seq(FileId { site: SiteId(1), ..DAY }).unwrap(), 0);
    for path in [bench.path(), bench.key()] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn a_journal_goes_on_after_a_restart() {
    let bench = Bench::new();
    bench.write(&FRAMES[..1]);
    bench.write(&FRAMES[1..]);
    assert_eq!(bench.read().unwrap().0, records_of(&FRAMES));
}

#[test]
fn records_do_not_lie_in_the_file() {
    let bench = Bench::new();
    bench.write(&[&[b"a text that must not be found in any file"]]);
    for path in [bench.path(), bench.key()] {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"must not"));
    }
}

#[test]
fn a_torn_end_is_cut_off_at_every_byte() {
    let bench = Bench::new();
    bench.write(&FRAMES[..2]);
    let whole = fs::metadata(bench.path()).unwrap().len() as usize;
    bench.write(&FRAMES[2..]);
    let bytes = fs::read(bench.path()).unwrap();
    for len in whole..bytes.len() {
        fs::write(bench.path(), &bytes[..len]).unwrap();
        check_torn(&bench, len != whole);
        // A file system may have made the file longer and not have written all of it.
        let mut holes = bytes.clone();
        holes[len..].fill(0);
        fs::write(bench.path(), holes).unwrap();
        check_torn(&bench, true);
    }
}

/// Opens, sees the first two frames only, and goes on from there.
#[track_caller]
fn check_torn(bench: &Bench, torn: bool) {
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records, records_of(&FRAMES[..2]));
    assert_eq!(opened.torn, torn);
    bench.write(&[&[b"after"]]);
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records.last().unwrap(), b"after");
    assert_eq!((records.len(), opened.torn), (5, false));
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let bench = Bench::new();
    bench.write(&FRAMES[..2]);
    let last = fs::metadata(bench.path()).unwrap().len() as usize;
    bench.write(&FRAMES[2..]);
    let bytes = fs::read(bench.path()).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(bench.path(), &flipped).unwrap();
        let found = bench.read();
        if let Ok((records, opened)) = &found {
            assert_eq!(*records, records_of(&FRAMES)[..records.len()], "byte {at}");
            assert_eq!(opened.damaged.is_some(), !opened.torn && at >= 16, "byte {at}");
        }
        let found = found.map(|(records, opened)| (records.len(), opened.torn));
        match (at, found) {
            // The tag behind them says whose file it is: nothing is lost.
            (0..16, Ok((6, false))) => {}
            (16..32, Err(OpenError::WrongKey { journal, .. })) => assert_eq!(journal, bench.path()),
            (32.., Ok((0 | 3, false))) => assert!(at < last, "byte {at}"),
            // Nothing tells a flipped bit of the last frame from a torn one.
            (_, Ok((4, true))) => assert!(at >= last, "byte {at}"),
            (_, found) => panic!("byte {at}: {found:?}"),
        }
    }
}

#[test]
fn a_frame_that_is_missing_or_twice_is_found() {
    let bench = Bench::new();
    let mut ends = Vec::new();
    for frame in FRAMES {
        bench.write(&[frame]);
        ends.push(fs::metadata(bench.path()).unwrap().len() as usize);
    }
    let bytes = fs::read(bench.path()).unwrap();
    let missing = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
    let twice = [&bytes[..ends[1]], &bytes[ends[0]..]].concat();
    for (changed, good) in [(missing, 3), (twice, 4)] {
        fs::write(bench.path(), &changed).unwrap();
        let (records, opened) = bench.read().unwrap();
        assert_eq!(records, records_of(&FRAMES)[..good]);
        let said = opened.damaged.unwrap();
        assert!(said.contains(&DAY.to_string()) && said.contains("damaged at byte"), "{said}");
    }
}

#[test]
fn a_damaged_journal_goes_on_from_before_the_damage_and_is_kept_until_its_day_closes() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    let mut bytes = fs::read(bench.path()).unwrap();
    let second = frame_starts(&bytes)[1];
    bytes[second + 60] ^= 1;
    fs::write(bench.path(), &bytes).unwrap();
    bench.write(&[&[b"goes on"]]);
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records, [&records_of(&FRAMES[..1])[..], &[b"goes on".to_vec()]].concat());
    assert_eq!((opened.damaged, opened.was_damaged, opened.torn), (None, true, false));
    let kept = PathBuf::from(format!("{}.damaged", bench.path().display()));
    assert_eq!(fs::read(&kept).unwrap(), bytes);
    let journal = bench.start();
    assert_eq!(journal.list().unwrap(), [DAY]);
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    journal.destroy(opened.handle).unwrap();
    assert_eq!(left(&bench), ["lock"]);
}

fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    while let Some(at) = frame::find_header(&bytes[starts.last().map_or(0, |last| last + 1)..], 1) {
        starts.push(starts.last().map_or(0, |last| last + 1) + at);
    }
    starts
}

#[test]
fn what_does_not_belong_together_is_set_aside_and_the_day_begins_anew() {
    let (bench, other) = (Bench::new(), Bench::new());
    for spoil in [
        (|bench, other| assert!(fs::copy(other.key(), bench.key()).is_ok())) as fn(&Bench, &Bench),
        |bench, _| fs::write(bench.path(), "something else").unwrap(),
        |bench, _| fs::remove_file(bench.path()).unwrap(),
    ] {
        bench.write(&FRAMES);
        other.write(&FRAMES[..1]);
        spoil(&bench, &other);
        let journal = bench.start();
        assert!(journal.open(DAY, |_, _| {}).is_err());
        journal.set_aside(DAY).unwrap();
        assert_eq!(journal.list().unwrap(), []);
        let opened = journal.open(DAY, |_, _| panic!("a record")).unwrap();
        assert!(opened.created);
        journal.destroy(opened.handle).unwrap();
        drop(journal);
        assert_eq!(left(&bench), ["lock"], "what was set aside goes with the day");
    }
}

#[track_caller]
fn check_refused(spoil: impl FnOnce(&Bench), expected: &str) {
    let bench = Bench::new();
    bench.write(&FRAMES);
    spoil(&bench);
    let error = bench.read().err().unwrap();
    let kind = format!("{error:?}");
    assert!(kind.starts_with(expected), "{kind}");
    assert!(error.to_string().contains(&DAY.to_string()), "{error}");
}

#[test]
fn files_that_do_not_belong_together_are_told_apart() {
    let other = Bench::new();
    other.write(&FRAMES[..1]);
    check_refused(|bench| fs::remove_file(bench.key()).unwrap(), "MissingKey");
    check_refused(|bench| fs::remove_file(bench.path()).unwrap(), "MissingJournal");
    check_refused(|bench| assert!(fs::copy(other.key(), bench.key()).is_ok()), "WrongKey");
    check_refused(|bench| assert!(fs::copy(other.path(), bench.path()).is_ok()), "WrongKey");
    check_refused(|bench| fs::write(bench.path(), "something else").unwrap(), "Foreign");
    check_refused(|bench| fs::write(bench.key(), "something else").unwrap(), "Foreign");

    // Another day's pair under this day's names.
    let renamed = FileId { day: DAY.day.plus(1), ..DAY };
    let journal = other.start();
    fs::rename(other.path(), journal.places.journal(renamed)).unwrap();
    fs::rename(other.key(), journal.places.key(renamed)).unwrap();
    assert!(matches!(journal.open(renamed, |_, _| {}), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_lost_key_can_be_discarded_with_its_journal() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    fs::remove_file(bench.key()).unwrap();
    let journal = bench.start();
    assert!(matches!(journal.open(DAY, |_, _| {}), Err(OpenError::MissingKey { .. })));
    journal.discard(DAY).unwrap();
    assert!(journal.open(DAY, |_, _| panic!("a record")).unwrap().created);
}

#[test]
fn a_crash_while_a_journal_is_made_or_destroyed_is_finished() {
    let bench = Bench::new();
    // Made: only the beginning; then the beginning and half a key.
    drop(bench.start());
    let beginning = PathBuf::from(format!("{}.new", bench.path().display()));
    for key in [None, Some("half")] {
        fs::write(&beginning, "mayfjrn1").unwrap();
        key.inspect(|key| fs::write(bench.key(), key).unwrap());
        let journal = bench.start();
        assert_eq!(journal.list().unwrap(), []);
        let opened = journal.open(DAY, |_, _| {}).unwrap();
        assert!(opened.created && !beginning.exists());
        journal.destroy(opened.handle).unwrap();
    }
    // Destroyed: renamed, with and without the key.
    for with_key in [true, false] {
        bench.write(&FRAMES);
        fs::rename(bench.path(), format!("{}.gone", bench.path().display())).unwrap();
        if !with_key {
            fs::remove_file(bench.key()).unwrap();
        }
        drop(bench.start());
        assert_eq!(left(&bench), ["lock"]);
    }
    // Killed while what is whole of a damaged journal was taken over; then the site was removed.
    bench.write(&FRAMES);
    fs::copy(bench.path(), format!("{}.salvaged", bench.path().display())).unwrap();
    bench.start().discard(DAY).unwrap();
    assert_eq!(left(&bench), ["lock"]);
}

/// Names of all files, but for the directories.
fn left(bench: &Bench) -> Vec<String> {
    let dirs = [bench.dir.path().join("journal"), bench.dir.path().join("keys")];
    let mut names: Vec<String> = dirs
        .iter()
        .flat_map(|dir| fs::read_dir(dir).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn destroying_leaves_neither_key_nor_journal() {
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    let ticket = journal.append(&opened.handle, b"pending when the day ends").unwrap();
    // A second name keeps the key's bytes in reach after the first is removed.
    let kept = bench.dir.path().join("kept");
    fs::hard_link(bench.key(), &kept).unwrap();
    journal.destroy(opened.handle).unwrap();
    ticket.wait().unwrap();
    assert_eq!(left(&bench), ["lock"]);
    assert!(fs::read(kept).unwrap().iter().all(|&byte| byte == 0), "the key was overwritten");
}

#[test]
fn keys_follow_the_setting_of_where_they_lie() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    let elsewhere = bench.dir.path().join("elsewhere");
    let moved = JournalConfig {
        key_dir: elsewhere.clone(),
        key_dir_before: Some(bench.dir.path().join("keys")),
        ..bench.config()
    };
    let key = fs::read(bench.key()).unwrap();
    let key_aside = PathBuf::from(format!("{}.damaged", bench.key().display()));
    for _ in 0..2 {
        fs::write(&key_aside, &key).unwrap();
        let journal = Journal::start(moved.clone()).unwrap();
        assert!(!bench.key().exists());
        assert!(!key_aside.exists(), "no close would look for it there");
        assert_eq!(journal.open(DAY, |_, _| {}).unwrap().records, 6);
        // A crash in between leaves it in both places.
        fs::write(bench.key(), &key).unwrap();
    }
    let back = JournalConfig { key_dir_before: Some(elsewhere.clone()), ..bench.config() };
    assert_eq!(Journal::start(back).unwrap().open(DAY, |_, _| {}).unwrap().records, 6);
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[test]
fn a_journal_that_was_only_begun_is_gone_at_the_next_start() {
    let bench = Bench::new();
    drop(bench.start());
    let beginning = PathBuf::from(format!("{}.new", bench.path().display()));
    fs::write(&beginning, "mayfjrn1").unwrap();
    fs::write(bench.key(), "mayfkey1").unwrap();
    assert_eq!(bench.start().list().unwrap(), []);
    assert!(!beginning.exists() && !bench.key().exists());
    // Beside a whole journal it is not a beginning of it.
    bench.write(&FRAMES);
    fs::write(&beginning, "mayfjrn1").unwrap();
    assert_eq!(bench.read().unwrap().0, records_of(&FRAMES));
}
