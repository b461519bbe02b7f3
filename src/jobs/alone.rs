//! Jobs where no server runs: whoever asks takes the data directory's lock and does the job itself. Days of which a
//! journal or release files are there are left to the next start.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use super::{Acknowledged, Days, JobError, Request, Result, Rooms, folder::sweep, run};
use crate::{
    config::Config,
    control::Control,
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
    },
    folder,
    store::Store,
    verify::Looks,
};

/// The lock that a server holds while it runs.
pub struct Alone {
    data: PathBuf,
    _lock: File,
}

impl Alone {
    /// Takes the lock of a data directory; `None` where a server has it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take(data: &Path) -> Result<Option<Alone>> {
        let path = data.join("journal/lock");
        let open = || {
            folder::make(&data.join("journal"))?;
            OpenOptions::new().create(true).append(true).mode(0o600).open(&path)
        };
        let file = open().map_err(JobError::file(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Alone { data: data.to_owned(), _lock: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(JobError::file(&path)(error)),
        }
    }

    /// The site-days of which releases wait for the store.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn waiting(&self) -> Result<BTreeSet<(SiteId, Day)>> {
        let found = listed(&self.data, &[RELEASES]).map_err(JobError::file(&self.data))?;
        Ok(found.into_iter().collect())
    }

    /// Does a job.
    ///
    /// # Errors
    /// [`JobError`], in words.
    pub fn run(
        &self,
        request: &Request,
        config: &Config,
        control: &Control,
        now: UnixMs,
        says: &(dyn Fn(&str) + Sync),
    ) -> Result<String> {
        sweep(control, &self.data);
        let store = config.store.open()?;
        let days = on_disk(&self.data).map_err(JobError::file(&self.data))?;
        let days = OnDisk { days, store: &*store };
        let (stopping, looks) = (AtomicBool::new(false), Looks::of(config));
        let rooms = Rooms {
            control,
            store: &*store,
            days: &days,
            data: &self.data,
            looks: &looks,
            now,
            says,
            stopping: &stopping,
        };
        run(request, &rooms)
    }
}

/// The site-days of which journals and release files are there: `7-2026-11-22.journal`,
/// `7-2026-11-22-0-1.release`.
fn on_disk(data: &Path) -> io::Result<Vec<(SiteId, Day)>> {
    listed(data, &[("journal", ".journal"), RELEASES, ("refused", ".release")])
}

/// The folder of releases that wait for the store, and how their names end.
const RELEASES: (&str, &str) = ("releases", ".release");

fn listed(data: &Path, folders: &[(&str, &str)]) -> io::Result<Vec<(SiteId, Day)>> {
    let mut found = Vec::new();
    for (folder, ending) in folders {
        let entries = match fs::read_dir(data.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Some((site, rest)) = name.strip_suffix(ending).and_then(|name| name.split_once('-')) else {
                continue;
            };
            let day = rest.get(..10).and_then(Day::parse);
            found.extend(site.parse().ok().map(SiteId).zip(day));
        }
    }
    Ok(found)
}

/// What is known of days without a server.
struct OnDisk<'a> {
    days: Vec<(SiteId, Day)>,
    store: &'a dyn Store,
}

impl Days for OnDisk<'_> {
    fn held(&self, site: SiteId) -> Result<HashMap<Day, Option<Acknowledged>>> {
        Ok(self.days.iter().filter(|(one, _)| *one == site).map(|&(_, day)| (day, None)).collect())
    }

    fn while_unopened(&self, _: SiteId, _: Day, act: &mut dyn FnMut() -> Result<()>) -> Result<bool> {
        act().map(|()| true)
    }

    fn end(&self, site: SiteId) -> Result<(), String> {
        match self.days.iter().any(|(one, _)| *one == site) {
            true => Err("the server does it when it starts".to_owned()),
            false => Ok(()),
        }
    }

    fn erase(&self, site: SiteId) -> Result<(), String> {
        // Journals and release files of sites that are no more go at the start.
        self.store.erase(site, None).map_err(|error| error.to_string())
    }

    fn know(&self, _: SiteId) {}

    fn running(&self) -> bool {
        false
    }
}
