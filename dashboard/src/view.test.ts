import { describe, expect, test } from 'vitest';
import type { Filter } from './api';
import { DEFAULT, FILTER_KEYS, OPERATORS, clicked, isPeriod, named, question, read, readOperator, step, without, write, writeOperator, type View } from './view';

/** A small generator with a seed, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}
const TEXTS = ['a', 'Hacker News', '=x', '!x', '~x', '^x', '!~x', '!=x', '==', 'ü/ä?&#=+%20', '*', '(none)', '/blog/*', 'a,b'];

function anyView(pick: (below: number) => number): View {
  const from = <T>(list: readonly T[]) => list[pick(list.length)] as T;
  const filters: Filter[] = [];
  for (let i = pick(4); i > 0; i--) {
    const key = from([...FILTER_KEYS, 'prop.plan']);
    const operator = from(OPERATORS);
    if (filters.some((one) => one.key === key && one.operator === operator)) continue;
    filters.push({ key, operator, values: [...new Set([from(TEXTS), from(TEXTS)])] });
  }
  const details = from([null, 'source', 'prop.plan']);
  return {
    period: from(['28d', 'day', '7d', '2026-10-01..2026-10-31', '2026-11-22', 'all', '12mo']),
    interval: from([null, 'hour', 'week']),
    metric: filters.some((one) => one.key === 'event' || one.key === 'prop.plan') ? from(['events', 'event_rate'] as const) : from(['visits', 'bounce_rate'] as const),
    compare: from(['prev', 'year', 'none', '2026-01-01..2026-01-31']),
    byDate: from([true, false]),
    filters,
    tabs: from([[], ['utm_campaign', 'entry_page']]),
    details,
    search: details ? from(TEXTS) : '',
    sort: details ? from([null, '-visits', 'name']) : null,
    notices: [],
  };
}

test('what is written is read back', () => {
  const pick = random(7);
  for (let i = 0; i < 2000; i++) {
    const view = anyView(pick);
    expect(read(write(view))).toEqual(view);
    expect(write(read(write(view)))).toBe(write(view));
  }
});

test('the metric goes with the filters: an event has counts of its own', () => {
  expect(read('?event=copy').metric).toBe('events');
  expect(read('?m=visits&event=copy').metric).toBe('events');
  expect(read('?m=event_rate&event=copy').metric).toBe('event_rate');
  expect(read('?m=event_rate').metric).toBe('visits');
  const { view } = clicked({ ...DEFAULT, metric: 'bounce_rate' }, 'event', 'copy');
  expect(write(view)).toBe('?event=copy');
  expect(question(view).get('m')).toBe('events');
  expect(write({ ...read('?event=copy'), filters: [] })).toBe('');
});

test('the default view has no query, and an empty query is the default view', () => {
  expect(write(DEFAULT)).toBe('');
  expect(read('')).toEqual(DEFAULT);
});

test('the address of the specification is understood', () => {
  const view = read('?p=28d&i=day&m=visits&c=prev&source=Hacker+News&event=plan_card_click&tab=campaign,entry&d=sources&q=ha&sort=-rate');
  expect(view.filters).toEqual([
    { key: 'source', operator: 'is', values: ['Hacker News'] },
    { key: 'event', operator: 'is', values: ['plan_card_click'] },
  ]);
  expect(view.tabs).toEqual(['utm_campaign', 'entry_page']);
  expect(view.notices).toEqual([]);
});

test.each(OPERATORS)('operator %s keeps every text', (operator) => {
  for (const text of TEXTS) {
    expect(readOperator(writeOperator(operator, text))).toEqual([operator, text]);
  }
});

test('unknown keys are ignored, bad values are named', () => {
  const view = read('?nonsense=1&p=never&p=9999d&i=minute&c=maybe&m=x&source=');
  expect(view.notices).toEqual(['p=never', 'p=9999d', 'i=minute', 'c=maybe', 'm=x', 'source=']);
  expect({ ...view, notices: [] }).toEqual(DEFAULT);
});

test('a repeated key is any-of', () => {
  expect(read('?country=EE&country=FI&country=EE').filters).toEqual([
    { key: 'country', operator: 'is', values: ['EE', 'FI'] },
  ]);
});

describe('a row click', () => {
  test('replaces the filter of a second family and keeps the page', () => {
    const before = read('?source=Bing&page=example.com/pricing');
    const { view, replaced } = clicked(before, 'country', 'EE');
    expect(write(view)).toBe('?page=example.com/pricing&country=EE');
    expect(replaced.map((one) => one.key)).toEqual(['source']);
  });
  test('adds a dimension of the same family', () => {
    const { view, replaced } = clicked(read('?source=Bing'), 'utm_campaign', 'x');
    expect(write(view)).toBe('?source=Bing&utm_campaign=x');
    expect(replaced).toEqual([]);
  });
  // Seen to fail with pages and sections that are both kept.
  test('replaces a section, page, entry or exit that another one stands for', () => {
    const { view, replaced } = clicked(read('?section=/blog/*&country=EE'), 'entry_page', 'example.com/blog/a');
    expect(write(view)).toBe('?country=EE&entry_page=example.com/blog/a');
    expect(replaced.map((one) => one.key)).toEqual(['section']);
    const again = clicked(view, 'entry_page', 'example.com/b');
    expect([write(again.view), again.replaced]).toEqual(['?country=EE&entry_page=example.com/b', []]);
    expect(clicked(read('?page=/a'), 'flow', '/b').replaced).toEqual([]);
  });
  test('the way back to a family drops only the others', () => {
    expect(write(without(read('?source=Bing&event=x'), 'country'))).toBe('?event=x');
  });
});

test.each([
  ['28d', true], ['1d', true], ['0d', false], ['2026-11-22', true], ['2026-02-30', false],
  ['2026-10-01..2026-10-31', true], ['2026-10-31..2026-10-01', false], ['..', false], ['a..b..c', false], ['12mo', true],
])('%s as a period: %s', (text, expected) => expect(isPeriod(text)).toBe(expected));

test.each([
  ['7d', '2026-11-16', '2026-11-22', -1, '2026-11-09..2026-11-15'],
  ['2026-11-09..2026-11-15', '2026-11-09', '2026-11-15', 1, '7d'],
  ['7d', '2026-11-16', '2026-11-22', 1, null],
  ['day', '2026-11-22', '2026-11-22', -1, '2026-11-21'],
  ['2026-11-21', '2026-11-21', '2026-11-21', 1, 'day'],
  ['month', '2026-11-01', '2026-11-22', -1, '2026-10-01..2026-10-31'],
  ['2026-10-01..2026-10-31', '2026-10-01', '2026-10-31', 1, 'month'],
  ['2026-03-01..2026-03-31', '2026-03-01', '2026-03-31', -1, '2026-02-01..2026-02-28'],
  ['year', '2026-01-01', '2026-11-22', -1, '2025-01-01..2025-12-31'],
  ['all', '2020-01-01', '2026-11-22', -1, null],
] as const)('%s (%s to %s), step %d, is %s', (period, first, last, by, expected) =>
  expect(step(period, first, last, '2026-11-22', by)).toBe(expected),
);

test('a range that ends today is told in days', () => {
  expect(named('2026-11-22', '2026-11-22', '2026-11-22')).toBe('day');
  expect(named('2026-10-26', '2026-11-22', '2026-11-22')).toBe('28d');
});

test('the server is asked everything that matters and nothing of the page', () => {
  expect(question(read('?tab=city&d=city&q=x')).toString()).toBe('p=28d&m=visits&c=prev');
});
