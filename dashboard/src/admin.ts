/** The calls of the second script: sessions, sites, settings, keys. */
import { ApiError, call, site, type Key, type Role, type ListedSite, type Proposal, type Settings, type SiteSummary } from './api';

/** What there is of a site at this moment. */
export interface Stored {
  stored: {
    rows: number;
    first: string | null;
    last: string | null;
    closed_days: number;
    attributes: { name: string; family: string; rows: number; first: string | null; last: string | null; smallest: number | null }[];
  };
  memory: {
    days: { day: string; salt: boolean; visitors: number; table_bytes: number; erased_by: number }[];
    elsewhere: { node: number; day?: string; missing?: boolean }[];
    zone: string;
    survives_restart: boolean;
    salts_locked: boolean;
  };
  ledger: { first: string; last: string; received: number; outcomes: Record<string, number>; objectors_of_all_sites: number };
}

export interface Check {
  check: string;
  title: string;
  result: 'ok' | 'not_seen' | 'warning' | 'breach';
  found: string[];
  findings: number;
}

/** What `mayfly verify` found last. */
export interface Verification {
  at: string;
  by: string;
  result: Check['result'];
  checks: Check[];
  sites: { site: string; at: string; checks: Check[] }[];
}

export interface Account {
  user: { name: string; role: Role; second_factor: boolean };
  recovery_codes_left: number;
  sessions: { id: string; browser: string; began: string | null; last_used: string; current: boolean }[];
}

/** A secret for an authenticator, also as the dark modules of a QR code. */
export interface Offer {
  secret: string;
  uri: string;
  qr: { size: number; path: string };
}

export interface Person {
  id: number;
  name: string;
  owner: boolean;
  second_factor: boolean;
  sites: { site: string; role: Role }[];
  you: boolean;
}

/** Without a site it is to own the install. */
export interface Invitation {
  id: number;
  site: string | null;
  role: Role;
  by: string;
  until: string;
}

export interface Deed {
  at: string;
  who: string;
  what: string;
  about: string | null;
  /** On that day. */
  times: number;
  site: string | null;
}

const factor = '/api/account/second-factor';

export const admin = {
  claim: (body: { token: string; name: string; password: string; site: { host: string; zone: string } }) =>
    call<{ site: SiteSummary }>('POST', '/api/claim', body),
  signIn: (name: string, password: string, code: string) => call<unknown>('POST', '/api/session', { name, password, code: code || null }),
  signOut: () => call<unknown>('DELETE', '/api/session'),
  sites: () => call<{ sites: ListedSite[] }>('GET', '/api/sites'),
  addSite: (host: string, zone: string) => call<unknown>('POST', '/api/sites', { host, zone }),
  settings: (name: string) => call<Settings>('GET', `${site(name)}/settings`),
  saveSettings: (name: string, settings: Settings) => call<Settings>('PUT', `${site(name)}/settings`, settings),
  removeSite: (name: string) => call<unknown>('DELETE', site(name)),
  proposals: (name: string) => call<{ proposals: Proposal[] }>('GET', `${site(name)}/proposals`),
  declare: (name: string, proposal: Proposal) =>
    call<Settings>('POST', `${site(name)}/proposals/declare`, {
      event: proposal.event,
      property: proposal.property,
      text: proposal.text,
    }),
  stored: (name: string) => call<Stored>('GET', `${site(name)}/stored`),
  verification: (name: string) => call<{ verification: Verification | null }>('GET', `${site(name)}/verification`),
  /** A text as it is. */
  text: async (path: string, signal: AbortSignal) => {
    const answer = await fetch(path, { signal, cache: 'no-cache' });
    if (!answer.ok) throw new ApiError(answer.status, `The server answered ${answer.status}.`);
    return answer.text();
  },
  account: () => call<Account>('GET', '/api/account'),
  setPassword: (current: string, fresh: string) => call<unknown>('PUT', '/api/account/password', { current, new: fresh }),
  endSignIn: (id: string) => call<unknown>('DELETE', `/api/account/sessions/${id}`),
  endOthers: () => call<unknown>('DELETE', '/api/account/sessions'),
  offerFactor: (password: string) => call<Offer>('POST', factor, { password }),
  confirmFactor: (code: string) => call<{ recovery_codes: string[] }>('PUT', factor, { code }),
  removeFactor: (password: string) => call<unknown>('DELETE', factor, { password }),
  people: () => call<{ people: Person[]; invitations: Invitation[] }>('GET', '/api/people'),
  setRole: (id: number, at: string | null, role: Role | null) => call<unknown>('PUT', `/api/people/${id}`, { site: at, role }),
  removePerson: (id: number) => call<unknown>('DELETE', `/api/people/${id}`),
  invite: (at: string | null, role: Role) => call<{ path: string }>('POST', '/api/invitations', { site: at, role }),
  takeBack: (id: number) => call<unknown>('DELETE', `/api/invitations/${id}`),
  lookAtInvitation: (token: string) => call<{ invitation: Invitation }>('POST', '/api/join/look', { token }),
  join: (body: { token: string; name?: string; password?: string }) => call<unknown>('POST', '/api/join', body),
  audit: () => call<{ audit: Deed[] }>('GET', '/api/audit'),
  keys: () => call<{ keys: Key[] }>('GET', '/api/keys'),
  addKey: (body: { name: string; site: string; scope: string }) => call<{ key: string }>('POST', '/api/keys', body),
  revokeKey: (key: Key) => call<unknown>('DELETE', `/api/keys/${encodeURIComponent(String(key.id ?? key.name))}`),
};
