// Every screen and every state of the dashboard, one after the other, each as a page that holds still: for tests that look
// at all of them and for pictures of them (scripts/screenshots.mjs).

import { start, until } from './server.mjs';
import { visitor } from './browser.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;
/** Of the page's own patience: in states that last, these moments never come. */
const GIVE_UP_MS = 10_000;
const CAUSES_MS = 60_000;

/**
 * Yields `{ name, page, modal }`. `server` has the demo and was claimed by `api` with `host` as a first site that has
 * measured nothing; it has something once the states of emptiness are done.
 */
export async function* screens({ browser, server, api, host, only = '' }) {
  const known = [];
  const person = async (settings) => {
    const context = await visitor(browser, settings);
    known.push(context);
    return context;
  };
  const staff = await person({ permissions: ['clipboard-read', 'clipboard-write'] });
  await staff.addCookies([api.cookie]);
  const stranger = await person();
  const fresh = only && !'first-run'.includes(only) ? null : await start();
  const share = async (body) => (await api(`/api/sites/${SITE}/shares`, { method: 'POST', body: { name: 'for all', kind: 'link', ...body } })).path;
  const settled = (page) => page.waitForFunction(() => document.querySelector('.panels:not([aria-hidden]), .empty') && document.querySelector('main[aria-busy=false]'));
  const menu = (name) => async (page) => {
    await page.getByRole('button', { name }).first().click();
    await page.locator('.sheet').waitFor();
  };
  const heading = (name, level) => (page) => page.getByRole('heading', { name, level }).first().waitFor();
  const text = (words) => (page) => page.getByText(words).first().waitFor();
  const dialog = (page) => page.getByRole('dialog').waitFor();
  const hold = (pattern) => (page) => page.route(pattern, () => {});
  const answer = (pattern, status, json) => (page) => page.route(pattern, (route) => route.fulfill({ status, json }));
  /** Moments of the page's patience that are put off, or brought on. */
  const moments = (from, to) => (page) => page.addInitScript(([wanted, given]) => {
    const real = window.setTimeout;
    window.setTimeout = (what, ms, ...rest) => real(what, ms === wanted ? given : ms, ...rest);
    const after = AbortSignal.timeout;
    AbortSignal.timeout = (ms) => after.call(AbortSignal, ms === wanted ? given : ms);
  }, [from, to]);
  const REPORT = /\/report\?/;
  const join = async () => (await api('/api/invitations', { method: 'POST', body: { site: SITE, role: 'viewer' } })).path;
  const opened = async (page) => {
    await settled(page);
    return page;
  };

  /** name, address, what is done with the page before it opens and after, whether a dialog is on top, whose page it is. */
  const all = [
    ['first-run', '/', { to: fresh, by: stranger, after: heading('Welcome to Mayfly') }],
    ['sign-in', HOME, { by: stranger, after: heading('Sign in to Mayfly') }],
    ['sign-in-wrong', '/', {
      by: stranger, after: async (page) => {
        await page.getByLabel('Name').fill('ada');
        await page.getByLabel('Password').fill('not the password');
        await page.keyboard.press('Enter');
        await page.getByRole('alert').waitFor();
      },
    }],
    ['no-server', HOME, { before: answer('**/api/state', 500, { error: 'The server answered 500.' }), after: (page) => page.getByRole('alert').waitFor() }],
    ['missing', '/nothing/here', { after: text('There is nothing here.') }],
    ['sites', '/', { after: heading('All sites') }],
    ['sites-add', '/', { after: async (page) => { await page.getByRole('button', { name: 'Add a site' }).click(); await page.getByLabel('Time zone').waitFor(); } }],

    ['state-loading', HOME, { before: async (page) => { await moments(GIVE_UP_MS, 1e9)(page); await hold(REPORT)(page); }, after: (page) => page.locator('.bones').first().waitFor() }],
    ['state-working', `${HOME}?p=7d`, {
      before: moments(GIVE_UP_MS, 1e9), after: async (page) => {
        await settled(page);
        await hold(REPORT)(page);
        await page.keyboard.press('t');
        await page.locator('main').getByText('Still working').filter({ visible: true }).first().waitFor();
      },
    }],
    ['state-error', `${HOME}?p=7d`, {
      after: async (page) => {
        await settled(page);
        await answer(REPORT, 500, { error: 'The server answered 500.' })(page);
        await page.keyboard.press('t');
        await page.getByRole('alert').getByText('Numbers as of').waitFor();
      },
    }],
    ['state-error-first', HOME, { before: answer(REPORT, 503, { error: 'the store is unavailable: the log says why' }), after: (page) => page.getByRole('alert').waitFor() }],
    ['state-nothing-ever', `/s/${host}`, { after: heading('Nothing has arrived yet.') }],
    ['state-setup-waiting', `/s/${host}/setup`, { after: heading('Waiting for the first event') }],
    ['state-setup-causes', `/s/${host}/setup`, { before: moments(CAUSES_MS, 1), after: text('The usual causes') }],
    ['state-nothing-in-range', `${HOME}?p=2020-01-01..2020-01-31`, { after: heading('Nothing in this range.') }],
    ['state-no-match', `${HOME}?p=7d&page=/not/there&device=desktop`, { after: heading('The filters match nothing in this range.') }],
    ['state-not-collected', `${HOME}?p=7d&tab=language`, { after: text('Not collected') }],
    ['state-stored-apart', `${HOME}?p=7d&country=DE`, { after: text('Stored apart') }],
    ['state-not-understood', `${HOME}?p=nonsense&i=second`, { after: async (page) => { await settled(page); await text('Not understood')(page); } }],
    ['state-grouping-off', `${HOME}?p=7d`, {
      before: (page) => page.route(REPORT, async (route) => {
        const from = await route.fetch();
        const report = await from.json();
        await route.fulfill({ response: from, json: { ...report, meta: { ...report.meta, k: 1, grouping: false } } });
      }), after: text('Grouping is off for this site'),
    }],
    ['state-few', `/s/${host}?p=day`, {
      before: () => until(15_000, async () => {
        const person = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
        await fetch(`${server.origin}/api/event`, { method: 'POST', headers: { 'user-agent': person }, body: JSON.stringify({ n: 'pageview', d: host, u: `https://${host}/` }) });
        return (await api(`/api/sites/${host}/live`)).first_hit;
      }), after: text('A small crowd so far'),
    }],
    ['state-setup-arrived', `/s/${host}/setup`, { after: heading('The first event has arrived') }],
    ['state-panel-error', `${HOME}?p=28d&tab=map`, {
      before: answer(/\/rows\?/, 500, { error: 'The server answered 500.' }), after: (page) => page.getByRole('alert').first().waitFor(),
    }],
    ['state-details-error', `${HOME}?p=28d`, {
      modal: true, after: async (page) => {
        await settled(page);
        await page.getByRole('link', { name: /^Details Page/ }).click();
        await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
        await answer(/\/rows\?/, 500, { error: 'The server answered 500.' })(page);
        await page.getByRole('searchbox').fill('docs');
        await page.getByRole('alert').waitFor();
      },
    }],
    ['state-details-none', `${HOME}?p=28d&d=page&q=not+there`, { modal: true, after: async (page) => { await dialog(page); await page.getByText('Nothing here.').waitFor(); } }],

    ['overview', HOME, { after: opened }],
    ['overview-today', `${HOME}?p=day`, { after: opened }],
    ['overview-year', `${HOME}?p=12mo&c=none`, { after: opened }],
    ['overview-filtered', `${HOME}?p=7d&source=Google&page=^/demo/docs`, { after: opened }],
    ['overview-event', `${HOME}?p=28d&event=plan_card_click&tab=properties,utm_campaign`, { after: async (page) => { await settled(page); await page.getByRole('link', { name: 'solo', exact: true }).waitFor(); } }],
    ['overview-revenue', `${HOME}?p=28d&event=purchase&m=value_sum`, { after: opened }],
    ['overview-rates', `${HOME}?p=28d&m=bounce_rate&tab=source,entry_page`, { after: opened }],
    ['overview-flow', `${HOME}?p=7d&page=/demo&tab=flow,map,goal`, { after: async (page) => { await settled(page); await page.getByRole('group', { name: /^Map/ }).waitFor(); } }],
    ['overview-funnels', `${HOME}?p=28d&tab=funnel,exit_page,os`, { after: heading(/^Sign-up/) }],
    ['overview-map', `${HOME}?p=28d&tab=map`, { after: (page) => page.getByRole('group', { name: /^Map/ }).waitFor() }],
    ['chart-table', `${HOME}?p=28d`, { after: async (page) => { await settled(page); await page.getByRole('button', { name: 'Show as table' }).click(); await page.getByRole('table').waitFor(); } }],
    ['chart-pointed', `${HOME}?p=28d`, { after: async (page) => { await settled(page); await page.getByRole('slider').press('ArrowLeft'); } }],
    ['menu-filter', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await page.keyboard.press('/'); await page.getByLabel('Value', { exact: true }).waitFor(); } }],
    ['menu-period', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await menu(/^Period/)(page); } }],
    ['menu-compare', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await menu(/^Compare/)(page); } }],
    ['menu-site', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await menu(/^Site:/)(page); } }],
    ['menu-view', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await menu('Menu')(page); await page.getByRole('button', { name: 'Notes' }).waitFor(); } }],
    ['realtime', `${HOME}?p=7d`, { after: async (page) => { await settled(page); await page.keyboard.press('r'); await page.getByText('Last 30 minutes').first().waitFor(); } }],
    ['help', HOME, { modal: true, after: async (page) => { await settled(page); await page.keyboard.press('?'); await dialog(page); } }],
    ['notes', HOME, {
      modal: true, after: async (page) => {
        await settled(page);
        await page.getByRole('button', { name: 'Menu', exact: true }).click();
        await page.getByRole('button', { name: 'Notes' }).click();
        await dialog(page);
        await page.getByText('No notes yet.').or(page.getByRole('dialog').getByRole('listitem')).first().waitFor();
      },
    }],
    ['details-page', `${HOME}?p=28d&d=page`, { modal: true, after: (page) => page.getByRole('dialog').getByRole('row').nth(1).waitFor() }],
    ['details-country', `${HOME}?p=28d&d=country`, { modal: true, after: (page) => page.getByRole('dialog').getByRole('row').nth(1).waitFor() }],

    ['settings', `${HOME}/settings`, { after: (page) => page.getByRole('heading', { name: 'Sharing' }).waitFor() }],
    ['settings-wrong', `${HOME}/settings`, {
      after: async (page) => {
        await page.getByLabel('Event name').nth(2).fill('');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('alert').first().waitFor();
      },
    }],
    ['settings-share-made', `${HOME}/settings?p=7d&source=Google`, {
      after: async (page) => {
        const form = page.getByRole('region', { name: 'Sharing' });
        await form.getByLabel('Name', { exact: true }).fill('for Eve');
        await form.getByRole('button', { name: 'Share', exact: true }).click();
        await form.getByText(/\/share\/mfs_/).first().waitFor();
      },
    }],
    ['privacy', `${HOME}/privacy`, { after: async (page) => { await page.getByRole('heading', { name: 'In the database' }).waitFor(); await page.waitForFunction(() => document.querySelector('pre')?.innerText.length > 100); } }],
    // The checker's own script is let in by the browser, not by the page.
    ['policy', `/privacy/${SITE}?lang=en`, {
      by: stranger, before: async (page) => (await page.context().newCDPSession(page)).send('Page.setBypassCSP', { enabled: true }), after: heading('Your rights'),
    }],
    ['keys', '/keys', {
      after: async (page) => {
        await page.getByLabel('Name', { exact: true }).fill('sheet');
        await page.getByRole('button', { name: 'Create' }).click();
        await page.getByText(/^mf_/).first().waitFor();
      },
    }],
    ['users', '/users', {
      before: join, after: async (page) => {
        await page.getByRole('button', { name: 'Invite', exact: true }).click();
        await page.getByRole('status').locator('code').waitFor();
      },
    }],
    ['account', '/account', { after: heading('Where you are signed in') }],
    ['join', async () => join(), { by: stranger, after: text(`viewer of ${SITE}`) }],
    ['join-wrong', '/join#not-an-invitation', { by: stranger, after: (page) => page.getByRole('alert').waitFor() }],
    ['share', () => share({ view: 'source=Google' }), { by: stranger, after: opened }],
    ['share-embedded', async () => `${await share({})}?embed=1`, { by: stranger, after: opened }],
    ['share-password', () => share({ password: 'open it please' }), { by: stranger, after: heading('This link has a password') }],
    ['share-nothing', '/share/mfs_notatoken', { by: stranger, after: heading('This link opens nothing') }],
    ['share-expired', '/share/mfs_ended', { by: stranger, before: answer('**/api/shares/mfs_ended', 410, { error: 'this link ended with 3 Nov 2026' }), after: heading('This link has ended') }],
  ];

  try {
    for (const [name, address, { to = server, by = staff, before, after, modal = false }] of all) {
      if (only && !name.includes(only)) continue;
      const page = await by.newPage();
      try {
        const path = typeof address === 'function' ? await address() : address;
        await before?.(page);
        await page.goto(to.origin + path);
        await after(page);
      } catch (problem) {
        throw new Error(`${name}: ${problem.message}`);
      }
      yield { name, page, modal };
      await page.close();
    }
  } finally {
    await fresh?.stop();
    for (const context of known) await context.close();
  }
}
