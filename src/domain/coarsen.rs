//! Coarsen: the rows of the families that are told in crowds, from cells. Sums are preserved.

use std::collections::HashMap;

use super::{
    Text,
    cells::{Count, DayCells, EventCounts, Map, key, parts},
    counters::{Counter, Counters},
    day::{Day, Hour},
    edges::Edges,
    family::{self, Crossing, Leaf, Levels},
    names::{Lists, PAGE_OTHER, PAGE_STAR, TEXT_STAR},
    row::{Family, FamilySize, KIND_PAGE, KIND_SECTION, Row, Table},
};
use crate::sabotage::{self, Sabotage};

pub type Rows = HashMap<(Table, Family), Vec<Row>>;

/// Names in order: ranks of texts and pages.
pub struct Ranks<'a> {
    pub lists: &'a Lists,
    pub day: Day,
    /// Fewest visitors of what is told.
    pub needed: i64,
    kinds: [Text; 2],
    /// Rank of each text, and the text of each rank.
    text: Vec<u32>,
    of_text: Vec<u32>,
    /// Rank of each page by (kind, text), and the page of each rank.
    page: Vec<u32>,
    of_page: Vec<u32>,
    /// Ranks of `*`, as a text and as a page.
    star: u32,
    star_page: u32,
}

/// Ranks items by a key: the rank of each item, and the item of each rank.
fn rank<K: Ord>(len: usize, by: impl Fn(u32) -> K) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..len as u32).collect();
    order.sort_unstable_by_key(|&one| by(one));
    let mut ranks = vec![0; len];
    order.iter().enumerate().for_each(|(rank, &one)| ranks[one as usize] = rank as u32);
    (ranks, order)
}

/// The labels of one family after its fold.
pub struct Folded<const N: usize> {
    /// In order of key.
    labels: Vec<[u32; N]>,
    /// By number of the full label: an index into `labels`.
    of: Vec<u32>,
    /// Index of the label that is all `*`.
    untold: u32,
}

impl<const N: usize> Folded<N> {
    fn of(&self, label: u32) -> u32 {
        self.of.get(label as usize).copied().unwrap_or(self.untold)
    }
}

impl<'a> Ranks<'a> {
    pub fn new(lists: &'a Lists, day: Day, needed: i64) -> Ranks<'a> {
        let (text, of_text) = rank(lists.texts.len(), |one| &lists.texts[one as usize]);
        let (page, of_page) = rank(lists.pages.len(), |one| {
            let page = lists.pages[one as usize];
            (page.section, text[page.text as usize])
        });
        let kinds = [KIND_PAGE.into(), KIND_SECTION.into()];
        let (star, star_page) = (text[TEXT_STAR as usize], page[PAGE_STAR as usize]);
        Ranks { lists, day, needed, kinds, text, of_text, page, of_page, star, star_page }
    }

    fn label<const N: usize>(&self, label: &[u32; N]) -> [u32; N] {
        label.map(|text| self.text.get(text as usize).copied().unwrap_or(self.star))
    }

    fn rank_of(&self, page: u32) -> u32 {
        self.page.get(page as usize).copied().unwrap_or(self.star_page)
    }

    fn text_of(&self, rank: u32) -> Text {
        self.lists.text(self.of_text[rank as usize])
    }

    /// Kind and label of a page, by its rank.
    fn page_of(&self, rank: u32) -> [Text; 2] {
        self.page_keys(self.of_page[rank as usize])
    }

    /// Kind and label of a page, by its number.
    pub fn page_keys(&self, page: u32) -> [Text; 2] {
        let page = self.lists.page(page);
        [self.kinds[usize::from(page.section)].clone(), self.lists.text(page.text)]
    }

    pub fn row(
        &self,
        of: (Table, Family),
        hour: Option<u8>,
        keys: impl IntoIterator<Item = Text>,
        counts: &[i64],
    ) -> Row {
        let keys = keys.into_iter().collect();
        Row { table: of.0, family: of.1, day: self.day, hour: hour.map(Hour), keys, counts: counts.into() }
    }

    /// Folds a family by the visitors that its cells count (sections aside).
    fn fold<const N: usize>(
        &self,
        levels: Levels,
        labels: &[[u32; N]],
        visitors: impl Iterator<Item = (u32, i64)>,
    ) -> Folded<N> {
        let mut count: Vec<Option<i64>> = vec![None; labels.len()];
        for (label, n) in visitors {
            if let Some(count) = count.get_mut(label as usize) {
                *count.get_or_insert(0) += n;
            }
        }
        let used: Vec<usize> = (0..labels.len()).filter(|&label| count[label].is_some()).collect();
        let leaf =
            |&label: &usize| Leaf { fields: self.label(&labels[label]), visitors: count[label].unwrap_or(0) };
        let leaves: Vec<_> = used.iter().map(leaf).collect();
        let found = family::fold(levels, &leaves, self.star, self.needed);
        let mut folded = found.clone();
        // The untold label is always there: cells under it may come from a cap.
        let untold = [self.star; N];
        folded.push(untold);
        folded.sort_unstable();
        folded.dedup();
        let at = |label: &[u32; N]| folded.binary_search(label).unwrap_or(0) as u32;
        let untold = at(&untold);
        let mut of = vec![untold; labels.len()];
        for (&label, found) in used.iter().zip(&found) {
            of[label] = at(found);
        }
        Folded { labels: folded, of, untold }
    }

    fn texts_of<const N: usize>(&self, label: &[u32; N]) -> [Text; N] {
        label.map(|rank| self.text_of(rank))
    }
}

/// Sums of equal keys, in order of key, without those that are zero.
fn sums<V: Count>(cells: impl Iterator<Item = (u64, V)>) -> Vec<(u64, V)> {
    let cells: Vec<(u64, V)> = cells.collect();
    let mut order: Vec<(u64, u32)> = cells.iter().enumerate().map(|(at, cell)| (cell.0, at as u32)).collect();
    order.sort_unstable();
    let mut summed: Vec<(u64, V)> = Vec::new();
    for (key, at) in order {
        match summed.last_mut() {
            Some((last, sum)) if *last == key => sum.add(&cells[at as usize].1),
            _ => summed.push((key, cells[at as usize].1)),
        }
    }
    summed.retain(|(_, sum)| !sum.is_zero());
    summed
}

fn visitors_by_label<'m>(
    cells: &'m Map<u64, Counters>,
    lists: &'m Lists,
) -> impl Iterator<Item = (u32, i64)> + 'm {
    let of_page = |&(&cell, _): &(&u64, &Counters)| !lists.page(parts(cell).0).section;
    cells.iter().filter(of_page).map(|(&cell, n)| (parts(cell).1, n[Counter::Visitors]))
}

/// What the `visit` family gives per label only.
const PER_LABEL: [Counter; 4] =
    [Counter::VisitSeconds, Counter::EngagedSeconds, Counter::ScrollViews, Counter::ScrollPercent];

impl Ranks<'_> {
    /// All rows of the families but `page`'s own, and their sizes.
    pub fn coarsen(&self, cells: &DayCells) -> (Rows, Vec<FamilySize>) {
        let (mut rows, mut sizes, lists) = (Rows::new(), Vec::new(), self.lists);
        let mut put = |table, family, some: Vec<Row>| rows.insert((table, family), some);
        put(Table::Pages, Family::Source, self.sources(cells));
        put(Table::Flows, Family::Page, self.flows(cells));
        put(Table::Funnels, Family::Page, self.funnels(cells));

        let visit = self.fold(family::VISIT, &lists.visits, visitors_by_label(&cells.visit, lists));
        sizes.push(self.visit_size(cells, &visit));
        put(Table::Pages, Family::Visit, self.visits(cells, &visit));
        put(Table::Events, Family::Visit, self.visit_events(cells, &visit));
        put(Table::Funnels, Family::Visit, self.visit_funnels(cells, &visit));

        let place = self.fold(family::PLACE, &lists.places, visitors_of_label(&cells.place));
        let (told, size) = self.crowds(Family::Place, &cells.place, &place);
        put(Table::Pages, Family::Place, told);
        sizes.push(size);
        let events = self.crowd_events(Family::Place, family::PLACE, &cells.event_place, &place);
        put(Table::Events, Family::Place, events);

        let device = self.fold(family::DEVICE, &lists.devices, visitors_of_label(&cells.device));
        let (told, size) = self.crowds(Family::Device, &cells.device, &device);
        put(Table::Pages, Family::Device, told);
        sizes.push(size);
        let events = self.crowd_events(Family::Device, family::DEVICE, &cells.event_device, &device);
        put(Table::Events, Family::Device, events);

        let (told, size) = self.languages(cells);
        put(Table::Pages, Family::Language, told);
        sizes.push(size);
        (rows, sizes)
    }

    fn sources(&self, cells: &DayCells) -> Vec<Row> {
        self.source_rows(&cells.source)
    }

    /// Every source, however rare, alone.
    pub fn source_rows(&self, sources: &Map<u64, [i64; 2]>) -> Vec<Row> {
        let ranked = sources.iter().map(|(&cell, &n)| {
            let (channel, source) = parts(cell);
            let [channel, source] = self.label(&[channel, source]);
            (key(channel, source), n)
        });
        let row = |(cell, [visits, visitors]): (u64, [i64; 2])| {
            let (channel, source) = parts(cell);
            let mut n = Counters::default();
            (n[Counter::Visits], n[Counter::Visitors]) = (visits, visitors);
            let keys = self.texts_of(&[channel, source]);
            self.row((Table::Pages, Family::Source), None, keys, &n.0)
        };
        sums(ranked).into_iter().map(row).collect()
    }

    /// A pair that fewer visitor-days than needed took is told as (from, `(other)`).
    fn flows(&self, cells: &DayCells) -> Vec<Row> {
        let ranked = cells.flow.iter().map(|(&cell, &[transitions, visitors])| {
            let (from, to) = parts(cell);
            let to = if visitors < self.needed { PAGE_OTHER } else { to };
            (key(self.rank_of(from), self.rank_of(to)), [transitions])
        });
        let row = |(cell, n): (u64, [i64; 1])| {
            let (from, to) = parts(cell);
            let ([_, from], [_, to]) = (self.page_of(from), self.page_of(to));
            self.row((Table::Flows, Family::Page), None, [from, to], &n)
        };
        sums(ranked).into_iter().map(row).collect()
    }

    fn funnels(&self, cells: &DayCells) -> Vec<Row> {
        let row = |(&cell, n): (&u64, &[i64; 1])| {
            let keys = self.step_keys(parts(cell).0, parts(cell).1);
            self.row((Table::Funnels, Family::Page), None, keys, n)
        };
        sorted(cells.funnel.iter().map(row))
    }

    fn step_keys(&self, funnel: u32, step: u32) -> [Text; 2] {
        let name = self.lists.funnels.get(funnel as usize).copied().unwrap_or(TEXT_STAR);
        [self.lists.text(name), step.to_string().into()]
    }

    fn visits(&self, cells: &DayCells, folded: &Folded<7>) -> Vec<Row> {
        let mut seen_by = vec![0; self.lists.pages.len()];
        for (&cell, n) in &cells.visit {
            seen_by[self.rank_of(parts(cell).0) as usize] += n[Counter::PageVisitors];
        }
        let told = |page: u32| {
            seen_by[self.rank_of(page) as usize] >= self.needed || sabotage::on(Sabotage::SmallCells)
        };
        let all_fewer = folded.labels.len() == 1 && self.needed > 0 && self.visitors(cells) < self.needed;
        let split = cells.visit.iter().flat_map(|(&cell, &n)| {
            let (page, label) = (parts(cell).0, folded.of(parts(cell).1));
            let (mut at_page, mut at_star) = (n, Counters::default());
            for counter in PER_LABEL {
                std::mem::swap(&mut at_page[counter], &mut at_star[counter]);
            }
            let is_section = self.lists.page(page).section;
            let is_told = told(page) && !all_fewer;
            let page = if is_told { self.rank_of(page) } else { self.star_page };
            let keep_page = is_told || !is_section;
            [
                keep_page.then_some((key(page, label), at_page)),
                (!is_section).then_some((key(self.star_page, label), at_star)),
            ]
        });
        let row = |(cell, n): (u64, Counters)| {
            let (page, label) = parts(cell);
            let keys = self.page_of(page).into_iter().chain(self.texts_of(&folded.labels[label as usize]));
            self.row((Table::Pages, Family::Visit), None, keys, &n.0)
        };
        sums(split.flatten()).into_iter().map(row).collect()
    }

    fn visitors(&self, cells: &DayCells) -> i64 {
        cells.language.values().map(|n| n[Counter::Visitors]).sum()
    }

    fn visit_size(&self, cells: &DayCells, folded: &Folded<7>) -> FamilySize {
        let of_page = |&(&cell, _): &(&u64, &Counters)| !self.lists.page(parts(cell).0).section;
        let labels = sums(
            cells.visit.iter().filter(of_page).map(|(&cell, &n)| (u64::from(folded.of(parts(cell).1)), n)),
        );
        let told = |label: u64| folded.labels[label as usize][0] != self.star;
        size(Family::Visit, labels.iter().map(|(label, n)| (told(*label), n[Counter::Visitors], n)))
    }

    fn visit_events(&self, cells: &DayCells, folded: &Folded<7>) -> Vec<Row> {
        let merged = cells.event_visit.iter().map(|(&cell, &n)| {
            let (event, label) = parts(cell);
            (key(event, folded.of(label)), n)
        });
        let row = |(cell, n): (u64, EventCounts)| {
            let (event, label) = parts(cell);
            let event = self.lists.event(event).map(|text| self.lists.text(text));
            let keys = event.into_iter().chain(self.texts_of(&folded.labels[label as usize]));
            self.row((Table::Events, Family::Visit), None, keys, &n)
        };
        sorted(sums(merged).into_iter().map(row))
    }

    fn visit_funnels(&self, cells: &DayCells, folded: &Folded<7>) -> Vec<Row> {
        let merged = cells.funnel_visit.iter().map(|(&cell, &n)| {
            let (step, label) = parts(cell);
            (key(step, folded.of(label)), n)
        });
        let row = |(cell, n): (u64, [i64; 1])| {
            let (step, label) = parts(cell);
            let keys = self.step_keys(step >> 8, step & 255);
            let keys = keys.into_iter().chain(self.texts_of(&folded.labels[label as usize]));
            self.row((Table::Funnels, Family::Visit), None, keys, &n)
        };
        sorted(sums(merged).into_iter().map(row))
    }

    /// Rows of `place` and `device`: told cells, and per label what is left of it.
    fn crowds<const N: usize>(
        &self,
        family: Family,
        cells: &Map<u64, Counters>,
        folded: &Folded<N>,
    ) -> (Vec<Row>, FamilySize) {
        let cells = sums(cells.iter().map(|(&cell, &n)| {
            let (page, label) = parts(cell);
            (key(self.rank_of(page), folded.of(label)), n)
        }));
        let crossing = |&(cell, ref n): &(u64, Counters)| Crossing {
            page: parts(cell).0,
            label: parts(cell).1,
            page_visitors: n[Counter::PageVisitors],
            visitors: n[Counter::Visitors],
        };
        let crossings: Vec<_> = cells.iter().map(crossing).collect();
        let root: i64 = crossings.iter().map(|cell| cell.visitors).sum();
        let told = match root < self.needed {
            true => vec![false; cells.len()],
            false => family::tell(&crossings, self.needed),
        };
        let edges = Edges::of(&cells, &told, self.needed);
        let split = cells.iter().enumerate().flat_map(|(at, &(cell, n))| {
            let (page, label) = parts(cell);
            let (at_page, at_star) = edges.split(at, told[at], n);
            [(key(page, label), at_page), (key(self.star_page, label), at_star)]
        });
        let written = sums(split);
        let measured = written.iter().map(|(cell, n)| {
            let (page, label) = parts(*cell);
            let counter = if page == self.star_page { Counter::Visitors } else { Counter::PageVisitors };
            let first = if N == 5 { 4 } else { 0 };
            (folded.labels[label as usize][first] != self.star, n[counter], n)
        });
        let size = size(family, measured);
        let row = |&(cell, ref n): &(u64, Counters)| {
            let (page, label) = parts(cell);
            let keys = self.page_of(page).into_iter().chain(self.texts_of(&folded.labels[label as usize]));
            self.row((Table::Pages, family), None, keys, &n.0)
        };
        (written.iter().map(row).collect(), size)
    }

    /// Events of `place` and `device`: the day's labels, folded on for each name.
    fn crowd_events<const N: usize>(
        &self,
        family: Family,
        levels: Levels,
        cells: &Map<u64, EventCounts>,
        folded: &Folded<N>,
    ) -> Vec<Row> {
        let cells = sums(cells.iter().map(|(&cell, &n)| {
            let (name, label) = parts(cell);
            (key(name, folded.of(label)), n)
        }));
        let mut rows = Vec::new();
        for event in cells.chunk_by(|a, b| parts(a.0).0 == parts(b.0).0) {
            let leaf = |(cell, n): &(u64, EventCounts)| Leaf {
                fields: folded.labels[parts(*cell).1 as usize],
                visitors: n[1],
            };
            let leaves: Vec<_> = event.iter().map(leaf).collect();
            let labels = family::fold(levels, &leaves, self.star, self.needed);
            let mut merged: HashMap<[u32; N], EventCounts> = HashMap::new();
            for (label, (_, n)) in labels.iter().zip(event) {
                merged.entry(*label).or_default().add(n);
            }
            let name = self.lists.text(parts(event[0].0).0);
            rows.extend(merged.iter().map(|(label, n)| {
                let keys = std::iter::once(name.clone()).chain(self.texts_of(label));
                self.row((Table::Events, family), None, keys, n)
            }));
        }
        sorted(rows.into_iter())
    }

    fn languages(&self, cells: &DayCells) -> (Vec<Row>, FamilySize) {
        let lists = self.lists;
        let folded = self.fold(family::LANGUAGE, &lists.languages, visitors_of_label(&cells.language));
        let written = sums(cells.language.iter().map(|(&cell, &n)| (folded.of(parts(cell).1).into(), n)));
        let measured = written
            .iter()
            .map(|(label, n)| (folded.labels[*label as usize][0] != self.star, n[Counter::Visitors], n));
        let size = size(Family::Language, measured);
        let row = |(label, n): &(u64, Counters)| {
            let keys = self.texts_of(&folded.labels[*label as usize]);
            self.row((Table::Pages, Family::Language), None, keys, &n.0)
        };
        (written.iter().map(row).collect(), size)
    }
}

fn visitors_of_label(cells: &Map<u64, Counters>) -> impl Iterator<Item = (u32, i64)> + '_ {
    cells.iter().map(|(&cell, n)| (parts(cell).1, n[Counter::Visitors]))
}

/// Sums up (whether told, size, counters) of a family's rows.
fn size<'r>(family: Family, rows: impl Iterator<Item = (bool, i64, &'r Counters)>) -> FamilySize {
    let mut sum = FamilySize { family, smallest: 0, told_visits: 0, visits: 0 };
    for (told, size, n) in rows {
        sum.visits += n[Counter::Visits];
        if told {
            sum.told_visits += n[Counter::Visits];
            sum.smallest = if sum.smallest == 0 { size } else { sum.smallest.min(size) };
        }
    }
    sum
}

pub fn sorted(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_unstable();
    rows
}
