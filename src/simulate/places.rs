//! Address ranges whose country is known: registry allocations, looked up in the trial database that the
//! tests verify them against. Addresses in them are invented; nothing is ever sent to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A country with ranges of addresses that are its own.
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub code: &'static str,
    /// Sent as Accept-Language by most people there.
    pub accept_language: &'static str,
    /// Its primary tag.
    pub language: &'static str,
    /// Weight among ordinary visitors.
    pub weight: u32,
    /// First two bytes of IPv4 ranges of 65,536 addresses.
    v4: &'static [[u8; 2]],
    /// First two groups of an IPv6 range of 2^32 networks.
    v6: [u16; 2],
}

macro_rules! countries {
    ($($code:literal $tag:literal $language:literal $weight:literal [$(($a:literal, $b:literal)),*] ($c:literal, $d:literal);)*) => {
        &[$(Country {
            code: $code, accept_language: $tag, language: $language, weight: $weight,
            v4: &[$([$a, $b]),*], v6: [$c, $d],
        },)*]
    };
}

/// Where ordinary visitors are; no crowd is planted in these.
pub const COUNTRIES: &[Country] = countries! {
    "US" "en-US,en;q=0.9" "en" 30 [(67, 222), (67, 227), (140, 242), (140, 244)] (0x2001, 0x0400);
    "DE" "de-DE,de;q=0.9,en;q=0.5" "de" 16 [(80, 151), (80, 152), (134, 91), (217, 248)] (0x2001, 0x0608);
    "GB" "en-GB,en;q=0.9" "en" 10 [(57, 243), (57, 244), (135, 118), (217, 204)] (0x2001, 0x0630);
    "FR" "fr-FR,fr;q=0.9" "fr" 9 [(86, 192), (86, 224), (134, 206), (217, 167)] (0x2001, 0x0660);
    "IN" "en-IN,en;q=0.8,hi;q=0.6" "en" 8 [(47, 11), (47, 15), (115, 110), (223, 232)] (0x2001, 0x0ca8);
    "BR" "pt-BR,pt;q=0.9" "pt" 6 [(177, 129), (177, 130), (187, 60), (187, 64)] (0x2001, 0x1280);
    "JP" "ja,en-US;q=0.7" "ja" 5 [(113, 40), (113, 144), (132, 222), (223, 216)] (0x2001, 0x02a0);
    "NL" "nl-NL,nl;q=0.9" "nl" 5 [(81, 58), (81, 204), (134, 146), (217, 166)] (0x2001, 0x0602);
    "CA" "en-CA,en;q=0.9" "en" 4 [(104, 205), (107, 159), (142, 72), (216, 232)] (0x2001, 0x0410);
    "AU" "en-AU,en;q=0.9" "en" 3 [(116, 240), (116, 250), (140, 79), (220, 253)] (0x2001, 0x0210);
    "SE" "sv-SE,sv;q=0.9" "sv" 2 [(83, 233), (83, 248), (138, 215), (217, 214)] (0x2001, 0x06b0);
    "PL" "pl-PL,pl;q=0.9" "pl" 1 [(79, 96), (79, 162), (93, 105), (217, 153)] (0x2001, 0x06a0);
};

/// Where exactly k-1, k and k+1 visitors of a day are.
pub const CROWD_COUNTRIES: &[Country] = countries! {
    "EE" "et-EE,et;q=0.9" "et" 0 [(84, 50), (85, 253), (88, 196), (90, 190)] (0x2001, 0x07d0);
    "LV" "lv-LV,lv;q=0.9" "lv" 0 [(46, 109), (78, 84), (81, 198), (87, 110)] (0x2001, 0x1bf8);
    "LT" "lt-LT,lt;q=0.9" "lt" 0 [(78, 56), (86, 100), (90, 135), (188, 69)] (0x2001, 0x0778);
};

impl Country {
    /// The `n`th address of this country: different networks (for IPv6: different /64s) for different `n`
    /// up to 200,000. Every fifth is IPv6.
    pub fn address(&self, n: u32) -> IpAddr {
        if n % 5 == 4 {
            let [high, low] = [(n >> 16) as u16, n as u16];
            return Ipv6Addr::new(self.v6[0], self.v6[1], high, low, 0, 0, 0x51, 1 + (n % 251) as u16).into();
        }
        let [a, b] = self.v4[n as usize % self.v4.len()];
        // A walk over the range that does not look like a counter; odd, so it meets every address once.
        let low = (n / self.v4.len() as u32).wrapping_mul(40_503) as u16;
        Ipv4Addr::new(a, b, (low >> 8) as u8, low as u8).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[derive(serde::Deserialize)]
    struct Found {
        country_code: String,
    }

    #[test]
    fn the_trial_database_knows_every_range() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"
        );
        let database = maxminddb::Reader::open_readfile(file).unwrap();
        for country in COUNTRIES.iter().chain(CROWD_COUNTRIES) {
            for n in (0..200_000).step_by(97) {
                let address = country.address(n);
                let found: Found = database.lookup(address).unwrap().decode().unwrap().unwrap();
                assert_eq!(found.country_code, country.code, "{address}");
            }
        }
    }

    #[test]
    fn addresses_do_not_repeat() {
        for country in COUNTRIES {
            let addresses: HashSet<IpAddr> = (0..200_000).map(|n| country.address(n)).collect();
            assert_eq!(addresses.len(), 200_000, "{}", country.code);
        }
    }
}
