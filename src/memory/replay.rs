//! A site-day's state while its journal is replayed: records in, state out.

use std::sync::Arc;

use super::{
    held::Filed,
    record::{Opened, Record},
    site_day::Fixed,
    state::{Phase, Safe, State},
};
use crate::domain::{
    day::{Calendar, Day, Moment, Zone},
    outcome::Outcome,
    region::{Heap, Region},
    row::ReleaseId,
    tally::{Caps, DaySettings, KnownValues, OpenDay},
};

/// Why a journal could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the journal holds a record that this version cannot read: {0}")]
    Record(#[from] postcard::Error),
    #[error("the journal does not begin with the day's settings")]
    NotOpened,
    #[error("the journal holds a record of what no hit can do")]
    Impossible,
    #[error("the day was opened in the zone {0}, which this program does not know")]
    Zone(String),
}

/// What a day is replayed with.
pub struct Replay {
    day: Day,
    caps: Caps,
    known: Arc<KnownValues>,
    site: crate::domain::declaration::SiteId,
    replayed: Option<Replayed>,
    error: Option<ReplayError>,
}

/// A day whose records are applied.
pub struct Replayed {
    pub(super) state: State,
    pub(super) opened: Opened,
    pub(super) calendar: Calendar,
    site: crate::domain::declaration::SiteId,
}

impl Replay {
    pub fn new(fixed: &Fixed, day: Day, caps: Caps, known: Arc<KnownValues>) -> Replay {
        Replay { day, caps, known, site: fixed.site, replayed: None, error: None }
    }

    /// Takes one record; after an error nothing more is looked at.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.error.is_none()
            && let Err(error) = self.apply(bytes)
        {
            self.error = Some(error);
        }
    }

    fn apply(&mut self, bytes: &[u8]) -> Result<(), ReplayError> {
        match (Record::decode(bytes)?, &mut self.replayed) {
            (Record::Opened(opened), None) => self.begin(opened),
            (Record::Opened(_), Some(_)) | (_, None) => Err(ReplayError::NotOpened),
            (record, Some(replayed)) if !replayed.can_follow(&record) => Err(ReplayError::Impossible),
            (record, Some(replayed)) => {
                replayed.apply(record);
                Ok(())
            }
        }
    }

    /// Opens the day under these settings.
    ///
    /// # Errors
    /// When the zone is not known, or no number is left for a release.
    pub fn begin(&mut self, opened: Opened) -> Result<(), ReplayError> {
        let zone = Zone::named(&opened.zone).ok_or_else(|| ReplayError::Zone(opened.zone.clone()))?;
        if opened.released == u32::MAX {
            return Err(ReplayError::Impossible);
        }
        let settings = DaySettings {
            site: self.site,
            day: self.day,
            k: opened.k,
            kept: opened.kept,
            settings_version: opened.settings_version,
            caps: self.caps.clone(),
            known: self.known.clone(),
        };
        let open = OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()));
        let state = State::new(Phase::Open(Box::new(open)), opened.released);
        self.replayed = Some(Replayed { state, opened, calendar: zone.calendar(self.day), site: self.site });
        Ok(())
    }

    /// The replayed day; `None` if there was no record.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn finish(self) -> Result<Option<Replayed>, ReplayError> {
        self.error.map_or(Ok(self.replayed), Err)
    }
}

impl Replayed {
    /// Gives the replayed day the tables of its visitors.
    pub fn attach(&mut self, visitors: Box<dyn Region>, seen: Box<dyn Region>) {
        if let Some(open) = self.state.open_mut() {
            open.attach(visitors, seen);
        }
    }

    /// What has to be journaled before there is another salt; `None` where nobody was counted under the last.
    pub fn next_epoch(&self) -> Option<Record> {
        let open = self.state.open().filter(|_| self.state.met);
        match open {
            Some(open) => Some(Record::Cut { visits: open.visits_maybe_running() }),
            None => (self.state.epochs == 0).then_some(Record::Epoch),
        }
    }

    /// Whether a record can be the next one.
    fn can_follow(&self, record: &Record) -> bool {
        match record {
            Record::Delta(delta) => self.state.open().is_none_or(|open| open.can_apply(delta)),
            Record::Frozen { number } => (self.state.next_number..u32::MAX).contains(number),
            Record::Cut { visits } | Record::Renewed { visits } => *visits <= u64::from(u32::MAX),
            Record::Early { hour } => hour.checked_mul(3_600_000).is_some(),
            Record::Opened(_) | Record::Epoch | Record::Stored { .. } => true,
        }
    }

    pub(super) fn apply(&mut self, record: Record) {
        let state = &mut self.state;
        match record {
            Record::Opened(_) => {}
            Record::Epoch => (state.epochs, state.met) = (state.epochs + 1, false),
            Record::Cut { visits } => {
                (state.epochs, state.met) = (state.epochs + 1, false);
                if let Some(open) = state.open_mut() {
                    open.cut_visits(visits);
                }
            }
            Record::Renewed { visits } => state.renew(visits),
            Record::Delta(delta) => {
                let (stretch, hour) = delta.when();
                state.turn(Moment { hour, second: 0, stretch });
                state.met |= delta.outcome() == Some(Outcome::Accepted);
                if let Some(open) = state.open_mut() {
                    open.apply(&delta);
                }
            }
            Record::Frozen { number } => {
                let (site, day, node) = (self.site, self.calendar.day, self.opened.node);
                state.freeze(ReleaseId { site, day, node, number }, Safe::Journal);
                // Also where nothing was pending: the number is taken.
                state.next_number = state.next_number.max(number + 1);
            }
            Record::Stored { number } => state.stored_up_to(number),
            Record::Early { hour } => self.calendar = self.calendar.clone().begun_early(hour),
        }
    }

    pub(super) fn node(&self) -> u32 {
        self.opened.node
    }

    pub(super) fn next_number(&self) -> u32 {
        self.state.next_number
    }

    /// Puts the release of a file among those that wait, whether the journal knows it or not, unless the store has
    /// it.
    pub(super) fn add_file(&mut self, filed: Filed) {
        self.state.waiting.retain(|waiting| waiting.id != filed.id);
        if filed.id.number > self.state.stored {
            self.state.push_filed(filed);
        }
    }

    /// Puts the release of a file in the place of the replayed one: what was offered to the store is what stays
    /// offered.
    pub fn use_file(&mut self, filed: Filed) {
        let before = self.state.waiting.len();
        self.state.waiting.retain(|waiting| waiting.id != filed.id);
        if self.state.waiting.len() < before {
            self.state.push_filed(filed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::declaration::Kept;

    fn opened(released: u32) -> Record {
        let (zone, kept) = ("UTC".to_owned(), Kept::default());
        Record::Opened(Opened { zone, k: 5, kept, settings_version: 1, node: 0, released })
    }

    #[track_caller]
    fn refused(records: &[Vec<u8>]) {
        let mut replay = Replay::new(&Fixed::none(), Day(20_779), Caps::default(), Arc::default());
        records.iter().for_each(|record| replay.take(record));
        assert!(matches!(replay.finish(), Err(ReplayError::Impossible)), "{records:?}");
    }

    #[test]
    fn records_that_could_not_follow_are_refused() {
        let bytes = |record: Record| record.encode_into(Vec::new());
        refused(&[bytes(opened(u32::MAX))]);
        refused(&[bytes(opened(0)), bytes(Record::Frozen { number: u32::MAX })]);
        refused(&[bytes(opened(7)), bytes(Record::Frozen { number: 7 })]);
        // A view of page 9, which no record gave a name.
        let mut delta = bytes(Record::Delta(Default::default()));
        let changes = delta.len() - 6;
        delta.splice(changes..=changes, [1, 0, 9, 9, 1, 1, 2]);
        assert!(Record::decode(&delta).is_ok(), "{delta:?}");
        refused(&[bytes(opened(0)), delta]);
    }
}
