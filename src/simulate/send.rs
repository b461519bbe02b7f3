//! Sends simulated visitors to a Mayfly over HTTP, and counts exactly what it acknowledged.
//!
//! Hits are sent now, so the truth is counted by the times of sending: a journey that the generator spread over
//! minutes is one visit here, too. Addresses go in `X-Forwarded-For`: this machine must be a trusted proxy.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    clock,
    domain::{
        Text,
        counters::Counter,
        day::{Day, UnixMs, Zone},
        declaration::{Funnel, Kept},
        outcome::Outcome,
        row::{Family, Table},
    },
};

use super::{
    hit::{Meaning, SimulatedHit},
    shop,
    told::Rules,
    truth::{Arrival, Lines, Truth},
    world::{self, Scenario},
};

/// Sends simulated visitors to a Mayfly, and prints what it must have counted.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Where the Mayfly listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The site's name, which is also the host of its pages.
    #[arg(long)]
    pub site: String,
    /// The site's time zone.
    #[arg(long, default_value = "UTC")]
    pub zone: String,
    /// Hits a second.
    #[arg(long, default_value_t = 200)]
    pub rate: u32,
    /// Ordinary visitors; at most 90,000.
    #[arg(long, default_value_t = 1000)]
    pub visitors: u32,
    /// The same seed sends the same visitors.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Requests under way at once; 1..=1000.
    #[arg(long, default_value_t = 16)]
    pub concurrency: usize,
    /// Stops after so many seconds, if there is more to send.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// The k around which crowds are planted.
    #[arg(long, default_value_t = 5)]
    pub k: u32,
    /// Distinct paths that one visitor asks for.
    #[arg(long, default_value_t = 0)]
    pub flood: u32,
    /// Only people and pages: no bots, objectors, unknown sites and broken bodies.
    #[arg(long)]
    pub ordinary: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("there is no time zone {0:?}")]
    Zone(String),
    #[error("{0} must be {1}")]
    Range(&'static str, &'static str),
    #[error("no HTTP client could be made: {0}")]
    Client(#[source] reqwest::Error),
}

/// A hit that was answered.
#[derive(Clone)]
pub struct Acknowledged {
    pub hit: SimulatedHit,
    /// When it was sent and when the answer was there.
    pub sent: UnixMs,
    pub answered: UnixMs,
    pub status: u16,
}

/// What became of everything that was to be sent.
#[derive(Clone, Default)]
pub struct Sent {
    /// In the order of answers; each visitor's in the order of sending.
    pub acknowledged: Vec<Acknowledged>,
    /// Requests without an answer: they may have been counted or not.
    pub unanswered: u64,
}

/// Generates visitors, sends their hits, and returns the truth of what was acknowledged.
///
/// # Errors
/// When an argument is out of range or no client can be made. A server that does not answer is no error: it is in
/// the truth as `unanswered`.
pub async fn run(args: Args) -> Result<Value, SimulateError> {
    let zone = Zone::named(&args.zone).ok_or_else(|| SimulateError::Zone(args.zone.clone()))?;
    let scenario = Scenario {
        host: args.site.clone(),
        zone: zone.clone(),
        seed: args.seed,
        k: args.k,
        kept: Kept::default(),
        visitors: args.visitors,
        everything: !args.ordinary,
        flood: args.flood,
    };
    let (hits, _) = world::day(&scenario, zone.day_at(clock::now()));
    let sent = send(&args, hits).await?;
    Ok(truth(&sent, &zone, args.k, 0))
}

/// Sends hits in their order at the rate of `args`; a visitor's next hit waits for the answer to the one before.
///
/// # Errors
/// When an argument is out of range or no client can be made.
pub async fn send(args: &Args, hits: Vec<SimulatedHit>) -> Result<Sent, SimulateError> {
    if args.rate == 0 {
        return Err(SimulateError::Range("rate", "at least 1 hit a second"));
    }
    if !(1..=1000).contains(&args.concurrency) {
        return Err(SimulateError::Range("concurrency", "1..=1000"));
    }
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .map_err(SimulateError::Client)?;
    let url: Arc<str> = format!("{}/api/event", args.url.trim_end_matches('/')).into();
    let begun = tokio::time::Instant::now();
    let mut lanes: Vec<VecDeque<(tokio::time::Instant, SimulatedHit)>> =
        vec![VecDeque::new(); args.concurrency];
    for (n, hit) in hits.into_iter().enumerate() {
        let after = Duration::from_secs_f64(n as f64 / f64::from(args.rate));
        if args.seconds.is_some_and(|seconds| after.as_secs() >= seconds) {
            break;
        }
        // All hits of a visitor are in one lane, and so in order.
        lanes[(hit.visitor.number % args.concurrency as u64) as usize].push_back((begun + after, hit));
    }
    let sent = Arc::new(Mutex::new(Sent::default()));
    let tasks: Vec<_> = lanes
        .into_iter()
        .map(|lane| tokio::spawn(send_lane(client.clone(), url.clone(), lane, sent.clone())))
        .collect();
    for task in tasks {
        // A lane that ended early leaves its hits out of the truth.
        drop(task.await);
    }
    let sent = std::mem::take(&mut *sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    Ok(sent)
}

async fn send_lane(
    client: reqwest::Client,
    url: Arc<str>,
    lane: VecDeque<(tokio::time::Instant, SimulatedHit)>,
    into: Arc<Mutex<Sent>>,
) {
    for (due, hit) in lane {
        tokio::time::sleep_until(due).await;
        let mut request = client.post(&*url).body(hit.body());
        for (name, value) in hit.headers() {
            request = request.header(name, value);
        }
        let sent = clock::now();
        let answer = request.send().await;
        let answered = clock::now();
        // Standard mutex: held for a push, never over an await.
        let mut into = into.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match answer {
            Ok(answer) if answer.status().as_u16() < 500 => {
                let status = answer.status().as_u16();
                into.acknowledged.push(Acknowledged { hit, sent, answered, status });
            }
            _ => into.unanswered += 1,
        }
    }
}

/// The site-days of what was acknowledged, as the naive recount has them. `server_ahead_ms`: by how much the
/// server's clock is ahead of this one.
pub fn truths(
    sent: &Sent,
    zone: &Zone,
    funnels: &[Arc<Funnel>],
    server_ahead_ms: i64,
) -> BTreeMap<Day, Truth> {
    let mut truths: BTreeMap<Day, Truth> = BTreeMap::new();
    for one in &sent.acknowledged {
        let at = one.sent + server_ahead_ms;
        let day = zone.day_at(at);
        let truth = truths.entry(day).or_insert_with(|| Truth::new(day, funnels.to_vec()));
        match &one.hit.meaning {
            Meaning::Dropped(outcome) => truth.drop_hit(*outcome),
            Meaning::Counts(hit) => {
                one.hit.notes.iter().for_each(|&note| truth.note(note));
                truth.arrive(Arrival {
                    moment: zone.calendar(day).moment(at),
                    visitor: one.hit.visitor.number,
                    described: one.hit.visitor.described.clone(),
                    hit: hit.clone(),
                });
            }
        }
    }
    truths
}

/// The truth as JSON: totals, per day, and per page, source, country, browser, system, device class and event,
/// all of them in full (`coarsened` has what a close with this k and one salt epoch may tell).
pub fn truth(sent: &Sent, zone: &Zone, k: u32, server_ahead_ms: i64) -> Value {
    let truths = truths(sent, zone, &shop::funnels(), server_ahead_ms);
    let mut days = serde_json::Map::new();
    let mut in_full = Vec::new();
    let mut coarsened = Vec::new();
    for (day, truth) in &truths {
        let recount = truth.recount();
        let full = recount.closed(Rules { k: 1, salt_epochs: 1 });
        days.insert(day.to_string(), tiles(std::slice::from_ref(&full)));
        in_full.push(full);
        coarsened.push(recount.closed(Rules { k, salt_epochs: 1 }));
    }
    let straddling = sent.acknowledged.iter().filter(|one| {
        let hour = |at: UnixMs| (at + server_ahead_ms).div_euclid(900_000);
        hour(one.sent) != hour(one.answered)
    });
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    for one in &sent.acknowledged {
        *statuses.entry(one.status.to_string()).or_default() += 1;
    }
    json!({
        "acknowledged": sent.acknowledged.len(),
        "unanswered": sent.unanswered,
        "statuses": statuses,
        "sent_and_answered_in_different_quarters": straddling.count(),
        "totals": tiles(&in_full),
        "days": days,
        "panels": panels(&in_full),
        "coarsened": panels(&coarsened),
        "outcomes": sums(&in_full, Table::Ledger, Family::Page, &[0], is_outcome),
    })
}

fn is_outcome(keys: &[Text]) -> bool {
    keys.first().is_some_and(|text| Outcome::named(text).is_some())
}

fn tiles(days: &[Lines]) -> Value {
    let mut sum = [0_i64; Counter::COUNT];
    let mut events = 0;
    for (line, counts) in days.iter().flatten() {
        match (line.table, line.family) {
            (Table::Pages, Family::Page) if &*line.keys[0] == "page" => {
                sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            }
            (Table::Events, Family::Page) if line.keys[1].is_empty() && &*line.keys[4] == "page" => {
                events += counts[0]
            }
            _ => {}
        }
    }
    let mut tiles: serde_json::Map<String, Value> =
        Counter::NAMES.iter().zip(sum).map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
    tiles.insert("events".to_owned(), json!(events));
    Value::Object(tiles)
}

/// By dimension: name -> counters that are not zero.
fn panels(days: &[Lines]) -> Value {
    let all = |_: &[Text]| true;
    let of_page = |keys: &[Text]| &*keys[0] == "page";
    let of_section = |keys: &[Text]| &*keys[0] == "section";
    let own_cell = |keys: &[Text]| keys[1].is_empty() && &*keys[4] == "page";
    let value_cell = |keys: &[Text]| !keys[1].is_empty() && &*keys[4] == "page";
    json!({
        "page": sums(days, Table::Pages, Family::Page, &[1], of_page),
        "section": sums(days, Table::Pages, Family::Page, &[1], of_section),
        "channel": sums(days, Table::Pages, Family::Source, &[0], all),
        "source": sums(days, Table::Pages, Family::Source, &[1], all),
        "utm_source": sums(days, Table::Pages, Family::Visit, &[4], of_page),
        "utm_medium": sums(days, Table::Pages, Family::Visit, &[5], of_page),
        "utm_campaign": sums(days, Table::Pages, Family::Visit, &[6], of_page),
        "country": sums(days, Table::Pages, Family::Place, &[2], all),
        "browser": sums(days, Table::Pages, Family::Device, &[2], all),
        "os": sums(days, Table::Pages, Family::Device, &[4], all),
        "device": sums(days, Table::Pages, Family::Device, &[6], all),
        "event": sums(days, Table::Events, Family::Page, &[0], own_cell),
        "value": sums(days, Table::Events, Family::Page, &[0, 1, 2], value_cell),
        "flow": sums(days, Table::Flows, Family::Page, &[0, 1], all),
        "funnel": sums(days, Table::Funnels, Family::Page, &[0, 1], all),
    })
}

/// Sums of lines by some of their keys (joined by `" | "`).
fn sums(
    days: &[Lines],
    table: Table,
    family: Family,
    by: &[usize],
    taken: impl Fn(&[Text]) -> bool,
) -> Value {
    let mut sums: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let lines = days.iter().flatten();
    for (line, counts) in
        lines.filter(|(line, _)| line.table == table && line.family == family && taken(&line.keys))
    {
        let name = by.iter().map(|&at| &*line.keys[at]).collect::<Vec<_>>().join(" | ");
        let sum = sums.entry(name).or_insert_with(|| vec![0; counts.len()]);
        sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    let named = |counts: Vec<i64>| -> Value {
        let counters = table.counters().iter().zip(counts).filter(|(_, n)| *n != 0);
        Value::Object(counters.map(|(name, n)| ((*name).to_owned(), json!(n))).collect())
    };
    Value::Object(sums.into_iter().map(|(name, counts)| (name, named(counts))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// Answers every request with 202 and keeps the order of addresses and bodies.
    async fn listen(listener: TcpListener, heard: Arc<Mutex<Vec<(String, String)>>>) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut text = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    text.extend_from_slice(&buffer[..n]);
                    let whole = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
                    let header = |name: &str| {
                        let found = head.lines().find_map(|line| line.strip_prefix(name));
                        found.unwrap_or_default().trim().to_owned()
                    };
                    if body.len() < header("content-length:").parse::<usize>().unwrap() {
                        continue;
                    }
                    heard
                        .lock()
                        .unwrap()
                        .push((header("x-forwarded-for:") + &header("user-agent:"), body.to_owned()));
                    text.clear();
                    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                }
            });
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_the_truth() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let args = Args {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            site: "example.com".into(),
            zone: "UTC".into(),
            rate: 100_000,
            visitors: 20,
            seed: 1,
            concurrency: 8,
            seconds: None,
            k: 5,
            flood: 3,
            ordinary: false,
        };
        let heard = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(listen(listener, heard.clone()));
        let truth = run(args).await.unwrap();
        let heard = heard.lock().unwrap();
        let number = |of: &Value| of.as_u64().unwrap();
        assert_eq!(number(&truth["acknowledged"]), heard.len() as u64);
        assert_eq!(number(&truth["unanswered"]), 0);
        assert_eq!(truth["totals"]["exits"], truth["totals"]["visits"]);
        let received: u64 =
            truth["outcomes"].as_object().unwrap().values().map(|row| number(&row["hits"])).sum();
        assert_eq!(received, heard.len() as u64);
        assert!(number(&truth["panels"]["country"]["EE"]["visitors"]) == 4, "{}", truth["panels"]["country"]);
        let views = heard.iter().filter(|(_, body)| body.contains("\"n\":\"pageview\"")).count();
        assert!(views as u64 >= number(&truth["totals"]["pageviews"]));
    }

    #[tokio::test]
    async fn arguments_have_ranges() {
        let args = Args {
            url: String::new(),
            site: "example.com".into(),
            zone: "Mars/Olympus".into(),
            rate: 0,
            visitors: 1,
            seed: 1,
            concurrency: 0,
            seconds: None,
            k: 5,
            flood: 0,
            ordinary: true,
        };
        let told = |error: SimulateError| error.to_string();
        assert_eq!(
            run(args.clone()).await.map_err(told),
            Err("there is no time zone \"Mars/Olympus\"".into())
        );
        let args = Args { zone: "UTC".into(), ..args };
        assert_eq!(run(args.clone()).await.map_err(told), Err("rate must be at least 1 hit a second".into()));
        let args = Args { rate: 1, ..args };
        assert_eq!(run(args).await.map_err(told), Err("concurrency must be 1..=1000".into()));
    }
}
