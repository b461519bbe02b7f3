//! Hand-made examples and laws of the fold and of telling.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::family::{Crossing, Leaf, PLACE, fold, tell, threshold};

const STAR: u32 = 0;

fn leaves(places: &[([u32; 3], i64)]) -> Vec<Leaf<3>> {
    places.iter().map(|&(fields, visitors)| Leaf { fields, visitors }).collect()
}

/// Sums by label.
fn folded(places: &[([u32; 3], i64)], needed: i64) -> BTreeMap<[u32; 3], i64> {
    let mut sums = BTreeMap::new();
    let labels = fold(PLACE, &leaves(places), STAR, needed);
    for (label, (_, visitors)) in labels.into_iter().zip(places) {
        *sums.entry(label).or_default() += visitors;
    }
    sums
}

#[track_caller]
fn check(places: &[([u32; 3], i64)], needed: i64, expected: &[([u32; 3], i64)]) {
    assert_eq!(folded(places, needed), expected.iter().copied().collect());
}

#[test]
fn labels_count_at_least_what_is_needed() {
    // k - 1, k, k + 1 in one country.
    check(&[([1, 1, 1], 4)], 5, &[([0, 0, 0], 4)]);
    check(&[([1, 1, 1], 5)], 5, &[([1, 1, 1], 5)]);
    check(&[([1, 1, 1], 6)], 5, &[([1, 1, 1], 6)]);
    // A rest that is large enough stands for itself.
    check(&[([1, 1, 1], 5), ([2, 1, 1], 3), ([3, 1, 1], 2)], 5, &[([1, 1, 1], 5), ([0, 0, 0], 5)]);
    // A remainder of 1 takes the least row with it.
    check(
        &[([1, 1, 1], 9), ([2, 1, 1], 7), ([3, 1, 1], 8), ([4, 1, 1], 1)],
        5,
        &[([1, 1, 1], 9), ([3, 1, 1], 8), ([0, 0, 0], 8)],
    );
    // Equal rows: the lower key goes.
    check(&[([2, 1, 1], 7), ([1, 1, 1], 7), ([4, 1, 1], 1)], 5, &[([2, 1, 1], 7), ([0, 0, 0], 8)]);
    // Few in the city become the region's, few in the region the country's.
    check(
        &[([1, 1, 1], 6), ([1, 1, 2], 6), ([1, 1, 3], 5)],
        5,
        &[([1, 1, 1], 6), ([1, 1, 2], 6), ([1, 1, 3], 5)],
    );
    check(&[([1, 1, 1], 6), ([1, 1, 2], 2), ([1, 1, 3], 4)], 5, &[([1, 1, 1], 6), ([1, 1, 0], 6)]);
    check(&[([1, 1, 1], 6), ([1, 2, 2], 2), ([1, 2, 3], 2)], 5, &[([1, 0, 0], 10)]);
}

#[test]
fn without_grouping_everything_is_told() {
    check(&[([1, 1, 1], 1), ([2, 1, 1], 0)], threshold(1, 3), &[([1, 1, 1], 1), ([2, 1, 1], 0)]);
    assert_eq!((threshold(5, 1), threshold(5, 2), threshold(1, 2)), (5, 9, 0));
}

fn crossings(cells: &[(u32, u32, i64, i64)]) -> Vec<Crossing> {
    let crossing =
        |&(page, label, page_visitors, visitors)| Crossing { page, label, page_visitors, visitors };
    cells.iter().map(crossing).collect()
}

#[track_caller]
fn check_told(cells: &[(u32, u32, i64, i64)], needed: i64, expected: &[(u32, u32)]) {
    let told = tell(&crossings(cells), needed);
    let told: Vec<_> = cells.iter().zip(told).filter(|(_, told)| *told).map(|(c, _)| (c.0, c.1)).collect();
    assert_eq!(told, expected);
}

#[test]
fn cells_are_untold_until_nothing_can_be_subtracted() {
    check_told(&[(0, 0, 5, 5), (0, 1, 5, 5)], 5, &[(0, 0), (0, 1)]);
    // The page's rest of 4 could be had by subtraction: its least told cell joins it, and then label 0 has a
    // rest of 6 which is a crowd.
    check_told(&[(0, 0, 6, 6), (0, 1, 4, 4), (1, 0, 7, 7), (1, 1, 8, 8)], 5, &[(1, 0)]);
    // A label's rest counts visitors, not views: told cells of the label go until enough began in its rest.
    check_told(&[(0, 0, 9, 9), (1, 0, 6, 0), (2, 0, 5, 1), (3, 0, 2, 0)], 5, &[]);
    check_told(&[(0, 0, 9, 9), (1, 0, 6, 0), (2, 0, 5, 5), (3, 0, 2, 0)], 5, &[(0, 0), (1, 0)]);
}

fn any_places() -> impl Strategy<Value = Vec<([u32; 3], i64)>> {
    prop::collection::btree_map([1..5u32, 1..4u32, 1..4u32], 0..12i64, 1..40)
        .prop_map(|places| places.into_iter().collect())
}

fn any_cells() -> impl Strategy<Value = Vec<(u32, u32, i64, i64)>> {
    // A page's visitors of a label began somewhere in the label: visitors of the label cover them.
    prop::collection::btree_map((0..6u32, 0..6u32), (0..15i64, 0..15i64), 1..30)
        .prop_map(|cells| cells.into_iter().map(|((page, label), (a, b))| (page, label, a, b)).collect())
}

/// What is left of a line.
fn rest(cells: &[(u32, u32, i64, i64)], told: &[bool], in_line: impl Fn(&(u32, u32)) -> bool) -> Vec<usize> {
    (0..cells.len()).filter(|&at| !told[at] && in_line(&(cells[at].0, cells[at].1))).collect()
}

proptest! {
    #[test]
    fn folding_keeps_sums_and_crowds(places in any_places(), needed in 0..9i64) {
        let rows = folded(&places, needed);
        let total: i64 = places.iter().map(|place| place.1).sum();
        prop_assert_eq!(rows.values().sum::<i64>(), total);
        for (label, &visitors) in &rows {
            prop_assert!(visitors >= needed || (*label == [STAR; 3] && rows.len() == 1));
        }
        if needed == 0 {
            prop_assert_eq!(rows.len(), places.len());
        }
    }

    #[test]
    fn folding_knows_no_order(places in any_places().prop_shuffle(), needed in 0..9i64) {
        let mut sorted = places.clone();
        sorted.sort();
        prop_assert_eq!(folded(&places, needed), folded(&sorted, needed));
    }

    #[test]
    fn told_cells_and_remainders_are_crowds(cells in any_cells(), needed in 1..9i64) {
        let told = tell(&crossings(&cells), needed);
        for (cell, told) in cells.iter().zip(&told) {
            prop_assert!(!told || cell.2 >= needed);
        }
        for line in 0..6 {
            let has_told = |page: bool| {
                cells.iter().zip(&told).any(|(c, &told)| told && (if page { c.0 } else { c.1 }) == line)
            };
            let of_page = rest(&cells, &told, |at| at.0 == line);
            let size: i64 = of_page.iter().map(|&at| cells[at].2).sum();
            prop_assert!(of_page.is_empty() || size >= needed || !has_told(true));
            let of_label = rest(&cells, &told, |at| at.1 == line);
            let size: i64 = of_label.iter().map(|&at| cells[at].3).sum();
            prop_assert!(of_label.is_empty() || size >= needed || !has_told(false));
        }
    }

    #[test]
    fn without_grouping_every_cell_is_told(cells in any_cells()) {
        prop_assert!(tell(&crossings(&cells), threshold(1, 1)).into_iter().all(|told| told));
    }
}
