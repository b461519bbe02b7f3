//! A12: does the answer, or when it comes, tell whether a visitor was here before, or was dropped? The long form (`make oracle`) takes
//! 100,000 pairs for each question.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::super::{
    api::{FIREFOX, SITE},
    server::{Home, Server},
};

/// Pairs of the short form: enough for a fault of four milliseconds on a busy machine, and for no more.
const PAIRS: usize = 400;
/// Connections that ask at once in the long form, each pairs of its own.
const LINES: usize = 4;
/// Welch's t from which on two means are called different.
const T_MAX: f64 = 4.5;
/// Of the short form, whose few pairs a busy machine can move: means that are this far apart, in microseconds, too.
const APART_US: f64 = 1_500.0;
/// No answer is sooner.
const STEP: Duration = Duration::from_millis(5);
const BOT: &str = "Googlebot/2.1 (+http://www.google.com/bot.html)";

/// A connection of a proxy that says whom it forwards.
struct Line(TcpStream);

impl Line {
    fn to(server: &Server) -> Line {
        let stream = TcpStream::connect(server.origin.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        Line(stream)
    }

    /// Sends a view; the answer without its date, and how long it took in microseconds.
    fn view(&mut self, address: &str, agent: &str, more: &str) -> (String, f64) {
        let head = format!(
            "POST /api/event HTTP/1.1\r\nuser-agent: {agent}\r\nx-forwarded-for: {address}\r\n{more}"
        );
        self.ask(&head, &view())
    }

    fn ask(&mut self, head: &str, body: &str) -> (String, f64) {
        let request = format!("{head}host: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let begun = Instant::now();
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let got = self.0.read(&mut answer).unwrap();
        let took = begun.elapsed().as_secs_f64() * 1e6;
        let answer = String::from_utf8_lossy(&answer[..got]).into_owned();
        let mut lines: Vec<_> = answer.split("\r\n").filter(|line| !line.starts_with("date:")).collect();
        // The order of headers is that of a worker's map of them.
        lines.sort_unstable();
        (lines.join("\n"), took)
    }
}

fn view() -> String {
    format!(r#"{{"n":"pageview","u":"https://{SITE}/","d":"{SITE}"}}"#)
}

/// Welch's t of two samples, and how far apart their means are.
fn welch(samples: &Samples) -> (f64, f64) {
    let [(a, va, na), (b, vb, nb)] = samples.each_ref().map(|sample| {
        let n = sample.len() as f64;
        let mean = sample.iter().sum::<f64>() / n;
        (mean, sample.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (n - 1.0), n)
    });
    ((a - b) / (va / na + vb / nb).sqrt(), a - b)
}

/// A sample without its slowest tenth, where the machine did something else.
fn without_slowest(samples: &Samples) -> Samples {
    samples.clone().map(|mut sample| {
        sample.sort_by(f64::total_cmp);
        sample.truncate(sample.len() * 9 / 10);
        sample
    })
}

/// The shares of answers that left a step later than the first that they could have, and the z of two proportions.
fn late(samples: &Samples) -> (f64, [f64; 2]) {
    let later = STEP.as_secs_f64() * 1.5e6;
    let [a, b] = samples
        .each_ref()
        .map(|sample| (sample.iter().filter(|&&took| took > later).count() as f64, sample.len() as f64));
    let both = (a.0 + b.0) / (a.1 + b.1);
    let apart = a.0 / a.1 - b.0 / b.1;
    let z = apart / (both * (1.0 - both) * (1.0 / a.1 + 1.0 / b.1)).sqrt();
    (if apart == 0.0 { 0.0 } else { z }, [a.0 / a.1, b.0 / b.1])
}

/// Who comes in the second half of each pair; the first is always one who was seen before.
#[derive(Clone, Copy, Debug)]
enum Other {
    Unseen,
    Dropped,
    Objecting,
}

impl Other {
    /// Sends the nth of them.
    fn view(self, line: &mut Line, n: usize) -> (String, f64) {
        let fresh = format!("45.{}.{}.{}", 1 + n / 60_000, n / 250 % 240, 1 + n % 250);
        match self {
            Other::Unseen => line.view(&fresh, FIREFOX, ""),
            Other::Dropped => line.view(&fresh, BOT, ""),
            Other::Objecting => line.view(&fresh, FIREFOX, "sec-gpc: 1\r\n"),
        }
    }
}

/// Times of those who were seen before, and of the others.
type Samples = [Vec<f64>; 2];

fn asked(server: &Server, other: Other, pairs: std::ops::Range<usize>) -> Samples {
    let mut line = Line::to(server);
    let seen = |line: &mut Line| line.view("93.184.1.1", FIREFOX, "");
    let expected = seen(&mut line).0;
    assert!(expected.contains("HTTP/1.1 202"), "{expected}");
    let mut samples = Samples::default();
    for n in pairs {
        // Which of the two comes first is as even as bits of a multiplied counter are.
        let turned = (n as u32).wrapping_mul(0x9e37_79b1).count_ones() % 2 == 1;
        for which in if turned { [1, 0] } else { [0, 1] } {
            let (answer, took) = if which == 0 { seen(&mut line) } else { other.view(&mut line, n) };
            assert_eq!(answer, expected, "{other:?}");
            samples[which].push(took);
        }
    }
    samples
}

/// Asks over several connections, and puts together what they found.
fn asked_by(lines: usize, server: &Server, other: Other, pairs: usize) -> Samples {
    let share = pairs.div_ceil(lines);
    thread::scope(|scope| {
        let line = |n| scope.spawn(move || asked(server, other, n * share..pairs.min((n + 1) * share)));
        let lines: Vec<_> = (0..lines).map(line).collect();
        lines.into_iter().fold(Samples::default(), |mut all, line| {
            all.iter_mut().zip(line.join().unwrap()).for_each(|(all, more)| all.extend(more));
            all
        })
    })
}

fn served(fault: &str) -> (Home, Server) {
    let home = Home::at("2026-11-20T12:00:00Z");
    let home = if fault.is_empty() { home } else { home.sabotaged(fault) };
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    let run = home.runtime.path().join("run");
    let server = home.serve_with(&["--runtime", run.to_str().unwrap(), "--address-rate", "1000000"]);
    (home, server)
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
fn neither_the_answer_nor_its_time_tells_who_was_seen_before() {
    let asked_for = std::env::var("ORACLE_PAIRS").ok().and_then(|n| n.parse().ok());
    let (lines, least) = if asked_for.is_some() { (LINES, 0.0) } else { (1, APART_US) };
    let pairs = asked_for.unwrap_or(PAIRS);
    let mut cases = vec![("slow_for_new,answers_at_once", Other::Unseen, PAIRS, Some(true))];
    if asked_for.is_some() {
        // How much there is to hide. A busy machine hides it by itself.
        cases.push(("answers_at_once", Other::Unseen, pairs, Some(true)));
    }
    cases.extend(
        [Other::Unseen, Other::Dropped, Other::Objecting].map(|other| ("", other, pairs, Some(false))),
    );
    let mut wrong = Vec::new();
    for (fault, other, pairs, expected) in cases {
        let (_home, server) = served(fault);
        let samples = asked_by(lines, &server, other, pairs);
        let (whole, _) = welch(&samples);
        let (t, difference) = welch(&without_slowest(&samples));
        let (z, shares) = late(&samples);
        let [seen, others] = shares.map(|share| share * 100.0);
        let found = format!(
            "{fault} {other:?}: {pairs} pairs, t = {whole:.2}; without the slowest tenth t = {t:.2}, {difference:.1} us; \
             a step later {seen:.3} and {others:.3} %, z = {z:.2}"
        );
        println!("{found}");
        // Of 400 pairs a busy machine moves the slowest.
        let by_all = asked_for.is_some() && (whole.abs() > T_MAX || z.abs() > T_MAX);
        let told = by_all || t.abs() > T_MAX && difference.abs() > least;
        wrong.extend(expected.is_some_and(|expected| told != expected).then_some(found));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How long the quickest of some answers took, and what it was.
fn quickest(line: &mut Line, head: &str, body: &str) -> (Duration, String) {
    let answers = (0..20).map(|_| line.ask(head, body));
    let (answer, took) = answers.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    (Duration::from_secs_f64(took / 1e6), answer.split_once("HTTP/1.1 ").unwrap().1[..3].to_owned())
}

#[test]
fn no_answer_is_sooner_than_a_step() {
    let post = |more: &str| format!("POST /api/event HTTP/1.1\r\nuser-agent: {FIREFOX}\r\n{more}");
    let pixel = |query: &str| format!("GET /count?{query} HTTP/1.1\r\nuser-agent: {FIREFOX}\r\n");
    let bot = format!("POST /api/event HTTP/1.1\r\nuser-agent: {BOT}\r\n");
    let batch = format!("[{0},7,{0}]", view());
    let kinds: [(&str, String, String); 11] = [
        ("202", post(""), view()),
        ("202", bot, view()),
        ("202", post("sec-gpc: 1\r\n"), view()),
        ("202", post(""), batch.clone()),
        ("202", post("idempotency-key: 1\r\n"), batch),
        ("400", post(""), view().replace(SITE, "unknown.example")),
        ("400", post(""), "{".into()),
        ("400", post("idempotency-key: \r\n"), view()),
        ("413", post(""), " ".repeat(70_000)),
        ("200", pixel(&format!("p=/&site={SITE}")), String::new()),
        ("400", pixel(&format!("site={SITE}")), String::new()),
    ];
    for (fault, sooner) in [("", false), ("answers_at_once", true)] {
        let (_home, server) = served(fault);
        let mut found = Vec::new();
        for (status, head, body) in &kinds {
            let (took, said) = quickest(&mut Line::to(&server), head, body);
            assert_eq!(said, *status, "{head}{body}");
            found.extend((took < STEP).then(|| format!("{took:?} {head}{body}")));
        }
        assert_eq!(!found.is_empty(), sooner, "{fault}: {found:#?}");
    }
}
