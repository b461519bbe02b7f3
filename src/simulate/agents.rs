//! User agents as browsers send them, each with what is to be told of it.

/// A user agent and the browser, system and device class that it stands for.
pub struct Agent {
    pub user_agent: &'static str,
    pub browser: &'static str,
    pub os: &'static str,
    pub device: &'static str,
    /// Weight among ordinary visitors.
    pub weight: u32,
}

macro_rules! agents {
    ($($weight:literal $browser:literal $os:literal $device:literal $user_agent:literal;)*) => {
        &[$(Agent { user_agent: $user_agent, browser: $browser, os: $os, device: $device, weight: $weight },)*]
    };
}

/// What ordinary visitors use; no crowd is planted in these.
pub const AGENTS: &[Agent] = agents! {
    30 "Chrome" "Windows" "desktop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
    12 "Chrome" "macOS" "desktop" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
    10 "Safari" "macOS" "desktop" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";
    18 "Safari" "iOS" "mobile" "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
    20 "Chrome" "Android" "mobile" "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
    6 "Firefox" "Windows" "desktop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
    4 "Firefox" "Linux" "desktop" "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    8 "Edge" "Windows" "desktop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";
    2 "Safari" "iOS" "tablet" "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1";
};

/// What exactly k-1, k and k+1 visitors of a day use.
pub const CROWD_AGENTS: &[Agent] = agents! {
    0 "Opera" "Windows" "desktop" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0";
    0 "Samsung Internet" "Android" "mobile" "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36";
    0 "Vivaldi" "Linux" "desktop" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.6.3797.63";
};

/// What crawlers and tools call themselves.
pub const BOTS: &[&str] = &[
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "curl/8.14.1",
    "python-requests/2.32.3",
];
