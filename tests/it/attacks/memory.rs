//! A2: the memory of a live process, searched for addresses and user agents once who sent them has gone, and for salts and
//! keys a minute after midnight. So for what clients said that nobody declared.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use super::{
    super::{
        api::{Api, SITE},
        server::{Home, Server, until},
        traces::{MARKED, Search, forms, say_everything},
    },
    crowd::{self, Known},
    reading,
};

/// The longest needle that is looked for may lie across two parts.
const OVERLAP: usize = 256;
const MINUTE_AFTER: &str = "2026-11-21T00:01:00Z";

/// A server that may be read, with one site.
fn install(sabotages: &str) -> Home {
    let home = Home::at("2026-11-20T22:00:00Z").sabotaged(&format!("may_be_read,{sabotages}"));
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home
}

/// Where in a process something of a search lies, with what it is.
fn found(server: &Server, search: &Search) -> Vec<String> {
    let mut places = Vec::new();
    let all = reading::read(server.pid(), OVERLAP, |name, bytes| {
        places.extend(search.matches(bytes).into_iter().take(5).map(|what| format!("{name}: {what}")));
    });
    assert!(all > 1 << 20, "{all} bytes");
    places
}

/// Connections that bring their own address as the peer's, one of which goes away in the midst of a request.
fn visit_directly(server: &Server, peers: &[Ipv4Addr], agent: &str) {
    for (n, peer) in peers.iter().enumerate() {
        let socket = socket_from(*peer, server);
        let mut stream = socket;
        let body = format!(r#"{{"n":"pageview","u":"https://{SITE}/direct","d":"{SITE}"}}"#);
        let whole = body.len();
        let sent = if n == 0 { &body[..whole / 2] } else { &body };
        let head = format!(
            "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: {agent}\r\nx-forwarded-for: {peer}\r\ncontent-length: {whole}\r\n\r\n"
        );
        stream.write_all(format!("{head}{sent}").as_bytes()).unwrap();
        if n > 0 {
            let mut answer = [0; 64];
            let got = std::io::Read::read(&mut stream, &mut answer).unwrap();
            assert!(answer[..got].starts_with(b"HTTP/1.1 202"), "{:?}", String::from_utf8_lossy(&answer));
        }
    }
}

fn socket_from(peer: Ipv4Addr, server: &Server) -> std::net::TcpStream {
    let to: SocketAddr = server.origin.trim_start_matches("http://").parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((peer, 0).into()).unwrap();
    let connecting = socket.connect(to);
    let stream = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(connecting));
    let stream = stream.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// A burst of visitors, who then close their connections. Returns what is to be looked for of them.
async fn burst(server: &Server, crowd: &[Known]) -> Search {
    crowd::visit(server, crowd, "/", 64).await;
    let peers =
        [Ipv4Addr::new(127, 203, 119, 245), Ipv4Addr::new(127, 77, 191, 83), Ipv4Addr::new(127, 31, 7, 229)];
    visit_directly(server, &peers, &crowd[0].agent);
    let mut needles = crowd::who(crowd);
    needles.extend(peers.iter().map(|peer| peer.to_string().into_bytes()));
    Search::new(needles)
}

/// A search finds nothing, at the latest a while after connections were closed: that is when workers have wiped their stacks.
fn check_gone(server: &Server, search: &Search, what: &str) {
    let mut last = Vec::new();
    let begun = Instant::now();
    let gone = until(what, || {
        last = found(server, search);
        (last.is_empty() || begun.elapsed() > Duration::from_secs(20)).then_some(last.is_empty())
    });
    assert!(gone, "{what}: {last:?}");
}

/// A search still finds something when a sound server has long forgotten it.
fn check_there(server: &Server, search: &Search, what: &str) {
    let begun = Instant::now();
    let there = until(what, || {
        let there = !found(server, search).is_empty();
        (!there || begun.elapsed() > Duration::from_secs(4)).then_some(there)
    });
    assert!(there, "{what}: the attack fails on a server with the fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_no_address_or_user_agent_once_visitors_have_gone() {
    let crowd = crowd::known(150);
    for (sabotage, gone) in [("", true), ("no_wipe", false), ("heads_kept", false)] {
        let home = install(sabotage);
        let server = home.serve();
        let search = burst(&server, &crowd).await;
        match gone {
            true => check_gone(&server, &search, "visitors have gone"),
            false => check_there(&server, &search, sabotage),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_no_salt_and_no_key_a_minute_after_midnight() {
    let crowd = crowd::known(150);
    for (sabotage, gone) in [("", true), ("salt_kept", false)] {
        let home = install(sabotage);
        let server = home.serve();
        burst(&server, &crowd).await;
        let salts: Vec<_> = crowd::salts(&home).into_iter().map(|(_, salt)| salt).collect();
        assert!(!salts.is_empty());
        let search = Search::new(crowd::secrets(&salts, &crowd));
        assert!(!found(&server, &search).is_empty(), "within the day it is there");
        home.set_clock(MINUTE_AFTER.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        until("the close", || server.output().contains("closed a day").then_some(()));
        match gone {
            true => check_gone(&server, &search, "a minute after midnight"),
            false => check_there(&server, &search, sabotage),
        }
    }
}

/// Of what nobody declared: names of events, properties and values of declared ones, which wait until k visitors said the same.
const PROPOSED: [&str; 4] = ["zqname", "zqprop", "zqvalue", "zqlisted"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_what_nobody_declared_as_proposals_only_and_until_midnight() {
    let (proposed, others): (Vec<&str>, Vec<&str>) = MARKED.iter().partition(|mark| PROPOSED.contains(mark));
    let [proposed, others] =
        [proposed, others].map(|marks| Search::new(marks.iter().flat_map(|mark| forms(mark.as_bytes()))));
    for (sabotage, gone) in [("", true), ("no_wipe", false)] {
        let home = install(sabotage);
        home.run(&["event", "add", SITE, "signup", "--property", "plan=free,pro"]);
        let server = home.serve();
        // Fewer than k, whose connection ends with the client.
        for visitor in 1..=3 {
            say_everything(&Api::of(&server), visitor).await;
        }
        match gone {
            true => check_gone(&server, &others, "texts that are no proposals"),
            false => check_there(&server, &others, sabotage),
        }
        assert!(!found(&server, &proposed).is_empty(), "proposals are there within the day");
        home.set_clock(MINUTE_AFTER.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        until("the close", || server.output().contains("closed a day").then_some(()));
        if gone {
            check_gone(&server, &proposed, "proposals a minute after midnight");
        }
    }
}
