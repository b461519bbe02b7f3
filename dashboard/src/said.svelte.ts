/** What the server says in English, in the language of the page; the texts come when something is first said. */
import { sentence } from './format';
import { locale } from './words';

type Translate = (text: string) => string;
let translate = $state.raw<Translate | null>(locale.startsWith('en') ? sentence : null);
let asked: Promise<void> | null = null;

function load(): Promise<void> {
  return (asked ??= import('./server').then(
    (loaded) => void (translate = loaded.translate),
    // Better in English than not at all.
    () => void (translate = (text) => text),
  ));
}

/** For a template: nothing until the texts are here. */
export function said(text: string): string {
  if (!translate) void load();
  return translate?.(text) ?? '';
}

export async function saidOnce(text: string): Promise<string> {
  if (!translate) await load();
  return translate!(text);
}
