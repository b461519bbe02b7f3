// The overview under other hands: keys alone, a screen reader, no motion, forced colours, a narrow screen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, shot } from './browser.mjs';
import { scene, settled } from './scene.mjs';

const SITE = 'demo.mayfly.local';
const HOME = `/s/${SITE}`;

let server, api, page, close;
before(async () => {
  ({ server, api, page, close } = await scene({ flags: ['--demo'] }));
});
after(() => close?.());

const at = (search) => page.waitForFunction((wanted) => location.search === wanted, search);
async function open(path) {
  await page.goto(server.origin + path);
  await settled(page);
}
const where = () => page.evaluate(() => location.pathname + location.search);
const KEYS = [...'dewftnmpylarcix/?123456789', 'ArrowLeft', 'ArrowRight', 'Escape'];
/** Sends every key to an element of the page, as a browser would; how many the page took for itself. */
const taken = (selector, modifiers) => page.evaluate(([where, keys, held]) => keys.filter((key) => {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...held });
  document.querySelector(where).dispatchEvent(event);
  return event.defaultPrevented;
}), [selector, KEYS, modifiers]);

// "Every key; nothing with modifiers, in inputs, switched off." Seen to fail with `altKey` left out of `command`.
test('T8: every key does what it says; none with a modifier, in a field, or switched off', async () => {
  await open(`${HOME}?p=28d`);
  const order = (await api('/api/state')).sites.map(({ name }) => name);
  for (const [key, search] of [
    ['d', '?p=day'], ['e', '?p=yesterday'], ['w', '?p=7d'], ['f', ''], ['t', '?p=30d'], ['n', '?p=91d'], ['m', '?p=month'],
    ['p', '?p=last_month'], ['y', '?p=year'], ['l', '?p=12mo'], ['a', '?p=all'], ['f', ''], ['x', '?c=none'], ['x', ''], ['i', '?i=week'],
  ]) {
    await page.keyboard.press(key);
    await at(search);
    await settled(page);
  }
  await page.keyboard.press('w');
  await at('?p=7d');
  await settled(page);
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => /p=\d{4}-\d\d-\d\d\.\./.test(location.search));
  await settled(page);
  await page.keyboard.press('ArrowRight');
  await at('?p=7d');
  await settled(page);
  await page.keyboard.press('r');
  await page.getByRole('img', { name: /^Last 30 minutes/ }).waitFor();
  await page.keyboard.press('r');
  await page.getByRole('img', { name: /^Last 30 minutes/ }).waitFor({ state: 'detached' });
  await page.keyboard.press('c');
  await page.waitForFunction(() => document.activeElement?.matches('.dates input'));
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.getByLabel('Value', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await open(`${HOME}?p=7d&device=desktop`);
  await page.keyboard.press('Escape');
  await at('?p=7d');
  for (const [n, name] of order.entries()) {
    await page.keyboard.press(String(n + 1));
    await page.waitForFunction((wanted) => location.pathname === wanted, `/s/${name}`);
  }

  await open(`${HOME}?p=7d`);
  const before = await where();
  for (const held of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) {
    assert.deepEqual(await taken('body', held), [], JSON.stringify(held));
  }
  assert.deepEqual(await taken('body', { shiftKey: true }), ['?'], 'a question mark is typed with Shift');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Period/ }).click();
  await page.locator('.dates input').first().waitFor();
  assert.deepEqual((await taken('.dates input', {})).filter((key) => key !== 'Escape'), []);
  await page.keyboard.press('Escape');
  assert.equal(await where(), before);

  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('button', { name: 'Single-key shortcuts' }).click();
  await page.keyboard.press('Escape');
  assert.deepEqual(await taken('body', {}), [], 'switched off');
  await page.reload();
  await settled(page);
  assert.deepEqual(await taken('body', {}), [], 'switched off, also after a reload');
  assert.equal(await where(), before);
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('button', { name: 'Single-key shortcuts' }).click();
  await page.keyboard.press('Escape');
});

// "The chart is one tab stop; arrows announce 'Tue 3 Nov, 412 visits, 380 before'; 'Show as table' equals the
// series." Seen to fail with an arrow that moves by two days.
test('T10: the chart is one tab stop, its arrows announce the days, and its table is the series', async () => {
  await open(`${HOME}?p=7d`);
  const { buckets } = (await api(`/api/sites/${SITE}/report?p=7d&c=prev`)).series;
  const stops = await page.locator('.plot, .plot *').evaluateAll((all) => all.filter((one) => one.tabIndex >= 0 && getComputedStyle(one).display !== 'none').length);
  assert.equal(stops, 1);
  const chart = page.getByRole('slider');
  // By Tab from the tiles before it; by Tab to the button after it.
  await page.getByRole('radio', { checked: true }).focus();
  await page.keyboard.press('Tab');
  assert.ok(await chart.evaluate((one) => one === document.activeElement));
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Show as table');
  await page.keyboard.press('Shift+Tab');
  const whole = new Intl.NumberFormat('en-GB');
  const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const said = ({ at, values, previous, complete }) => {
    const date = new Date(`${at}T00:00:00Z`);
    const day = `${days[date.getUTCDay()]} ${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
    return `${day}, ${whole.format(values.visits)} visits, ${whole.format(previous.visits)} before${complete ? '' : ', not complete yet'}`;
  };
  await page.keyboard.press('Home');
  const heard = [await chart.getAttribute('aria-valuetext')];
  for (let n = 1; n < buckets.length; n++) {
    await page.keyboard.press('ArrowRight');
    heard.push(await chart.getAttribute('aria-valuetext'));
  }
  // The open day may have moved since the report was asked.
  assert.deepEqual(heard.slice(0, -1), buckets.slice(0, -1).map(said));
  assert.match(heard.at(-1), /, not complete yet$/);
  await page.getByRole('button', { name: 'Show as table' }).click();
  await page.getByRole('table').waitFor();
  const table = await page.getByRole('table').evaluate((one) => [...one.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
  assert.deepEqual(table[0], ['Date', 'Visits', 'Before']);
  assert.equal(table.length, buckets.length + 1);
  const numbers = (row) => row.slice(1).map((cell) => Number(cell.replaceAll(',', '')));
  assert.deepEqual(table.slice(1, -1).map(numbers), buckets.slice(0, -1).map((one) => [one.values.visits, one.previous.visits]));
  await page.getByRole('button', { name: 'Show as chart' }).click();
  // Enter on a day shows that day.
  await chart.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await at(`?p=${buckets[0].at}`);
});

// "Reduced motion, forced colours, 320 px without sideways scroll, targets of at least 24 px." Seen to fail with a
// `min-height` of 20 px for tabs.
test('T11: nothing moves, forced colours tell everything, 320 px are enough, targets are large enough', async () => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await open(`${HOME}?p=7d`);
  const moving = () => page.evaluate(() => [...document.querySelectorAll('*')].filter((one) => {
    const style = getComputedStyle(one);
    return style.animationName !== 'none' || style.transitionDuration.split(',').some((time) => parseFloat(time) > 0);
  }).map((one) => one.className));
  assert.deepEqual(await moving(), []);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.ok((await moving()).length > 0, 'or nothing is shown by the line above');
  await page.emulateMedia({ reducedMotion: 'reduce' });

  await page.emulateMedia({ forcedColors: 'active' });
  await accessible(page, 'forced colours');
  const chosen = page.locator('.tile.chosen .name');
  const other = page.locator('.tile:not(.chosen) .name').first();
  const weight = (one) => one.evaluate((name) => getComputedStyle(name).fontWeight);
  assert.notEqual(await weight(chosen), await weight(other), 'the chosen tile is told by more than a colour');
  const lines = await page.locator('path.now, path.before').evaluateAll((all) => all.map((one) => getComputedStyle(one).strokeWidth));
  assert.ok(new Set(lines).size > 1, 'the comparison is told by more than a colour');
  await shot(page, 'forced-colors');
  await page.emulateMedia({ forcedColors: 'none' });

  await page.setViewportSize({ width: 320, height: 700 });
  const fits = async (what) => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${what} scrolls sideways by ${over} px`);
    // A link within a sentence may be as tall as its line (WCAG 2.2, 2.5.8).
    const small = await page.evaluate(() => [...document.querySelectorAll('a, button, select, summary, input:not(.hidden), label.tile')].filter((one) => {
      const box = one.getBoundingClientRect();
      const inline = getComputedStyle(one).display === 'inline' && one.closest('p, span, footer');
      return box.width > 0 && one.checkVisibility({ opacityProperty: true }) && !inline && (box.width < 24 || box.height < 24);
    }).map((one) => `${one.outerHTML.slice(0, 90)} ${one.getBoundingClientRect().width}x${one.getBoundingClientRect().height}`));
    assert.deepEqual(small, [], what);
    await accessible(page, `${what}, 320 px`);
    await shot(page, `320-${what.replaceAll(' ', '-')}`);
  };
  await fits('overview');
  await page.getByRole('button', { name: 'Show as table' }).click();
  await page.getByRole('button', { name: 'Copy as table' }).waitFor();
  await fits('table');
  await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole('button', { name: 'Notes' }).waitFor();
  await fits('menu');
  await page.getByRole('button', { name: 'Notes' }).click();
  await page.getByRole('dialog').waitFor();
  await fits('notes');
  for (const [what, search] of [['details', '?p=7d&d=page'], ['event', '?p=7d&event=purchase&m=value_sum'], ['flow', '?p=7d&page=/demo&tab=flow'], ['funnel', '?p=7d&tab=funnel']]) {
    await open(HOME + search);
    if (what === 'details') await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
    if (what === 'funnel') await page.getByRole('heading', { name: /Sign-up/ }).first().waitFor();
    await fits(what);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});
