/** The texts of what is shared. */
export const sharedBy = (site: string) => `${site}, shared`;
export const publicSite = (site: string) => `${site}, public`;
export const only = 'Only';
export const until = (day: string) => `Open until ${day}`;
export const hourly = 'Up to the last full hour';
export const passwordTitle = 'This link has a password';
export const open = 'Open';
export const ended = 'This link has ended';
export const nothing = 'This link opens nothing';
export const askOwner = 'Ask whoever sent it for a new one.';

export const title = 'Sharing';
export const lead = 'What people without an account may see: read-only, and up to the last full hour.';
export const name = 'Name';
export const what = 'What';
export const kinds = { link: 'Dashboard, by a link', public: 'Dashboard, public', badge: 'Badge with one number' } as Record<string, string>;
export const view = 'Only this view';
export const viewHint = {
  link: 'The address of a view, or its filters: page=/blog/a. They can be narrowed, never widened. Its period, metric and event are what it opens with.',
  badge: 'The address of a view: its filters, period and chart metric, such as p=7d&m=visitors.',
} as Record<string, string>;
export const password = 'Password';
export const passwordHint = 'Optional, at least 10 characters';
export const lastDay = 'Last day';
export const lastDayHint = 'Empty: until it is revoked';
export const frames = 'Pages that may embed it';
export const framesHint = 'Origins, one a line, such as https://www.example.com. None may, unless listed.';
export const make = 'Share';
export const once = 'Copy it now: the link is shown only this once.';
export const embed = 'To embed it (theme=dark or theme=light fixes its colours, lang=de or lang=fr its language):';
export const badgeCode = 'To show it:';
export const none = 'Nothing is shared.';
export const columns = ['Name', 'What', 'Only', 'Until'];
export const all = 'everything';
export const forEver = 'revoked';
export const hasEnded = (day: string) => `ended with ${day}`;
export const locked = 'password';
export const framed = (n: number) => (n === 1 ? '1 origin embeds it' : `${n} origins embed it`);
