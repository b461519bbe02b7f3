//! The rows of one site's days: sizes, sums and values, from the rows as the store gives them out.

use std::collections::BTreeMap;

use super::{Check, Kind, Outcome, Subject, VerifyError, crowds, shapes::shape, sums};
use crate::{
    close::retention::kept_from,
    control::{AdmittedKind, Entry},
    domain::{
        NONE, STAR,
        day::Day,
        declaration::{Kept, Site, Values},
        row::{Column, DayRow, Family, Release, Row, columns},
    },
    store::{TableAnatomy, windows::windows_since},
};

/// A store that takes out old rows by itself does so when it merges; only what is older by more days is found.
const LATE_DAYS_MAX: i32 = 7;

/// The rows that one node brought of one day, and its close.
pub(super) struct NodeDay<'a> {
    pub day: Day,
    pub close: Option<&'a DayRow>,
    pub rows: Vec<&'a Row>,
}

impl NodeDay<'_> {
    /// Fewest visitors that a told row may count, by the day's own k and salts; 0 where grouping was off.
    pub fn needed(&self) -> i64 {
        match self.close {
            Some(close) if close.k > 1 => i64::from(close.k - 1) * i64::from(close.salt_epochs.max(1)) + 1,
            _ => 0,
        }
    }
}

struct Looking {
    values: Check,
    sizes: Check,
    sums: Check,
    rows: u64,
    days: u64,
    closed: u64,
    /// Lowest k that a day closed with.
    least_k: Option<u32>,
    ungrouped: u64,
    /// Days that are grouped by a smaller k than the site has now.
    below: u64,
    /// What the site does not keep now, and rows tell: how many, and the last day of them.
    unkept: BTreeMap<&'static str, (u64, Day)>,
}

/// All checks of a site. `last_days`: only of its last [`super::DAILY_DAYS_MAX`] days.
pub(super) fn checks(
    subject: &Subject<'_>,
    tables: &[TableAnatomy],
    entry: &Entry,
    last_days: bool,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<Check>, VerifyError> {
    let (site, today) = (entry.at(subject.now).clone(), entry.day(subject.now));
    let since = if last_days { today.plus(-super::DAILY_DAYS_MAX) } else { Day(i32::MIN / 2) };
    let mut looking = Looking {
        values: Check::new(Kind::Values),
        sizes: Check::new(Kind::Sizes),
        sums: Check::new(Kind::Sums),
        rows: 0,
        days: 0,
        closed: 0,
        least_k: None,
        ungrouped: 0,
        below: 0,
        unkept: BTreeMap::new(),
    };
    for part in windows_since(subject.store, site.id, since) {
        looking.part(&part?, today, &site);
        if !go_on() {
            looking.sizes.find(Outcome::NotSeen, "the server stopped before all days were looked at");
            break;
        }
    }
    looking.admitted(subject, &site)?;
    let retention = retention(subject, &site, today)?;
    Ok(looking.ended(&site, tables, last_days, retention))
}

impl Looking {
    fn part(&mut self, releases: &[Release], today: Day, site: &Site) {
        let unit = |one: &Release| (one.id.day, one.id.node);
        for releases in releases.chunk_by(|one, next| unit(one) == unit(next)) {
            let day = NodeDay {
                day: releases[0].id.day,
                close: releases.iter().find_map(|one| one.close.as_ref()),
                rows: releases.iter().flat_map(|one| &one.rows).collect(),
            };
            self.day(&day, today, site);
        }
    }

    fn day(&mut self, day: &NodeDay<'_>, today: Day, site: &Site) {
        self.days += 1;
        self.rows += day.rows.len() as u64;
        for row in &day.rows {
            self.texts(row, site);
        }
        let Some(close) = day.close else { return self.unclosed(day, today) };
        self.closed += 1;
        self.least_k = Some(self.least_k.map_or(close.k, |k| k.min(close.k)));
        self.ungrouped += u64::from(close.k <= 1);
        self.below += u64::from(close.k > 1 && close.k < site.k);
        let (sums, whole) = sums::disagreements(day);
        sums.into_iter()
            .for_each(|(how_bad, words)| self.sums.find(how_bad, format!("{}: {words}", day.day)));
        for words in crowds::small(day, whole) {
            self.sizes.find(Outcome::Breach, format!("{}: {words}", day.day));
        }
    }

    /// Where somebody was and what they used is told at the close, and not before.
    fn unclosed(&mut self, day: &NodeDay<'_>, today: Day) {
        let told = day.rows.iter().filter(|row| row.family != Family::Page).count();
        // Of yesterday a close may be on its way.
        if told > 0 && day.day != today.plus(-1) {
            let words = format!("{}: {told} rows tell attributes of a day that has not closed", day.day);
            self.sizes.find(Outcome::Breach, words);
        }
    }

    fn texts(&mut self, row: &Row, site: &Site) {
        for (column, text) in columns(row.table, row.family).iter().zip(&row.keys) {
            if !is_kept(site.kept, *column) && !["", STAR, NONE].contains(&&**text) {
                let (rows, last) = self.unkept.entry(column.name()).or_insert((0, row.day));
                (*rows, *last) = (*rows + 1, row.day.max(*last));
            }
            if let Some(shape) = shape_in(site, text) {
                let (table, family, column) = (row.table.name(), row.family.name(), column.name());
                let words = format!("{}: a `{column}` of {table}/{family} looks like {shape}", row.day);
                self.values.find(Outcome::Breach, words);
            }
        }
    }

    /// Values that later days admit outlive the days that used them.
    fn admitted(&mut self, subject: &Subject<'_>, site: &Site) -> Result<(), VerifyError> {
        for kind in AdmittedKind::ALL {
            for value in subject.control.admitted_values(site.id, kind)? {
                self.rows += 1;
                if let Some(shape) = shape_in(site, &value) {
                    self.values
                        .find(Outcome::Breach, format!("a remembered value ({kind:?}) looks like {shape}"));
                }
            }
        }
        Ok(())
    }

    fn ended(self, site: &Site, tables: &[TableAnatomy], last_days: bool, retention: Check) -> Vec<Check> {
        let (days, rows, closed) = (self.days, self.rows, self.closed);
        let which = if last_days {
            format!("the last {} days", super::DAILY_DAYS_MAX)
        } else {
            "all days".to_owned()
        };
        vec![
            self.k(site),
            self.kept(&which),
            self.values.looked(rows, format!("{which}: every text of {rows} rows and remembered values")),
            self.sizes
                .looked(rows, format!("{which}: {rows} rows of {closed} closes, against each day's own k")),
            families(site, tables),
            self.sums.looked(rows, format!("{which}: {days} days by node, every family's counters")),
            retention,
        ]
    }

    /// The k that days closed with, beside the one that the site's texts tell.
    fn k(&self, site: &Site) -> Check {
        let mut check = Check::new(Kind::K);
        if site.k <= 1 {
            check.find(
                Outcome::Warning,
                "k = 1: GROUPING IS OFF. Rows name places and devices of single visitors",
            );
        }
        if self.ungrouped > 0 {
            let words = format!(
                "{} of the closed days closed with k = 1: their rows are not grouped",
                self.ungrouped
            );
            check.find(Outcome::Warning, words);
        }
        if self.below > 0 {
            let words = format!(
                "{} of the closed days closed with a smaller k than the {} of today: their rows stay as they are",
                self.below, site.k
            );
            check.find(Outcome::Warning, words);
        }
        let least =
            self.least_k.map_or("none has closed".to_owned(), |k| format!("closed days had {k} or more"));
        check.looked(self.closed, format!("k is {}; {least}", site.k))
    }

    /// What rows tell, beside what the site's texts say that is kept.
    fn kept(&self, which: &str) -> Check {
        let mut check = Check::new(Kind::Kept);
        for (column, (rows, last)) in &self.unkept {
            let words =
                format!("{rows} rows tell `{column}`, which the site does not keep now; the last of {last}");
            check.find(Outcome::Warning, words);
        }
        check.looked(self.rows, format!("{which}: region, city, versions and language of {} rows", self.rows))
    }
}

/// Whether a column may tell something by what the site keeps; those that nothing switches off may.
fn is_kept(kept: Kept, column: Column) -> bool {
    match column {
        Column::Region => kept.region,
        Column::City => kept.city,
        Column::BrowserVersion | Column::OsVersion => kept.versions,
        Column::Language => kept.language,
        _ => true,
    }
}

/// What a text looks like beyond what the site itself declares, which is a constant of the site: its hosts, which may be
/// addresses, and values of lists.
fn shape_in(site: &Site, text: &str) -> Option<&'static str> {
    let below = |host: &String| text.strip_prefix(host.as_str()).filter(|path| path.starts_with('/'));
    let beyond = site.hosts.iter().find_map(below).unwrap_or(text);
    shape(beyond).filter(|_| !is_declared(site, text))
}

fn is_declared(site: &Site, text: &str) -> bool {
    let listed = |values: &Values| match values {
        Values::List(list) => list.iter().any(|one| **one == *text),
        Values::Pattern(_) => false,
    };
    site.events.iter().any(|event| event.properties.iter().any(|property| listed(&property.values)))
}

/// Rows that carry what their family has not, as the store itself counts them.
fn families(site: &Site, tables: &[TableAnatomy]) -> Check {
    let mut check = Check::new(Kind::Families);
    for table in tables {
        let strays = table.strays.iter().filter(|(of, _)| *of == site.id).map(|(_, rows)| rows).sum::<u64>();
        if strays > 0 {
            let name = &table.name;
            check.find(Outcome::Breach, format!("{strays} rows of `{name}` carry what their family has not"));
        }
    }
    check.looked(tables.len() as u64, "every column of every row that is not of its family, by the store")
}

fn retention(subject: &Subject<'_>, site: &Site, today: Day) -> Result<Check, VerifyError> {
    let mut check = Check::new(Kind::Retention);
    let before = kept_from(today, site.retention_months);
    let extent = subject.store.extent(site.id)?;
    let late = extent.filter(|&(first, _)| first.plus(LATE_DAYS_MAX) < before);
    if let Some((first, _)) = late {
        let words =
            format!("rows of {first} are still there: {} months go back to {before}", site.retention_months);
        check.find(Outcome::Breach, words);
    }
    let later = subject.store.outliving(site.id, site.retention_months)?;
    if later > 0 {
        let words = format!(
            "{later} rows are to go later than {} months say: the store is told an hour into each of the site's days",
            site.retention_months
        );
        check.find(Outcome::Warning, words);
    }
    let words = match extent {
        Some((first, last)) => {
            format!("{} months are kept, from {before}; stored are {first} to {last}", site.retention_months)
        }
        None => format!("{} months are kept, from {before}; nothing is stored", site.retention_months),
    };
    Ok(check.looked(u64::from(extent.is_some()), words))
}
