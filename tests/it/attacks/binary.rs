//! The normal binary has none of the faults that the attacks are tried against: it holds no name of one, and does not know
//! the variable that asks for them.

use std::fs;

use crate::server::{binary, sabotaged};

/// The names of the faults, as the variable has them.
fn names() -> Vec<String> {
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sabotage.rs")).unwrap();
    let (_, listed) = source.split_once("pub enum Sabotage {").unwrap();
    let listed = listed.split('}').next().unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',').filter(|line| !line.starts_with("//")));
    names.map(snake_case).collect()
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Which of some texts the bytes hold.
fn held<'t>(bytes: &[u8], texts: &'t [String]) -> Vec<&'t str> {
    let finder = aho_corasick::AhoCorasick::new(texts).unwrap();
    let mut found: Vec<&str> =
        finder.find_overlapping_iter(bytes).map(|one| &*texts[one.pattern()]).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_normal_binary_has_no_faults() {
    let mut texts = names();
    assert!(texts.len() > 5 && texts.contains(&"k_off".to_owned()), "{texts:?}");
    texts.push("MAYFLY_SABOTAGE".to_owned());
    let (normal, faulty) = (fs::read(binary()).unwrap(), fs::read(sabotaged()).unwrap());
    assert_eq!(held(&normal, &texts), Vec::<&str>::new());
    assert_eq!(held(&faulty, &texts).len(), texts.len(), "the other build holds them all");
}
