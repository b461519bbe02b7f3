//! Another salt for a day that lasts too long: where a clock went back, or a zone moved west, a day would keep one salt for as long
//! as that takes. Each salt is an epoch of the day, and the crowds that its close asks for grow with them.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{
    days::{DayError, Memory},
    record::Record,
    salt::{Salt, Salts},
    site_day::SiteDay,
};
use crate::{
    domain::{day::UnixMs, tally::OpenDay},
    journal::{AppendError, FileId, Ticket},
};

/// A day takes hits for less than this, unless a clock went back or a zone moved west: then a day has several salts.
const SALT_AGE_MAX: Duration = Duration::from_secs(26 * 3_600);

impl Memory {
    /// Gives open days whose salts are older than a day can be others. Blocks.
    pub fn renew_salts(&self, now: UnixMs, since_boot: Duration) {
        let open = |day: &&Arc<SiteDay>| day.takes_hits() && now < day.calendar.ends;
        for day in self.days().iter().filter(open).filter(|day| day.needs_salt(since_boot)) {
            match day.renew_salt(&self.salts) {
                Ok(()) => {
                    tracing::info!(site = day.site.0, day = %day.calendar.day, "a long day goes on under another salt")
                }
                Err(error) => tracing::error!(%error, site = day.site.0, "an old salt could not be replaced"),
            }
        }
    }
}

impl SiteDay {
    /// Whether the salt is gone although the day goes on, or older than a day can be.
    fn needs_salt(&self, since_boot: Duration) -> bool {
        let salt = self.salt.read().unwrap_or_else(PoisonError::into_inner);
        salt.as_ref().is_none_or(|salt| salt.age(since_boot) > SALT_AGE_MAX)
    }

    /// Puts another salt in the place of the one that is there: whoever comes from now on is another visitor. Blocks.
    ///
    /// # Errors
    /// [`DayError`]; then it is to be tried again.
    fn renew_salt(&self, salts: &Salts) -> Result<(), DayError> {
        // On the disk before there is a salt, as at a start.
        if let Some(ticket) = self.begin_epoch()? {
            ticket.wait()?;
        }
        let mut salt = self.salt.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = salt.take().map(Salt::erase) {
            tracing::error!(%error, site = self.site.0, "a salt's file could not be removed; it was overwritten");
        }
        if self.takes_hits() {
            *salt = Some(salts.open(FileId { site: self.site, day: self.calendar.day })?.0);
        }
        Ok(())
    }

    /// `None` where nobody was counted in the epoch that there is.
    fn begin_epoch(&self) -> Result<Option<Ticket>, AppendError> {
        let mut state = self.lock();
        let Some(visits) = state.open().filter(|_| state.met).map(OpenDay::visits_maybe_running) else {
            return Ok(None);
        };
        let record = Record::Renewed { visits }.encode_into(Vec::new());
        let ticket = state.handle.as_ref().map(|handle| self.journal.append(handle, &record)).transpose()?;
        state.renew(visits);
        Ok(ticket)
    }
}
