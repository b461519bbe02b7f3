/** The texts of finding out why nothing arrives: a catalogue of their own, loaded with the set-up. */

export const title = 'Does it work?';
export const lead = 'Mayfly tries the script in this browser, and then looks at what your own page sends. A trial is not counted, and nothing of it is stored.';
export const begin = 'Try it';
export const again = 'Try again';
export const trying = 'Trying the script in this browser';
export const good = 'Works';
export const bad = 'Does not work';
export const settings = 'Settings';
export const undo = 'To the opt-out page';

export const pageTitle = 'Your own page';
export const pageLead = 'Open a page that has the line, with a mark in its address by which Mayfly knows it again.';
export const pageLabel = 'Address of the page';
export const open = 'Open it with the mark';
export const waitingForPage = 'Waiting for what the page sends';

/** What was looked at, when all is well. */
export const well = {
  server: 'The server takes hits.',
  script: 'This browser loads the script.',
  sent: 'What the script sends is answered.',
  outcome: 'A page view of this browser would count.',
  page: (host: string) => `The page on ${host} would be counted.`,
};

/** What is wrong, and what to do about it. */
export interface Advice {
  what: string;
  then: string;
}
export const wrong = {
  server: { what: 'The server takes no hits at this moment.', then: 'Its disk or its journal is in trouble: /api/health and the server’s log say what.' },
  proxy: {
    what: 'A proxy stands before the server, and its word is not taken: all visitors behind it look like one.',
    then: 'Name the proxy’s address in the setting trusted_proxies, and start the server again.',
  },
  script: (origin: string) => ({
    what: 'This browser does not load the script.',
    then: `A content blocker, or a filter in your network, stops ${origin}/mayfly.js. Allow it, or try another browser. Visitors who block it are not counted.`,
  }),
  sent: (origin: string) => ({
    what: 'What the script sends does not arrive.',
    then: `A content blocker, a filter in your network, or a proxy that lets no POST through stops ${origin}/api/event.`,
  }),
  refused: { what: 'The server did not take what the script sent.', then: 'It may have too much to do. Try again; if it stays, the server’s log says why.' },
  lost: {
    what: 'What the script sent was answered, but not by this server.',
    then: 'Something in between answers in its place: look at the proxy’s rules for /api/event.',
  },
  silent: (host: string) => ({
    what: `Nothing came from the page on ${host}.`,
    then: 'One of these is the reason; the browser’s console on that page tells which:',
  }),
};
/** Why a page sends nothing, though this browser can. */
export const silence = (consent: boolean) => [
  'The line is not in the page: look for data-site in its source. A cache may still serve the page from before.',
  'The page’s Content-Security-Policy forbids it (the console says “Refused to load” or “violates”). Add to it:',
  'A content blocker stops it on pages of other domains only (the console says ERR_BLOCKED_BY_CLIENT). Serve Mayfly under the domain of the site.',
  ...(consent ? ['The site asks for consent, and it was not given on this page.'] : []),
];

/** By outcome: why a hit is turned away, and what to do about it. */
export const outcomes: Record<string, Advice> = {
  bot: { what: 'The browser says that it is a program: a known bot.', then: 'Look with an ordinary browser. Programs that test or watch your pages are not counted.' },
  gpc: {
    what: 'The browser objects to being counted: it sends Global Privacy Control or Do Not Track.',
    then: 'So this is as it should be. To see yourself, use a browser that does not object. Which signals count is a setting.',
  },
  opted_out: { what: 'This browser has opted out of being counted.', then: 'Take that back on the opt-out page.' },
  excluded: { what: 'The network, host or page is excluded as the site’s own traffic.', then: 'See “Own traffic” in the settings.' },
  unknown_site: { what: 'The line on the page names a site that this server does not have.', then: 'Copy the line above as it is.' },
  host_not_allowed: { what: 'The page is on a host that is not one of this site’s.', then: 'Add it to the hosts in the settings.' },
  undeclared_event: { what: 'The event is not declared.', then: 'Declare it in the settings; frequent ones are proposed there.' },
  no_visit: { what: 'Reading time came without a page view before it.', then: 'Nothing to do: a page was open over midnight or a restart.' },
  rate_limited: { what: 'One network sends more than it may.', then: 'A load test, or many people behind one address: see address_rate in the server’s settings.' },
  malformed: { what: 'What was sent cannot be read.', then: 'A program of yours sends it: see docs/API.md for its form.' },
  too_large: { what: 'What was sent is too large.', then: 'See max_body in the server’s settings.' },
  overloaded: { what: 'The server had too much to do.', then: 'It was told to the sender, who may try again. The log says more.' },
  late: { what: 'It came after its day was closed.', then: 'Nothing to do: it happens around midnight.' },
  spam: { what: 'The page was reached from a known spam address.', then: 'Nothing to do.' },
  ignored: { what: 'It says nothing that Mayfly counts.', then: 'Nothing to do.' },
};
export const namesOther = (named: string) => ({ what: `The line on the page names another site of this server: ${named}.`, then: 'Its visits are counted there. Copy the line above.' });
export const namesUnknown = (named: string) => ({ what: `The line on the page names “${named}”, and this server has no such site.`, then: 'Copy the line above as it is.' });
export const foreignHost = (host: string) => ({ what: `The page is on ${host}, which is not one of this site’s hosts.`, then: 'Add it to the hosts in the settings.' });
