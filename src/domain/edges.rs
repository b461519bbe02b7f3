//! Where visits begin and end: which told cells tell it too.

use super::{
    cells::parts,
    counters::{Counter, Counters},
    family::{self, Crossing},
};

/// Which told cells also tell the visits that began there, and those that ended there: a page that a crowd saw may be
/// where one visit began.
pub struct Edges {
    begun: Vec<bool>,
    ended: Vec<bool>,
}

/// What a cell counts of the visits that began there.
const BEGUN: [Counter; 4] = [Counter::Visitors, Counter::Visits, Counter::Bounces, Counter::VisitSeconds];

/// How many visitors a cell's counters stand for.
type Size = fn(&Counters) -> i64;

/// Fewest visitors that a cell's exits are of: each visit of a visitor after his first on the page may have been one
/// more exit of his.
fn at_least_ended(n: &Counters) -> i64 {
    let again = n[Counter::PageVisits] - n[Counter::PageVisitors];
    (n[Counter::Exits] - again).max(0)
}

impl Edges {
    pub fn of(cells: &[(u64, Counters)], told: &[bool], needed: i64) -> Edges {
        let crossing = |at: usize, size: Size| {
            let ((page, label), size) = (parts(cells[at].0), size(&cells[at].1));
            Crossing { page, label, page_visitors: size, visitors: size }
        };
        let among = |counted: Counter, size: Size, beside: &[u32]| {
            let there: Vec<usize> = (0..cells.len()).filter(|&at| cells[at].1[counted] != 0).collect();
            let mut crossings: Vec<_> = there.iter().map(|&at| crossing(at, size)).collect();
            // A row of what is left of a label is there already: it must count a crowd.
            let page = cells.iter().map(|cell| parts(cell.0).0 + 1).max().unwrap_or(0);
            crossings.extend(beside.iter().map(|&label| Crossing {
                page,
                label,
                page_visitors: 0,
                visitors: 0,
            }));
            let may = |at: usize| there.get(at).is_some_and(|&at| told[at]);
            let mut out = vec![true; cells.len()];
            let found = family::tell_among(&crossings, may, needed);
            there.iter().zip(found).for_each(|(&at, found)| out[at] = found);
            out
        };
        let ended = among(Counter::Exits, at_least_ended, &[]);
        let mut left: Vec<u32> =
            (0..cells.len()).filter(|&at| !ended[at]).map(|at| parts(cells[at].0).1).collect();
        left.sort_unstable();
        left.dedup();
        Edges { begun: among(Counter::Visits, |n| n[Counter::Visitors], &left), ended }
    }

    /// What of a cell its page tells, and what is left to the label.
    pub fn split(&self, at: usize, told: bool, n: Counters) -> (Counters, Counters) {
        let (mut at_page, mut at_star) = (n, Counters::default());
        let begun = BEGUN.into_iter().filter(|_| !self.begun[at]);
        let ended = [Counter::Exits].into_iter().filter(|_| !self.ended[at]);
        for counter in begun.chain(ended) {
            std::mem::swap(&mut at_page[counter], &mut at_star[counter]);
        }
        if told { (at_page, at_star) } else { (Counters::default(), n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cells::key;

    /// Ends that are told of one label's pages: (page_visitors, page_visits, exits) of each.
    fn ended(pages: &[[i64; 3]]) -> Vec<bool> {
        let cell = |(page, &[page_visitors, page_visits, exits]): (usize, &[i64; 3])| {
            let mut n = Counters::default();
            (n[Counter::PageVisitors], n[Counter::PageVisits]) = (page_visitors, page_visits);
            n[Counter::Exits] = exits;
            (key(page as u32, 0), n)
        };
        let cells: Vec<_> = pages.iter().enumerate().map(cell).collect();
        Edges::of(&cells, &vec![true; cells.len()], 5).ended
    }

    #[test]
    fn one_who_leaves_often_is_no_crowd_of_exits() {
        assert_eq!(ended(&[[11, 11, 5]]), [true]);
        // One of eleven came, and left, five times.
        assert_eq!(ended(&[[11, 15, 5]]), [false]);
        assert_eq!(ended(&[[11, 15, 9], [9, 9, 6]]), [true, true]);
        // The one's exits are no crowd that another page's could be subtracted from.
        assert_eq!(ended(&[[11, 15, 5], [9, 9, 6], [9, 9, 7]]), [false, false, true]);
    }
}
