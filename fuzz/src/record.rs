//! Records of a journal and releases: what is read is said again byte for byte, replay takes any records without
//! falling over, and what comes of them is rows that a store takes.

use std::sync::Arc;

use mayfly::{
    close::release_file,
    domain::{
        day::Day,
        declaration::{Kept, SiteId},
        region::Heap,
        tally::{Caps, DaySettings, OpenDay},
    },
    memory::{record::Record, replay::Replay, site_day::Fixed},
};

const DAY: Day = Day(20_779);

/// Records, each after its length in two bytes; or a release file.
pub fn check(data: &[u8]) {
    if data.starts_with(b"mayflyR1") {
        return release(data);
    }
    let mut replay = Replay::new(&Fixed::none(), DAY, Caps::default(), Arc::default());
    let mut open = OpenDay::new(settings(), Box::new(Heap::default()), Box::new(Heap::default()));
    let mut rows = Vec::new();
    for bytes in split(data) {
        replay.take(bytes);
        match round_trip(bytes) {
            Some(Record::Delta(delta)) if open.can_apply(&delta) => open.apply(&delta),
            Some(Record::Frozen { .. }) => rows.extend(open.freeze()),
            _ => {}
        }
    }
    if let Ok(Some(replayed)) = replay.finish() {
        let _ = replayed.next_epoch();
    }
    open.settled().rows(5, 2).values().flatten().for_each(|row| assert!(row.is_well_formed(), "{row:?}"));
    rows.extend(open.close(1).rows);
    for row in rows {
        assert!(row.is_well_formed() && row.day == DAY, "{row:?}");
        assert!(row.hour.is_none_or(|hour| hour.0 < 24), "{row:?}");
    }
}

fn settings() -> DaySettings {
    let kept = Kept { region: true, city: true, versions: true, language: true };
    let (caps, known) = (Caps::default(), Arc::default());
    DaySettings { site: SiteId(7), day: DAY, k: 5, kept, settings_version: 1, caps, known }
}

fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((len, rest)) = data.split_first_chunk::<2>() {
        let (record, rest) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
        records.push(record);
        data = rest;
    }
    records
}

fn round_trip(bytes: &[u8]) -> Option<Record> {
    let record = Record::decode(bytes).ok()?;
    let said = record.encode_into(Vec::new());
    let again = Record::decode(&said).expect("what is encoded is decoded");
    assert_eq!(format!("{again:?}"), format!("{record:?}"));
    assert_eq!(again.encode_into(Vec::new()), said);
    Some(record)
}

fn release(data: &[u8]) {
    // The checksum is made right, so that inputs get behind it.
    let mut data = data.to_vec();
    if let Some((head, body)) = data.split_at_mut_checked(12) {
        head[8..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    }
    let Some(release) = release_file::parse(&data) else { return };
    let said = release_file::encode(&release).expect("a release is encoded");
    assert_eq!(release_file::parse(&said).as_ref(), Some(&release));
    for cut in [0, 8, 12, said.len() / 2, said.len() - 1] {
        assert_eq!(release_file::parse(&said[..cut.min(said.len() - 1)]), None, "cut at {cut}");
    }
    assert!(release.rows.iter().all(|row| row.is_well_formed()), "a file of rows that no store takes");
}
