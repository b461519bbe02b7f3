//! The report node asks the collectors. Everything here blocks its caller, for a bounded time, and nothing else.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use url::Url;

use super::{
    NodeError,
    token::NodeToken,
    wire::{Answer, Ask, HeldSite, Live, Open, Opened, Proposal, Wire, WireError},
};
use crate::{
    collect::trial::Finding,
    control::Control,
    disclosure::process::Collection,
    domain::{
        day::Day,
        declaration::SiteId,
        query::{Group, Query},
        view::{Elsewhere, HeldDay, Reader},
    },
};

/// A collector has this long for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// All collectors together have this long for one report, of the time that is spent waiting for them alone; who has not
/// answered by then is missing in it.
const REPORT_WITHIN: Duration = Duration::from_secs(6);
/// A collector that did not answer is not asked again for this long.
const REST: Duration = Duration::from_secs(5);

/// The collectors of an installation.
pub struct Collectors {
    peers: Vec<Peer>,
    wire: Wire,
    control: Arc<Control>,
    /// Its own, so that callers may block: `None` once it is on its way out.
    runtime: Option<Runtime>,
}

struct Peer {
    number: u32,
    url: Url,
    resting: Mutex<Resting>,
}

#[derive(Default)]
struct Resting {
    until: Option<Instant>,
    /// Why, in words; said once.
    why: Option<String>,
}

/// What the collectors said to a report's first question.
#[derive(Default)]
pub struct Reached {
    pub reading: Option<Arc<Reading>>,
    pub aside: Vec<Day>,
    pub live: Live,
    /// Who did not answer.
    pub missing: Vec<u32>,
}

/// The open days of all collectors that answered, for one report.
pub struct Reading {
    collectors: Arc<Collectors>,
    days: Vec<HeldDay>,
    /// Which collector, and its reading.
    each: Vec<(usize, u64)>,
    lost: Mutex<BTreeSet<u32>>,
    patience: Arc<Patience>,
}

/// What is left of a report's time for asking. What the store takes is none of it.
#[derive(Debug)]
pub struct Patience(Mutex<Duration>);

impl Default for Patience {
    fn default() -> Patience {
        Patience(Mutex::new(REPORT_WITHIN))
    }
}

impl Patience {
    fn left(&self) -> Duration {
        *lock(&self.0)
    }

    fn spend(&self, spent: Duration) {
        let mut left = lock(&self.0);
        *left = left.saturating_sub(spent);
    }
}

impl Collectors {
    /// # Errors
    /// When client or threads cannot be made.
    pub fn new(
        collectors: &[(u32, Url)],
        token: &NodeToken,
        control: Arc<Control>,
    ) -> Result<Collectors, NodeError> {
        let away = |error: io::Error| WireError::Away(error.to_string());
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("nodes").enable_all().build();
        let peers = collectors.iter().map(|(number, url)| Peer {
            number: *number,
            url: url.clone(),
            resting: Mutex::default(),
        });
        let (peers, wire) = (peers.collect(), Wire::new(token)?);
        Ok(Collectors { peers, wire, control, runtime: Some(runtime.map_err(away)?) })
    }

    /// The open days of a site on all collectors but those that are lost already.
    pub fn open(
        self: &Arc<Collectors>,
        site: SiteId,
        reader: Reader,
        lost: &BTreeSet<u32>,
        patience: &Arc<Patience>,
    ) -> Reached {
        let mut reached = Reached { missing: lost.iter().copied().collect(), ..Reached::default() };
        let asked: Vec<usize> =
            (0..self.peers.len()).filter(|&at| !lost.contains(&self.peers[at].number)).collect();
        let message = || Open { site: site.0, reader };
        let answers: Vec<(usize, Option<Opened>)> =
            self.each(asked.iter().map(|&at| (at, message())).collect(), "open", patience);
        let (mut days, mut each) = (Vec::new(), Vec::new());
        for (at, answer) in answers {
            match answer.filter(|one| self.is_who(at, one.node, &one.instance)) {
                None => reached.missing.push(self.peers[at].number),
                Some(opened) => {
                    reached.aside.extend(opened.aside);
                    reached.live.add(&opened.live);
                    days.extend(opened.days);
                    each.push((at, opened.reading));
                }
            }
        }
        reached.missing.sort_unstable();
        reached.reading = (!each.is_empty()).then(|| {
            let (collectors, patience) = (self.clone(), patience.clone());
            Arc::new(Reading { collectors, days, each, lost: Mutex::default(), patience })
        });
        reached
    }

    /// What each collector still has of a site.
    ///
    /// # Errors
    /// Words, where one does not answer.
    pub fn held(&self, site: SiteId) -> Result<Vec<HeldSite>, String> {
        let asked = (0..self.peers.len()).map(|at| (at, site.0)).collect();
        let answers: Vec<(usize, Option<HeldSite>)> = self.each(asked, "held", &Patience::default());
        let known = |(at, held): (usize, Option<HeldSite>)| {
            held.filter(|one| self.is_who(at, one.node, &one.instance))
                .ok_or_else(|| format!("collector {} does not answer", self.peers[at].number))
        };
        answers.into_iter().map(known).collect()
    }

    /// Undeclared texts that k visitors sent to a collector.
    pub fn proposals(&self, site: SiteId) -> Vec<Proposal> {
        let asked = (0..self.peers.len()).map(|at| (at, site.0)).collect();
        let answers: Vec<(usize, Option<Vec<Proposal>>)> =
            self.each(asked, "proposals", &Patience::default());
        answers.into_iter().filter_map(|(_, proposals)| proposals).flatten().collect()
    }

    /// What was found under the token of a trial hit, by the collector that it came to.
    pub fn trial(&self, number: u64) -> Option<Finding> {
        let asked = (0..self.peers.len()).map(|at| (at, number)).collect();
        let answers: Vec<(usize, Option<Option<Finding>>)> = self.each(asked, "trial", &Patience::default());
        answers.into_iter().find_map(|(_, found)| found.flatten())
    }

    /// How each collector takes hits, and the numbers of those that do not answer.
    pub fn collections(&self) -> (Vec<Collection>, Vec<u32>) {
        let asked = (0..self.peers.len()).map(|at| (at, ())).collect();
        let answers: Vec<(usize, Option<Collection>)> = self.each(asked, "collection", &Patience::default());
        let (mut known, mut silent) = (Vec::new(), Vec::new());
        for (at, answer) in answers {
            let number = self.peers[at].number;
            match answer.filter(|one| one.node == number) {
                Some(collection) => known.push(collection),
                None => silent.push(number),
            }
        }
        (known, silent)
    }

    /// Collectors that did not answer lately.
    pub fn away(&self) -> Vec<u32> {
        let away = self.peers.iter().filter(|peer| lock(&peer.resting).why.is_some());
        away.map(|peer| peer.number).collect()
    }

    /// Whether who answers at a collector's address is that collector.
    fn is_who(&self, at: usize, number: u32, instance: &str) -> bool {
        let peer = &self.peers[at];
        let words = match self.control.instance_of(peer.number) {
            _ if number != peer.number => format!("collector {number} answers at its address"),
            Ok(Some(known)) if known == instance => return true,
            Ok(None) => return true,
            Ok(Some(_)) => "another data directory answers at its address".to_owned(),
            Err(error) => error.to_string(),
        };
        peer.rest(words);
        false
    }

    /// Sends messages to collectors, all at once, and waits for all.
    fn each<M, A>(
        &self,
        messages: Vec<(usize, M)>,
        path: &'static str,
        patience: &Patience,
    ) -> Vec<(usize, Option<A>)>
    where
        M: Serialize + Send + Sync + 'static,
        A: DeserializeOwned + Send + 'static,
    {
        let now = Instant::now();
        let within = ANSWER_WITHIN.min(patience.left());
        let mut answers: Vec<(usize, Option<A>)> = messages.iter().map(|&(at, _)| (at, None)).collect();
        let mut asking = JoinSet::new();
        let Some(runtime) = &self.runtime else { return answers };
        for (place, (at, message)) in messages.into_iter().enumerate() {
            let peer = &self.peers[at];
            if peer.rests(now) {
                continue;
            }
            let (wire, url) = (self.wire.clone(), peer.url.clone());
            let ask = async move { (place, wire.ask::<A>(&url, path, &message, within).await) };
            asking.spawn_on(ask, runtime.handle());
        }
        self.wait(async {
            while let Some(answered) = asking.join_next().await {
                let Ok((place, answer)) = answered else { continue };
                let (at, slot) = &mut answers[place];
                match answer {
                    Ok(answer) => {
                        self.peers[*at].answered();
                        *slot = Some(answer);
                    }
                    // The next report may find it as it was.
                    Err(error) if passing(&error, within) => {
                        tracing::debug!(collector = self.peers[*at].number, "missing in one report: {error}");
                    }
                    Err(error) => self.peers[*at].rest(error.to_string()),
                }
            }
        });
        patience.spend(now.elapsed());
        answers
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref().map(|runtime| runtime.handle().block_on(work))
    }
}

impl Drop for Collectors {
    fn drop(&mut self) {
        // A plain drop waits, which no event loop may do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Peer {
    fn rests(&self, now: Instant) -> bool {
        lock(&self.resting).until.is_some_and(|until| now < until)
    }

    fn rest(&self, why: String) {
        let mut resting = lock(&self.resting);
        if resting.why.as_ref() != Some(&why) {
            tracing::warn!(collector = self.number, "a collector: {why}");
        }
        *resting = Resting { until: Some(Instant::now() + REST), why: Some(why) };
    }

    fn answered(&self) {
        let mut resting = lock(&self.resting);
        if resting.why.is_some() {
            tracing::info!(collector = self.number, "a collector answers again");
        }
        *resting = Resting::default();
    }
}

impl Reading {
    /// Collectors that were lost since the reading began: what was read without them is not to be shown.
    pub fn lost(&self) -> BTreeSet<u32> {
        lock(&self.lost).clone()
    }
}

impl Elsewhere for Reading {
    fn days(&self) -> &[HeldDay] {
        &self.days
    }

    fn evaluate(&self, query: &Query) -> Vec<Vec<Group>> {
        // One that is lost makes this report void: nobody needs to be asked for more of it.
        if !lock(&self.lost).is_empty() {
            return Vec::new();
        }
        let asks = self.each.iter().map(|&(at, reading)| (at, Ask { reading, query: query.clone() }));
        let answers: Vec<(usize, Option<Answer>)> =
            self.collectors.each(asks.collect(), "ask", &self.patience);
        let mut groups = Vec::new();
        for (at, answer) in answers {
            match answer {
                Some(answer) => groups.push(answer),
                None => drop(lock(&self.lost).insert(self.collectors.peers[at].number)),
            }
        }
        groups
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let Some(runtime) = &self.collectors.runtime else { return };
        for &(at, reading) in &self.each {
            let (wire, url) = (self.collectors.wire.clone(), self.collectors.peers[at].url.clone());
            // Nobody waits: a reading that is not ended ends by itself.
            runtime.spawn(async move { wire.ask::<()>(&url, "end", &reading, ANSWER_WITHIN).await.ok() });
        }
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("days", &self.days).finish_non_exhaustive()
    }
}

/// Whether a trouble is one report's: it had too little time left, the reading is over, or too many are under way.
fn passing(error: &WireError, within: Duration) -> bool {
    match error {
        WireError::Late => within < ANSWER_WITHIN,
        WireError::Refused { status, .. } => {
            [StatusCode::GONE, StatusCode::SERVICE_UNAVAILABLE].contains(status)
        }
        _ => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    fn collectors(listener: &TcpListener) -> (tempfile::TempDir, Arc<Collectors>) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let token = NodeToken::new("known-to-these-nodes-and-to-nobody-else").unwrap();
        let collectors = Collectors::new(&[(1, url)], &token, Arc::new(control)).unwrap();
        (folder, Arc::new(collectors))
    }

    /// Opens a reading with so much patience left; tells what is left then.
    fn open(collectors: &Arc<Collectors>, left: Duration) -> Duration {
        let patience = Arc::new(Patience(Mutex::new(left)));
        let reached = collectors.open(SiteId(1), Reader::Staff, &BTreeSet::new(), &patience);
        assert_eq!(reached.missing, [1]);
        patience.left()
    }

    #[test]
    fn who_had_too_little_time_in_one_report_is_asked_by_the_next() {
        // Takes connections, and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_folder, collectors) = collectors(&listener);
        assert_eq!(open(&collectors, Duration::from_millis(50)), Duration::ZERO);
        assert!(collectors.away().is_empty());
        // It had all the time that there is.
        let left = open(&collectors, REPORT_WITHIN);
        assert!(left <= REPORT_WITHIN - ANSWER_WITHIN, "{left:?}");
        assert_eq!(collectors.away(), [1]);
        assert!(left - open(&collectors, left) < Duration::from_secs(1), "it is not asked again at once");
    }

    #[test]
    fn a_reading_that_is_over_says_nothing_about_its_collector() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_folder, collectors) = collectors(&listener);
        let served = thread::spawn(move || {
            for status in ["410 Gone", "503 Service Unavailable", "401 Unauthorized"] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
            }
        });
        for away in [&[][..], &[], &[1]] {
            open(&collectors, REPORT_WITHIN);
            assert_eq!(collectors.away(), away);
        }
        served.join().unwrap();
    }
}
