/** Between the settings document and the fields of its form. Pure. */
import type { Settings, Step, Values } from './api';

export function lines(text: string): string[] {
  return text.split('\n').map((one) => one.trim()).filter(Boolean);
}

export function rulesText(rules: Settings['path_rules']): string {
  return rules.map((rule) => `${rule.pattern} -> ${rule.becomes}`).join('\n');
}

/** `/user/*\/edit -> /user/:id/edit`, one a line; a line without an arrow keeps an empty right side for the server to name. */
export function rulesOf(text: string): Settings['path_rules'] {
  return lines(text).map((line) => {
    const [pattern, becomes] = line.split(/\s*(?:->|→)\s*/, 2);
    return { pattern: pattern ?? '', becomes: becomes ?? '' };
  });
}

export type StepKind = 'page' | 'section' | 'event';
export const STEP_KINDS: StepKind[] = ['page', 'section', 'event'];

export function stepParts(step: Step): { kind: StepKind; text: string } {
  const [kind, text] = Object.entries(step)[0] as [StepKind, string];
  return { kind, text };
}

export function stepOf(kind: StepKind, text: string): Step {
  return { [kind]: text.trim() } as unknown as Step;
}

export function isList(values: Values): values is { list: string[] } {
  return 'list' in values;
}

export function listOf(text: string): string[] {
  return text.split(',').map((one) => one.trim()).filter(Boolean);
}

/** The server names the field first: "events[0].name: `x y` is not allowed: ...". */
export function fieldOf(message: string): string | null {
  return /^([a-z_]+(?:\[\d+\]|\.[a-z_]+)*): /.exec(message)?.[1] ?? null;
}

/** Whether a problem at `field` belongs beside the input for `path`. */
export function concerns(field: string | null, path: string): boolean {
  return field !== null && (field === path || field.startsWith(`${path}[`) || field.startsWith(`${path}.`));
}

/**
 * Takes into a form what was declared of an event meanwhile, and leaves all else as it was typed. If somebody else changed
 * the settings too, the form stays at its version: saving it says so.
 */
export function withDeclared(form: Settings, found: Settings, name: string): void {
  if (found.version === form.version + 1) form.version = found.version;
  const now = found.events.find((one) => one.name === name);
  const mine = form.events.find((one) => one.name === name);
  if (!now) return;
  if (!mine) return void form.events.push(now);
  for (const property of now.properties) {
    const own = mine.properties.find((one) => one.name === property.name);
    if (!own) mine.properties.push(property);
    else if (isList(own.values) && isList(property.values)) own.values.list = [...new Set([...own.values.list, ...property.values.list])];
  }
}
