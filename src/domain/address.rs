//! A visitor's address and user agent while a request lasts.
//!
//! Neither type can be printed, cloned, compared or serialised, and both overwrite their bytes when dropped:
//! nothing of them may reach a log, a file, an error or a metric.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How much of an address makes a visitor key: the length in bits of the network that counts as one visitor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grain {
    /// 0..=32; 32 by default.
    pub v4: u8,
    /// 0..=64; 64 by default.
    pub v6: u8,
}

impl Default for Grain {
    fn default() -> Self {
        Grain { v4: 32, v6: 64 }
    }
}

/// A client's address.
#[derive(ZeroizeOnDrop)]
pub struct Address {
    octets: [u8; 16],
    v4: bool,
    /// Bits that make the key.
    bits: u8,
}

/// An address's network as it goes into the visitor key.
#[derive(ZeroizeOnDrop)]
pub struct Network {
    /// 4 or 6, then 4 or 8 bytes.
    bytes: [u8; 9],
    len: u8,
}

impl Address {
    /// An address, IPv4-mapped ones taken for the IPv4 address that they are.
    pub fn new(ip: IpAddr, grain: Grain) -> Address {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let mut octets = [0; 16];
                octets[..4].copy_from_slice(&ip.octets());
                Address { octets, v4: true, bits: grain.v4.min(32) }
            }
            IpAddr::V6(ip) => Address { octets: ip.octets(), v4: false, bits: grain.v6.min(64) },
        }
    }

    /// What the visitor key is made of: the tag 4 or 6 and the network's bytes.
    pub fn network(&self) -> Network {
        let (tag, len) = if self.v4 { (4, 4) } else { (6, 8) };
        let mut network = Network { bytes: [0; 9], len: len as u8 + 1 };
        network.bytes[0] = tag;
        network.bytes[1..=len].copy_from_slice(&self.octets[..len]);
        for (at, byte) in network.bytes[1..=len].iter_mut().enumerate() {
            let kept = usize::from(self.bits).saturating_sub(at * 8).min(8);
            *byte &= (0xff00_u16 >> kept) as u8;
        }
        network
    }

    /// Whether the address lies in one of the networks.
    pub fn in_networks(&self, networks: &[IpNet]) -> bool {
        !networks.is_empty() && {
            let ip = self.ip();
            networks.iter().any(|network| network.contains(&ip))
        }
    }

    /// The address itself, for the country lookup only.
    pub(crate) fn ip(&self) -> IpAddr {
        match self.v4 {
            true => {
                let [a, b, c, d, ..] = self.octets;
                Ipv4Addr::new(a, b, c, d).into()
            }
            false => Ipv6Addr::from(self.octets).into(),
        }
    }
}

impl Network {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A client's user agent.
pub struct UserAgent(String);

impl UserAgent {
    /// Longest user agent that is looked at, in bytes; the rest is cut.
    pub const BYTES_MAX: usize = 1024;

    /// Reads a header's value; bytes that are no UTF-8 are replaced.
    pub fn new(header: &[u8]) -> UserAgent {
        let cut = &header[..header.len().min(Self::BYTES_MAX)];
        UserAgent(String::from_utf8_lossy(cut).into_owned())
    }

    /// The text, for the key, the list of bots and the description of the device only.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ip: &str, v4: u8, v6: u8, expected: &[u8]) {
        let address = Address::new(ip.parse().unwrap(), Grain { v4, v6 });
        assert_eq!(address.network().bytes(), expected, "{ip}");
    }

    #[test]
    fn networks_are_cut_to_their_grain() {
        check("192.0.2.77", 32, 64, &[4, 192, 0, 2, 77]);
        check("192.0.2.77", 24, 64, &[4, 192, 0, 2, 0]);
        check("192.0.2.77", 20, 64, &[4, 192, 0, 0, 0]);
        check("192.0.255.77", 20, 64, &[4, 192, 0, 240, 0]);
        check("192.0.2.77", 0, 64, &[4, 0, 0, 0, 0]);
        check("192.0.2.77", 99, 64, &[4, 192, 0, 2, 77]);
        check("::ffff:192.0.2.77", 32, 64, &[4, 192, 0, 2, 77]);
        check("2001:db8:1:2:3:4:5:6", 32, 64, &[6, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2]);
        check("2001:db8:1:2:3:4:5:6", 32, 56, &[6, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0]);
        check("2001:db8:1:2:3:4:5:6", 32, 128, &[6, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 2]);
    }

    #[test]
    fn networks_hold_addresses_of_their_own_kind() {
        let networks: Vec<IpNet> =
            ["10.0.0.0/8", "2001:db8::/32"].iter().map(|net| net.parse().unwrap()).collect();
        let within = |ip: &str| Address::new(ip.parse().unwrap(), Grain::default()).in_networks(&networks);
        assert!(within("10.1.2.3") && within("::ffff:10.1.2.3") && within("2001:db8::1"));
        assert!(!within("11.1.2.3") && !within("2001:db9::1"));
    }

    #[test]
    fn user_agents_are_cut() {
        assert_eq!(UserAgent::new(&[b'a'; 5000]).text().len(), UserAgent::BYTES_MAX);
        assert_eq!(UserAgent::new(b"a\xffb").text(), "a\u{fffd}b");
    }
}
