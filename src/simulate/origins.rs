//! Where visits come from: a referrer and a query, and what is to be told of them.

use crate::domain::attributes::VisitAttributes;

/// A referrer and a query of the entry page's URL, with the visit attributes that they stand for.
pub struct Origin {
    pub referrer: Option<&'static str>,
    /// After the `?`; empty for none.
    pub query: &'static str,
    /// channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term.
    pub told: [&'static str; 7],
    /// Weight among ordinary visits.
    pub weight: u32,
}

const NONE: &str = crate::domain::NONE;

macro_rules! origins {
    ($($weight:literal $referrer:expr, $query:literal => $channel:literal $source:expr, $utm:expr;)*) => {
        &[$(Origin {
            referrer: $referrer,
            query: $query,
            told: [$channel, $source, $utm[0], $utm[1], $utm[2], $utm[3], $utm[4]],
            weight: $weight,
        },)*]
    };
}

const NO_UTM: [&str; 5] = [NONE; 5];

/// Where ordinary visits come from.
pub const ORIGINS: &[Origin] = origins! {
    40 None, "" => "Direct" NONE, NO_UTM;
    30 Some("https://www.google.com/"), "" => "Organic Search" "Google", NO_UTM;
    6 Some("https://duckduckgo.com/"), "" => "Organic Search" "DuckDuckGo", NO_UTM;
    5 Some("https://www.bing.com/"), "" => "Organic Search" "Bing", NO_UTM;
    8 Some("https://news.ycombinator.com/item?id=1"), "" => "Organic Social" "Hacker News", NO_UTM;
    4 Some("https://www.reddit.com/r/webdev"), "" => "Organic Social" "Reddit", NO_UTM;
    5 Some("https://chatgpt.com/"), "" => "AI Assistants" "ChatGPT", NO_UTM;
    4 Some("https://www.bbc.co.uk/technology"), "" => "Referral" "bbc.co.uk", NO_UTM;
    5 None, "utm_source=newsletter&utm_medium=email&utm_campaign=november" =>
        "Email" "newsletter", ["newsletter", "email", "november", NONE, NONE];
    6 Some("https://www.google.com/"), "utm_source=google&utm_medium=cpc&utm_campaign=launch&utm_content=blue&utm_term=analytics" =>
        "Paid Search" "Google", ["google", "cpc", "launch", "blue", "analytics"];
};

/// Campaigns that exactly k-1, k and k+1 visitors of a day follow.
pub const CROWD_ORIGINS: &[Origin] = origins! {
    0 None, "utm_source=newsletter&utm_medium=email&utm_campaign=below" =>
        "Email" "newsletter", ["newsletter", "email", "below", NONE, NONE];
    0 None, "utm_source=newsletter&utm_medium=email&utm_campaign=exact" =>
        "Email" "newsletter", ["newsletter", "email", "exact", NONE, NONE];
    0 None, "utm_source=newsletter&utm_medium=email&utm_campaign=above" =>
        "Email" "newsletter", ["newsletter", "email", "above", NONE, NONE];
};

impl Origin {
    /// The attributes of a visit that begins like this.
    pub fn attributes(&self) -> VisitAttributes {
        VisitAttributes(self.told.map(Into::into))
    }
}
