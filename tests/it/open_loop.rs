//! An open loop: requests are due at fixed times, whatever became of those before, and latency is measured from
//! when one was due. So a server that is slow cannot slow down its measure.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::server::Server;

/// What is sent, and how fast.
pub struct Load {
    /// Requests a second.
    pub rate: u32,
    pub time: Duration,
    /// Requests that can be under way at once.
    pub connections: usize,
    /// The request of this number.
    pub request: Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>,
}

/// What became of a load.
#[derive(Default)]
pub struct Outcome {
    /// Latencies from when each was due, sorted, by status; 0 for those without an answer.
    pub by_status: BTreeMap<u16, Vec<Duration>>,
    /// Latencies of what was accepted from when it was sent, sorted: without what it waited for a connection.
    pub from_sent: Vec<Duration>,
    /// From the first request that was due to the last answer.
    pub took: Duration,
}

impl Outcome {
    pub fn answers(&self, status: u16) -> usize {
        self.by_status.get(&status).map_or(0, Vec::len)
    }

    /// The latency that a part of the answers with this status kept within.
    pub fn quantile(&self, status: u16, part: f64) -> Duration {
        self.by_status.get(&status).map_or(Duration::ZERO, |latencies| of_sorted(latencies, part))
    }

    /// The same from when they were sent, of what was accepted.
    pub fn quantile_from_sent(&self, part: f64) -> Duration {
        of_sorted(&self.from_sent, part)
    }

    pub fn statuses(&self) -> Vec<u16> {
        self.by_status.keys().copied().collect()
    }
}

fn of_sorted(latencies: &[Duration], part: f64) -> Duration {
    let at = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
    latencies.get(at).copied().unwrap_or_default()
}

/// Sends a load to its end.
pub async fn send(server: &Server, load: &Load) -> Outcome {
    let address: std::net::SocketAddr = server.origin.trim_start_matches("http://").parse().unwrap();
    let requests = (f64::from(load.rate) * load.time.as_secs_f64()).round() as usize;
    let next = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::new();
    for _ in 0..load.connections {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let begun = Instant::now() + Duration::from_millis(50);
    let each = Duration::from_secs_f64(1.0 / f64::from(load.rate));
    let lanes: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let (next, request) = (next.clone(), load.request.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let n = next.fetch_add(1, Relaxed);
                    if n >= requests {
                        return answers;
                    }
                    let due = begun + each * n as u32;
                    tokio::time::sleep_until(due.into()).await;
                    let sent = Instant::now();
                    let status = ask(&mut stream, &request(n)).await.unwrap_or(0);
                    answers.push((status, due.elapsed(), sent.elapsed()));
                    if status == 0 {
                        match TcpStream::connect(address).await {
                            Ok(another) => stream = another,
                            Err(_) => return answers,
                        }
                    }
                }
            })
        })
        .collect();
    let mut outcome = Outcome::default();
    for lane in lanes {
        for (status, from_due, from_sent) in lane.await.unwrap() {
            outcome.by_status.entry(status).or_default().push(from_due);
            if status == 202 {
                outcome.from_sent.push(from_sent);
            }
        }
    }
    outcome.took = begun.elapsed();
    outcome.from_sent.sort_unstable();
    outcome.by_status.values_mut().for_each(|latencies| latencies.sort_unstable());
    outcome
}

/// Sends a request and reads its answer, of which only status and length are looked at.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Option<u16> {
    stream.write_all(request).await.ok()?;
    let mut read = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&read[..head]).ok()?;
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap_or(0));
        if read.len() >= head + 4 + length {
            return text.get(9..12)?.parse().ok();
        }
    }
}
