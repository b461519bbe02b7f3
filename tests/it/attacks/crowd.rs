//! Known visitors of one site: what they send, their keys under a salt, and what to look for of them.

use std::{fs, net::IpAddr, path::Path};

use mayfly::{
    collect::identity::visitor_key,
    domain::address::{Address, Grain, UserAgent},
};
use serde_json::json;

use super::super::{
    api::{Api, SITE},
    server::{Home, Server},
    traces::{forms, of_address},
};

/// One who is known to the attacker.
pub struct Known {
    pub address: IpAddr,
    pub agent: String,
}

/// Bytes of a salt.
pub const SALT: usize = 32;
/// Where a salt lies in its file.
const SALT_AT: usize = 32;

/// Visitors, every other one with an IPv6 address; each with a user agent of its own.
pub fn known(n: usize) -> Vec<Known> {
    let one = |n: usize| Known {
        address: match n % 2 {
            0 => format!("93.184.{}.{}", 100 + n / 100, 100 + n % 100).parse().unwrap(),
            _ => format!("2a00:1450:{:x}:{:x}::7", 0x4001 + n, 0x9a80 + n).parse().unwrap(),
        },
        agent: format!("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 {}", token(n)),
    };
    (0..n).map(one).collect()
}

/// A word that nothing else has.
fn token(n: usize) -> String {
    format!("kq{:08x}zv", (n as u32 + 1).wrapping_mul(0x9e37_79b1))
}

impl Known {
    /// The key that a salt gives this visitor.
    pub fn key(&self, salt: &[u8; SALT]) -> u64 {
        let address = Address::new(self.address, Grain::default());
        visitor_key(salt, &address, &UserAgent::new(self.agent.as_bytes())).0
    }

    /// Views a page; the status.
    pub async fn view(&self, api: &Api, site: &str, path: &str) -> u16 {
        self.asks(api, site, path).send().await.unwrap().status().as_u16()
    }

    /// Views a page of a server that may be gone.
    pub async fn try_view(&self, api: &Api, path: &str) -> Option<u16> {
        self.asks(api, SITE, path).send().await.ok().map(|answer| answer.status().as_u16())
    }

    fn asks(&self, api: &Api, site: &str, path: &str) -> reqwest::RequestBuilder {
        let body = json!({"n": "pageview", "u": format!("https://{site}{path}"), "d": site}).to_string();
        self.sends(api, reqwest::Method::POST, "/api/event").body(body)
    }

    /// A request of this visitor.
    pub fn sends(&self, api: &Api, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = api.request(method, path).header("x-forwarded-for", self.address.to_string());
        request.header("user-agent", &self.agent)
    }
}

/// All views of a crowd, `at_once` under way at a time, over connections that are closed in the end.
pub async fn visit(server: &Server, crowd: &[Known], path: &str, at_once: usize) {
    let api = Api::of(server);
    for some in crowd.chunks(at_once) {
        let mut views = tokio::task::JoinSet::new();
        let address = |one: &Known| Known { address: one.address, agent: one.agent.clone() };
        for one in some.iter().map(address) {
            let (api, path) = (Api::of(server), path.to_owned());
            views.spawn(async move { one.view(&api, SITE, &path).await });
        }
        while let Some(status) = views.join_next().await {
            assert_eq!(status.unwrap(), 202);
        }
    }
    // And some over one connection.
    for one in &crowd[..crowd.len().min(20)] {
        assert_eq!(one.view(&api, SITE, path).await, 202);
    }
}

/// What tells who a crowd is: addresses and user agents, in all forms.
pub fn who(crowd: &[Known]) -> Vec<Vec<u8>> {
    let of_one = |(n, one): (usize, &Known)| [of_address(one.address), forms(token(n).as_bytes())].concat();
    crowd.iter().enumerate().flat_map(of_one).collect()
}

/// Salts and the keys that they give a crowd, in all forms and both byte orders.
pub fn secrets(salts: &[[u8; SALT]], crowd: &[Known]) -> Vec<Vec<u8>> {
    let keys = salts.iter().flat_map(|salt| crowd.iter().map(|one| one.key(salt).to_le_bytes()));
    salts.iter().flat_map(|salt| forms(salt)).chain(keys.flat_map(|key| forms(&key))).collect()
}

/// The salts that lie in a runtime directory: root may look.
pub fn salts(home: &Home) -> Vec<(String, [u8; SALT])> {
    let run = home.runtime.path().join("run");
    let salt = |path: &Path| {
        let bytes = fs::read(path).ok()?;
        let salt = *bytes.get(SALT_AT..)?.first_chunk::<SALT>()?;
        (salt != [0; SALT]).then(|| (path.file_stem().unwrap().to_string_lossy().into_owned(), salt))
    };
    let files = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|is| is == "salt"))
        .filter_map(|path| salt(&path))
        .collect();
    found.sort();
    found
}
