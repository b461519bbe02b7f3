//! A12: does the answer, or when it comes, tell whether a visitor was here before, or was dropped? The long form (`make oracle`) takes
//! 100,000 pairs for each question.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use super::super::{
    api::{FIREFOX, SITE},
    server::{Home, Server},
};

/// Pairs of the short form: enough for a fault of eight milliseconds on a busy machine, and for no more.
const PAIRS: usize = 400;
/// Welch's t from which on two means are called different.
const T_MAX: f64 = 4.5;
/// Of the short form, whose few pairs a busy machine can move: means that are this far apart, in microseconds, too.
const APART_US: f64 = 4_000.0;

/// A connection of a proxy that says whom it forwards.
struct Line(TcpStream);

impl Line {
    fn to(server: &Server) -> Line {
        let stream = TcpStream::connect(server.origin.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        Line(stream)
    }

    /// Sends a view; the answer without its date, and how long it took in microseconds.
    fn view(&mut self, address: &str, agent: &str) -> (String, f64) {
        let body = format!(r#"{{"n":"pageview","u":"https://{SITE}/","d":"{SITE}"}}"#);
        let head = format!(
            "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: {agent}\r\nx-forwarded-for: {address}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let request = head + &body;
        let begun = Instant::now();
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let got = self.0.read(&mut answer).unwrap();
        let took = begun.elapsed().as_secs_f64() * 1e6;
        let answer = String::from_utf8_lossy(&answer[..got]).into_owned();
        let lines = answer.split("\r\n").filter(|line| !line.starts_with("date:"));
        (lines.collect::<Vec<_>>().join("\n"), took)
    }
}

/// Welch's t of two samples, each without its slowest tenth, where the machine did something else.
fn welch(samples: [Vec<f64>; 2]) -> (f64, f64) {
    let [(a, va, na), (b, vb, nb)] = samples.map(|mut sample| {
        sample.sort_by(f64::total_cmp);
        sample.truncate(sample.len() * 9 / 10);
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        (mean, sample.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (n - 1.0), n)
    });
    ((a - b) / (va / na + vb / nb).sqrt(), a - b)
}

/// Who comes in the second half of each pair; the first is always one who was seen before.
#[derive(Clone, Copy, Debug)]
enum Other {
    Unseen,
    Dropped,
}

fn asked(server: &Server, other: Other, pairs: usize) -> (f64, f64) {
    let mut line = Line::to(server);
    let seen = "93.184.1.1";
    let expected = line.view(seen, FIREFOX).0;
    assert!(expected.starts_with("HTTP/1.1 202"), "{expected}");
    let mut samples = [Vec::with_capacity(pairs), Vec::with_capacity(pairs)];
    for n in 0..pairs {
        // Which of the two comes first is as even as bits of a multiplied counter are.
        let turned = (n as u32).wrapping_mul(0x9e37_79b1).count_ones() % 2 == 1;
        for which in if turned { [1, 0] } else { [0, 1] } {
            let fresh = format!("45.{}.{}.{}", 1 + n / 60_000, n / 250 % 240, 1 + n % 250);
            let (answer, took) = match (which, other) {
                (0, _) => line.view(seen, FIREFOX),
                (_, Other::Unseen) => line.view(&fresh, FIREFOX),
                (_, Other::Dropped) => line.view(&fresh, "Googlebot/2.1 (+http://www.google.com/bot.html)"),
            };
            assert_eq!(answer, expected, "{other:?}");
            samples[which].push(took);
        }
    }
    welch(samples)
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
fn neither_the_answer_nor_its_time_tells_who_was_seen_before() {
    let asked_for = std::env::var("ORACLE_PAIRS").ok().and_then(|n| n.parse().ok());
    let pairs = asked_for.unwrap_or(PAIRS);
    let least = if asked_for.is_some() { 0.0 } else { APART_US };
    for (fault, others) in
        [("", &[Other::Unseen, Other::Dropped][..]), ("slow_for_new", &[Other::Unseen][..])]
    {
        let home = Home::at("2026-11-20T12:00:00Z");
        let home = if fault.is_empty() { home } else { home.sabotaged(fault) };
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        let run = home.runtime.path().join("run");
        let server = home.serve_with(&["--runtime", run.to_str().unwrap(), "--address-rate", "0"]);
        for &other in others {
            let pairs = if fault.is_empty() { pairs } else { PAIRS };
            let (t, difference) = asked(&server, other, pairs);
            println!("{fault} {other:?}: {pairs} pairs, t = {t:.2}, {difference:.1} us");
            let told = t.abs() > T_MAX && difference.abs() > least;
            assert_eq!(told, !fault.is_empty(), "{fault} {other:?}: t = {t:.2}, {difference:.1} us");
        }
    }
}
