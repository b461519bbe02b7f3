//! The start: takes up every site-day that an earlier process left, in journals, release files and the runtime
//! directory. Nothing is released twice, and nothing that was acknowledged is left behind.

use std::{collections::BTreeMap, io};

use super::release_file::{ReleaseFileError, ReleaseFiles};
use crate::{
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
        row::{Release, ReleaseId},
    },
    journal::{FileId, Journal, OpenError},
    memory::{
        days::{DayError, Fixed, Memory},
        runtime::RuntimeDir,
    },
    store::{Store, StoreError},
};

/// What a start takes up from.
pub struct Start<'a> {
    pub memory: &'a Memory,
    pub journal: &'a Journal,
    pub runtime: Option<&'a RuntimeDir>,
    pub files: &'a ReleaseFiles,
    pub store: &'a dyn Store,
    /// A site as it is now; `None` for one that was removed.
    pub site: &'a dyn Fn(SiteId) -> Option<Fixed>,
    pub now: UnixMs,
}

/// Why a start could not take up what is there. A person has to look at it.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    #[error("the journal: {0}")]
    Journal(io::Error),
    #[error("the runtime directory: {0}")]
    Runtime(io::Error),
    #[error("the release files: {0}")]
    Files(io::Error),
    #[error(transparent)]
    File(#[from] ReleaseFileError),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error("a release of a day whose journal is lost: {0}")]
    Store(#[from] StoreError),
}

/// Release files by site-day, each day's in order.
type Left = BTreeMap<(SiteId, Day), Vec<Release>>;

impl Start<'_> {
    /// Takes everything up. Days that are over are closed by the first step that follows.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn resume(&self) -> Result<(), ResumeError> {
        self.wipe_past_days()?;
        let mut left = Left::new();
        for release in self.files.read_all()? {
            left.entry((release.id.site, release.id.day)).or_default().push(release);
        }
        for file in self.journal.list().map_err(ResumeError::Journal)? {
            let day = (file.site, file.day);
            let releases = left.get(&day).map_or(&[][..], Vec::as_slice);
            let closed = releases.iter().any(|release| release.close.is_some());
            let Some(fixed) = (self.site)(file.site).filter(|_| !closed) else {
                self.journal.discard(file).map_err(ResumeError::Journal)?;
                continue;
            };
            if self.replay(&fixed, file, releases)? {
                left.remove(&day);
            }
        }
        left.into_iter().try_for_each(|((site, _), releases)| self.without_journal(site, releases))
    }

    /// The salts and tables of days that are over go before anything else happens.
    fn wipe_past_days(&self) -> Result<(), ResumeError> {
        let Some(runtime) = self.runtime else { return Ok(()) };
        let goes_on = |file: FileId| {
            let today = (self.site)(file.site).map(|site| site.day.unwrap_or(site.zone.day_at(self.now)));
            today.is_some_and(|today| file.day >= today)
        };
        let wiped = runtime.wipe_past_days(goes_on).map_err(ResumeError::Runtime)?;
        if wiped > 0 {
            tracing::info!(wiped, "wiped the salts and tables of past days");
        }
        Ok(())
    }

    /// Takes up a day from its journal. False where the journal's key is gone, and the day with it.
    fn replay(&self, fixed: &Fixed, file: FileId, releases: &[Release]) -> Result<bool, ResumeError> {
        let files: Vec<_> = releases.iter().collect();
        let day = match self.memory.resume(fixed, file.day, self.now, &files) {
            Ok(day) => day,
            Err(DayError::Journal(OpenError::MissingKey { journal, .. })) => {
                tracing::error!(path = %journal.display(), "a journal's key is gone (power loss with durability = process): its day is lost");
                self.journal.discard(file).map_err(ResumeError::Journal)?;
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(site = file.site.0, day = %file.day, "took an open day up again");
        // What the day does not wait for is in the store, or was never offered to it.
        let waiting: Vec<ReleaseId> = day.waiting().iter().map(|release| release.id).collect();
        for id in releases.iter().map(|release| release.id).filter(|id| !waiting.contains(id)) {
            self.files.remove(id).map_err(ResumeError::Files)?;
        }
        Ok(true)
    }

    /// Takes up a day of which only release files are there: it was closed, or its journal is lost.
    fn without_journal(&self, site: SiteId, releases: Vec<Release>) -> Result<(), ResumeError> {
        let Some(fixed) = (self.site)(site) else {
            return self.files.remove_site(site).map_err(ResumeError::Files);
        };
        let mut waiting = Vec::new();
        for release in releases {
            match self.store.holds(release.id) {
                Ok(true) => self.files.remove(release.id).map_err(ResumeError::Files)?,
                // A store that is away is asked again by the delivery.
                Ok(false) | Err(_) => waiting.push(release),
            }
        }
        if waiting.last().is_some_and(|release| release.close.is_some()) {
            self.memory.resume_closed(&fixed.zone, waiting);
            return Ok(());
        }
        // Of a day that may open anew: its numbers go on after these.
        for release in waiting {
            self.store.insert(&release)?;
            self.files.remove(release.id).map_err(ResumeError::Files)?;
        }
        Ok(())
    }
}
