//! Which source and channel a visit has.

use std::sync::LazyLock;

use super::*;

static SOURCES: LazyLock<Sources> = LazyLock::new(Sources::load);

#[track_caller]
fn attributes(url: &str, referrer: &str) -> Vec<String> {
    let referrer = Referrer::of(referrer);
    let own = |host: &str| host == "example.com" || host == "shop.example.com";
    let url = UrlParts::of(url).unwrap();
    visit_attributes(&url, referrer.as_ref(), own, &SOURCES).0.iter().map(|text| text.to_string()).collect()
}

/// Query, referrer: channel and source.
#[track_caller]
fn check(query: &str, referrer: &str, channel: &str, source: &str) {
    let attributes = attributes(&format!("https://example.com/?{query}"), referrer);
    assert_eq!(
        (attributes[0].as_str(), attributes[1].as_str()),
        (channel, source),
        "?{query} from {referrer}"
    );
    assert!(CHANNELS.contains(&channel));
}

#[test]
fn lists_are_long_and_well_formed() {
    let [known, hosts, spam] = SOURCES.sizes();
    assert!(known >= 200 && hosts >= 400 && spam >= 80, "{known} {hosts} {spam}");
}

#[test]
fn referrers_have_names_and_channels() {
    check("", "", "Direct", NONE);
    check("", "https://www.google.com/", "Organic Search", "Google");
    check("", "https://www.google.co.uk/", "Organic Search", "Google");
    check("", "https://google.evil.com/", "Referral", "google.evil.com");
    check("", "https://duckduckgo.com/", "Organic Search", "DuckDuckGo");
    check("", "https://yandex.ru/", "Organic Search", "Yandex");
    check("", "https://search.brave.com/", "Organic Search", "Brave Search");
    check("", "https://news.ycombinator.com/item?id=1", "Organic Social", "Hacker News");
    check("", "https://t.co/abc", "Organic Social", "X");
    check("", "https://old.reddit.com/r/rust", "Organic Social", "Reddit");
    check("", "https://chatgpt.com/", "AI Assistants", "ChatGPT");
    check("", "https://gemini.google.com/app", "AI Assistants", "Gemini");
    check("", "https://mail.google.com/", "Email", "Gmail");
    check("", "https://www.youtube.com/watch", "Video", "YouTube");
    check("", "https://github.com/a/b", "Referral", "GitHub");
    check("", "https://www.blog.example.org/x?y=secret", "Referral", "blog.example.org");
    check("", "https://BLOG.Example.ORG:8080/", "Referral", "blog.example.org");
    check("", "android-app://com.google.android.gm/", "Email", "Gmail");
    check("", "android-app://com.slack/", "Organic Social", "Slack");
    check("", "android-app://com.example.unknown/", "Direct", NONE);
}

#[test]
fn referrers_keep_only_public_hosts() {
    check("", "http://localhost:3000/", "Direct", NONE);
    check("", "http://intranet/wiki", "Direct", NONE);
    check("", "http://192.168.0.1/", "Direct", NONE);
    check("", "http://[2001:db8::1]/", "Direct", NONE);
    check("", "https://host.internal/", "Direct", NONE);
    check("", "https://co.uk/", "Direct", NONE);
    check("", "not a url", "Direct", NONE);
    check("", "example.org/no-scheme", "Direct", NONE);
    check("", "https://d41d8cd98f00b204e9800998ecf8427e.example.org/", "Referral", "example.org");
    check("", "https://d41d8cd98f00b204e9800998ecf8427e.org/", "Direct", NONE);
}

#[test]
fn own_hosts_continue() {
    check("", "https://www.example.com/pricing", CONTINUED, CONTINUED);
    check("", "https://shop.example.com/", CONTINUED, CONTINUED);
    check("gclid=1", "https://example.com/", CONTINUED, CONTINUED);
    let attributes = attributes("https://example.com/?utm_source=news", "https://example.com/");
    assert_eq!(attributes[..3], [CONTINUED, CONTINUED, "news"]);
}

#[test]
fn campaigns_decide_before_referrers() {
    check("utm_source=google&utm_medium=cpc", "", "Paid Search", "Google");
    check("utm_source=Facebook&utm_medium=paid_social", "https://www.google.com/", "Paid Social", "Facebook");
    check("utm_source=fb", "", "Organic Social", "Facebook");
    check("utm_source=ig&utm_medium=social", "", "Organic Social", "Instagram");
    check("utm_source=googleads", "", "Paid Search", "Google");
    check("utm_source=chatgpt.com", "", "AI Assistants", "ChatGPT");
    check("utm_source=weekly&utm_medium=email", "", "Email", "weekly");
    check("utm_source=weekly&utm_medium=E-Mail", "", "Email", "weekly");
    check("utm_source=weekly&utm_medium=newsletter-may", "", "Email", "weekly");
    check("utm_source=partner&utm_medium=affiliate", "", "Affiliates", "partner");
    check("utm_source=partner&utm_medium=banner", "", "Display", "partner");
    check("utm_source=youtube&utm_medium=cpc", "", "Video", "YouTube");
    check("utm_source=foo&utm_medium=paid-social", "", "Paid Social", "foo");
    check("utm_source=foo&utm_medium=cpc", "", "Campaign", "foo");
    check("utm_source=foo&utm_medium=organic", "", "Organic Search", "foo");
    check("utm_source=foo&utm_medium=podcast", "", "Campaign", "foo");
    check("utm_campaign=launch", "", "Campaign", NONE);
    check("utm_campaign=launch", "https://blog.example.org/", "Campaign", "blog.example.org");
    check("utm_campaign=launch", "https://www.google.com/", "Organic Search", "Google");
    check("utm_medium=referral", "https://blog.example.org/", "Referral", "blog.example.org");
    check("source=newsletter", "", "Campaign", "newsletter");
    check("ref=producthunt", "", "Organic Social", "Product Hunt");
    check("utm_source=john%40example.com", "", "Campaign", ID);
    check("utm_source=*", "", "Direct", NONE);
}

#[test]
fn click_identifiers_decide_and_are_forgotten() {
    check("gclid=Cj0KCQ", "", "Paid Search", "Google");
    check("gclid=Cj0KCQ", "https://www.google.com/", "Paid Search", "Google");
    check("msclkid=abc", "https://www.bing.com/", "Paid Search", "Bing");
    check("fbclid=abc", "https://l.facebook.com/", "Organic Social", "Facebook");
    check("fbclid=abc", "", "Organic Social", "Facebook");
    check("ttclid=abc", "", "Paid Social", "TikTok");
    check("dclid=abc", "", "Display", "Google");
    check("mc_cid=abc", "", "Email", "Mailchimp");
    let all = attributes("https://example.com/?gclid=SECRETCLICK&fbclid=SECRETCLICK", "").join(" ");
    assert!(!all.contains("SECRETCLICK"));
}

#[test]
fn parameters_have_an_order() {
    let url = "https://example.com/?ref=c&source=b&utm_source=a&utm_source=z&utm_medium=m&utm_campaign=x&utm_content=y&utm_term=w";
    assert_eq!(attributes(url, "")[1..], ["a", "a", "m", "x", "y", "w"]);
    assert_eq!(attributes("https://example.com/?ref=c&source=b", "")[1..3], ["b", "b"]);
    assert_eq!(attributes("https://example.com/?utm_source=&ref=c", "")[2], "c");
    assert_eq!(attributes("https://example.com/", "")[2..], [NONE; 5]);
}

#[test]
fn spam_is_known_with_its_subdomains() {
    let is = |referrer: &str| is_spam(Referrer::of(referrer).as_ref(), &SOURCES);
    assert!(is("https://semalt.com/") && is("http://x.semalt.com/y") && is("http://www.Darodar.com/"));
    assert!(!is("https://notsemalt.com/") && !is("") && !is("https://www.google.com/"));
}
