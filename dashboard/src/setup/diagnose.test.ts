import { expect, test } from 'vitest';
import * as t from '../words.setup';
import { ofBrowser, ofPage, reason, type Finding, type Seen } from './diagnose';

const accepted: Finding = { outcome: 'accepted', named: 'example.com', of_other_site: false, host: 'example.com', untrusted_proxy: false };
const seen: Seen = { origin: 'https://stats.example.com', health: { status: 'ok', proxy: 'ok' }, script: 'answered', finding: accepted };
const told = (what: Partial<Seen>) => ofBrowser({ ...seen, ...what }).map(({ good, what }) => `${good ? '+' : '-'} ${what}`);

test('each step is told, and the first that fails is the last', () => {
  const { server, script, sent, outcome } = t.well;
  expect(told({})).toEqual([`+ ${server}`, `+ ${script}`, `+ ${sent}`, `+ ${outcome}`]);
  expect(told({ script: 'not-loaded', finding: null })).toEqual([`+ ${server}`, `- ${t.wrong.script('').what}`]);
  for (const script of ['loaded', 'not-sent'] as const) {
    expect(told({ script, finding: null }).at(-1)).toBe(`- ${t.wrong.sent('').what}`);
  }
  expect(told({ script: 'refused', finding: null }).at(-1)).toBe(`- ${t.wrong.refused.what}`);
  expect(told({ finding: null }).at(-1)).toBe(`- ${t.wrong.lost.what}`);
  expect(told({ health: { status: 'unavailable', proxy: 'ok' } })[0]).toBe(`- ${t.wrong.server.what}`);
  const proxy = `- ${t.wrong.proxy.what}`;
  expect(told({ finding: { ...accepted, untrusted_proxy: true } })).toContain(proxy);
  expect(told({ health: { status: 'ok', proxy: 'most hits come through one peer' } })).toContain(proxy);
  expect(told({})).not.toContain(proxy);
});

test('every outcome of the server has its sentence and what to do', () => {
  // The ledger's closed list (src/domain/outcome.rs), but for what counts.
  const outcomes = [
    'bot', 'gpc', 'opted_out', 'excluded', 'unknown_site', 'host_not_allowed', 'undeclared_event', 'no_visit', 'rate_limited',
    'malformed', 'too_large', 'overloaded', 'late', 'spam', 'ignored',
  ];
  expect(Object.keys(t.outcomes).sort()).toEqual([...outcomes].sort());
  for (const outcome of outcomes) {
    const result = reason({ ...accepted, outcome });
    expect(result.good).toBe(false);
    expect(result.what && result.then).toBeTruthy();
    expect(ofBrowser({ ...seen, finding: { ...accepted, outcome } }).at(-1)).toEqual(result);
  }
  expect(reason({ ...accepted, outcome: 'host_not_allowed', host: 'www.other.example' }).what).toContain('www.other.example');
  expect(reason({ ...accepted, outcome: 'unknown_site', named: 'exmaple.com' }).what).toContain('“exmaple.com”');
  expect(reason({ ...accepted, outcome: 'unknown_site', of_other_site: true }).what).toContain('another site');
});

test('a page that sends nothing is told from one whose hit would not count', () => {
  expect(ofPage('example.com', null).what).toBe(t.wrong.silent('example.com').what);
  expect(ofPage('example.com', accepted)).toEqual({ good: true, what: t.well.page('example.com') });
  expect(ofPage('example.com', { ...accepted, outcome: 'opted_out' }).at).toBe('opt-out');
});
