//! The list of bots as one matcher: literal patterns in an automaton, the few others in one expression.

use aho_corasick::AhoCorasick;
use regex::Regex;

const BOTS: &str = include_str!("../../../data/bots.txt");

/// Words that only tools use, in lower case: what the list does not name.
const WORDS: [&str; 24] = [
    "bot/",
    "bot;",
    "bot)",
    "crawler",
    "spider",
    "scraper",
    "headless",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "webdriver",
    "lighthouse",
    "monitor",
    "http-client",
    "httpclient",
    "python",
    "java/",
    "libwww",
    "okhttp",
    "go-http",
    "axios/",
    "node-fetch",
    "://",
];

/// Longest user agent of a browser that we believe in, in bytes.
const BYTES_MAX: usize = 1000;

pub struct Bots {
    literals: AhoCorasick,
    others: Regex,
    words: AhoCorasick,
}

impl Bots {
    /// Compiles the list that is compiled in.
    pub fn load() -> Bots {
        let mut literals = Vec::new();
        let mut others = Vec::new();
        for pattern in BOTS.lines().filter(|line| !line.is_empty()) {
            match literal(pattern) {
                Some(literal) => literals.push(literal),
                None => others.push(pattern),
            }
        }
        let literals = AhoCorasick::new(literals);
        let others = Regex::new(&format!("(?:{})", others.join(")|(?:")));
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(WORDS);
        Bots {
            literals: literals.expect("data/bots.txt compiles: a test compiles it"),
            others: others.expect("data/bots.txt compiles: a test compiles it"),
            words: words.expect("a few words compile"),
        }
    }

    /// Whether a user agent is no browser's: empty, much too short or long, or on the lists.
    pub fn hold(&self, agent: &str) -> bool {
        is_odd(agent)
            || self.literals.is_match(agent)
            || self.words.is_match(agent)
            || self.others.is_match(agent)
    }
}

/// Browsers name at least a product and a platform, in printable ASCII.
fn is_odd(agent: &str) -> bool {
    agent.len() < 16
        || agent.len() > BYTES_MAX
        || !agent.bytes().any(|byte| byte.is_ascii_alphabetic())
        || agent.bytes().any(|byte| byte < b' ')
}

/// The text that a pattern without operators stands for.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(one) = chars.next() {
        match one {
            '\\' => text.push(chars.next().filter(|next| !next.is_alphanumeric())?),
            '.' | '[' | ']' | '(' | ')' | '*' | '+' | '?' | '|' | '^' | '$' | '{' | '}' => return None,
            _ => text.push(one),
        }
    }
    Some(text)
}
