import { describe, expect, it } from 'vitest';
import type { ListedSite } from '../api';
import { listed, sums } from './sums';

const site = (name: string, more: Partial<ListedSite> = {}): ListedSite => ({
  name, zone: 'UTC', today: '2026-11-22', sparkline: [1, 1, 1, 1, 1, 1, 1], visits_7d: 7, compared: 6, previous: 5, visitors_7d: 4, live: 1, ...more,
});

describe('the sums over sites', () => {
  it('add what adds up', () => {
    const { visits, compared, previous, visitors, live, sites, zones } = sums([site('a'), site('b', { visits_7d: 3, zone: 'Asia/Tokyo' })]);
    expect([visits, compared, previous, visitors, live, sites, zones]).toEqual([10, 12, 10, 8, 2, 2, 2]);
  });

  it('leave simulated sites out, where there are others', () => {
    expect(sums([site('a'), site('demo', { simulated: true })])).toMatchObject({ visits: 7, sites: 1 });
    expect(sums([site('demo', { simulated: true })]).visits).toBe(7);
  });

  // Seen to fail with days added by their place in the week instead of their date.
  it('add days by their date, all that are in the tile, and say which are not whole', () => {
    const { days, visits } = sums([site('a'), site('ahead', { today: '2026-11-23', sparkline: [10, 0, 0, 0, 0, 0, 20], visits_7d: 30 })]);
    expect(days.map((one) => [one.date.slice(8), one.visits, one.complete])).toEqual([
      ['16', 1, false], ['17', 11, true], ['18', 1, true], ['19', 1, true], ['20', 1, true], ['21', 1, true], ['22', 1, false], ['23', 20, false],
    ]);
    expect(days.reduce((sum, one) => sum + one.visits, 0)).toBe(visits);
    expect(sums([site('new', { sparkline: undefined })]).days).toEqual([]);
  });
});

describe('the list', () => {
  const all = [site('beta', { visits_7d: 9 }), site('alpha', { visits_7d: 2 }), site('alps', { visits_7d: undefined, previous: 0 })];
  const names = (search: string, sort: string) => listed(all, search, sort).map((one) => one.name).join(' ');

  it('is sorted by any column, what is not known last', () => {
    expect(names('', 'name')).toBe('alpha alps beta');
    expect(names('', '-name')).toBe('beta alps alpha');
    expect(names('', '-visits')).toBe('beta alpha alps');
    expect(names('', 'visits')).toBe('alpha beta alps');
    expect(names('', '-change')).toBe('alpha beta alps');
  });

  it('is searched', () => {
    expect(names(' ALP', 'name')).toBe('alpha alps');
    expect(names('zz', 'name')).toBe('');
  });
});
