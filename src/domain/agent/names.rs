//! The small vocabulary: browsers, systems, device classes and languages as reports name them.

/// What is not in the vocabulary.
const OTHER: &str = "Other";

/// A browser by the family that the parsers name.
pub fn browser(family: &str) -> &'static str {
    match family {
        "Chrome" | "Chrome Mobile" | "Chrome Mobile iOS" | "Chromium" => "Chrome",
        "Chrome Mobile WebView" | "Android WebView" => "Android WebView",
        "Android" | "Android Browser" => "Android Browser",
        "Firefox" | "Firefox Mobile" | "Firefox iOS" | "Firefox Focus" | "Firefox Klar" => "Firefox",
        "Safari" | "Mobile Safari" => "Safari",
        "Mobile Safari UI/WKWebView" => "iOS WebView",
        "Edge" | "Edge Mobile" | "Edge Webview" | "WebView2" => "Edge",
        "Opera" | "Opera Mobile" | "Opera Mini" | "Opera Neon" | "Opera Touch" | "Opera Tablet"
        | "Opera Coast" | "Opera GX" => "Opera",
        "Samsung Internet" => "Samsung Internet",
        "IE" | "IE Mobile" | "IE Large Screen" => "Internet Explorer",
        "Brave" => "Brave",
        "Vivaldi" => "Vivaldi",
        "DuckDuckGo" | "DuckDuckGo Mobile" => "DuckDuckGo",
        "Yandex Browser" | "YandexSearch" => "Yandex Browser",
        "UC Browser" => "UC Browser",
        "MiuiBrowser" | "Mi Browser" => "Mi Browser",
        "Huawei Browser" => "Huawei Browser",
        "QQ Browser" | "QQ Browser Mobile" | "QQ Browser Mini" => "QQ Browser",
        "WeChat" | "Wechat" | "MicroMessenger" => "WeChat",
        "Whale" => "Whale",
        "Ecosia iOS" | "Ecosia Android" | "Ecosia" => "Ecosia",
        "Amazon Silk" => "Silk",
        "Google" | "Google Search App" | "GSA" => "Google App",
        "Facebook" | "Facebook Messenger" => "Facebook",
        "Instagram" => "Instagram",
        "Snapchat" => "Snapchat",
        "Pinterest" => "Pinterest",
        "TikTok" => "TikTok",
        "LinkedIn" => "LinkedIn",
        "Twitter" => "X",
        "Line" | "LINE" => "Line",
        "KaKaoTalk" | "Kakao Talk" | "Kakaotalk" => "KakaoTalk",
        "SeaMonkey" => "SeaMonkey",
        "Pale Moon" => "Pale Moon",
        "Epiphany" | "GNOME Web" => "GNOME Web",
        "Konqueror" => "Konqueror",
        _ => OTHER,
    }
}

/// A system by the name that the parsers give it.
pub fn system(name: &str) -> &'static str {
    match name {
        "Windows" => "Windows",
        "Windows Phone" | "Windows Mobile" => "Windows Phone",
        "Mac OS X" | "Mac OS" | "macOS" => "macOS",
        "iOS" | "iPadOS" => "iOS",
        "Android" => "Android",
        "HarmonyOS" | "OpenHarmony" => "HarmonyOS",
        "Chrome OS" => "ChromeOS",
        "tvOS" | "ATV OS X" => "tvOS",
        "Tizen" => "Tizen",
        "WebOS" | "webOS" | "LG webOS" => "webOS",
        "KaiOS" => "KaiOS",
        "PlayStation" | "Orbis OS" => "PlayStation",
        "Nintendo" | "Nintendo Switch" | "Nintendo Wii" | "Nintendo 3DS" => "Nintendo",
        "FreeBSD" | "OpenBSD" | "NetBSD" | "DragonFly" => "BSD",
        "Linux" | "Ubuntu" | "Debian" | "Fedora" | "Red Hat" | "SUSE" | "Arch Linux" | "CentOS"
        | "Gentoo" | "Linux Mint" | "Mint" | "Mageia" | "Mandriva" | "PCLinuxOS" | "Slackware"
        | "Kubuntu" | "Puppy" => "Linux",
        _ => OTHER,
    }
}

/// A system's version: the major number, with the minor one where the major never changes.
pub fn system_version(system: &str, major: Option<&str>, minor: Option<&str>) -> Option<String> {
    let major = major?;
    match (system, minor) {
        ("Windows", _) => {
            ["XP", "Vista", "7", "8", "8.1", "10", "11"].contains(&major).then(|| major.to_owned())
        }
        ("macOS", Some(minor)) if major == "10" && super::is_version(minor) => Some(format!("10.{minor}")),
        _ => super::is_version(major).then(|| major.to_owned()),
    }
}

/// desktop, mobile, tablet or other. A tablet that calls itself a desktop counts as one.
pub fn class(agent: &str, system: &str) -> &'static str {
    let says = |word: &str| agent.contains(word);
    let screen = ["TV", "BRAVIA", "AFT", "CrKey", "Roku", "VR"].into_iter().any(says);
    match system {
        _ if says("iPad") || says("Tablet") || says("Kindle") => "tablet",
        "tvOS" | "PlayStation" | "Nintendo" | "webOS" => "other",
        "Tizen" if screen => "other",
        "Windows" if says("Xbox") => "other",
        "Android" if screen && !says("Mobile") => "other",
        "Android" | "HarmonyOS" if says("Mobile") || says("Phone") => "mobile",
        "Android" | "HarmonyOS" => "tablet",
        "iOS" | "KaiOS" | "Tizen" | "Windows Phone" => "mobile",
        "Windows" | "macOS" | "Linux" | "ChromeOS" | "BSD" if !screen => "desktop",
        _ if says("Mobile") => "mobile",
        _ => "other",
    }
}

/// The two-letter codes of ISO 639, and the three-letter codes of languages that browsers send without one.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv \
    cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie \
    ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi \
    mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd \
    se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa \
    wo xh yi yo za zh zu \
    ast ckb ceb chr fil fur gsw haw hsb dsb kab kok mai mni nds nso sah sat scn szl tet yue";

/// Whether a primary tag in lower case is a language's.
pub fn is_language(tag: &str) -> bool {
    (2..=3).contains(&tag.len()) && LANGUAGES.split_ascii_whitespace().any(|one| one == tag)
}
