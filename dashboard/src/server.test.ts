import { expect, test, vi } from 'vitest';

test('what the server says is translated with what it puts in; what is not known stays', async () => {
  vi.doMock('./words.server', () => import('./words.server.fr'));
  const { translate } = await import('./server');
  expect(translate('needs an event')).toBe('Demande un événement');
  expect(translate('too many attempts: try again in 7 seconds')).toBe('Trop de tentatives\u202f: réessayer dans 7 secondes');
  expect(translate('unknown value "a(b" for m')).toBe('Valeur inconnue «\u202fa(b\u202f» pour m');
  expect(translate('hosts[0]: `x y` is not allowed: a host')).toBe('hosts[0]: `x y` is not allowed: a host');
});
