// What assistive technology is told of a page, and where the keyboard is: beyond what axe looks at.

import assert from 'node:assert/strict';

/** Roles that are operated. Each has to have a name. */
const OPERATED = new Set([
  'button', 'checkbox', 'combobox', 'link', 'listbox', 'menuitem', 'option', 'radio', 'searchbox', 'slider', 'spinbutton', 'switch', 'tab', 'textbox',
  'DisclosureTriangle', 'Date', 'PopUpButton',
]);

/** The accessibility tree as the browser gives it to assistive technology, in reading order, without what it leaves out. */
async function tree(page) {
  const session = await page.context().newCDPSession(page);
  try {
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    const known = new Map(nodes.map((node) => [node.nodeId, node]));
    const read = (node) => [node, ...(node.childIds ?? []).flatMap((id) => (known.has(id) ? read(known.get(id)) : []))];
    return read(nodes.find((node) => !known.has(node.parentId))).filter((node) => !node.ignored).map((node) => ({
      role: node.role?.value ?? '',
      name: (node.name?.value ?? '').trim(),
      ...Object.fromEntries((node.properties ?? []).map(({ name, value }) => [name, value.value])),
    }));
  } finally {
    await session.detach();
  }
}

/**
 * Fails unless everything that takes the focus has a role and a name, the headings are an outline, there is one main
 * landmark, landmarks of a kind have names that tell them apart, and no id is given twice.
 */
export async function told(page, what) {
  const nodes = await tree(page);
  const modal = nodes.some((node) => node.role === 'dialog' && node.modal);
  // The page as a whole has its title; main takes the focus only where what had it went away.
  const nameless = nodes.filter((node) => !node.name && ((node.focusable && !['RootWebArea', 'main'].includes(node.role)) || OPERATED.has(node.role)));
  assert.deepEqual(nameless, [], `${what}: without a name`);

  const headings = nodes.filter((node) => node.role === 'heading');
  const levels = headings.map((node) => node.level);
  if (!modal) assert.equal(levels.filter((level) => level === 1).length, 1, `${what}: headings of the first level: ${headings.map((one) => one.name)}`);
  levels.forEach((level, i) => assert.ok(i === 0 ? level <= 2 : level <= levels[i - 1] + 1, `${what}: ${headings[i].name} is of level ${level} after ${levels[i - 1]}`));
  assert.deepEqual(headings.filter((one) => !one.name), [], `${what}: an empty heading`);

  const of = (role) => nodes.filter((node) => node.role === role);
  if (!modal) {
    assert.equal(of('main').length, 1, `${what}: main landmarks`);
    assert.ok(of('banner').length <= 1, `${what}: banners`);
  }
  for (const role of ['navigation', 'region', 'radiogroup', 'tablist', 'tabpanel']) {
    const names = of(role).map((node) => node.name);
    assert.equal(new Set(names).size, names.length, `${what}: ${role}s of one name: ${names}`);
    assert.ok(names.every(Boolean), `${what}: a ${role} without a name`);
  }
  const doubled = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    return ids.filter((id, i) => ids.indexOf(id) !== i);
  });
  assert.deepEqual(doubled, [], `${what}: ids given twice`);
  assert.notEqual(await page.title(), '', `${what}: the title`);
}

/** Where the focus is, whether it is to be seen, and whether what it is on is. */
export const focus = (page) => page.evaluate(() => {
  const one = document.activeElement;
  if (!one || one === document.body) return { lost: true, what: 'body' };
  const marked = [one, one.closest('label'), one.closest('svg a') && one.querySelector('path, circle')].filter(Boolean).some((each) => {
    const style = getComputedStyle(each);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || parseFloat(style.strokeWidth) >= 4;
  });
  const box = (one.closest('label') ?? one).getBoundingClientRect();
  const inView = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  // Of a point of it, what is on top: something of another part of the page hides it (a sticky bar, say).
  const [x, y] = [Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1), Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1)];
  const top = document.elementFromPoint(x, y);
  const covered = !!top && !one.contains(top) && !top.contains(one) && !one.closest('label')?.contains(top);
  return {
    lost: false,
    what: `${one.tagName.toLowerCase()} ${one.getAttribute('aria-label') ?? one.textContent.trim().replace(/\s+/g, ' ').slice(0, 60)}`,
    // The parts of a date have a mark of the browser's own.
    shown: one.type === 'date' || (one.matches(':focus-visible') && marked),
    inView,
    covered: covered && box.width > 2 && box.height < innerHeight,
  };
});

/** Fails unless the keyboard has a place that one can see. */
export async function seen(page, after) {
  const found = await focus(page);
  assert.ok(!found.lost, `${after}: the focus is lost`);
  assert.ok(found.shown, `${after}: the focus is not to be seen on ${found.what}`);
  assert.ok(found.inView && !found.covered, `${after}: ${found.what} has the focus and is out of sight`);
  return found;
}

/** Presses Tab (or Shift+Tab) until an element has the focus, and sees to it that it can be seen at every stop. */
export async function tabTo(page, locator, { back = false, most = 160 } = {}) {
  await locator.waitFor({ state: 'attached' });
  for (let n = 0; n < most; n++) {
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
    if (await locator.evaluate((one) => one === document.activeElement)) return seen(page, `Tab to ${locator}`);
    await seen(page, `Tab, ${n + 1} times`).catch((problem) => {
      // Past the last stop the browser's own controls are next.
      if (!/is lost/.test(problem.message)) throw problem;
    });
  }
  throw new Error(`${locator} is not reached in ${most} stops`);
}

/**
 * Presses Tab through a whole page, and fails if a stop cannot be seen, if the order is not that of the document, or
 * if a stop that a mouse has is left out. Returns the stops in words.
 */
export async function walk(page, what, most = 400) {
  await page.evaluate(() => { document.activeElement?.blur(); window.getSelection()?.removeAllRanges(); window.walked = []; });
  await page.locator('body').evaluate((body) => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); });
  const stops = [];
  for (let n = 0; n < most; n++) {
    await page.keyboard.press('Tab');
    const again = await page.evaluate(() => {
      const one = document.activeElement;
      // The parts of a date are stops of one field.
      if (one === window.walked.at(-1)) return false;
      if (one === document.body || window.walked.includes(one)) return true;
      window.walked.push(one);
      return false;
    });
    if (again) break;
    stops.push((await seen(page, `${what}, stop ${n + 1}`)).what);
  }
  const wrong = await page.evaluate(() => {
    const after = (a, b) => a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING;
    const disordered = window.walked.filter((one, i) => i > 0 && !after(window.walked[i - 1], one));
    // One stop stands for a group of radios, tabs, the countries of the map; a summary for its details.
    const left = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((one) => !one.disabled && one.tabIndex >= 0
      && one.checkVisibility({ visibilityProperty: true }) && !(one.type === 'radio' && !one.checked) && !one.closest('[inert]') && !window.walked.includes(one));
    const words = (one) => one.outerHTML.slice(0, 120);
    return { disordered: disordered.map(words), left: left.map(words) };
  });
  assert.deepEqual(wrong, { disordered: [], left: [] }, what);
  return stops;
}
