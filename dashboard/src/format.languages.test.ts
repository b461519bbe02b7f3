import { expect, test, vi } from 'vitest';

/** The module as a build in that language has it. */
async function format(language: 'de' | 'fr') {
  vi.resetModules();
  vi.doMock('./words', () => (language === 'de' ? import('./words.de') : import('./words.fr')));
  return import('./format');
}

// Each seen to fail with the English locale in the language's catalogue.
test('German numbers, durations, dates and names', async () => {
  const f = await format('de');
  expect([1234, 12_345, 999_499, 1_234_567].map(f.short)).toEqual(['1.234', '12.345', '999.499', '1,2\u00a0Mio.']);
  expect([0.043, 0.43, 0.0004].map(f.percent)).toEqual(['4,3\u00a0%', '43\u00a0%', '<\u00a00,1\u00a0%']);
  expect(f.duration(83)).toBe('1\u00a0min 23\u00a0s');
  expect(f.money(123_456, 'EUR')).toBe('1.234,56\u00a0€');
  expect(f.change('bounce_rate', 0.45, 0.4)?.text).toBe('+5,0\u00a0Pkt.');
  expect(f.weekday('2026-11-03')).toBe('Di. 3. Nov.');
  expect(f.bucket('2026-11-02', 'week')).toBe('Woche ab 2. Nov.');
  expect(f.between({ first: '2026-11-01', last: '2026-11-22' })).toBe('1.–22. Nov. 2026');
  expect([f.label('country', 'DE'), f.label('language', 'fr'), f.label('device', 'mobile')]).toEqual(['Deutschland', 'Französisch', 'Smartphone']);
});

test('French numbers, durations, dates and names', async () => {
  const f = await format('fr');
  expect([1234, 12_345, 1_234_567].map(f.short)).toEqual(['1\u202f234', '12,3\u00a0k', '1,2\u00a0M']);
  expect([0.043, 0.43].map(f.percent).join()).toMatch(/^4,3[\u00a0\u202f]%,43[\u00a0\u202f]%$/);
  expect(f.duration(7500)).toBe('2\u00a0h 5\u00a0min');
  expect(f.money(123_456, 'EUR')).toBe('1\u202f234,56\u00a0€');
  expect(f.weekday('2026-11-03')).toBe('mar. 3 nov.');
  expect(f.between({ first: '2026-10-26', last: '2026-11-22' })).toMatch(/^26 oct\.\s–\s22 nov\. 2026$/);
  expect([f.label('country', 'DE'), f.label('language', 'de'), f.label('channel', 'Direct')]).toEqual(['Allemagne', 'Allemand', 'Direct']);
});

test('plurals: in French nothing is singular', async () => {
  const [de, fr] = [await import('./words.de'), await import('./words.fr')];
  expect([0, 1, 2].map(de.liveViews)).toEqual(['0 Seitenaufrufe', '1 Seitenaufruf', '2 Seitenaufrufe']);
  expect([0, 1, 2].map(fr.liveViews)).toEqual(['0 page vue', '1 page vue', '2 pages vues']);
});
