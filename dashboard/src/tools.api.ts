/** The calls of what is done with a view. */
import { call, site, type Note } from './api';

export const tools = {
  zip: (name: string, query: string) => `${site(name)}/view.zip?${query}`,
  everything: (name: string, format: string) => `${site(name)}/everything?format=${format}`,
  notes: (name: string) => call<{ notes: Note[] }>('GET', `${site(name)}/notes`),
  /** Adds it, or changes the one of its number. */
  saveNote: (name: string, { id, day, text }: Note) =>
    call<unknown>(id ? 'PUT' : 'POST', `${site(name)}/notes${id ? `/${id}` : ''}`, { day, text }),
  removeNote: (name: string, id: number) => call<unknown>('DELETE', `${site(name)}/notes/${id}`),
};
