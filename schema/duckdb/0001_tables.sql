-- The rows (docs/COUNTING.md). A key column that a row's family does not carry is ''; hour is -1 where the
-- family has none. Rows arrive sorted by key, so rows of one site, family and day lie together.

CREATE TABLE pages (
    site INTEGER NOT NULL,
    family VARCHAR NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    pageviews BIGINT NOT NULL,
    page_visitors BIGINT NOT NULL,
    page_visits BIGINT NOT NULL,
    visitors BIGINT NOT NULL,
    visits BIGINT NOT NULL,
    bounces BIGINT NOT NULL,
    exits BIGINT NOT NULL,
    visit_seconds BIGINT NOT NULL,
    engaged_seconds BIGINT NOT NULL,
    scroll_views BIGINT NOT NULL,
    scroll_percent BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);

CREATE TABLE events (
    site INTEGER NOT NULL,
    family VARCHAR NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    name VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    event_visitors BIGINT NOT NULL,
    event_visits BIGINT NOT NULL,
    value_sum BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);

CREATE TABLE flows (
    site INTEGER NOT NULL,
    family VARCHAR NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    from_page VARCHAR NOT NULL,
    to_page VARCHAR NOT NULL,
    transitions BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);

CREATE TABLE funnels (
    site INTEGER NOT NULL,
    family VARCHAR NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    funnel VARCHAR NOT NULL,
    step VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
    entrants BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);

CREATE TABLE ledger (
    site INTEGER NOT NULL,
    family VARCHAR NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    outcome VARCHAR NOT NULL,
    hits BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);

-- The identities of the releases that are here: written in the transaction of their rows.
CREATE TABLE releases (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    node INTEGER NOT NULL,
    number INTEGER NOT NULL
);

-- Closed days. `sizes` is a JSON list with smallest told row, told visits and visits of each family.
CREATE TABLE days (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    node INTEGER NOT NULL,
    closed_at_hour BIGINT NOT NULL,
    k INTEGER NOT NULL,
    salt_epochs INTEGER NOT NULL,
    settings_version INTEGER NOT NULL,
    sizes VARCHAR NOT NULL
);
