//! Who asks: the client's address by way of trusted proxies, and its signals of objection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::domain::{
    address::{Address, Grain},
    admit::Signals,
};

/// Which peers may say whom they forward, where they say it, and how finely addresses count.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Loopback by default.
    pub trusted: Vec<IpNet>,
    /// A header's name in lower case; `forwarded` is read by RFC 7239, any other as a list of addresses.
    pub header: String,
    pub grain: Grain,
}

impl Default for Proxies {
    fn default() -> Self {
        let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        let v6 = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
        Proxies {
            trusted: vec![v4.into(), v6.into()],
            header: "x-forwarded-for".into(),
            grain: Grain::default(),
        }
    }
}

/// Most hops that are read, from the right.
const HOPS_MAX: usize = 32;

impl Proxies {
    pub(super) fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }

    /// The client's address: the peer's own, unless the peer is a trusted proxy. Then the header's lines, in
    /// the order in which they came, are one list that is read from the right: the first address that is not
    /// a trusted proxy's is the client's. What cannot be read ends the list: behind it nobody is trusted.
    pub fn client<'a>(&self, peer: IpAddr, lines: impl IntoIterator<Item = &'a [u8]>) -> Address {
        let mut client = peer.to_canonical();
        if self.trusts(client) {
            let lines: Vec<&[u8]> = lines.into_iter().collect();
            for hop in lines.iter().rev().flat_map(|line| hops(line)).take(HOPS_MAX) {
                let Some(ip) = self.address_of(hop) else { break };
                client = ip;
                if !self.trusts(client) {
                    break;
                }
            }
        }
        Address::new(client, self.grain)
    }

    fn address_of(&self, hop: &[u8]) -> Option<IpAddr> {
        let text = std::str::from_utf8(hop).ok()?;
        match self.header == "forwarded" {
            true => text.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| read_address(value))
            })?,
            false => read_address(text),
        }
    }
}

/// The elements of a list, from the right. Addresses hold no comma, quoted or not.
fn hops(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.rsplit(|&byte| byte == b',').filter(|hop| !hop.trim_ascii().is_empty())
}

/// Reads an address with or without quotes, brackets, zone and port.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"').trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            is_port(port).then_some(inside)?
        }
        None if text.matches(':').count() == 1 => {
            let at = text.find(':')?;
            is_port(&text[at..]).then_some(&text[..at])?
        }
        None => text,
    };
    let bare = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    bare.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Reads the signals of objection from a request's headers: `Sec-GPC`, `DNT` and the opt-out cookie or flag.
pub fn signals(gpc: Option<&[u8]>, dnt: Option<&[u8]>, opted_out: bool) -> Signals {
    let is_one = |value: Option<&[u8]>| value.is_some_and(|value| value.trim_ascii() == b"1");
    Signals { gpc: is_one(gpc), dnt: is_one(dnt), opted_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_header(header: &str, peer: &str, lines: &[&str], expected: &str) {
        let mut proxies = Proxies { header: header.into(), ..Proxies::default() };
        proxies.trusted.push("10.0.0.0/8".parse().unwrap());
        proxies.trusted.push("fd00::/8".parse().unwrap());
        let address = proxies.client(peer.parse().unwrap(), lines.iter().map(|line| line.as_bytes()));
        assert_eq!(address.ip().to_string(), expected, "{peer} {lines:?}");
    }

    #[track_caller]
    fn check(peer: &str, lines: &[&str], expected: &str) {
        check_header("x-forwarded-for", peer, lines, expected);
    }

    #[test]
    fn only_trusted_peers_speak_for_others() {
        check("198.51.100.1", &["192.0.2.1"], "198.51.100.1");
        check("127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.9.9.9", &[""], "127.9.9.9");
        check("::1", &["192.0.2.1"], "192.0.2.1");
        check("::ffff:127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("::ffff:198.51.100.1", &["192.0.2.1"], "198.51.100.1");
    }

    #[test]
    fn lists_are_read_from_the_right_past_trusted_hops() {
        check("10.0.0.1", &["203.0.113.9, 192.0.2.1"], "192.0.2.1");
        check("10.0.0.1", &["203.0.113.9, 192.0.2.1, 10.1.1.1"], "192.0.2.1");
        check("10.0.0.1", &["203.0.113.9,192.0.2.1 ,10.1.1.1,fd00::7"], "192.0.2.1");
        check("10.0.0.1", &["203.0.113.9", "192.0.2.1", "10.1.1.1"], "192.0.2.1");
        check("10.0.0.1", &["203.0.113.9", ""], "203.0.113.9");
        // Everyone is trusted: the far end is the client.
        check("10.0.0.1", &["10.0.0.9, 10.0.0.8"], "10.0.0.9");
        // A lie at the left changes nothing.
        check("10.0.0.1", &["evil, <script>, 192.0.2.1"], "192.0.2.1");
        // What cannot be read ends the list.
        check("10.0.0.1", &["192.0.2.1, evil"], "10.0.0.1");
        check("10.0.0.1", &["192.0.2.1, evil, 10.2.2.2"], "10.2.2.2");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        check("127.0.0.1", &["192.0.2.1:4711"], "192.0.2.1");
        check("127.0.0.1", &["2001:db8::1"], "2001:db8::1");
        check("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1");
        check("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check("127.0.0.1", &["[2001:db8::1]:x"], "127.0.0.1");
        check("127.0.0.1", &["[2001:db8::1"], "127.0.0.1");
        check("127.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &["fe80::1%eth0"], "fe80::1");
        check("127.0.0.1", &["192.0.2.1:99999"], "127.0.0.1");
        check("127.0.0.1", &["\u{fffd}"], "127.0.0.1");
    }

    #[test]
    fn forwarded_is_read_by_its_rules() {
        let header = "forwarded";
        check_header(header, "127.0.0.1", &["for=192.0.2.1;proto=https;by=10.0.0.1"], "192.0.2.1");
        check_header(header, "127.0.0.1", &["For=\"[2001:db8::1]:4711\""], "2001:db8::1");
        check_header(header, "127.0.0.1", &["for=203.0.113.9, proto=http; for=192.0.2.1"], "192.0.2.1");
        check_header(header, "127.0.0.1", &["for=192.0.2.1, for=_hidden"], "127.0.0.1");
        check_header(header, "127.0.0.1", &["for=unknown"], "127.0.0.1");
        check_header(header, "127.0.0.1", &["proto=https"], "127.0.0.1");
        check_header("cf-connecting-ip", "127.0.0.1", &["192.0.2.1"], "192.0.2.1");
    }

    #[test]
    fn signals_are_exactly_one() {
        let read = signals(Some(b"1"), Some(b" 1 "), false);
        assert!(read.gpc && read.dnt && !read.opted_out);
        let read = signals(Some(b"0"), None, true);
        assert!(!read.gpc && !read.dnt && read.opted_out);
        assert!(!signals(Some(b"11"), Some(b""), false).gpc);
    }
}
