// The tracker: tells a collector that a page was viewed, read and acted upon.
//
// It must not set or read any storage, cookie or cache, nor any property of device, screen, language or
// time zone; it makes up no identifier and sends no time stamp. The same page sends the same bytes.
// Time is told in whole seconds, depth in percent.
//
//   <script defer data-site="example.com" src="https://collector.example/mayfly.js"></script>
//
// On the script tag: data-site (comma list), data-api (endpoint), data-hash (the fragment is part of the
// path), data-auto="off" (no page views by itself), and optional events, whose values name them:
// data-scroll {depth}, data-outbound {host}, data-downloads {file}.
//
// On elements: data-mayfly-event="name", data-mayfly-on="click" (default), "copy", "view" or "submit", and any
// other data-mayfly-* as properties. By hand: mayfly(name, props, { url, interactive, revenue, callback });
// before the script has loaded, calls wait in mayfly.q.
(() => {
  const page = document;
  const script = page.currentScript;
  const data = script.dataset;
  const endpoint = data.api || new URL('/api/event', script.src);
  const byHash = data.hash != null;

  // The view that is running: its URL and path; none before the first.
  let url, path;
  // Milliseconds visible and focused that no report has told, and since when they run (0: they do not).
  let engaged, since = 0;
  // Deepest pixel shown, as percent, the percent that was told, and the last milestone.
  let deepest, depth, depthTold, milestone;

  // Captured at the window: nothing that a page stops on the way down is missed.
  const listen = (listener, ...types) => types.map((type) => addEventListener(type, listener, true));

  const currentPath = () => location.pathname + (byHash ? location.hash : '');

  // All that leaves the page leaves here. Credentials go to the same origin only: fetch's default.
  const send = (name, url, rest, callback = () => {}) => {
    fetch(endpoint, {
      method: 'POST',
      keepalive: true,
      body: JSON.stringify({ d: data.site || data.domain, n: name, u: url, h: byHash ? 1 : undefined, ...rest }),
    }).then(callback, callback);
  };

  const measure = () => {
    const box = page.scrollingElement || page.body;
    deepest = Math.max(deepest, box.clientHeight + box.scrollTop);
    depth = 100 * deepest / box.scrollHeight + .5 | 0;
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
    const whole = engaged - engaged % 1000;
    if (whole || depth > depthTold) {
      send('engagement', url, { sd: depthTold = depth, e: whole });
      engaged -= whole;
    }
  };

  const track = (name, props, options = {}) => {
    const at = options.url || location.href.split(byHash ? ' ' : '#')[0];
    if (name == 'pageview') {
      report();
      milestone = engaged = deepest = depth = depthTold = 0;
      url = at;
      path = currentPath();
    }
    send(name, at, { p: props, i: options.interactive, r: page.referrer, $: options.revenue }, options.callback);
  };

  // Sends the event that an element declares for an action (an auxclick is a click), its other data-mayfly
  // attributes as properties.
  const declared = (element, type) => {
    const told = {};
    for (const { name, value } of element.attributes) told[name.split('data-mayfly-')[1]] = value;
    const { event, on = 'click', undefined: others, ...props } = told;
    if (event && type.endsWith(on)) track(event, props);
  };

  // Sends an optional event, if the script tag asks for it; its value may name the event.
  const optional = (key, props) => data[key] != null && track(data[key] || key, props);

  // Of an action on an element, each ancestor may have something to tell. The right button is no click.
  const acted = ({ type, target, button }) => {
    for (let element = button > 1 || target; element.attributes; element = element.parentNode) {
      declared(element, type);
      if (type.endsWith('click') && /^http/.test(element.href)) {
        const file = /[^/]+\.(pdf|zip|gz|dmg|exe|csv|xlsx?|docx?|pptx?)$/i.exec(element.pathname);
        if (file) optional('downloads', { file: file[0] });
        else if (element.host != location.host) optional('outbound', { host: element.host });
      }
    }
  };

  const start = () => {
    const navigated = (event) => (event?.persisted || path != currentPath()) && track('pageview');

    if (data.auto != 'off') {
      ['pushState', 'replaceState'].map((name) => {
        const original = history[name];
        history[name] = (...args) => navigated(original.apply(history, args));
      });
      listen(navigated, 'popstate', 'pageshow');
      navigated();
    }

    // The calls that waited are sent now: in our own form, and in the one that published clients use.
    [
      ['mayfly', track],
      ['plausible', (name, options = {}) => track(name, options.props, options)],
    ].map(([name, call]) => {
      const waiting = self[name]?.q;
      self[name] = call;
      waiting?.map((each) => call(...each));
    });

    listen(
      ({ type }) => page.hidden || type == 'pagehide' ? report() : clock(),
      'visibilitychange', 'pagehide', 'focus', 'blur',
    );

    listen(({ target }) => {
      if (target != page) return;
      measure();
      while (milestone + 25 <= depth && milestone < 100) optional('scroll', { depth: milestone += 25 });
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
    }, { threshold: [.1, .3, .5, 1] });
    // Elements that are added later are found by looking again, at most twenty times a second.
    let planned;
    const watch = () => {
      planned = 0;
      for (const element of page.querySelectorAll('[data-mayfly-on]')) watcher.observe(element);
    };
    watch();
    new MutationObserver(() => planned = planned || setTimeout(watch, 50))
      .observe(page, { childList: true, subtree: true });
  };

  if (page.prerendering) listen(start, 'prerenderingchange');
  else start();
})();
