//! The two regions of a site-day as mapped files of the runtime directory, with the undo log that makes them hold
//! exactly what the journal acknowledged after a kill at any point.

use std::{
    fs::{self, File},
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst, compiler_fence},
    },
};

use super::{
    runtime::{HEADER, Part, RuntimeDir, file_header, private, wipe},
    sealed::{self, Mapping},
    undo::{CHANGE_BYTES_MAX, Undo},
};
use crate::{domain::region::Region, journal::FileId};

const PARTS: [Part; 2] = [Part::Visitors, Part::Seen];
/// Bytes of a region once it holds anything: regions double from here.
const REGION_BYTES_MIN: usize = 16 * sealed::PAGE;

/// The mapped regions of one site-day.
pub struct DayRegions {
    pub visitors: MappedRegion,
    pub seen: MappedRegion,
    /// To ask for room before a hit.
    pub undo: Undo,
    /// They hold the state as of the journal's last record, from before a restart; otherwise they are empty.
    pub survived: bool,
}

/// A region in a file of the runtime directory. Dropped, it is wiped and its file removed, unless the directory
/// was told to leave its files.
pub struct MappedRegion {
    dir: RuntimeDir,
    day: FileId,
    part: Part,
    index: u8,
    file: File,
    mapping: Mapping,
    undo: Undo,
}

impl RuntimeDir {
    /// Opens the regions of a site-day.
    ///
    /// With `survive`, tables that a process before this one left are taken over, and the changes of records
    /// above `committed` are taken back: so `committed` must already stand at the journal's last record. Say
    /// `survive` only if the salt was found and the journal was not just created; `layout` changes whenever the
    /// bytes in the regions mean something else.
    ///
    /// # Errors
    /// When the directory is full or its files cannot be mapped.
    pub fn open_regions(
        &self,
        day: FileId,
        layout: u32,
        committed: Arc<AtomicU64>,
        survive: bool,
    ) -> io::Result<DayRegions> {
        if survive && let Some(regions) = self.take_over(day, layout, committed.clone())? {
            return Ok(regions);
        }
        for part in [Part::Undo, Part::Visitors, Part::Seen] {
            wipe(&self.file(day, part))?;
        }
        // The log first: regions without one are never taken over.
        let undo = Undo::fresh(self, day, committed)?;
        let [visitors, seen] = PARTS.map(|part| fresh(self, day, part, layout));
        self.attach(day, visitors?, seen?, undo, false)
    }

    fn take_over(
        &self,
        day: FileId,
        layout: u32,
        committed: Arc<AtomicU64>,
    ) -> io::Result<Option<DayRegions>> {
        let [visitors, seen] = PARTS.map(|part| survivor(self, day, part, layout));
        let (Some(visitors), Some(seen)) = (visitors?, seen?) else { return Ok(None) };
        let mut both = [visitors, seen];
        let undo = Undo::survived(self, day, committed, |region, offset, old| {
            let Some((_, mapping)) = both.get_mut(region as usize) else { return false };
            let place = mapping.bytes_mut()[sealed::PAGE..].get_mut(offset..offset.saturating_add(old.len()));
            place.map(|place| place.copy_from_slice(old)).is_some()
        })?;
        let [visitors, seen] = both;
        undo.map(|undo| self.attach(day, visitors, seen, undo, true)).transpose()
    }

    fn attach(
        &self,
        day: FileId,
        visitors: (File, Mapping),
        seen: (File, Mapping),
        undo: Undo,
        survived: bool,
    ) -> io::Result<DayRegions> {
        let region = |index: u8, (file, mapping): (File, Mapping)| MappedRegion {
            dir: self.clone(),
            day,
            part: PARTS[index as usize],
            index,
            file,
            mapping,
            undo: undo.clone(),
        };
        Ok(DayRegions { visitors: region(0, visitors), seen: region(1, seen), undo: undo.clone(), survived })
    }
}

/// A new file with nothing but its header.
fn fresh(dir: &RuntimeDir, day: FileId, part: Part, layout: u32) -> io::Result<(File, Mapping)> {
    let file = private(&dir.file(day, part))?;
    sealed::reserve(&file, sealed::PAGE as u64)?;
    let mut mapping = Mapping::file(&file)?;
    mapping.bytes_mut()[..HEADER].copy_from_slice(&file_header(day, part, layout));
    Ok((file, mapping))
}

/// The file of a process before this one, if it is whole and of this site-day and layout.
fn survivor(dir: &RuntimeDir, day: FileId, part: Part, layout: u32) -> io::Result<Option<(File, Mapping)>> {
    let path = dir.file(day, part);
    if !path.exists() {
        return Ok(None);
    }
    let file = private(&path)?;
    if file.metadata()?.len() < sealed::PAGE as u64 {
        return Ok(None);
    }
    let mapping = Mapping::file(&file)?;
    let ours = mapping.bytes()[..HEADER] == file_header(day, part, layout);
    Ok(ours.then_some((file, mapping)))
}

impl Region for MappedRegion {
    fn bytes(&self) -> &[u8] {
        &self.mapping.bytes()[sealed::PAGE..]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.mapping.bytes_mut()[sealed::PAGE..]
    }

    /// Makes the file longer, then maps it anew. A crash in between leaves a longer table whose new bytes are
    /// zero, like any table that has grown and not been filled.
    fn grow(&mut self, len: usize) -> io::Result<()> {
        let now = self.bytes().len();
        if len <= now {
            return Ok(());
        }
        let target = len.max(now * 2).max(REGION_BYTES_MIN).next_multiple_of(sealed::PAGE);
        // Doubling may be more than a small directory has, where what is needed is not.
        let enough = len.next_multiple_of(sealed::PAGE);
        sealed::reserve(&self.file, (sealed::PAGE + target) as u64)
            .or_else(|_| sealed::reserve(&self.file, (sealed::PAGE + enough) as u64))?;
        self.mapping = Mapping::file(&self.file)?;
        Ok(())
    }

    fn before_change(&mut self, seq: u64, offset: usize, len: usize) {
        debug_assert!(len <= CHANGE_BYTES_MAX, "a change of {len} bytes is split by its caller");
        for start in (0..len).step_by(CHANGE_BYTES_MAX) {
            let at = offset + start;
            let old = &self.bytes()[at..at + (len - start).min(CHANGE_BYTES_MAX)];
            self.undo.save(seq, self.index, at, old);
        }
    }

    /// Overwrites the table and forgets whose it was.
    fn wipe(&mut self) {
        // The header first: a table that is half wiped must not be taken over.
        self.mapping.bytes_mut()[..HEADER].fill(0);
        compiler_fence(SeqCst);
        self.mapping.bytes_mut().fill(0);
    }
}

impl Drop for MappedRegion {
    fn drop(&mut self) {
        if !self.dir.leaves_files() {
            self.wipe();
            // It is all zeros, and the next start removes what is left.
            let _ = fs::remove_file(self.dir.file(self.day, self.part));
        }
    }
}
