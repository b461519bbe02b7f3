// What opening a view and clicking in it costs, as the browser measures it.

/** Runs in the page before all else: keeps what is painted and what moves. */
function observe() {
  window.cost = { shift: 0, first: 0 };
  new PerformanceObserver((list) => {
    // Within half a second of a click or key things may move: it was asked for.
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.cost.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName('first-contentful-paint')) window.cost.first = entry.startTime;
  }).observe({ type: 'paint', buffered: true });
  // The first numbers: as soon as they are in the document, the next paint shows them.
  const look = () => {
    if (document.querySelector('.tile .value')) requestAnimationFrame(() => requestAnimationFrame(() => (window.cost.numbers = performance.now())));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/**
 * Opens an address, with nothing in the cache. Gives all requests with their kinds and bytes on the wire, the times of the
 * first paint and of the first numbers in ms, the layout shift, and what the server says its report took in ms.
 */
export async function opening(page, url) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const requests = new Map();
  session.on('Network.requestWillBeSent', ({ requestId, request, type }) => requests.set(requestId, { url: request.url, kind: type.toLowerCase(), bytes: 0 }));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (requests.has(requestId)) requests.get(requestId).bytes = encodedDataLength;
  });
  await page.addInitScript(observe);
  await page.goto(url);
  await page.waitForFunction(() => window.cost.numbers && document.querySelector('main[aria-busy=false]'));
  // What comes right after the numbers, if anything does, belongs to it.
  await page.waitForFunction((since) => performance.now() > since + 500, await page.evaluate(() => performance.now()));
  const found = await page.evaluate(() => {
    const reports = performance.getEntriesByType('resource').filter((one) => /\/report\?/.test(one.name));
    return { ...window.cost, server: reports.at(-1)?.serverTiming.find((one) => one.name === 'report')?.duration ?? 0 };
  });
  await session.detach();
  return { requests: [...requests.values()].filter((one) => !one.url.startsWith('data:')), paint: { first: found.first, numbers: found.numbers }, shift: found.shift, server: found.server };
}

/**
 * Does something that asks for a report, and gives the ms from the event that the browser got to the paint of the new
 * numbers, the addresses that were asked, and the layout shift (also what follows a click, which the definition leaves out).
 */
export async function measured(page, doing) {
  await page.evaluate(() => {
    const state = { began: 0, done: 0, shift: 0 };
    window.measure = state;
    const begin = (event) => { state.began ||= event.timeStamp; };
    for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, begin, { capture: true, once: true });
    state.watch = new PerformanceObserver((list) => { for (const entry of list.getEntries()) state.shift += entry.value; });
    state.watch.observe({ type: 'layout-shift' });
    const main = document.querySelector('main');
    let busy = false;
    const seen = new MutationObserver(() => {
      if (main.getAttribute('aria-busy') === 'true') busy = true;
      else if (busy) {
        seen.disconnect();
        requestAnimationFrame(() => setTimeout(() => { state.done = performance.now(); }));
      }
    });
    seen.observe(main, { attributes: true, attributeFilter: ['aria-busy'] });
  });
  const asked = [];
  const note = (request) => asked.push(request.url());
  page.on('request', note);
  try {
    await doing();
    await page.waitForFunction(() => window.measure.done);
    return { asked, ...(await page.evaluate(() => ({ ms: window.measure.done - window.measure.began, shift: window.measure.shift }))) };
  } finally {
    page.off('request', note);
  }
}
