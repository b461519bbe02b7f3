//! How browsers are described, which agents are bots, which languages are kept.

use std::sync::LazyLock;

use super::*;

static AGENTS: LazyLock<Agents> = LazyLock::new(Agents::load);

#[track_caller]
fn check(agent: &str, expected: [&str; 5]) {
    let agent = UserAgent::new(agent.as_bytes());
    let device = AGENTS.device(&agent, true);
    assert_eq!(device.0.each_ref().map(|text| &**text), expected, "{}", agent.text());
    assert!(!AGENTS.is_bot(&agent), "taken for a bot: {}", agent.text());
    let Device([_, browser_version, _, os_version, _]) = AGENTS.device(&agent, false);
    assert_eq!((&*browser_version, &*os_version), (NONE, NONE));
}

#[test]
fn browsers_are_described_in_our_words() {
    check(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        ["Chrome", "142", "Windows", "10", "desktop"],
    );
    check(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        ["Edge", "142", "Windows", "10", "desktop"],
    );
    check(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        ["Safari", "18", "macOS", "10.15", "desktop"],
    );
    check(
        "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        ["Firefox", "132", "Linux", NONE, "desktop"],
    );
    check(
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        ["Firefox", "132", "Linux", NONE, "desktop"],
    );
    check(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        ["Safari", "18", "iOS", "18", "mobile"],
    );
    check(
        "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        ["Safari", "17", "iOS", "17", "tablet"],
    );
    check(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0.6723.90 Mobile/15E148 Safari/604.1",
        ["Chrome", "130", "iOS", "17", "mobile"],
    );
    check(
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        ["Chrome", "142", "Android", "10", "mobile"],
    );
    check(
        "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        ["Chrome", "130", "Android", "13", "tablet"],
    );
    check(
        "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
        ["Samsung Internet", "26", "Android", "14", "mobile"],
    );
    check(
        "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
        ["Firefox", "132", "Android", "14", "mobile"],
    );
    check(
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
        ["Chrome", "129", "ChromeOS", NONE, "desktop"],
    );
    check(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 OPR/115.0.0.0",
        ["Opera", "115", "Windows", "10", "desktop"],
    );
    check(
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36",
        ["Safari", NONE, "Tizen", "6", "other"],
    );
    check(
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
        ["Safari", "13", "Other", NONE, "other"],
    );
}

#[test]
fn versions_carry_no_more_than_three_digits() {
    let odd = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/987654321.0 Safari/537.36";
    let Device([_, version, ..]) = AGENTS.device(&UserAgent::new(odd.as_bytes()), true);
    assert_eq!(&*version, NONE);
}

#[test]
fn bots_are_known() {
    for bot in [
        "",
        "-",
        "Mozilla/5.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0.1938.76 Safari/537.36",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        "curl/8.5.0 (x86_64-pc-linux-gnu)",
        "python-requests/2.31.0",
        "Go-http-client/1.1",
        "Wget/1.21.4 (linux-gnu)",
        "okhttp/4.12.0 (custom build)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (compatible; SomethingNewBot/1.0)",
        "Jakarta Commons-HttpClient/3.1",
        "1234567890123456789",
    ] {
        assert!(AGENTS.is_bot(&UserAgent::new(bot.as_bytes())), "not taken for a bot: {bot}");
    }
    assert!(AGENTS.is_bot(&UserAgent::new(&[b'a'; 2000])));
}

#[test]
fn languages_are_primary_tags_of_the_standard() {
    let check =
        |header: Option<&str>, expected: &str| assert_eq!(&*language(header).0, expected, "{header:?}");
    check(Some("de-AT,de;q=0.9,en;q=0.8"), "de");
    check(Some("EN"), "en");
    check(Some(" pt-BR ;q=1"), "pt");
    check(Some("fil-PH"), "fil");
    check(Some("zh_Hant"), "zh");
    for none in
        [None, Some(""), Some("*"), Some("xx"), Some("x-secret"), Some("abcdefgh"), Some("1"), Some("*,de")]
    {
        check(none, NONE);
    }
}
