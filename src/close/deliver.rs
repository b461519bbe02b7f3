//! Bringing releases to the store: each day's in order, until the store has acknowledged them. One that the store
//! will never take is set aside with the reason, so that nothing waits behind it.

use std::{io, sync::Arc};

use super::{
    driver::{Closing, lock, note},
    release_file::ReleaseFileError,
};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Release, ReleaseId},
    },
    memory::site_day::SiteDay,
    store::StoreError,
};

/// What became of one release.
enum Brought {
    /// The store has it.
    Stored,
    /// It will not be offered again by this process.
    SetAside,
    /// It has to be offered again.
    Waits,
}

impl Closing {
    /// Brings all waiting releases to the store, each day's in order. Says whether the store took them all.
    pub fn deliver(&self) -> bool {
        if let Err(error) = self.store.ready() {
            note(&mut lock(&self.trouble).store, error.to_string(), &error);
            return false;
        }
        let mut all = self.deliver_detached();
        // Every day is tried: one that the store refuses must not keep the others.
        for day in self.memory.days() {
            all &= self.deliver_day(&day);
        }
        if all {
            lock(&self.trouble).store = None;
        }
        self.memory.forget_done();
        all
    }

    pub(super) fn deliver_day(&self, day: &SiteDay) -> bool {
        loop {
            let _moving = lock(&self.moving);
            let Some((id, release)) = day.to_deliver() else { return true };
            if self.out_of_time() {
                return false;
            }
            match self.bring(id, release) {
                Brought::Stored => self.acknowledge(day, id, true),
                Brought::SetAside => self.acknowledge(day, id, false),
                Brought::Waits => return false,
            }
        }
    }

    /// Releases that no day waits with: refused before the start, or of a day whose journal is lost.
    fn deliver_detached(&self) -> bool {
        let waiting: Vec<ReleaseId> = lock(&self.detached).iter().copied().collect();
        let mut all = true;
        for id in waiting {
            let _moving = lock(&self.moving);
            if self.out_of_time() {
                return false;
            }
            match self.bring(id, None) {
                Brought::Stored => self.remove_file(id),
                Brought::SetAside => {}
                Brought::Waits => {
                    all = false;
                    continue;
                }
            }
            lock(&self.detached).remove(&id);
        }
        all
    }

    /// Offers one release to the store; without its rows where only its file has them.
    fn bring(&self, id: ReleaseId, release: Option<Arc<Release>>) -> Brought {
        let release = match release.map_or_else(|| self.files.read(id).map(Arc::new), Ok) {
            Ok(release) => release,
            Err(error) => return self.unreadable(id, &error),
        };
        match self.store.insert(&release) {
            Ok(()) => Brought::Stored,
            Err(StoreError::Refused(reason)) => {
                let reason =
                    format!("{} ({} rows): the store refused it: {reason}", named(id), release.rows.len());
                self.set_aside(id, reason, false)
            }
            Err(error) => {
                let text = format!("{} ({} rows): {error}", named(id), release.rows.len());
                note(&mut lock(&self.trouble).store, text, &error);
                Brought::Waits
            }
        }
    }

    fn unreadable(&self, id: ReleaseId, error: &ReleaseFileError) -> Brought {
        match (error, self.store.holds(id)) {
            (_, Ok(true)) => Brought::Stored,
            (ReleaseFileError::Damaged { .. }, Ok(false)) => {
                self.set_aside(id, format!("{}: {error}", named(id)), true)
            }
            (ReleaseFileError::Gone { .. }, Ok(false)) => {
                tracing::error!(%error, site = id.site.0, "a release is lost");
                lock(&self.aside).insert(id, format!("{}: {error}", named(id)));
                Brought::SetAside
            }
            (_, Ok(false)) => {
                note(&mut lock(&self.trouble).files, format!("{}: {error}", named(id)), error);
                Brought::Waits
            }
            (_, Err(error)) => {
                note(&mut lock(&self.trouble).store, format!("{}: {error}", named(id)), &error);
                Brought::Waits
            }
        }
    }

    fn set_aside(&self, id: ReleaseId, reason: String, damaged: bool) -> Brought {
        let moved = match damaged {
            true => self.files.set_damaged_aside(id, &reason),
            false => self.files.refuse(id, &reason),
        };
        if let Err(error) = moved {
            note(&mut lock(&self.trouble).files, format!("{}: {error}", named(id)), &error);
            return Brought::Waits;
        }
        tracing::error!(site = id.site.0, "set aside: {reason}");
        lock(&self.aside).insert(id, reason);
        Brought::SetAside
    }

    fn acknowledge(&self, day: &SiteDay, id: ReleaseId, stored: bool) {
        match day.stored(id.number).map(|ticket| ticket.map_or(Ok(()), |ticket| ticket.wait())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => not_journaled(id, &error),
            Err(error) => not_journaled(id, &error),
        }
        if stored {
            self.remove_file(id);
        }
    }

    fn remove_file(&self, id: ReleaseId) {
        if let Err(error) = self.files.remove(id) {
            tracing::error!(%error, site = id.site.0, "a delivered release file could not be removed");
        }
    }

    /// Releases that were set aside, with the reasons.
    pub fn aside(&self) -> Vec<(ReleaseId, String)> {
        lock(&self.aside).iter().map(|(id, reason)| (*id, reason.clone())).collect()
    }

    /// Days of a site's releases that no day waits with: set aside, or on their way by themselves.
    pub fn aside_of(&self, site: SiteId) -> Vec<Day> {
        let mut days: Vec<Day> =
            lock(&self.aside).keys().filter(|id| id.site == site).map(|id| id.day).collect();
        days.extend(lock(&self.detached).iter().filter(|id| id.site == site).map(|id| id.day));
        days
    }

    /// Drops what was set aside of days that a site keeps no longer; says how many files.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn erase_aside(&self, site: SiteId, before: Day) -> io::Result<usize> {
        let _moving = lock(&self.moving);
        let gone = self.files.remove_aside(site, before)?;
        lock(&self.aside).retain(|id, _| id.site != site || id.day >= before);
        Ok(gone.len())
    }

    pub(super) fn forget_site_aside(&self, site: SiteId) {
        lock(&self.aside).retain(|id, _| id.site != site);
        lock(&self.detached).retain(|id| id.site != site);
    }
}

fn named(id: ReleaseId) -> String {
    format!("release {} of {}", id.number, id.day)
}

/// Then the next start offers it to the store again, which knows it.
fn not_journaled(id: ReleaseId, error: &dyn std::error::Error) {
    tracing::debug!(%error, site = id.site.0, "an acknowledged release could not be journaled");
}
