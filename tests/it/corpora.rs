//! Every input that fuzzing found worth keeping, and the seeds, against the laws of `fuzz/src/`.
//!
//! `fuzz/seeds/TARGET/` holds inputs by hand, named for what they are; `fuzz/corpus/TARGET.pack` what libFuzzer
//! kept, each after its length in four bytes (`fuzz/pack.mjs`).

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use crate::fuzzed::{self, Law};

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(of)
}

fn law(target: &str) -> Law {
    fuzzed::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap().1
}

/// Named inputs of a target.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder("seeds").join(target)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    assert!(found.len() >= 5, "{target} has {} seeds", found.len());
    let pack = fs::read(folder("corpus").join(format!("{target}.pack"))).unwrap();
    let mut rest = pack.as_slice();
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let (input, after) = after.split_at(u32::from_le_bytes(*len) as usize);
        found.push((format!("input {} of the pack", found.len()), input.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty(), "{target}.pack ends with half an input");
    found
}

#[track_caller]
fn replay(target: &str) {
    let (law, inputs) = (law(target), inputs(target));
    let broken: Vec<String> = inputs
        .into_iter()
        .filter(|(_, input)| catch_unwind(AssertUnwindSafe(|| law(input))).is_err())
        .map(|(name, _)| name)
        .collect();
    assert!(broken.is_empty(), "{target}: the law does not hold for {broken:?}");
}

#[test]
fn event_bodies_keep_their_law() {
    replay("event");
}

#[test]
fn journals_keep_their_law() {
    replay("journal");
}

#[test]
fn forwarding_headers_keep_their_law() {
    replay("proxy");
}

#[test]
fn query_strings_keep_their_law() {
    replay("query");
}

#[test]
fn records_and_releases_keep_their_law() {
    replay("record");
}

#[test]
fn texts_keep_to_the_vocabulary() {
    replay("vocabulary");
}

#[test]
fn urls_keep_their_law() {
    replay("url");
}
