/** The calls for shares. */
import { call, site, type Filter } from '../api';

export interface Share {
  id: number;
  name: string;
  kind: 'link' | 'public' | 'badge';
  filters: Filter[];
  period: string | null;
  metric: string | null;
  password: boolean;
  frames: string[];
  last_day: string | null;
  ended: boolean;
}

export interface NewShare {
  name: string;
  kind: string;
  view: string;
  password?: string;
  last_day?: string;
  frames: string[];
}

/** What a share's own page is told. */
export interface About {
  site: string;
  name: string;
  public: boolean;
  filters: Filter[];
  last_day: string | null;
}

export const shares = {
  list: (name: string) => call<{ shares: Share[] }>('GET', `${site(name)}/shares`),
  add: (name: string, share: NewShare) => call<{ share: Share; path: string }>('POST', `${site(name)}/shares`, share),
  revoke: (name: string, id: number) => call<unknown>('DELETE', `${site(name)}/shares/${id}`),
  about: () => call<About>('GET', site('')),
  pass: (password: string) => call<unknown>('POST', `${site('')}/pass`, { password }),
};
