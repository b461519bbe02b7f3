//! Which cells of page and label may be told, naively after docs/COUNTING.md.

use std::collections::BTreeSet;

use super::told::{COUNTERS, Cells, Page, Path, order};
use crate::domain::{counters::Counter, row::Family};

/// How many people a cell's counters stand for.
type Size = fn(&[i64; COUNTERS]) -> i64;

fn page_visitors(counts: &[i64; COUNTERS]) -> i64 {
    counts[Counter::PageVisitors as usize]
}

fn visitors(counts: &[i64; COUNTERS]) -> i64 {
    counts[Counter::Visitors as usize]
}

/// People who ended a visit there, at the fewest: who came again may have ended there again.
fn enders(counts: &[i64; COUNTERS]) -> i64 {
    let came_again = counts[Counter::PageVisits as usize] - page_visitors(counts);
    (counts[Counter::Exits as usize] - came_again).max(0)
}

/// Which cells tell who saw the page, which of these also who began there, and which also who ended there.
pub fn told_parts(family: Family, cells: &Cells, crowd: i64) -> [BTreeSet<(Page, Path)>; 3] {
    let of = |counter: Counter| -> Cells {
        let there = cells.iter().filter(|(_, counts)| counts[counter as usize] != 0);
        there.map(|(cell, counts)| (cell.clone(), *counts)).collect()
    };
    let (all, none) = (cells.keys().cloned().collect(), BTreeSet::new());
    let seen = told_cells(family, cells, [page_visitors, visitors], &all, &none, crowd);
    let ends = of(Counter::Exits);
    let ended = told_cells(family, &ends, [enders; 2], &seen, &none, crowd);
    let left = ends.keys().filter(|cell| !ended.contains(cell)).map(|(_, label)| label.clone()).collect();
    let begun = told_cells(family, &of(Counter::Visits), [visitors; 2], &seen, &left, crowd);
    [seen, begun, ended]
}

/// Which cells of (page, label) may be told, of those that may at all, so that no remainder of a page or label is a crowd
/// too small: by the first size for a page, by the second for a label. Of the labels `left` something is untold anyway.
fn told_cells(
    family: Family,
    cells: &Cells,
    [of_page, of_label]: [Size; 2],
    may: &BTreeSet<(Page, Path)>,
    left: &BTreeSet<Path>,
    crowd: i64,
) -> BTreeSet<(Page, Path)> {
    #[derive(Clone)]
    enum Whole {
        Page(Page),
        Label(Path),
    }
    let of_page = |cell: &(Page, Path)| of_page(&cells[cell]);
    let is_crowd = |cell: &&(Page, Path)| may.contains(cell) && of_page(cell) >= crowd;
    let mut told: BTreeSet<(Page, Path)> = cells.keys().filter(is_crowd).cloned().collect();
    let pages: BTreeSet<&Page> = cells.keys().map(|(page, _)| page).collect();
    let labels: BTreeSet<&Path> = cells.keys().map(|(_, label)| label).collect();
    let mut queue: Vec<Whole> = pages.into_iter().cloned().map(Whole::Page).collect();
    let mut labels: Vec<&Path> = labels.into_iter().collect();
    labels.sort_by_key(|label| order(family, label));
    queue.extend(labels.into_iter().cloned().map(Whole::Label));
    while !queue.is_empty() {
        let whole = queue.remove(0);
        let of_whole = |cell: &&(Page, Path)| match &whole {
            Whole::Page(page) => cell.0 == *page,
            Whole::Label(label) => cell.1 == *label,
        };
        let rest: Vec<_> = cells.keys().filter(of_whole).filter(|cell| !told.contains(cell)).collect();
        let size: i64 = match &whole {
            Whole::Page(_) => rest.iter().map(|cell| of_page(cell)).sum(),
            Whole::Label(_) => rest.iter().map(|cell| of_label(&cells[cell])).sum(),
        };
        let is_left = matches!(&whole, Whole::Label(label) if left.contains(label));
        let least = told
            .iter()
            .filter(of_whole)
            .min_by_key(|cell| (of_page(cell), cell.0.clone(), order(family, &cell.1)))
            .cloned();
        if let Some(least) = least
            && (is_left || !rest.is_empty())
            && size < crowd
        {
            told.remove(&least);
            let crossed = match whole {
                Whole::Page(_) => Whole::Label(least.1),
                Whole::Label(_) => Whole::Page(least.0),
            };
            queue.extend([whole, crossed]);
        }
    }
    told
}
