//! The close's rules: which labels and cells may be told (docs/COUNTING.md). Works on ranks: numbers whose
//! order is the order of the texts they stand for. Sums are the caller's; here is only who belongs where.

use std::collections::VecDeque;

use crate::sabotage::{self, Sabotage};

/// From the coarsest level to the finest: the fields that each level adds.
pub type Levels = &'static [&'static [usize]];

/// channel; source; medium and campaign; the rest.
pub const VISIT: Levels = &[&[0], &[1], &[3, 4], &[2, 5, 6]];
/// country; region; city.
pub const PLACE: Levels = &[&[0], &[1], &[2]];
/// device class; os; browser; versions.
pub const DEVICE: Levels = &[&[4], &[2], &[0], &[1, 3]];
pub const LANGUAGE: Levels = &[&[0]];

/// Fewest visitors that a told label or cell counts; 0 where grouping is off. One visitor may be counted once
/// per salt epoch.
pub fn threshold(k: u32, salt_epochs: u32) -> i64 {
    match k {
        _ if sabotage::on(Sabotage::KOff) => 0,
        0 | 1 => 0,
        _ => i64::from(k - 1) * i64::from(salt_epochs.max(1)) + 1,
    }
}

/// A set of attributes in full, with the visitors it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<const N: usize> {
    pub fields: [u32; N],
    pub visitors: i64,
}

/// A label that came out of the fold, and the leaves it stands for.
struct Crowd<const N: usize> {
    label: [u32; N],
    visitors: i64,
    leaves: Vec<u32>,
}

/// Finds a label for each leaf, such that every label (but `*`, where all visitors are fewer) counts at least
/// `needed` visitors; `star` is the rank of `*`. The result is in the order of `leaves`; it does not depend on that order otherwise.
pub fn fold<const N: usize>(levels: Levels, leaves: &[Leaf<N>], star: u32, needed: i64) -> Vec<[u32; N]> {
    let mut order: Vec<u32> = (0..leaves.len() as u32).collect();
    let path = |leaf: u32| {
        let fields = &leaves[leaf as usize].fields;
        levels.iter().flat_map(move |level| level.iter().map(|&field| fields[field]))
    };
    order.sort_unstable_by(|&a, &b| path(a).cmp(path(b)));
    let mut labels = vec![[star; N]; leaves.len()];
    let tree = Tree { levels, leaves, needed };
    if visitors_of(leaves, &order) >= needed {
        for crowd in tree.fold(&order, 0, [star; N]) {
            crowd.leaves.iter().for_each(|&leaf| labels[leaf as usize] = crowd.label);
        }
    }
    labels
}

fn visitors_of<const N: usize>(leaves: &[Leaf<N>], some: &[u32]) -> i64 {
    some.iter().map(|&leaf| leaves[leaf as usize].visitors).sum()
}

struct Tree<'a, const N: usize> {
    levels: Levels,
    leaves: &'a [Leaf<N>],
    needed: i64,
}

impl<const N: usize> Tree<'_, N> {
    /// Folds the node `label`, whose leaves are `sorted` and whose children differ in the fields of `depth`.
    fn fold(&self, sorted: &[u32], depth: usize, label: [u32; N]) -> Vec<Crowd<N>> {
        let Some(&fields) = self.levels.get(depth) else {
            let visitors = visitors_of(self.leaves, sorted);
            return vec![Crowd { label, visitors, leaves: sorted.to_vec() }];
        };
        let (mut rows, mut rest) = (Vec::new(), Crowd { label, visitors: 0, leaves: Vec::new() });
        let fields_of = |leaf: u32| fields.iter().map(move |&field| self.leaves[leaf as usize].fields[field]);
        for child in sorted.chunk_by(|&a, &b| fields_of(a).eq(fields_of(b))) {
            let visitors = visitors_of(self.leaves, child);
            if visitors < self.needed {
                rest.visitors += visitors;
                rest.leaves.extend_from_slice(child);
                continue;
            }
            let mut child_label = label;
            fields.iter().zip(fields_of(child[0])).for_each(|(&field, value)| child_label[field] = value);
            rows.extend(self.fold(child, depth + 1, child_label));
        }
        while !rest.leaves.is_empty() && rest.visitors < self.needed && !sabotage::on(Sabotage::NoRemainder) {
            let least = (0..rows.len()).min_by_key(|&at| (rows[at].visitors, rows[at].label));
            let Some(least) = least else { break };
            let row: Crowd<N> = rows.swap_remove(least);
            rest.visitors += row.visitors;
            rest.leaves.extend(row.leaves);
        }
        if !rest.leaves.is_empty() {
            rows.push(rest);
        }
        rows
    }
}

/// A cell of a page (or section) and a label, both numbered by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    pub page: u32,
    pub label: u32,
    pub page_visitors: i64,
    pub visitors: i64,
}

/// A page's or a label's cells.
#[derive(Clone, Default)]
struct Line {
    untold: u32,
    /// Of the untold cells: page_visitors for a page, visitors for a label.
    size: i64,
    /// Told cells, the least last; may hold some that were untold since.
    told: Vec<u32>,
}

/// [`tell_among`] all cells.
pub fn tell(cells: &[Crossing], needed: i64) -> Vec<bool> {
    tell_among(cells, |_| true, needed)
}

/// Says for each cell whether it may be told, such that every told cell, and what is left of every page and of
/// every label, counts at least `needed` (or is nothing). Cells are in order of (page, label), each once; pages
/// and labels are numbered from 0 without gaps that matter. `may` says by number which cells may be told at all.
pub fn tell_among(cells: &[Crossing], may: impl Fn(usize) -> bool, needed: i64) -> Vec<bool> {
    let pages = cells.iter().map(|cell| cell.page + 1).max().unwrap_or(0);
    let labels = cells.iter().map(|cell| cell.label + 1).max().unwrap_or(0);
    let is_crowd = |cell: &Crossing| cell.page_visitors >= needed || sabotage::on(Sabotage::SmallCells);
    let mut told: Vec<bool> = cells.iter().enumerate().map(|(at, cell)| may(at) && is_crowd(cell)).collect();
    let mut lines = vec![Line::default(); (pages + labels) as usize];
    let lines_of = |cell: &Crossing| [cell.page as usize, (pages + cell.label) as usize];
    for (at, cell) in cells.iter().enumerate() {
        let [page, label] = lines_of(cell);
        if told[at] {
            lines[page].told.push(at as u32);
            lines[label].told.push(at as u32);
        } else {
            lines[page].leave(cell.page_visitors);
            lines[label].leave(cell.visitors);
        }
    }
    // Cells are in order of key, so their number decides between equals.
    let by_size = |&at: &u32| std::cmp::Reverse((cells[at as usize].page_visitors, at));
    lines.iter_mut().for_each(|line| line.told.sort_unstable_by_key(by_size));
    let mut queue: VecDeque<usize> = (0..lines.len()).collect();
    while let Some(at) = queue.pop_front() {
        if lines[at].untold == 0 || lines[at].size >= needed || sabotage::on(Sabotage::NoRemainder) {
            continue;
        }
        let Some(cell) = lines[at].take_least(&told) else { continue };
        told[cell] = false;
        let crossed = lines_of(&cells[cell]);
        lines[crossed[0]].leave(cells[cell].page_visitors);
        lines[crossed[1]].leave(cells[cell].visitors);
        queue.push_back(at);
        queue.push_back(if crossed[0] == at { crossed[1] } else { crossed[0] });
    }
    told
}

impl Line {
    fn leave(&mut self, size: i64) {
        self.untold += 1;
        self.size += size;
    }

    fn take_least(&mut self, told: &[bool]) -> Option<usize> {
        while let Some(cell) = self.told.pop() {
            if told[cell as usize] {
                return Some(cell as usize);
            }
        }
        None
    }
}
