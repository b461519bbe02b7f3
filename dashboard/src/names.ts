/** What dimensions and panels' tabs are called. */
import { dimension, tab } from './words';

export function dimensionName(key: string): string {
  return key.startsWith('prop.') ? key.slice(5) : (dimension[key] ?? key);
}

export function tabName(key: string): string {
  return tab[key] ?? dimensionName(key);
}
