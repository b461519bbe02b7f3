/** The calls of the second script: sessions, sites, settings, keys. */
import { call, site, type Key, type ListedSite, type Proposal, type Settings, type SiteSummary } from './api';

export const admin = {
  claim: (body: { token: string; name: string; password: string; site: { host: string; zone: string } }) =>
    call<{ site: SiteSummary }>('POST', '/api/claim', body),
  signIn: (name: string, password: string) => call<unknown>('POST', '/api/session', { name, password }),
  signOut: () => call<unknown>('DELETE', '/api/session'),
  sites: () => call<{ sites: ListedSite[] }>('GET', '/api/sites'),
  addSite: (host: string, zone: string) => call<unknown>('POST', '/api/sites', { host, zone }),
  settings: (name: string) => call<Settings>('GET', `${site(name)}/settings`),
  saveSettings: (name: string, settings: Settings) => call<Settings>('PUT', `${site(name)}/settings`, settings),
  removeSite: (name: string) => call<unknown>('DELETE', site(name)),
  proposals: (name: string) => call<{ proposals: Proposal[] }>('GET', `${site(name)}/proposals`),
  declare: (name: string, proposal: Proposal) =>
    call<unknown>('POST', `${site(name)}/proposals/declare`, {
      event: proposal.event,
      property: proposal.property,
      text: proposal.text,
    }),
  keys: () => call<{ keys: Key[] }>('GET', '/api/keys'),
  addKey: (body: { name: string; site: string; scope: string }) => call<{ key: string }>('POST', '/api/keys', body),
  revokeKey: (key: Key) => call<unknown>('DELETE', `/api/keys/${encodeURIComponent(String(key.id ?? key.name))}`),
};
