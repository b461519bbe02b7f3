/** The choice of the page's language: each is a build of its own, so the page is loaded anew. */
import { shared } from './route.svelte';

/** By their own names. */
export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français' };
const A_YEAR_S = 31_536_000;

/** Remembered in a cookie that holds the language and nothing else; of a share's page in its address only. */
export function setLanguage(language: string): void {
  if (shared) {
    const query = new URLSearchParams(location.search);
    query.set('lang', language);
    location.search = query.toString();
    return;
  }
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `mayfly_language=${language}; Path=/; Max-Age=${A_YEAR_S}; SameSite=Lax${secure}`;
  location.reload();
}
