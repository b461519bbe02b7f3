// The tracker: tells a collector that a page was viewed, read and acted upon.
//
// It must not set or read any storage, cookie or cache, nor any property of device, screen, language or
// time zone; it makes up no identifier and sends no time stamp. The same visit sends the same bytes.
// Time is told in whole seconds, depth in percent of the page: the window's height is in it.
//
//   <script defer data-site="example.com" src="https://collector.example/mayfly.js"></script>
//
// On the script tag: data-site (comma list), data-api (endpoint), data-hash (the fragment is part of the
// path), data-auto="off" (no page views by itself), data-credentials="include" (the opt-out of a collector of
// the same site is sent along), and optional events, whose values name them:
// data-scroll {depth}, data-outbound {host}, data-downloads {file}.
//
// On elements: data-mayfly-event="name", data-mayfly-on="click" (default), "copy", "view" or "submit", and any
// other data-mayfly-* as properties. By hand: mayfly(name, props, { url, interactive, revenue, callback });
// before the script has loaded, calls wait in mayfly.q.
//
// Built twice. mayfly.js does not run where the tag says data-consent. mayfly.consent.js (CONSENT) tells nothing
// until mayfly.consent(true), and nothing more from mayfly.consent(false) on; what happened without is dropped.
(() => {
  const page = document;
  const script = page.currentScript;
  const data = script.dataset;
  const endpoint = data.api || new URL('/api/event', script.src);
  const byHash = data.hash != null;

  // Whether it may tell: with consent asked for, not until the page says so.
  let allowed = !CONSENT;
  // The view that is running: its URL and path; none before the first.
  let url, path;
  // Milliseconds visible and focused that no report has told, and since when they run (0: they do not).
  let engaged, since;
  // Deepest pixel shown, as percent, the percent that was told, and the last milestone.
  let deepest, depth, depthTold, milestone;

  // Captured at the window: nothing that a page stops on the way down is missed.
  const listen = (listener, ...types) => types.map((type) => addEventListener(type, listener, true));

  const currentPath = () => location.pathname + (byHash ? location.hash : 0);

  // All that leaves the page leaves here. Credentials (the opt-out) go to the same origin, fetch's default, or
  // where the script tag says so.
  const send = (name, url, rest, callback = () => {}) => {
    allowed ? fetch(endpoint, {
      method: 'POST',
      keepalive: true,
      credentials: data.credentials,
      body: JSON.stringify({ d: data.domain || data.site, n: name, u: url, h: byHash ? 1 : undefined, ...rest }),
    }).then(callback, callback) : callback({});
  };

  const measure = () => {
    const box = page.scrollingElement || page.body;
    deepest = Math.max(deepest, box.clientHeight + box.scrollTop);
    depth = deepest * 100 / box.scrollHeight + .5 | 0;
  };

  const clock = () => {
    const now = performance.now();
    engaged += since && now - since;
    since = page.hidden || !page.hasFocus() ? 0 : now;
  };

  // Tells what the running view has gained since the last report; what is left of a second waits.
  const report = () => {
    clock();
    if (!url) return;
    if (!depth) measure();
    const e = engaged - engaged % 1000;
    if (e || depth > depthTold) {
      send('engagement', url, { sd: depthTold = depth, e });
      engaged -= e;
    }
  };

  const track = (
    name, props, { url: at = location.href.split(byHash ? ' ' : '#')[0], interactive: i, revenue: $, callback } = {},
  ) => {
    if (name == 'pageview') {
      report();
      milestone = engaged = deepest = depth = depthTold = 0;
      url = at;
      path = currentPath();
    }
    send(name, at, { p: props, i, r: page.referrer, $ }, callback);
  };

  // Sends the event that an element declares for an action (an auxclick is a click), its other data-mayfly
  // attributes as properties.
  const declared = (element, type) => {
    const told = {};
    for (const { name, value } of element.attributes) told[name.split('mayfly-')[1]] = value;
    const { event, on = 'click', undefined: others, ...props } = told;
    event && type.endsWith(on) && track(event, props);
  };

  // Sends an optional event, if the script tag asks for it; its value may name the event.
  const optional = (key, props) => data[key] != null && track(data[key] || key, props);

  // Of an action on an element, each ancestor may have something to tell. The right button is no click.
  const acted = ({ type, target, button }) => {
    for (let element = button > 1 || target; element.attributes; element = element.parentNode) {
      declared(element, type);
      if (type.endsWith('click') && element.hostname) {
        const file = /[^/]+\.(zip|gz|dmg|exe|csv|pdf|(doc|ppt|xls)x?)$/i.exec(element.pathname);
        if (file) optional('downloads', { file: file[0] });
        else if (element.host != location.host) optional('outbound', { host: element.host });
      }
    }
  };

  const start = () => {
    const navigated = (event) => (path != currentPath() || event?.persisted) && track('pageview');

    if (data.auto != 'off') {
      ['replaceState', 'pushState'].map((name) => {
        const original = history[name];
        history[name] = (...args) => navigated(original.apply(history, args));
      });
      listen(navigated, 'pageshow', 'popstate');
      navigated();
    }

    // The page's word on consent: what ran without it ends untold, and with it a view begins.
    if (CONSENT) track.consent = (given) => {
      if (given == allowed) return;
      url = path = 0;
      if ((allowed = given) && data.auto != 'off') navigated();
    };

    // The calls that waited are sent now: in our own form, and in the one that published clients use.
    [
      ['mayfly', track],
      ['plausible', (name, options = {}) => track(name, options.props, options)],
    ].map(([name, call]) => {
      const waiting = self[name];
      self[name] = call;
      waiting?.q?.map((each) => call(...each));
    });

    listen(
      ({ type }) => page.hidden || type == 'pagehide' ? report() : clock(),
      'visibilitychange', 'pagehide', 'focus', 'blur',
    );

    listen(({ target }) => {
      if (target == page) {
        measure();
        while (milestone < 100 && milestone + 25 <= depth) optional('scroll', { depth: milestone += 25 });
      }
    }, 'scroll');

    listen(acted, 'click', 'auxclick', 'copy', 'submit');

    // An element is seen, once, when half of it is in view, or 300 pixels of its height.
    const seen = new WeakSet();
    const watcher = new IntersectionObserver((entries) => {
      for (const { target, intersectionRatio, intersectionRect } of entries) {
        if (!seen.has(target) && (intersectionRatio >= .5 || intersectionRect.height > 299)) {
          declared(target, 'view');
          seen.add(target);
        }
      }
    }, { threshold: [.1, .3, .5] });
    // Elements that are added later are found by looking again, at most twenty times a second.
    let planned;
    const watch = () => {
      planned = 0;
      for (const element of page.querySelectorAll('[data-mayfly-on]')) watcher.observe(element);
    };
    watch();
    new MutationObserver(() => planned ||= setTimeout(watch, 50))
      .observe(page, { subtree: true, childList: true });
  };

  if (page.prerendering) listen(start, 'prerenderingchange');
  // Where a page asks for consent, only the build that waits for it runs.
  else if (CONSENT || data.consent == null) start();
})();
