//! The visitor key: address and user agent under the site-day's salt. It is never stored.

use zeroize::Zeroize;

use crate::domain::{
    address::{Address, UserAgent},
    hit::VisitorKey,
};

/// 64 bits of BLAKE3 keyed by the salt, over the network and the user agent, each after its length.
pub fn visitor_key(salt: &[u8; 32], address: &Address, agent: &UserAgent) -> VisitorKey {
    let network = address.network();
    let mut hasher = blake3::Hasher::new_keyed(salt);
    for field in [network.bytes(), agent.text().as_bytes()] {
        hasher.update(&(field.len() as u32).to_le_bytes());
        hasher.update(field);
    }
    let mut hash = hasher.finalize();
    hasher.zeroize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    hash.zeroize();
    VisitorKey(u64::from_le_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Grain;

    fn key(salt: u8, ip: &str, agent: &str) -> u64 {
        let address = Address::new(ip.parse().unwrap(), Grain::default());
        visitor_key(&[salt; 32], &address, &UserAgent::new(agent.as_bytes())).0
    }

    #[test]
    fn keys_depend_on_salt_network_and_agent() {
        let one = key(1, "192.0.2.1", "agent");
        assert_eq!(one, key(1, "::ffff:192.0.2.1", "agent"));
        assert_ne!(one, key(2, "192.0.2.1", "agent"));
        assert_ne!(one, key(1, "192.0.2.2", "agent"));
        assert_ne!(one, key(1, "192.0.2.1", "agent "));
        assert_eq!(key(1, "2001:db8::1", "a"), key(1, "2001:db8::ffff", "a"));
        assert_ne!(key(1, "2001:db8::1", "a"), key(1, "2001:db8:0:1::1", "a"));
    }

    #[test]
    fn fields_are_framed() {
        let address = Address::new("192.0.2.1".parse().unwrap(), Grain::default());
        let expected =
            blake3::keyed_hash(&[7; 32], b"\x05\x00\x00\x00\x04\xc0\x00\x02\x01\x02\x00\x00\x00UA");
        let expected = u64::from_le_bytes(expected.as_bytes()[..8].try_into().unwrap());
        assert_eq!(visitor_key(&[7; 32], &address, &UserAgent::new(b"UA")).0, expected);
    }
}
