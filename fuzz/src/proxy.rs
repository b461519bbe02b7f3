//! Forwarding headers: the client is the peer or one of those that the header names, and nobody but trusted
//! proxies has a say in it.

use std::{collections::BTreeSet, net::IpAddr};

use mayfly::{
    collect::client::{Proxies, signals},
    domain::address::{Address, Grain},
};

/// A byte of choices, then the header's lines.
pub fn check(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let header = if choice & 1 == 0 { "x-forwarded-for" } else { "forwarded" };
    let mut proxies = Proxies { header: header.to_owned(), ..Proxies::default() };
    proxies.trusted.push("10.0.0.0/8".parse().expect("a network"));
    proxies.trusted.push("fd00::/8".parse().expect("a network"));
    let peer = ["127.0.0.1", "::ffff:10.1.2.3", "fd00::7", "198.51.100.9", "2001:db8::9"]
        [usize::from(choice >> 1) % 5];
    let peer: IpAddr = peer.parse().expect("an address");
    let lines: Vec<&[u8]> = rest.split(|&byte| byte == b'\n').collect();
    let client = network(&proxies.client(peer, lines.iter().copied()));

    let own = network(&Address::new(peer, Grain::default()));
    let trusted = |ip: IpAddr| proxies.trusted.iter().any(|network| network.contains(&ip.to_canonical()));
    if !trusted(peer) {
        assert_eq!(client, own, "an untrusted peer speaks for itself only");
    }
    let named: BTreeSet<Vec<u8>> = lines.iter().flat_map(|line| addresses(line)).collect();
    assert!(client == own || named.contains(&client), "{client:?} is in nobody's words");

    // What stands further left than an untrusted address changes nothing.
    // Of an IPv6 address only the network is known here, and that of the loopback address is trusted in part.
    let read = client_ip(&client);
    if client != own && !trusted(read) && client[1..] != [0; 8] {
        let lied = [&b"203.0.113.66"[..], b"for=203.0.113.66"].into_iter().chain(lines.iter().copied());
        assert_eq!(network(&proxies.client(peer, lied)), client, "a lie at the left");
    }
    coarse(&proxies, peer, &lines, &client);
    let _ = signals(Some(rest), rest.split(|&byte| byte == b',').next(), choice & 64 != 0);
}

/// A coarser grain keeps the same address, with fewer bits of it.
fn coarse(proxies: &Proxies, peer: IpAddr, lines: &[&[u8]], fine: &[u8]) {
    let proxies = Proxies { grain: Grain { v4: 24, v6: 48 }, ..proxies.clone() };
    let coarse = network(&proxies.client(peer, lines.iter().copied()));
    let kept = if fine[0] == 4 { 4 } else { 7 };
    assert_eq!(coarse[..kept], fine[..kept]);
    assert!(coarse[kept..].iter().all(|&byte| byte == 0));
}

fn network(address: &Address) -> Vec<u8> {
    address.network().bytes().to_vec()
}

fn client_ip(network: &[u8]) -> IpAddr {
    match *network {
        [4, a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => {
            let mut octets = [0; 16];
            octets[..8].copy_from_slice(&network[1..9]);
            IpAddr::from(octets)
        }
    }
}

/// Every network that a line could name, wherever it stands in it: all runs of an address's characters, and
/// their beginnings up to a port.
fn addresses(line: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(line).into_owned();
    let runs = text.split(|one: char| !(one.is_ascii_hexdigit() || ".:".contains(one)));
    let candidates = runs.flat_map(|run| {
        [
            Some(run),
            run.rsplit_once(':').map(|(before, _)| before),
            run.split_once(':').map(|(_, after)| after),
        ]
    });
    let found = candidates.flatten().filter_map(|one| one.parse::<IpAddr>().ok());
    found.map(|ip| network(&Address::new(ip, Grain::default()))).collect()
}
