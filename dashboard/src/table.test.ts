import { expect, test } from 'vitest';
import { tsv } from './table';

test('a table is lines of cells, and none of them a formula', () => {
  expect(tsv([['Page', 'Visits'], ['/a\tb', 12], ['=1+1', -3], ['', null], [undefined, 0.25]])).toBe(
    "Page\tVisits\n/a b\t12\n'=1+1\t-3\n\t\n\t0.25",
  );
});
