//! A bench for days: a real journal and a real memory-backed runtime directory, a clock that is a number, and a
//! store of rows in a map that fails, or takes the picture of a killed process, when it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    driver::{Closing, Remember},
    past::StoredPast,
    release_file::ReleaseFiles,
    resume::Start,
};
use crate::{
    domain::{
        attributes::{Described, VisitAttributes},
        day::{Day, UnixMs, Zone},
        declaration::{Kept, SiteId},
        hit::{Hit, HitKind, VisitorKey},
        outcome::{Note, Outcome},
        query::{Condition, Group, Query, merge},
        row::{Column, DayRow, Family, KIND_PAGE, Release, ReleaseId, Table},
        tally::{Caps, KnownValues},
        view::Reader,
    },
    journal::{Journal, JournalConfig, Ticket},
    memory::{
        days::{DayError, Fixed, Known, Memory},
        held::Room,
        runtime::RuntimeDir,
        site_day::{Arrived, Refusal, SiteDay, Tallied},
    },
    store::{AsOf, Forgotten, Parts, Store, StoreError},
};

pub const SITE: SiteId = SiteId(7);
/// A first instant of a day in UTC.
pub const MIDNIGHT: UnixMs = 20_000 * 86_400_000;
pub const TODAY: Day = Day(20_000);
pub const HOUR: UnixMs = 3_600_000;
pub const DAY: UnixMs = 24 * HOUR;

/// How the store fails at an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    Before,
    /// It is written, and the answer is lost.
    After,
    /// Nothing is written, and never will be.
    Refused,
    /// The process is killed just before the write.
    KillBefore,
    /// The process is killed between the write and whatever it does next.
    KillAfter,
}

#[derive(Default)]
pub struct FakeStore {
    held: Mutex<Held>,
}

#[derive(Default)]
pub struct Held {
    pub releases: BTreeMap<ReleaseId, Release>,
    pub fault: Option<Fault>,
    /// What an insert takes.
    pub slow: Option<Duration>,
    /// Until the process is gone, nothing more is taken.
    pub dead: bool,
    /// Takes the picture that a killed process leaves.
    pub picture: Option<Box<dyn FnMut() + Send>>,
}

impl FakeStore {
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("away".into())
}

impl Store for FakeStore {
    fn insert(&self, release: &Release) -> Result<(), StoreError> {
        let slow = self.held().slow.map(|slow| Instant::now() + slow);
        while let Some(left) = slow.and_then(|end| end.checked_duration_since(Instant::now())) {
            std::thread::park_timeout(left);
        }
        let mut held = self.held();
        let fault = held.fault.take();
        if held.dead || fault == Some(Fault::Before) {
            return Err(away());
        }
        if fault == Some(Fault::Refused) {
            return Err(StoreError::Refused("no".into()));
        }
        let kill = |held: &mut Held| {
            held.dead = true;
            held.picture.as_mut().expect("a picture can be taken")();
        };
        if fault == Some(Fault::KillBefore) {
            kill(&mut held);
            return Err(away());
        }
        held.releases.entry(release.id).or_insert_with(|| release.clone());
        match fault {
            Some(Fault::After) => Err(StoreError::Unknown("the answer was lost".into())),
            Some(Fault::KillAfter) => {
                kill(&mut held);
                Err(away())
            }
            _ => Ok(()),
        }
    }

    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
        let held = self.held();
        let hidden = |id: ReleaseId| {
            as_of.open.iter().any(|&(day, node, last)| (id.day, id.node) == (day, node) && id.number > last)
        };
        let seen = held.releases.values().filter(|one| one.id.site == site && !hidden(one.id));
        Ok(query.evaluate(seen.flat_map(|release| &release.rows)))
    }

    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
        let held = self.held();
        let days = held.releases.values().filter_map(|release| release.close.clone());
        Ok(days.filter(|day| day.site == site && (first..=last).contains(&day.day)).collect())
    }

    fn extent(&self, _: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        Ok(None)
    }

    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
        Ok(self.held().releases.contains_key(&id))
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
        let held = self.held();
        if held.dead {
            return Err(away());
        }
        let of_day = held.releases.keys().filter(|id| (id.site, id.day, id.node) == (site, day, node));
        Ok(of_day.map(|id| id.number).max().unwrap_or(0))
    }

    fn erase(&self, site: SiteId, _: Option<Day>) -> Result<(), StoreError> {
        self.held().releases.retain(|id, _| id.site != site);
        Ok(())
    }

    // What administrators ask for is none of the close's business.
    fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        Err(away())
    }

    fn releases(&self, _: SiteId, _: Day, _: Day) -> Result<Vec<Release>, StoreError> {
        Err(away())
    }

    fn replace(&self, _: Parts<'_>) -> Result<(), StoreError> {
        Err(away())
    }

    fn forget(&self, _: SiteId, _: &str, _: Day) -> Result<Vec<Forgotten>, StoreError> {
        Err(away())
    }

    fn merge(&self, _: SiteId, _: SiteId) -> Result<(), StoreError> {
        Err(away())
    }

    fn anatomy(&self) -> Result<Vec<crate::store::TableAnatomy>, StoreError> {
        Ok(Vec::new())
    }

    fn copy(&self, _: &std::path::Path) -> Result<(), StoreError> {
        Err(away())
    }
}

/// Values that were remembered, and are known from then on.
#[derive(Clone, Default)]
struct Values(Arc<Mutex<KnownValues>>);

impl Known for Values {
    fn of(&self, _: SiteId) -> Arc<KnownValues> {
        Arc::new(self.0.lock().unwrap().clone())
    }
}

impl Remember for Values {
    fn remember(&self, _: SiteId, _: Day, used: KnownValues) {
        self.0.lock().unwrap().pages.extend(used.pages);
    }
}

/// One life of the process.
pub struct Running {
    pub journal: Arc<Journal>,
    pub runtime: Option<RuntimeDir>,
    pub memory: Arc<Memory>,
    pub closing: Arc<Closing>,
}

pub struct Bench<S: Store = FakeStore> {
    pub store: Arc<S>,
    /// What a store forgets when the process that asks it is killed.
    reborn: fn(&S),
    /// Bytes of waiting releases that memory keeps.
    pub room: usize,
    pub fixed: Fixed,
    pub caps: Caps,
    pub now: UnixMs,
    values: Values,
    pictures: Arc<AtomicU64>,
    /// The machine's disks: on tmpfs, so that syncs cost nothing and the runtime directory may lie there too.
    root: TempDir,
    /// Where the living process works: a folder of `root`.
    home: PathBuf,
    pub running: Option<Running>,
}

fn reborn(store: &FakeStore) {
    let mut held = store.held();
    *held = Held { releases: std::mem::take(&mut held.releases), ..Held::default() };
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(Arc::default(), reborn)
    }

    /// From now on the store can take the picture of the killed process; [`Bench::wake_up`] goes on from it.
    pub fn arm(&mut self, fault: Fault) -> PathBuf {
        let (from, to) = (self.home.clone(), self.place());
        let place = to.clone();
        let mut held = self.store.held();
        held.picture = Some(Box::new(move || copy(&from, &place)));
        held.fault = Some(fault);
        to
    }
}

impl<S: Store> Bench<S> {
    /// Over a store that lives as long as the bench.
    pub fn over(store: Arc<S>) -> Bench<S> {
        Bench::with(store, |_| {})
    }

    fn with(store: Arc<S>, reborn: fn(&S)) -> Bench<S> {
        let root = TempDir::new_in("/dev/shm").unwrap();
        let home = root.path().join("0");
        fs::create_dir(&home).unwrap();
        let fixed = Fixed {
            site: SITE,
            zone: Zone::utc(),
            k: 1,
            kept: Kept::default(),
            settings_version: 1,
            day: None,
        };
        let mut bench = Bench {
            store,
            reborn,
            room: usize::MAX / 2,
            fixed,
            caps: Caps::default(),
            now: MIDNIGHT + HOUR / 2,
            values: Values::default(),
            pictures: Arc::default(),
            root,
            home,
            running: None,
        };
        bench.start();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub fn start(&mut self) {
        self.try_start(true).unwrap();
    }

    pub fn try_start(&mut self, handover: bool) -> Result<(), super::resume::ResumeError> {
        assert!(self.running.is_none());
        let config = JournalConfig::new(self.path("journal"), self.path("keys"));
        let journal = Arc::new(Journal::start(config).unwrap());
        let runtime = handover.then(|| RuntimeDir::open(&self.path("run")).unwrap());
        let files = ReleaseFiles::in_data(&self.home).unwrap();
        let memory = Memory::new(
            journal.clone(),
            runtime.clone(),
            Box::new(self.values.clone()),
            Box::new(StoredPast::new(self.store.clone(), files.clone(), 0)),
            self.caps.clone(),
            0,
        );
        let memory = Arc::new(memory.with_room(Room::of(self.room)));
        let left = Start {
            memory: &memory,
            journal: &journal,
            runtime: runtime.as_ref(),
            files: &files,
            site: &|site| (site == SITE).then(|| self.fixed.clone()),
            now: self.now,
        }
        .resume()?;
        let closing = Arc::new(Closing::new(
            memory.clone(),
            self.store.clone(),
            files,
            Box::new(self.values.clone()),
            Duration::from_secs(3600),
            left,
            self.now,
        ));
        closing.catch_up(self.now);
        self.running = Some(Running { journal, runtime, memory, closing });
        Ok(())
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    pub fn closing(&self) -> &Closing {
        &self.running().closing
    }

    pub fn memory(&self) -> &Memory {
        &self.running().memory
    }

    pub fn today(&self) -> Arc<SiteDay> {
        self.memory().today(SITE, self.now).expect("a day is open")
    }

    /// An orderly stop: everything is on the disk, the runtime directory is left for the next.
    pub fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        running.journal.flush().unwrap();
        if let Some(runtime) = &running.runtime {
            runtime.leave_files();
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// A place for a picture of the disks.
    fn place(&self) -> PathBuf {
        self.root.path().join((self.pictures.fetch_add(1, SeqCst) + 1).to_string())
    }

    /// Kills the process at this instant and starts the next.
    pub fn kill(&mut self) {
        let to = self.place();
        copy(&self.home, &to);
        self.wake_up_in(to);
    }

    pub fn wake_up_in(&mut self, picture: PathBuf) {
        drop(self.running.take());
        (self.reborn)(&self.store);
        self.home = picture;
        self.start();
    }

    pub fn hit(&self, visitor: u64, page: &str) -> Result<Ticket, Refusal> {
        let arrived = self.memory().arrive_or_open(&self.fixed, self.now).unwrap();
        view(&arrived, visitor, page)
    }

    /// A hit that is answered.
    pub fn acknowledged(&self, visitor: u64, page: &str) {
        self.hit(visitor, page).unwrap().wait().unwrap();
    }

    /// A sum over memory and store as of one moment.
    pub fn read(&self, reader: Reader, query: &Query) -> Vec<Group> {
        read(self.memory(), &*self.store, reader, query)
    }

    pub fn views(&self) -> i64 {
        sum(&self.read(Reader::Staff, &views()))
    }

    pub fn outcome(&self, outcome: Outcome) -> i64 {
        sum(&self.read(Reader::Staff, &ledger(outcome.name())))
    }

    pub fn noted(&self, note: Note) -> i64 {
        sum(&self.read(Reader::Staff, &ledger(note.name())))
    }

    /// Names of the files in a folder, but for locks.
    pub fn listed(&self, folder: &str) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return BTreeSet::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

pub fn read(memory: &Memory, store: &dyn Store, reader: Reader, query: &Query) -> Vec<Group> {
    let view = memory.view(SITE, reader);
    let open = view.days.iter().map(|day| (day.day, day.node, day.released)).collect();
    let stored = store.read(SITE, query, &AsOf { open }).unwrap();
    let held = view.days.iter().flat_map(|day| day.rows(query.table, query.family));
    merge([stored, query.evaluate(held)])
}

fn query(table: Table, family: Family, filters: Vec<Condition>) -> Query {
    Query { table, family, days: (Day(0), Day(40_000)), group: vec![], filters }
}

/// Counters of the page family's pages; page views first.
pub fn views() -> Query {
    query(Table::Pages, Family::Page, vec![Condition::is(Column::Kind, KIND_PAGE)])
}

/// All counters of an attribute family's pages.
pub fn family(family: Family) -> Query {
    query(Table::Pages, family, vec![])
}

pub fn ledger(word: &str) -> Query {
    query(Table::Ledger, Family::Page, vec![Condition::is(Column::Outcome, word.to_owned())])
}

/// The first counter of all groups.
pub fn sum(groups: &[Group]) -> i64 {
    groups.iter().map(|group| group.sums[0]).sum()
}

/// A page view of a visitor, as collection would bring it.
pub fn view(arrived: &Arrived, visitor: u64, page: &str) -> Result<Ticket, Refusal> {
    let described =
        Described { place: Default::default(), device: Default::default(), language: Default::default() };
    let page = Some(format!("example.com/{page}").as_str().into());
    let hit =
        Hit { page, sections: Default::default(), visit: VisitAttributes::default(), kind: HitKind::View };
    let tallied = Tallied {
        key: VisitorKey(visitor),
        described: Some(&described),
        hit: &hit,
        notes: &[],
        funnels: &[],
        undeclared: &[],
    };
    arrived.day.tally(arrived.moment, tallied)
}

pub fn is_removed(error: &DayError) -> bool {
    matches!(error, DayError::Removed)
}
