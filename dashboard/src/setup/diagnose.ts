/** What was seen of a set-up, as what works and what does not. Pure; asks nobody. */
import * as t from '../words.setup';

/** What the server says of a trial hit. */
export interface Finding {
  outcome: string;
  named: string;
  of_other_site: boolean;
  host: string | null;
  untrusted_proxy: boolean;
}

/** What became of the script in this browser: the last that its page said. */
export type Script = 'not-loaded' | 'loaded' | 'answered' | 'refused' | 'not-sent';

export interface Seen {
  origin: string;
  health: { status: string; proxy: string };
  script: Script;
  /** `null`: none came. */
  finding: Finding | null;
}

export interface Result {
  good: boolean;
  what: string;
  then?: string;
  /** Where it is mended. */
  at?: 'settings' | 'opt-out';
}

const ok = (what: string): Result => ({ good: true, what });
const bad = (advice: t.Advice, at?: Result['at']): Result => ({ good: false, ...advice, at });

const MENDED: Record<string, Result['at']> = {
  gpc: 'settings', excluded: 'settings', host_not_allowed: 'settings', undeclared_event: 'settings', opted_out: 'opt-out',
};

/** What a page's Content-Security-Policy has to allow. */
export const policy = (origin: string) => `script-src ${origin}; connect-src ${origin}`;

/** Why a hit would not count. */
export function reason(finding: Finding): Result {
  const { outcome, named, of_other_site, host } = finding;
  const at = MENDED[outcome];
  if (outcome === 'unknown_site' && of_other_site) return bad(t.namesOther(named));
  if (outcome === 'unknown_site' && named) return bad(t.namesUnknown(named));
  if (outcome === 'host_not_allowed' && host) return bad(t.foreignHost(host), at);
  return bad(t.outcomes[outcome] ?? { what: outcome, then: '' }, at);
}

/** The trial in this browser, step by step; the first that fails is the last that is told. */
export function ofBrowser({ origin, health, script, finding }: Seen): Result[] {
  const results = [health.status === 'ok' ? ok(t.well.server) : bad(t.wrong.server)];
  if (health.proxy !== 'ok' || finding?.untrusted_proxy) results.push(bad(t.wrong.proxy));
  if (script === 'not-loaded') return [...results, bad(t.wrong.script(origin))];
  results.push(ok(t.well.script));
  if (script === 'refused') return [...results, bad(t.wrong.refused)];
  if (script !== 'answered') return [...results, bad(t.wrong.sent(origin))];
  if (!finding) return [...results, bad(t.wrong.lost)];
  results.push(ok(t.well.sent));
  return [...results, finding.outcome === 'accepted' ? ok(t.well.outcome) : reason(finding)];
}

/** The trial of the person's own page. */
export function ofPage(host: string, finding: Finding | null): Result {
  if (!finding) return bad(t.wrong.silent(host));
  return finding.outcome === 'accepted' ? ok(t.well.page(finding.host ?? host)) : reason(finding);
}
