import { expect, test } from 'vitest';
import type { EventDeclaration, Settings } from './api';
import { concerns, fieldOf, listOf, rulesOf, rulesText, stepOf, stepParts, withDeclared } from './settings';

test('path rules survive the text area', () => {
  const rules = [{ pattern: '/user/*/edit', becomes: '/user/:id/edit' }, { pattern: '/a', becomes: '/b' }];
  expect(rulesOf(rulesText(rules))).toEqual(rules);
  expect(rulesOf(' /a → /b \n\n /c ')).toEqual([{ pattern: '/a', becomes: '/b' }, { pattern: '/c', becomes: '' }]);
});

test('steps and lists survive their fields', () => {
  expect(stepParts(stepOf('event', ' signup '))).toEqual({ kind: 'event', text: 'signup' });
  expect(listOf('a, b,,c ')).toEqual(['a', 'b', 'c']);
});

test.each([
  ['events[0].name: `x` is not allowed: 1 to 120 bytes', 'events[0].name'],
  ['k: `0` is not allowed: a number from 1 to 1000', 'k'],
  ['funnels[1].steps[2].event: `x` is not allowed: the name of a declared event', 'funnels[1].steps[2].event'],
  ['the settings were changed meanwhile: load them again', null],
])('the field of "%s"', (message, field) => expect(fieldOf(message)).toBe(field));

test('a problem belongs to the input that holds its field', () => {
  expect(concerns('hosts[1]', 'hosts')).toBe(true);
  expect(concerns('events[1].name', 'events[1].name')).toBe(true);
  expect(concerns('events[11].name', 'events[1]')).toBe(false);
  expect(concerns('k', 'kept')).toBe(false);
  expect(concerns(null, 'k')).toBe(false);
});

// Seen to fail with any version taken.
test('what is declared meanwhile comes into the form beside what was typed', () => {
  const event = (name: string, list: string[]): EventDeclaration => ({ name, interactive: true, once: 'never', currency: null, properties: [{ name: 'plan', values: { list } }] });
  const settings = (version: number, events: EventDeclaration[]) => ({ version, k: 5, events }) as unknown as Settings;
  const form = { ...settings(3, [event('copy', ['typed']), event('new', [])]), k: 9 };
  withDeclared(form, settings(4, [event('copy', ['solo']), event('old', [])]), 'copy');
  expect(form).toEqual({ ...settings(4, [event('copy', ['typed', 'solo']), event('new', [])]), k: 9 });
  withDeclared(form, settings(6, [event('sign_up', [])]), 'sign_up');
  expect([form.version, form.events.map((one) => one.name)]).toEqual([4, ['copy', 'new', 'sign_up']]);
});
