//! The close, written out naively after docs/COUNTING.md: which lines a day's [`Recount`] may become.
//!
//! Every step works on whole lists and looks everything up again; nothing is cached or indexed.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    OTHER, STAR, Text,
    counters::Counter,
    row::{Family, KIND_PAGE, Row, Table},
};

use super::{
    remainders::told_parts,
    truth::{Fact, Line, Lines, Recount, Scope, What, add},
};

/// What decides how much is told.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub k: u32,
    pub salt_epochs: u32,
}

impl Rules {
    /// Fewest keys that stand for k people: each salt epoch may have given a person another key.
    fn crowd(&self) -> i64 {
        i64::from((self.k - 1) * self.salt_epochs + 1)
    }

    /// k = 1 switches grouping off: every label and every page is told.
    fn off(&self) -> bool {
        self.k <= 1
    }
}

/// A label of a family, from the top of its hierarchy down: each level is one or more texts.
pub(super) type Path = Vec<Vec<Text>>;
/// (kind, label) of a page-like cell.
pub(super) type Page = (&'static str, Text);
pub(super) type Cells = BTreeMap<(Page, Path), [i64; COUNTERS]>;

/// Which label each set of attributes is told as; `None`: the day is too small for any.
type Labels = Option<BTreeMap<Path, Path>>;

pub(super) const COUNTERS: usize = Counter::COUNT;

impl Recount {
    /// All lines of the day, as its close should release them.
    pub fn closed(&self, rules: Rules) -> Lines {
        let mut lines = Lines::new();
        self.page_lines(&mut lines);
        self.source_lines(&mut lines);
        self.flow_lines(rules, &mut lines);
        self.ledger_lines(&mut lines);
        self.visit_lines(rules, &mut lines);
        for family in [Family::Place, Family::Device] {
            self.crowd_lines(family, rules, &mut lines);
        }
        self.language_lines(rules, &mut lines);
        lines.retain(|_, counts| counts.iter().any(|&n| n != 0));
        lines
    }

    /// The visitors whose visits or views a row of place, device or language counts: a count of people that looks
    /// at no counter.
    pub fn people(&self, row: &Row) -> BTreeSet<u64> {
        let skip = row.keys.len() - stars(row.family).concat().len();
        let (lead, told) = row.keys.split_at(skip);
        let agrees = |fact: &Fact| {
            let columns = columns(row.family, &path(row.family, fact));
            told.iter().zip(columns).all(|(told, text)| **told == *STAR || *told == text)
        };
        let meant = |fact: &Fact| match &fact.what {
            What::Event { key, .. } => row.table == Table::Events && key[0] == lead[0],
            What::Page { scope, kind, label, counter, .. } => {
                let is_page =
                    lead.get(1).is_none_or(|page| **page == *STAR || (*page == *label && *lead[0] == **kind));
                let viewed =
                    lead.get(1).is_none_or(|page| **page == *STAR) || *counter == Counter::Pageviews as usize;
                row.table == Table::Pages && *scope == Scope::Group && is_page && viewed
            }
            _ => false,
        };
        self.facts.iter().filter(|fact| agrees(fact) && meant(fact)).map(|fact| fact.visitor).collect()
    }

    fn page_lines(&self, lines: &mut Lines) {
        for fact in &self.facts {
            match &fact.what {
                What::Page { scope: Scope::Page | Scope::Section, kind, label, counter, n } => {
                    let keys = vec![(*kind).into(), label.clone()];
                    let line =
                        Line { table: Table::Pages, family: Family::Page, hour: Some(fact.hour), keys };
                    add(lines, line, &one(*counter, *n));
                }
                What::Event { key, page, sections, counts } => {
                    let mut cells: Vec<(&str, &Text)> = vec![(KIND_PAGE, page)];
                    cells.extend(sections.iter().map(|section| ("section", section)));
                    for (kind, label) in cells {
                        let mut keys = key.to_vec();
                        keys.extend([kind.into(), label.clone()]);
                        let line =
                            Line { table: Table::Events, family: Family::Page, hour: Some(fact.hour), keys };
                        add(lines, line, counts);
                    }
                }
                What::Funnel { name, step } => {
                    let keys = vec![name.clone(), step.to_string().into()];
                    add(lines, line(Table::Funnels, Family::Page, keys), &[1]);
                }
                _ => {}
            }
        }
    }

    fn source_lines(&self, lines: &mut Lines) {
        for fact in &self.facts {
            if let What::Page { scope: Scope::Page, counter, n, .. } = &fact.what
                && [Counter::Visits as usize, Counter::Visitors as usize].contains(counter)
            {
                let keys = fact.visit.0[..2].to_vec();
                add(lines, line(Table::Pages, Family::Source, keys), &one(*counter, *n));
            }
        }
    }

    fn flow_lines(&self, rules: Rules, lines: &mut Lines) {
        let mut takers: BTreeMap<(Text, Text), BTreeSet<u64>> = BTreeMap::new();
        for fact in &self.facts {
            if let What::Flow { from, to } = &fact.what {
                takers.entry((from.clone(), to.clone())).or_default().insert(fact.visitor);
            }
        }
        for fact in &self.facts {
            if let What::Flow { from, to } = &fact.what {
                let crowd = takers[&(from.clone(), to.clone())].len() as i64;
                let told = if crowd < rules.crowd() { OTHER.into() } else { to.clone() };
                add(lines, line(Table::Flows, Family::Page, vec![from.clone(), told]), &[1]);
            }
        }
    }

    fn ledger_lines(&self, lines: &mut Lines) {
        for (outcome, n) in &self.outcomes {
            add(lines, line(Table::Ledger, Family::Page, vec![outcome.name().into()]), &[*n as i64]);
        }
        for (note, n) in &self.notes {
            add(lines, line(Table::Ledger, Family::Page, vec![note.name().into()]), &[*n as i64]);
        }
    }

    /// The label of each set of attributes of a family.
    fn labels(&self, family: Family, rules: Rules) -> Labels {
        let mut visitors: BTreeMap<Path, i64> = BTreeMap::new();
        for fact in &self.facts {
            if let What::Page { scope: Scope::Page, counter, n, .. } = &fact.what {
                let counted = if *counter == Counter::Visitors as usize { *n } else { 0 };
                *visitors.entry(path(family, fact)).or_default() += counted;
            }
        }
        labels(family, visitors, rules)
    }

    fn visit_lines(&self, rules: Rules, lines: &mut Lines) {
        let labels = self.labels(Family::Visit, rules);
        let all: Path = stars(Family::Visit);
        let seen = self.page_visitors();
        let in_total = |counter: usize| {
            [Counter::VisitSeconds, Counter::EngagedSeconds, Counter::ScrollViews, Counter::ScrollPercent]
                .map(|one| one as usize)
                .contains(&counter)
        };
        for fact in &self.facts {
            let label = match &labels {
                Some(labels) => &labels[&path(Family::Visit, fact)],
                None => &all,
            };
            let told = columns(Family::Visit, label);
            match &fact.what {
                What::Page {
                    scope: scope @ (Scope::Page | Scope::Section),
                    kind,
                    label: page,
                    counter,
                    n,
                } => {
                    let crowd = seen.get(&(*kind, page.clone())).copied().unwrap_or(0);
                    let page_told =
                        labels.is_some() && !in_total(*counter) && (crowd >= rules.crowd() || rules.off());
                    if *scope == Scope::Section && !page_told {
                        continue;
                    }
                    let page = if page_told { page.clone() } else { STAR.into() };
                    let mut keys = vec![(*kind).into(), page];
                    keys.extend(told);
                    add(lines, line(Table::Pages, Family::Visit, keys), &one(*counter, *n));
                }
                What::Event { key, counts, .. } => {
                    let keys = key.iter().cloned().chain(told).collect();
                    add(lines, line(Table::Events, Family::Visit, keys), counts);
                }
                What::Funnel { name, step } => {
                    let keys = [name.clone(), step.to_string().into()].into_iter().chain(told).collect();
                    add(lines, line(Table::Funnels, Family::Visit, keys), &[1]);
                }
                _ => {}
            }
        }
    }

    /// page_visitors of the day by page and section.
    fn page_visitors(&self) -> BTreeMap<Page, i64> {
        let mut seen = BTreeMap::new();
        for fact in &self.facts {
            if let What::Page { scope: Scope::Page | Scope::Section, kind, label, counter, n } = &fact.what
                && *counter == Counter::PageVisitors as usize
            {
                *seen.entry((*kind, label.clone())).or_default() += n;
            }
        }
        seen
    }

    fn language_lines(&self, rules: Rules, lines: &mut Lines) {
        let labels = self.labels(Family::Language, rules);
        for fact in &self.facts {
            if let What::Page { scope: Scope::Page, counter, n, .. } = &fact.what {
                let label = match &labels {
                    Some(labels) => labels[&path(Family::Language, fact)].clone(),
                    None => stars(Family::Language),
                };
                let keys = columns(Family::Language, &label);
                add(lines, line(Table::Pages, Family::Language, keys), &one(*counter, *n));
            }
        }
    }

    /// Families place and device: the told cells, and one line per label for the rest.
    fn crowd_lines(&self, family: Family, rules: Rules, lines: &mut Lines) {
        let labels = self.labels(family, rules);
        let label_of = |fact: &Fact| match &labels {
            Some(labels) => labels[&path(family, fact)].clone(),
            None => stars(family),
        };
        let mut cells = Cells::new();
        for fact in &self.facts {
            if let What::Page { scope: Scope::Group, kind, label, counter, n } = &fact.what {
                cells.entry(((kind, label.clone()), label_of(fact))).or_default()[*counter] += n;
            }
        }
        let all: BTreeSet<(Page, Path)> = cells.keys().cloned().collect();
        let [seen, begun, ended] = match labels {
            Some(_) if rules.off() => [all.clone(), all.clone(), all],
            Some(_) => told_parts(family, &cells, rules.crowd()),
            None => Default::default(),
        };
        for (cell, counts) in &cells {
            let (page, label) = cell;
            for (counter, &n) in counts.iter().enumerate() {
                let told = match Counter::ALL[counter] {
                    Counter::Visitors | Counter::Visits | Counter::Bounces | Counter::VisitSeconds => &begun,
                    Counter::Exits => &ended,
                    _ => &seen,
                };
                let page = if told.contains(cell) { page.clone() } else { (KIND_PAGE, STAR.into()) };
                let mut keys: Vec<Text> = vec![page.0.into(), page.1];
                keys.extend(columns(family, label));
                add(lines, line(Table::Pages, family, keys), &one(counter, n));
            }
        }
        self.crowd_event_lines(family, rules, label_of, lines);
    }

    /// Events of place and device: the day's labels, made coarser still for each event.
    fn crowd_event_lines(
        &self,
        family: Family,
        rules: Rules,
        label_of: impl Fn(&Fact) -> Path,
        lines: &mut Lines,
    ) {
        let mut events: BTreeMap<Text, BTreeMap<Path, [i64; 4]>> = BTreeMap::new();
        for fact in &self.facts {
            if let What::Event { key, counts, .. } = &fact.what
                && key[1].is_empty()
            {
                let sums = events.entry(key[0].clone()).or_default().entry(label_of(fact)).or_default();
                for (sum, n) in sums.iter_mut().zip(&counts[..3]) {
                    *sum += n;
                }
            }
        }
        for (name, cells) in events {
            let sizes = cells.iter().map(|(label, counts)| (label.clone(), counts[1])).collect();
            let labels = labels(family, sizes, rules);
            for (label, counts) in cells {
                let told = labels.as_ref().map_or_else(|| stars(family), |labels| labels[&label].clone());
                let mut keys = vec![name.clone()];
                keys.extend(columns(family, &told));
                add(lines, line(Table::Events, family, keys), &counts);
            }
        }
    }
}

/// What each leaf is told as.
fn labels(family: Family, visitors: BTreeMap<Path, i64>, rules: Rules) -> Labels {
    if rules.off() {
        return Some(visitors.into_keys().map(|leaf| (leaf.clone(), leaf)).collect());
    }
    if visitors.values().sum::<i64>() < rules.crowd() {
        return None;
    }
    let leaves: Vec<Leaf> = visitors.into_iter().map(|(path, visitors)| Leaf { path, visitors }).collect();
    let folded = fold(family, &[], leaves, rules.crowd());
    Some(
        folded
            .into_iter()
            .flat_map(|(label, leaves)| leaves.into_iter().map(move |leaf| (leaf.path, label.clone())))
            .collect(),
    )
}

#[derive(Clone)]
struct Leaf {
    path: Path,
    visitors: i64,
}

fn size(leaves: &[Leaf]) -> i64 {
    leaves.iter().map(|leaf| leaf.visitors).sum()
}

/// The fold of docs/COUNTING.md: rows of (label, leaves) under a node that is named by the upper levels of its path.
fn fold(family: Family, node: &[Vec<Text>], leaves: Vec<Leaf>, crowd: i64) -> Vec<(Path, Vec<Leaf>)> {
    let depth = node.len();
    if leaves.iter().all(|leaf| leaf.path.len() == depth) {
        return vec![(node.to_vec(), leaves)];
    }
    let mut children: BTreeMap<Vec<Text>, Vec<Leaf>> = BTreeMap::new();
    for leaf in &leaves {
        children.entry(leaf.path[depth].clone()).or_default().push(leaf.clone());
    }
    let (mut rest, mut rows) = (Vec::new(), Vec::new());
    for (name, child) in children {
        if size(&child) < crowd {
            rest.extend(child);
        } else {
            let node: Path = node.iter().cloned().chain([name]).collect();
            rows.extend(fold(family, &node, child, crowd));
        }
    }
    while !rest.is_empty() && size(&rest) < crowd && !rows.is_empty() {
        let least = (0..rows.len()).min_by_key(|&at| (size(&rows[at].1), order(family, &rows[at].0)));
        rest.extend(rows.remove(least.expect("rows are not empty")).1);
    }
    if !rest.is_empty() {
        let shape = &leaves[0].path;
        let label = (0..shape.len()).map(|level| match node.get(level) {
            Some(name) => name.clone(),
            None => vec![STAR.into(); shape[level].len()],
        });
        rows.push((label.collect(), rest));
    }
    rows
}

/// The attributes of a fact from the top of its family's hierarchy down.
fn path(family: Family, fact: &Fact) -> Path {
    let place = &fact.described.place.0;
    let device = &fact.described.device.0;
    let visit = &fact.visit.0;
    match family {
        Family::Visit => vec![
            vec![visit[0].clone()],
            vec![visit[1].clone()],
            vec![visit[3].clone(), visit[4].clone()],
            vec![visit[2].clone(), visit[5].clone(), visit[6].clone()],
        ],
        Family::Place => place.iter().map(|one| vec![one.clone()]).collect(),
        Family::Device => vec![
            vec![device[4].clone()],
            vec![device[2].clone()],
            vec![device[0].clone()],
            vec![device[1].clone(), device[3].clone()],
        ],
        Family::Language => vec![vec![fact.described.language.0.clone()]],
        Family::Page | Family::Source => Vec::new(),
    }
}

/// A path in the order of the columns.
fn columns(family: Family, path: &Path) -> Vec<Text> {
    let flat: Vec<Text> = path.concat();
    let order: &[usize] = match family {
        Family::Visit => &[0, 1, 4, 2, 3, 5, 6],
        Family::Device => &[2, 3, 1, 4, 0],
        Family::Place => &[0, 1, 2],
        Family::Language => &[0],
        Family::Page | Family::Source => &[],
    };
    order.iter().map(|&at| flat[at].clone()).collect()
}

/// What decides between labels of the same size: their columns, `*` before all other texts.
pub(super) fn order(family: Family, path: &Path) -> Vec<Option<Text>> {
    columns(family, path).into_iter().map(|text| (*text != *STAR).then_some(text)).collect()
}

/// Not told, at every level.
fn stars(family: Family) -> Path {
    let widths: &[usize] = match family {
        Family::Visit => &[1, 1, 2, 3],
        Family::Place => &[1, 1, 1],
        Family::Device => &[1, 1, 1, 2],
        Family::Language => &[1],
        Family::Page | Family::Source => &[],
    };
    widths.iter().map(|&width| vec![STAR.into(); width]).collect()
}

fn line(table: Table, family: Family, keys: Vec<Text>) -> Line {
    Line { table, family, hour: None, keys }
}

fn one(counter: usize, n: i64) -> [i64; COUNTERS] {
    let mut counts = [0; COUNTERS];
    counts[counter] = n;
    counts
}
