//! A restore: the closed days of a backup come back as they were in it, in one transaction where the store has any
//! (else what is cut short is done again). Days that are open, and days that only the store has, stay; so nothing is
//! counted twice, whatever happens meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
};

use super::{
    Acknowledged, JobError, Result, Rooms, count,
    folder::Work,
    manifest::{CONTROL, Manifest, ROWS, Sums},
};
use crate::{
    control::{Becomes, Control, Directory, Taken},
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
        row::Release,
    },
    store::{
        Store, StoreError,
        duckdb::{DuckStore, Limits},
        windows::windows,
    },
};

pub(super) fn restore(rooms: &Rooms<'_>, from: &Path, check: bool) -> Result<String> {
    let manifest = Manifest::read(from)?;
    let work = Work::below(rooms.data)?;
    (rooms.says)("looking at the backup");
    manifest.copy_files(from, work.path())?;
    // Brought forward to this program's schema: the copy, not the backup.
    let rows = DuckStore::open(&work.path().join(ROWS), &Limits::default())?;
    let sums: Vec<Sums> = rows.sums()?.into_iter().map(Sums::from).collect();
    if sums != manifest.rows {
        let words = format!("{}: its rows do not add up to what its manifest says", from.display());
        return Err(JobError::Refused(words));
    }
    drop(Control::open(&work.path().join(CONTROL), rooms.now)?);
    if check {
        let of_rows: u64 = sums.iter().map(|one| one.rows).sum();
        return Ok(format!(
            "the backup of {} is sound: {of_rows} rows of {}\n",
            manifest.made_at,
            count(manifest.sites.len(), "site")
        ));
    }
    rooms.go_on()?;
    let taken = rooms.control.take_over(&work.path().join(CONTROL), rooms.now)?;
    let mut putting = Putting::new(rooms, &rows, &taken)?;
    (rooms.says)("putting closed days back");
    putting.closed_days()?;
    (rooms.says)("putting back what was released of other days");
    putting.other_days()?;
    Ok(putting.words(&taken))
}

/// Where the rows of a backup's site go.
struct Target {
    was: SiteId,
    site: SiteId,
    name: String,
    /// It is the same install's site: its releases have the numbers that they had.
    same: bool,
    /// Days that are not wholly in the store, as they stood before anything was put back.
    held: HashMap<Day, Option<Acknowledged>>,
    /// While hits come in: the first day that may open yet.
    today: Option<Day>,
}

struct Putting<'a> {
    rooms: &'a Rooms<'a>,
    rows: &'a DuckStore,
    targets: Vec<Target>,
    /// Releases of days that had no close in the backup.
    others: Vec<(usize, Release)>,
    restored: BTreeSet<(SiteId, Day)>,
    completed: BTreeSet<(SiteId, Day)>,
    left: BTreeMap<(String, Day), usize>,
    unknown: usize,
}

impl<'a> Putting<'a> {
    fn new(rooms: &'a Rooms<'a>, rows: &'a DuckStore, taken: &[Taken]) -> Result<Putting<'a>> {
        let known: HashMap<SiteId, &Taken> = taken.iter().map(|one| (one.was, one)).collect();
        let directory = rooms.control.directory().load_full();
        let (mut targets, mut unknown) = (Vec::new(), 0);
        for was in rows.sites()? {
            let (site, same, name) = match known.get(&was).map(|one| (&one.becomes, &one.name)) {
                _ if was == SiteId::NONE => (was, false, "no site".to_owned()),
                Some((Becomes::There { site, same }, name)) => (*site, *same, name.clone()),
                Some((Becomes::Added(site), name)) => (*site, false, name.clone()),
                Some((Becomes::Merged, _)) => continue,
                None => {
                    unknown += 1;
                    continue;
                }
            };
            let held = rooms.days.held(site)?;
            let today = rooms.days.running().then(|| today(&directory, site, rooms.now));
            targets.push(Target { was, site, name, same, held, today });
        }
        let (others, restored, completed, left) = Default::default();
        Ok(Putting { rooms, rows, targets, others, restored, completed, left, unknown })
    }

    /// Puts all closed days in their places, in one transaction where the store has any.
    fn closed_days(&mut self) -> Result<()> {
        let (mut others, mut restored, mut left) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        let stopped = std::cell::Cell::new(false);
        let parts = self
            .targets
            .iter()
            .enumerate()
            .flat_map(|(at, target)| windows(self.rows, target.was).map(move |part| (at, target, part)));
        let mut parts = parts.map(|(at, target, part)| {
            if self.rooms.go_on().is_err() {
                stopped.set(true);
                return Err(StoreError::Unavailable("stopping".to_owned()));
            }
            let mut part = part?;
            let closed: HashSet<(Day, u32)> =
                part.iter().filter(|one| one.close.is_some()).map(|one| (one.id.day, one.id.node)).collect();
            part.iter_mut().for_each(|one| target.adopt(one));
            let (mut closed, open): (Vec<_>, Vec<_>) =
                part.into_iter().partition(|one| closed.contains(&(one.id.day, one.id.node)));
            others.extend(open.into_iter().map(|one| (at, one)));
            closed.retain(|one| {
                let taken = target.takes(one.id.day);
                match taken {
                    true => drop(restored.insert((target.site, one.id.day))),
                    false => *left.entry((target.name.clone(), one.id.day)).or_insert(0) += 1,
                }
                taken
            });
            Ok(closed)
        });
        let replaced = self.rooms.store.replace(&mut parts);
        drop(parts);
        if stopped.get() {
            return Err(JobError::Stopping);
        }
        replaced?;
        (self.others, self.restored, self.left) = (others, restored, left);
        Ok(())
    }

    /// Puts back single releases of days that were open when the backup was made, each under its identity.
    fn other_days(&mut self) -> Result<()> {
        for (at, release) in std::mem::take(&mut self.others) {
            let target = &self.targets[at];
            let id = release.id;
            let inserted = match target.held.get(&id.day) {
                // A number that the day has left behind, and no other rows will ever have.
                Some(Some(known))
                    if target.same && (known.node, true) == (id.node, id.number <= known.number) =>
                {
                    self.rooms.store.insert(&release)?;
                    true
                }
                Some(_) => false,
                None => self.insert_unopened(target, &release)?,
            };
            match inserted {
                true => drop(self.completed.insert((target.site, id.day))),
                false => *self.left.entry((target.name.clone(), id.day)).or_insert(0) += 1,
            }
        }
        Ok(())
    }

    fn insert_unopened(&self, target: &Target, release: &Release) -> Result<bool> {
        let id = release.id;
        let store = self.rooms.store;
        // Of another install's day, numbers say nothing: only where there is nothing yet, or what came from here.
        if !target.same && !self.completed.contains(&(target.site, id.day)) {
            let there = store.releases(target.site, id.day, id.day)?;
            if there.iter().any(|one| one.id.node == id.node) {
                return Ok(there.contains(release));
            }
        }
        let mut insert = || Ok(store.insert(release)?);
        self.rooms.days.while_unopened(target.site, id.day, &mut insert)
    }

    fn words(&self, taken: &[Taken]) -> String {
        let sites: BTreeSet<_> = self.restored.iter().map(|(site, _)| site).collect();
        let mut words = format!(
            "restored {} of {}\n",
            count(self.restored.len(), "closed day"),
            count(sites.len(), "site")
        );
        if !self.completed.is_empty() {
            let days = count(self.completed.len(), "day");
            words += &format!("{days} had not closed when it was made: what was released of them is there\n");
        }
        for one in taken {
            match one.becomes {
                Becomes::Added(_) => words += &format!("added {} with its settings and keys\n", one.name),
                Becomes::Merged => {
                    words += &format!("left out {}: its rows are part of another site's since\n", one.name);
                }
                Becomes::There { .. } => {}
            }
        }
        if self.unknown > 0 {
            words +=
                &format!("left out rows of {} that the backup does not name\n", count(self.unknown, "site"));
        }
        for ((name, day), releases) in &self.left {
            let releases = count(*releases, "release");
            words +=
                &format!("left {day} of {name} to the server, which has it open ({releases} not taken)\n");
        }
        words
    }
}

impl Target {
    /// Makes a release of the backup's site one of this install's.
    fn adopt(&self, release: &mut Release) {
        release.id.site = self.site;
        release.close.iter_mut().for_each(|close| close.site = self.site);
    }

    /// Whether a closed day may be put in the place of what is stored.
    fn takes(&self, day: Day) -> bool {
        !self.held.contains_key(&day) && self.today.is_none_or(|today| day < today)
    }
}

/// The day of a site that takes the hits of `now`.
pub(super) fn today(directory: &Directory, site: SiteId, now: UnixMs) -> Day {
    directory.by_id(site).map_or_else(|| Zone::utc().day_at(now), |entry| entry.day(now))
}
