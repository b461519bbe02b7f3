//! Nothing of a visitor is written anywhere: every file of the data and runtime directories, the store's values
//! and all output are searched for addresses, user agents and undeclared texts, in every usual encoding.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::json;

use super::{
    api::{Api, FIREFOX, SITE},
    play::Play,
    rows::Stored,
    server::Home,
};

/// Forms in which bytes may lie in a file: raw, backwards, hexadecimal, base64 at each of its three offsets.
pub fn forms(of: &[u8]) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let backwards: Vec<u8> = of.iter().rev().copied().collect();
    let forms = [hex(of), hex(of).to_uppercase(), hex(&backwards), hex(&backwards).to_uppercase()]
        .map(String::into_bytes);
    let mut forms = [&forms[..], &[of.to_vec(), backwards]].concat();
    for offset in 0..3 {
        let mut padded = vec![0; offset];
        padded.extend(of);
        // The first and the last character depend on what stands beside.
        let text = STANDARD_NO_PAD.encode(padded);
        let from = (offset * 8).div_ceil(6);
        let whole = (offset + of.len()) * 8 / 6;
        forms.push(text.as_bytes()[from..whole].to_vec());
    }
    forms
}

/// What to look for of an address: its text and its bytes. Four raw bytes may stand anywhere by chance, so of
/// IPv4 the bytes are looked for in their written forms only.
pub fn of_address(address: IpAddr) -> Vec<Vec<u8>> {
    let mut needles = forms(address.to_string().as_bytes());
    match address {
        IpAddr::V4(address) => needles.extend(forms(&address.octets()).into_iter().take(4)),
        IpAddr::V6(address) => needles.extend(forms(&address.octets()[..8])),
    }
    needles
}

/// Looks for many needles at once.
pub struct Search {
    needles: AhoCorasick,
}

impl Search {
    pub fn new(needles: impl IntoIterator<Item = Vec<u8>>) -> Search {
        let needles: Vec<_> = needles.into_iter().inspect(|needle| assert!(needle.len() >= 5)).collect();
        Search { needles: AhoCorasick::new(needles).unwrap() }
    }

    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.needles.is_match(bytes)
    }

    /// What is there, with what stands around it.
    pub fn matches(&self, bytes: &[u8]) -> Vec<String> {
        let around = |at: aho_corasick::Match| {
            let (from, to) = (at.start().saturating_sub(96), (at.end() + 96).min(bytes.len()));
            bytes[from..to].escape_ascii().to_string()
        };
        self.needles.find_iter(bytes).map(around).collect()
    }

    /// The files below a folder that hold something.
    pub fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut read = 0;
        for path in all_files(folder) {
            let Ok(bytes) = fs::read(&path) else { continue };
            read += 1;
            if self.is_in(&bytes) {
                found.push(path);
            }
        }
        assert!(read > 0, "{} holds files", folder.display());
        found
    }
}

pub fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}

/// Nothing is found in the directories; a planted text is.
#[track_caller]
fn check_clean(search: &Search, home: &Home, planted: &[u8], what: &str) {
    for folder in [home.data.path(), home.runtime.path()] {
        assert_eq!(search.files(folder), Vec::<PathBuf>::new(), "{what}");
        for (at, form) in forms(planted).iter().enumerate() {
            let file = folder.join("planted");
            fs::write(&file, [b"before".as_slice(), form, b"after"].concat()).unwrap();
            assert_eq!(search.files(folder), std::slice::from_ref(&file), "{what}: form {at} would be found");
            fs::remove_file(file).unwrap();
        }
    }
}

#[tokio::test]
async fn no_address_user_agent_or_undeclared_text_is_written_anywhere() {
    let mut play = Play::of("2026-11-18", "Europe/Tallinn", 40, 3);
    let visitors = play.visitors();
    assert!(visitors.len() > 80);
    let mut needles: Vec<Vec<u8>> = visitors.iter().flat_map(|visitor| of_address(visitor.address)).collect();
    needles.extend(visitors.iter().flat_map(|visitor| forms(visitor.user_agent.as_bytes())));
    // What the simulator sends that the site has not declared, or that is personal.
    for text in ["somebody's own words", "hover_over_jane", "jane.doe@example.org", "3f2b8c1e-5d4a"] {
        needles.extend(forms(text.as_bytes()));
    }
    let search = Search::new(needles);
    let runtime = play.home.runtime.path().join("run").to_str().unwrap().to_owned();
    let flags = ["--runtime", &runtime, "--flush-interval", "10s", "--log-level", "mayfly=trace,debug"];

    let server = play.home.serve_with(&flags);
    play.until(&server, play.among_visits()).await;
    check_clean(&search, &play.home, visitors[0].user_agent.as_bytes(), "within the day");
    let output = server.kill();
    assert!(!search.is_in(output.as_bytes()), "the first server's output");
    check_clean(&search, &play.home, visitors[0].address.to_string().as_bytes(), "killed");

    let server = play.home.serve_with(&flags);
    let midnight = play.zone.start_of(play.day.plus(1));
    play.until(&server, midnight + 10 * 60_000).await;
    play.check_closed(&server, "closed").await;
    let (code, output) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        output.contains("closed a day") && !search.is_in(output.as_bytes()),
        "the second server's output"
    );
    check_clean(&search, &play.home, b"somebody's own words", "closed");
    // The store compresses what it holds, so its values are searched as SQL tells them.
    let text = Stored::of(play.home.data.path()).text();
    assert!(text.contains("example.com/pricing") && text.contains(":id"));
    assert!(!search.is_in(text.as_bytes()), "the store's values");
}

#[tokio::test]
async fn proposals_live_in_memory_until_k_visitors_said_the_same() {
    let home = Home::at("2026-11-20T12:00:00Z");
    let server = home.serve();
    let api = Api::of(&server);
    let token = super::server::until("the token", || server.said("Claim token: "));
    let claim = json!({"token": token, "name": "ada", "password": "a long enough password", "site": {"host": SITE, "zone": "UTC"}});
    let claimed = api.request(reqwest::Method::POST, "/api/claim").header("x-mayfly", "1").json(&claim);
    let claimed = claimed.send().await.unwrap();
    let cookie = claimed.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let proposals = async || {
        let path = format!("/api/sites/{SITE}/proposals");
        let asked = api.request(reqwest::Method::GET, &path).header("cookie", &cookie);
        asked.send().await.unwrap().json::<serde_json::Value>().await.unwrap()["proposals"].clone()
    };
    let body = json!({"n": "newsletter_popup", "u": format!("https://{SITE}/"), "d": SITE}).to_string();
    for n in 1..=5 {
        assert_eq!(proposals().await, json!([]), "fewer than k visitors: nobody is shown it");
        let address = format!("192.0.2.{n}");
        let headers = [("x-forwarded-for", address.as_str()), ("user-agent", FIREFOX)];
        for _ in 0..2 {
            assert_eq!(api.post_event(&headers, body.clone()).await.status, 202);
        }
    }
    let found = proposals().await;
    assert_eq!(
        (&found[0]["text"], &found[0]["visitors"]),
        (&json!("newsletter_popup"), &json!(5)),
        "{found}"
    );
    let search = Search::new(forms(b"newsletter_popup"));
    check_clean(&search, &home, b"newsletter_popup", "proposed");
    assert!(!search.is_in(server.kill().as_bytes()));
}

/// A mark for each place of a request in which a client can put text; `zq` begins no word that anybody declared.
pub const MARKED: [&str; 14] = [
    "zqname",
    "zqprop",
    "zqvalue",
    "zqlisted",
    "zqquery",
    "zqfragment",
    "zqtitle",
    "zqreferrer",
    "zqscreen",
    "zqmail",
    "zqcurrency",
    "zqunknown",
    "zqpixel",
    "zqgclid",
];

/// What clients can say in every form that they can say it in.
pub async fn say_everything(api: &Api, visitor: u32) {
    let address = format!("192.0.2.{visitor}");
    let headers =
        [("x-forwarded-for", address.as_str()), ("user-agent", FIREFOX), ("accept-language", "fi-zqunknown")];
    let url = format!(
        "https://{SITE}/a/zqmail@example.org/b?x=zqquery&gclid=zqgclid&utm_campaign=zqmail@example.org#zqfragment"
    );
    let referrer = "https://news.example.org/zqreferrer?zqreferrer=1#zqreferrer";
    let common = json!({"u": url, "d": SITE, "r": referrer, "t": "zqtitle", "title": "zqtitle", "w": "zqscreen", "zqunknown": "zqunknown"});
    let with = |more: serde_json::Value| {
        let mut body = common.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let bodies = [
        with(json!({"n": "pageview", "p": {"zqprop": "zqvalue"}})),
        with(json!({"n": "zqname", "p": {"plan": "zqvalue"}})),
        with(
            json!({"n": "signup", "p": {"plan": "zqlisted", "zqprop": "zqvalue"}, "$": {"currency": "zqcurrency", "amount": "1"}}),
        ),
        with(json!({"n": "signup", "p": "{\"plan\":\"zqlisted\"}"})),
        with(json!({"n": "engagement", "e": 1000, "sd": 40})),
        format!("[{}]", with(json!({"n": "zqname"}))),
    ];
    for body in bodies {
        assert_eq!(api.post_event(&headers, body).await.status, 202);
    }
    let pixel = format!(
        "/count?site={SITE}&p=/a/zqmail@example.org&t=zqtitle&s=zqscreen&q=x=zqquery&r={referrer}&zqpixel=zqpixel"
    );
    for path in [pixel, format!("/count?site={SITE}&p=zqname&e=1")] {
        let mut request = api.request(reqwest::Method::GET, &path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn what_nobody_declared_is_in_no_file_log_row_or_answer() {
    let home = Home::at("2026-11-20T12:00:00Z");
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home.run(&["event", "add", SITE, "signup", "--property", "plan=free,pro"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let search = Search::new(MARKED.iter().flat_map(|mark| forms(mark.as_bytes())));
    let runtime = home.runtime.path().join("run").to_str().unwrap().to_owned();
    let server = home.serve_with(&["--runtime", &runtime, "--log-level", "mayfly=trace,debug"]);
    let api = Api::of(&server);
    // More than k: what may be told of a crowd is told.
    for visitor in 1..=7 {
        say_everything(&api, visitor).await;
    }
    check_clean(&search, &home, b"zqname", "within the day");
    let answers = [
        api.read("live", "", &key).await,
        api.read("report", "p=day&limit=100", &key).await,
        api.read("rows", "p=day&dimension=source", &key).await,
        api.read("rows", "p=day&dimension=page", &key).await,
        api.read("rows", "p=day&dimension=event", &key).await,
    ];
    let told = answers.map(|answer| answer.to_string()).join("\n");
    assert!(told.contains(":id") && !search.is_in(told.as_bytes()), "{told}");
    home.set_clock("2026-11-21T00:05:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    super::server::until("the day is closed", || server.output().contains("closed a day").then_some(()));
    let (code, output) = server.stop();
    assert_eq!(code, Some(0));
    assert!(!search.is_in(output.as_bytes()), "the output");
    check_clean(&search, &home, b"zqvalue", "closed");
    let text = Stored::of(home.data.path()).text();
    assert!(text.contains("(undeclared)") && text.contains(":id") && !search.is_in(text.as_bytes()));
}
