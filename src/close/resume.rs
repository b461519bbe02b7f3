//! The start: takes up every site-day that an earlier process left, in journals, release files and the runtime
//! directory. Nothing is released twice, and nothing that was acknowledged is left behind. The store is not asked:
//! it may be away. What one file holds wrong stops no other day.

use std::{collections::BTreeMap, io};

use super::release_file::{ReleaseFileError, ReleaseFiles};
use crate::{
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
        row::ReleaseId,
    },
    journal::{FileId, Journal, OpenError},
    memory::{
        days::{DayError, Fixed, Memory},
        held::Filed,
        runtime::RuntimeDir,
    },
};

/// What a start takes up from.
pub struct Start<'a> {
    pub memory: &'a Memory,
    pub journal: &'a Journal,
    pub runtime: Option<&'a RuntimeDir>,
    pub files: &'a ReleaseFiles,
    /// A site as it is now; `None` for one that was removed.
    pub site: &'a dyn Fn(SiteId) -> Option<Fixed>,
    pub now: UnixMs,
}

/// What a start found that no day waits with, and what it could not take up.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// Releases to be brought to the store by themselves.
    pub detached: Vec<ReleaseId>,
    /// Files that were kept aside, in words.
    pub aside: Vec<String>,
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
}

/// Release files by site-day, each day's in order.
type Left = BTreeMap<(SiteId, Day), Vec<Filed>>;

impl Start<'_> {
    /// Takes everything up. Days that are over are closed by the first step that follows.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn resume(&self) -> Result<Leftovers, ResumeError> {
        self.wipe_past_days()?;
        let mut left = self.left()?;
        // What was refused is offered once more. Its day no longer knows it.
        let mut detached = self.files.offer_again().map_err(ResumeError::Files)?;
        for id in detached.extract_if(.., |id| (self.site)(id.site).is_none()) {
            self.files.remove_site(id.site).map_err(ResumeError::Files)?;
        }
        let mut found = Leftovers { detached, ..Leftovers::default() };
        let journals = self.journal.list().map_err(ResumeError::Journal)?;
        self.look_aside(&journals, &mut found)?;
        for file in journals {
            let releases = left.remove(&(file.site, file.day)).unwrap_or_default();
            let closed = releases.iter().any(|release| release.close.is_some());
            match (self.site)(file.site).filter(|_| !closed) {
                Some(fixed) => self.replay(&fixed, file, releases, &mut found)?,
                None => {
                    self.journal.discard(file).map_err(ResumeError::Journal)?;
                    left.insert((file.site, file.day), releases);
                }
            }
        }
        for ((site, _), releases) in left {
            self.without_journal(site, releases, &mut found)?;
        }
        Ok(found)
    }

    /// Reads the release files, one at a time.
    fn left(&self) -> Result<Left, ResumeError> {
        let mut left = Left::new();
        for id in self.files.list().map_err(ResumeError::Files)? {
            match self.files.read(id) {
                Ok(release) => {
                    let filed = Filed::new(release, self.memory.room());
                    left.entry((id.site, id.day)).or_default().push(filed);
                }
                Err(error @ ReleaseFileError::Damaged { .. }) => {
                    tracing::error!(%error, "a release was set aside");
                    self.files.set_damaged_aside(id, &error.to_string()).map_err(ResumeError::Files)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(left)
    }

    /// Whether a site-day is not over yet.
    fn goes_on(&self, file: FileId) -> bool {
        let today = (self.site)(file.site).map(|site| site.day.unwrap_or(site.zone.day_at(self.now)));
        today.is_some_and(|today| file.day >= today)
    }

    /// Says what an earlier start set aside, and destroys it where its day is over.
    fn look_aside(&self, journals: &[FileId], found: &mut Leftovers) -> Result<(), ResumeError> {
        for file in self.journal.listed_aside().map_err(ResumeError::Journal)? {
            if journals.contains(&file) || self.begin_anew(file)? {
                found.aside.push(format!("{file}.journal was damaged: it is kept until the day closes"));
            }
        }
        Ok(())
    }

    /// Opens a day that goes on beside what was set aside of it, although no hit may come any more: its close
    /// destroys that. Of a day that is over, or closed, it is destroyed now. Says whether the day goes on.
    fn begin_anew(&self, file: FileId) -> Result<bool, ResumeError> {
        let closed = self.files.last_closed(file.site) >= Some(file.day);
        match (self.site)(file.site).filter(|_| !closed && self.goes_on(file)) {
            Some(fixed) => {
                self.memory.resume(&fixed, file.day, self.now, Vec::new())?;
                Ok(true)
            }
            None => self.journal.discard(file).map(|()| false).map_err(ResumeError::Journal),
        }
    }

    /// The salts and tables of days that are over go before anything else happens.
    fn wipe_past_days(&self) -> Result<(), ResumeError> {
        let Some(runtime) = self.runtime else { return Ok(()) };
        let wiped = runtime.wipe_past_days(|file| self.goes_on(file)).map_err(ResumeError::Runtime)?;
        if wiped > 0 {
            tracing::info!(wiped, "wiped the salts and tables of past days");
        }
        Ok(())
    }

    /// Takes up a day from its journal, or leaves it to its releases where the journal is of no use.
    fn replay(
        &self,
        fixed: &Fixed,
        file: FileId,
        releases: Vec<Filed>,
        found: &mut Leftovers,
    ) -> Result<(), ResumeError> {
        let ids: Vec<ReleaseId> = releases.iter().map(|release| release.id).collect();
        let (day, damaged) = match self.memory.resume(fixed, file.day, self.now, releases) {
            Ok(taken) => taken,
            Err(DayError::Journal(error @ OpenError::MissingKey { .. })) => {
                tracing::error!(%error, "an open day is lost with the key of its journal (a power loss with durability = process?)");
                found.aside.push(error.to_string());
                found.detached.extend(ids);
                return self.journal.discard(file).map_err(ResumeError::Journal);
            }
            Err(DayError::Journal(
                error @ (OpenError::Foreign { .. }
                | OpenError::WrongKey { .. }
                | OpenError::MissingJournal { .. }),
            )) => {
                let kept = self.journal.set_aside(file).map_err(ResumeError::Journal)?;
                let words = match self.begin_anew(file)? {
                    true => format!("{error}: set aside as {}, and the day begins anew", kept.display()),
                    false => format!("{error}: destroyed, since the day is over"),
                };
                tracing::error!("{words}");
                found.aside.push(words);
                found.detached.extend(ids);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(words) = damaged {
            tracing::error!("{words}");
            found.aside.push(words);
        }
        tracing::info!(site = file.site.0, day = %file.day, "took an open day up again");
        // What the day has left behind may be in the store or not: it was refused before, or its journal lost. The
        // store takes it once. What the journal never came to was never offered.
        let (waiting, next) = (day.waiting(), day.next_number());
        for id in ids.into_iter().filter(|id| !waiting.contains(id)) {
            match id.number < next {
                true => found.detached.push(id),
                false => self.files.remove(id).map_err(ResumeError::Files)?,
            }
        }
        Ok(())
    }

    /// Takes up a day of which only release files are there: it was closed, or its journal is lost.
    fn without_journal(
        &self,
        site: SiteId,
        releases: Vec<Filed>,
        found: &mut Leftovers,
    ) -> Result<(), ResumeError> {
        let Some(fixed) = (self.site)(site) else {
            return self.files.remove_site(site).map_err(ResumeError::Files);
        };
        match releases.last().is_some_and(|release| release.close.is_some()) {
            true => self.memory.resume_closed(&fixed.zone, releases),
            // Of a day that may open anew: its numbers go on after these.
            false => found.detached.extend(releases.iter().map(|release| release.id)),
        }
        Ok(())
    }
}
