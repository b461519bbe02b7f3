import { expect, test } from 'vitest';
import { bucket, change, duration, exactly, isDate, label, money, percent, scale, short, value, weekday } from './format';

test.each([
  [0, '0'], [999, '999'], [1234, '1,234'], [9999, '9,999'], [10_000, '10k'], [12_345, '12.3k'],
  [99_949, '99.9k'], [123_456, '123k'], [999_499, '999k'], [999_600, '1M'], [1_234_567, '1.2M'], [-12_345, '-12.3k'],
])('short(%d) is %s', (n, expected) => expect(short(n)).toBe(expected));

test.each([[0, '0s'], [59.4, '59s'], [59.6, '1m 0s'], [83.2, '1m 23s'], [3600, '1h 0m'], [7500, '2h 5m']])(
  'duration(%d) is %s',
  (seconds, expected) => expect(duration(seconds)).toBe(expected),
);

test.each([[0, '0%'], [0.0004, '<0.1%'], [0.043, '4.3%'], [0.432, '43%'], [0.999, '>99%'], [1, '100%'], [1.2, '120%']])(
  'percent(%d) is %s',
  (fraction, expected) => expect(percent(fraction)).toBe(expected),
);

test('an unknown value is a dash, never zero', () => {
  expect(value('bounce_rate', null)).toBe('–');
  expect(value('visits', undefined)).toBe('–');
  expect(value('bounce_rate', 0)).toBe('0%');
  expect(exactly('visits', 12_345)).toBe('12,345');
  expect(exactly('bounce_rate', 0.4321)).toBe('43.21%');
});

test.each([
  ['visits', 120, 100, '▲', '+20%', 1],
  ['visits', 80, 100, '▼', '−20%', -1],
  ['visits', 101.5, 100, '▲', '+1.5%', 1],
  ['visits', 5, 0, '▲', 'from 0', 1],
  ['visits', 5, 5, '', '0%', 0],
  ['bounce_rate', 0.45, 0.4, '▲', '+5.0 pts', -1],
  ['bounce_rate', 0.4, 0.45, '▼', '−5.0 pts', 1],
  ['event_rate', 0.4, 0.45, '▼', '−5.0 pts', -1],
  ['visit_duration', 90, 60, '▲', '+50%', 1],
] as const)('change of %s from %d to %d', (name, now, before, arrow, text, mood) =>
  expect(change(name, now, before)).toEqual({ arrow, text, mood }),
);

test('nothing to compare shows no change', () => {
  expect(change('visits', 5, null)).toBeNull();
  expect(change('bounce_rate', null, 0.5)).toBeNull();
});

test('dates are calendar dates, whatever the zone of the machine', () => {
  expect(weekday('2026-11-03')).toBe('Tue 3 Nov');
  expect(weekday('1969-12-31')).toBe('Wed 31 Dec');
  expect(bucket('2026-11-22T14', 'hour')).toBe('Sun 22 Nov, 14:00');
  expect(bucket('2026-11-01', 'month')).toBe('Nov 2026');
  expect(isDate('2026-02-29')).toBe(false);
  expect(isDate('2024-02-29')).toBe(true);
});

test('codes become names, other texts stay', () => {
  expect(label('country', 'EE')).toBe('Estonia');
  expect(label('country', '(none)')).toBe('(none)');
  expect(label('language', 'de')).toBe('German');
  expect(label('source', 'EE')).toBe('EE');
});

test('money is told in minor units', () => {
  expect(money(123456, 'EUR')).toBe('€1,234.56');
  expect(money(1234, 'JPY')).toBe('JP¥1,234');
  expect(money(5470400, 'EUR', true)).toBe('€54.7k');
  expect(value('value_sum', 0, null)).toBe('–');
  expect(exactly('value_sum', 123456, 'EUR')).toBe('€1,234.56');
  expect(money(1234, 'not a currency')).toBe('1,234 not a currency');
});

test.each([0, 1, 2, 3, 7, 10, 99, 412, 1001, 123_456])('the scale holds %d', (max) => {
  const { top, lines } = scale(max);
  expect(top).toBeGreaterThanOrEqual(max);
  expect(lines.length).toBeLessThanOrEqual(6);
  expect(lines.every((line) => Number.isInteger(line))).toBe(true);
});
