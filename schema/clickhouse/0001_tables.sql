-- The rows (docs/COUNTING.md). A key column that a row's family does not carry is '', and so is the hour (0) where the
-- family has none. A release's identity (site, day, node, release) is part of the key: rows of two releases never become
-- one. `rows` counts the rows that were added up into one, so that a row of zeros is not dropped when parts merge.
-- `expires` is the first day on which the row may go: `day` and what the site keeps.
--
-- One source for one server and for a cluster: see schema/README.md for what stands for @name(...), @engine(...) and @window.

CREATE TABLE IF NOT EXISTS @name(pages) (
    site UInt32,
    family LowCardinality(String) CODEC(ZSTD),
    day Date CODEC(Delta, ZSTD),
    hour UInt8,
    kind LowCardinality(String) CODEC(ZSTD),
    page String CODEC(ZSTD),
    channel LowCardinality(String) CODEC(ZSTD),
    source LowCardinality(String) CODEC(ZSTD),
    utm_source LowCardinality(String) CODEC(ZSTD),
    utm_medium LowCardinality(String) CODEC(ZSTD),
    utm_campaign LowCardinality(String) CODEC(ZSTD),
    utm_content LowCardinality(String) CODEC(ZSTD),
    utm_term LowCardinality(String) CODEC(ZSTD),
    country LowCardinality(String) CODEC(ZSTD),
    region LowCardinality(String) CODEC(ZSTD),
    city LowCardinality(String) CODEC(ZSTD),
    browser LowCardinality(String) CODEC(ZSTD),
    browser_version LowCardinality(String) CODEC(ZSTD),
    os LowCardinality(String) CODEC(ZSTD),
    os_version LowCardinality(String) CODEC(ZSTD),
    device LowCardinality(String) CODEC(ZSTD),
    language LowCardinality(String) CODEC(ZSTD),
    node UInt32,
    release UInt32,
    expires Date DEFAULT '2149-06-06' CODEC(Delta, ZSTD),
    rows UInt64 CODEC(T64, ZSTD),
    pageviews Int64 CODEC(T64, ZSTD),
    page_visitors Int64 CODEC(T64, ZSTD),
    page_visits Int64 CODEC(T64, ZSTD),
    visitors Int64 CODEC(T64, ZSTD),
    visits Int64 CODEC(T64, ZSTD),
    bounces Int64 CODEC(T64, ZSTD),
    exits Int64 CODEC(T64, ZSTD),
    visit_seconds Int64 CODEC(T64, ZSTD),
    engaged_seconds Int64 CODEC(T64, ZSTD),
    scroll_views Int64 CODEC(T64, ZSTD),
    scroll_percent Int64 CODEC(T64, ZSTD)
) ENGINE = @engine(SummingMergeTree, (rows, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (site, family, day)
ORDER BY (site, family, day, hour, kind, page, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, country, region, city, browser, browser_version, os, os_version, device, language, node, release)
TTL expires
SETTINGS @window;

CREATE TABLE IF NOT EXISTS @name(events) (
    site UInt32,
    family LowCardinality(String) CODEC(ZSTD),
    day Date CODEC(Delta, ZSTD),
    hour UInt8,
    name LowCardinality(String) CODEC(ZSTD),
    property LowCardinality(String) CODEC(ZSTD),
    value String CODEC(ZSTD),
    currency LowCardinality(String) CODEC(ZSTD),
    kind LowCardinality(String) CODEC(ZSTD),
    page String CODEC(ZSTD),
    channel LowCardinality(String) CODEC(ZSTD),
    source LowCardinality(String) CODEC(ZSTD),
    utm_source LowCardinality(String) CODEC(ZSTD),
    utm_medium LowCardinality(String) CODEC(ZSTD),
    utm_campaign LowCardinality(String) CODEC(ZSTD),
    utm_content LowCardinality(String) CODEC(ZSTD),
    utm_term LowCardinality(String) CODEC(ZSTD),
    country LowCardinality(String) CODEC(ZSTD),
    region LowCardinality(String) CODEC(ZSTD),
    city LowCardinality(String) CODEC(ZSTD),
    browser LowCardinality(String) CODEC(ZSTD),
    browser_version LowCardinality(String) CODEC(ZSTD),
    os LowCardinality(String) CODEC(ZSTD),
    os_version LowCardinality(String) CODEC(ZSTD),
    device LowCardinality(String) CODEC(ZSTD),
    node UInt32,
    release UInt32,
    expires Date DEFAULT '2149-06-06' CODEC(Delta, ZSTD),
    rows UInt64 CODEC(T64, ZSTD),
    events Int64 CODEC(T64, ZSTD),
    event_visitors Int64 CODEC(T64, ZSTD),
    event_visits Int64 CODEC(T64, ZSTD),
    value_sum Int64 CODEC(T64, ZSTD)
) ENGINE = @engine(SummingMergeTree, (rows, events, event_visitors, event_visits, value_sum))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (site, family, day)
ORDER BY (site, family, day, hour, name, property, value, currency, kind, page, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, country, region, city, browser, browser_version, os, os_version, device, node, release)
TTL expires
SETTINGS @window;

CREATE TABLE IF NOT EXISTS @name(flows) (
    site UInt32,
    family LowCardinality(String) CODEC(ZSTD),
    day Date CODEC(Delta, ZSTD),
    from_page String CODEC(ZSTD),
    to_page String CODEC(ZSTD),
    node UInt32,
    release UInt32,
    expires Date DEFAULT '2149-06-06' CODEC(Delta, ZSTD),
    rows UInt64 CODEC(T64, ZSTD),
    transitions Int64 CODEC(T64, ZSTD)
) ENGINE = @engine(SummingMergeTree, (rows, transitions))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (site, family, day)
ORDER BY (site, family, day, from_page, to_page, node, release)
TTL expires
SETTINGS @window;

CREATE TABLE IF NOT EXISTS @name(funnels) (
    site UInt32,
    family LowCardinality(String) CODEC(ZSTD),
    day Date CODEC(Delta, ZSTD),
    funnel LowCardinality(String) CODEC(ZSTD),
    step LowCardinality(String) CODEC(ZSTD),
    channel LowCardinality(String) CODEC(ZSTD),
    source LowCardinality(String) CODEC(ZSTD),
    utm_source LowCardinality(String) CODEC(ZSTD),
    utm_medium LowCardinality(String) CODEC(ZSTD),
    utm_campaign LowCardinality(String) CODEC(ZSTD),
    utm_content LowCardinality(String) CODEC(ZSTD),
    utm_term LowCardinality(String) CODEC(ZSTD),
    node UInt32,
    release UInt32,
    expires Date DEFAULT '2149-06-06' CODEC(Delta, ZSTD),
    rows UInt64 CODEC(T64, ZSTD),
    entrants Int64 CODEC(T64, ZSTD)
) ENGINE = @engine(SummingMergeTree, (rows, entrants))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (site, family, day)
ORDER BY (site, family, day, funnel, step, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, node, release)
TTL expires
SETTINGS @window;

CREATE TABLE IF NOT EXISTS @name(ledger) (
    site UInt32,
    family LowCardinality(String) CODEC(ZSTD),
    day Date CODEC(Delta, ZSTD),
    outcome LowCardinality(String) CODEC(ZSTD),
    node UInt32,
    release UInt32,
    expires Date DEFAULT '2149-06-06' CODEC(Delta, ZSTD),
    rows UInt64 CODEC(T64, ZSTD),
    hits Int64 CODEC(T64, ZSTD)
) ENGINE = @engine(SummingMergeTree, (rows, hits))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (site, family, day)
ORDER BY (site, family, day, outcome, node, release)
TTL expires
SETTINGS @window;

-- Releases that are wholly there: written after their rows.
CREATE TABLE IF NOT EXISTS @name(releases) (
    site UInt32,
    day Date,
    node UInt32,
    number UInt32,
    expires Date DEFAULT '2149-06-06'
) ENGINE = @engine(ReplacingMergeTree)
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, node, number)
TTL expires
SETTINGS @window;

-- Closed days: written after the rows of the day's last release. One that was corrected wins over what it was before.
CREATE TABLE IF NOT EXISTS @name(days) (
    site UInt32,
    day Date,
    node UInt32,
    closed_at_hour Int64,
    k UInt32,
    salt_epochs UInt32,
    settings_version UInt32,
    sizes String,
    corrected UInt8,
    expires Date DEFAULT '2149-06-06'
) ENGINE = @engine(ReplacingMergeTree, corrected)
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, node)
TTL expires
SETTINGS @window;

-- How often rows of a site were taken out: part of the tokens of later inserts, so that an insert which ClickHouse
-- remembers from before is not taken for one that is there.
CREATE TABLE IF NOT EXISTS @name(erasures) (
    site UInt32,
    times UInt64
) ENGINE = @engine(SummingMergeTree, (times))
ORDER BY site;

-- How many months each site keeps, as the rows' `expires` has it.
CREATE TABLE IF NOT EXISTS @name(retention) (
    site UInt32,
    months UInt32,
    noted DateTime64(3)
) ENGINE = @engine(ReplacingMergeTree, noted)
ORDER BY site;

-- Merges of sites that are under way: the nodes under which rows of the one become rows of the other.
CREATE TABLE IF NOT EXISTS @name(merges) (
    site UInt32,
    into_site UInt32,
    node UInt32,
    into_node UInt32
) ENGINE = @engine(ReplacingMergeTree)
ORDER BY (site, into_site, node);
