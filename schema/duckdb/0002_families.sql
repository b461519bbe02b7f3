-- A table for each family, so that a read touches no other family's rows; the old names are views over them.

CREATE TABLE pages_page (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
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
INSERT INTO pages_page SELECT site, day, hour, kind, page, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'page' ORDER BY day, site;

CREATE TABLE pages_source (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
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
INSERT INTO pages_source SELECT site, day, channel, source, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'source' ORDER BY day, site;

CREATE TABLE pages_visit (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
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
INSERT INTO pages_visit SELECT site, day, kind, page, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'visit' ORDER BY day, site;

CREATE TABLE pages_place (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
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
INSERT INTO pages_place SELECT site, day, kind, page, country, region, city, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'place' ORDER BY day, site;

CREATE TABLE pages_device (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
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
INSERT INTO pages_device SELECT site, day, kind, page, browser, browser_version, os, os_version, device, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'device' ORDER BY day, site;

CREATE TABLE pages_language (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
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
INSERT INTO pages_language SELECT site, day, language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages WHERE family = 'language' ORDER BY day, site;

CREATE TABLE events_page (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    hour TINYINT NOT NULL,
    name VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    event_visitors BIGINT NOT NULL,
    event_visits BIGINT NOT NULL,
    value_sum BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO events_page SELECT site, day, hour, name, property, value, currency, kind, page, events, event_visitors, event_visits, value_sum, node, release FROM events WHERE family = 'page' ORDER BY day, site;

CREATE TABLE events_visit (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    name VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    currency VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    event_visitors BIGINT NOT NULL,
    event_visits BIGINT NOT NULL,
    value_sum BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO events_visit SELECT site, day, name, property, value, currency, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, events, event_visitors, event_visits, value_sum, node, release FROM events WHERE family = 'visit' ORDER BY day, site;

CREATE TABLE events_place (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    name VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    event_visitors BIGINT NOT NULL,
    event_visits BIGINT NOT NULL,
    value_sum BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO events_place SELECT site, day, name, country, region, city, events, event_visitors, event_visits, value_sum, node, release FROM events WHERE family = 'place' ORDER BY day, site;

CREATE TABLE events_device (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    name VARCHAR NOT NULL,
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
INSERT INTO events_device SELECT site, day, name, browser, browser_version, os, os_version, device, events, event_visitors, event_visits, value_sum, node, release FROM events WHERE family = 'device' ORDER BY day, site;

CREATE TABLE flows_page (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    from_page VARCHAR NOT NULL,
    to_page VARCHAR NOT NULL,
    transitions BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO flows_page SELECT site, day, from_page, to_page, transitions, node, release FROM flows WHERE family = 'page' ORDER BY day, site;

CREATE TABLE funnels_page (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    funnel VARCHAR NOT NULL,
    step VARCHAR NOT NULL,
    entrants BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO funnels_page SELECT site, day, funnel, step, entrants, node, release FROM funnels WHERE family = 'page' ORDER BY day, site;

CREATE TABLE funnels_visit (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
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
INSERT INTO funnels_visit SELECT site, day, funnel, step, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, entrants, node, release FROM funnels WHERE family = 'visit' ORDER BY day, site;

CREATE TABLE ledger_page (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    outcome VARCHAR NOT NULL,
    hits BIGINT NOT NULL,
    node INTEGER NOT NULL,
    release INTEGER NOT NULL
);
INSERT INTO ledger_page SELECT site, day, outcome, hits, node, release FROM ledger WHERE family = 'page' ORDER BY day, site;

DROP TABLE pages;
CREATE VIEW pages AS
SELECT site, 'page' AS family, day, hour, kind, page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, '' AS language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_page
UNION ALL SELECT site, 'source' AS family, day, (-1)::TINYINT AS hour, '' AS kind, '' AS page, channel, source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, '' AS language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_source
UNION ALL SELECT site, 'visit' AS family, day, (-1)::TINYINT AS hour, kind, page, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, '' AS language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_visit
UNION ALL SELECT site, 'place' AS family, day, (-1)::TINYINT AS hour, kind, page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, country, region, city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, '' AS language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_place
UNION ALL SELECT site, 'device' AS family, day, (-1)::TINYINT AS hour, kind, page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, browser, browser_version, os, os_version, device, '' AS language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_device
UNION ALL SELECT site, 'language' AS family, day, (-1)::TINYINT AS hour, '' AS kind, '' AS page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, language, pageviews, page_visitors, page_visits, visitors, visits, bounces, exits, visit_seconds, engaged_seconds, scroll_views, scroll_percent, node, release FROM pages_language;

DROP TABLE events;
CREATE VIEW events AS
SELECT site, 'page' AS family, day, hour, name, property, value, currency, kind, page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, events, event_visitors, event_visits, value_sum, node, release FROM events_page
UNION ALL SELECT site, 'visit' AS family, day, (-1)::TINYINT AS hour, name, property, value, currency, '' AS kind, '' AS page, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, '' AS country, '' AS region, '' AS city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, events, event_visitors, event_visits, value_sum, node, release FROM events_visit
UNION ALL SELECT site, 'place' AS family, day, (-1)::TINYINT AS hour, name, '' AS property, '' AS value, '' AS currency, '' AS kind, '' AS page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, country, region, city, '' AS browser, '' AS browser_version, '' AS os, '' AS os_version, '' AS device, events, event_visitors, event_visits, value_sum, node, release FROM events_place
UNION ALL SELECT site, 'device' AS family, day, (-1)::TINYINT AS hour, name, '' AS property, '' AS value, '' AS currency, '' AS kind, '' AS page, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, '' AS country, '' AS region, '' AS city, browser, browser_version, os, os_version, device, events, event_visitors, event_visits, value_sum, node, release FROM events_device;

DROP TABLE flows;
CREATE VIEW flows AS
SELECT site, 'page' AS family, day, (-1)::TINYINT AS hour, from_page, to_page, transitions, node, release FROM flows_page;

DROP TABLE funnels;
CREATE VIEW funnels AS
SELECT site, 'page' AS family, day, (-1)::TINYINT AS hour, funnel, step, '' AS channel, '' AS source, '' AS utm_source, '' AS utm_medium, '' AS utm_campaign, '' AS utm_content, '' AS utm_term, entrants, node, release FROM funnels_page
UNION ALL SELECT site, 'visit' AS family, day, (-1)::TINYINT AS hour, funnel, step, channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term, entrants, node, release FROM funnels_visit;

DROP TABLE ledger;
CREATE VIEW ledger AS
SELECT site, 'page' AS family, day, (-1)::TINYINT AS hour, outcome, hits, node, release FROM ledger_page;

-- Closed days again, added up over hours (family page) and over pages (the others): what most reports read.
-- Derived from the tables above and written in the transaction of a day's last release.

CREATE TABLE pages_page_daily (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    kind VARCHAR NOT NULL,
    page VARCHAR NOT NULL,
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
    scroll_percent BIGINT NOT NULL
);

CREATE TABLE pages_visit_daily (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    channel VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    utm_source VARCHAR NOT NULL,
    utm_medium VARCHAR NOT NULL,
    utm_campaign VARCHAR NOT NULL,
    utm_content VARCHAR NOT NULL,
    utm_term VARCHAR NOT NULL,
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
    scroll_percent BIGINT NOT NULL
);

CREATE TABLE pages_place_daily (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    country VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    city VARCHAR NOT NULL,
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
    scroll_percent BIGINT NOT NULL
);

CREATE TABLE pages_device_daily (
    site INTEGER NOT NULL,
    day DATE NOT NULL,
    browser VARCHAR NOT NULL,
    browser_version VARCHAR NOT NULL,
    os VARCHAR NOT NULL,
    os_version VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
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
    scroll_percent BIGINT NOT NULL
);

-- The days that are there.
CREATE TABLE daily (
    site INTEGER NOT NULL,
    day DATE NOT NULL
);
