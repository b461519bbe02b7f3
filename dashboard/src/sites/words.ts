/** The texts of the roll-up: a catalogue of its own. */

export const together = 'Together';
export const visits = 'Visits, 7 days';
export const before = 'compared with the 7 days before';
export const visitors = 'Visitors, sum over sites and days';
export const visitorsWhy = 'Someone who was on two sites, or came on two days, counts twice: nothing links one site or one day to another.';
export const daysWhy = (zones: number) =>
  zones > 1 ? `Each site’s days end at its own midnight (${zones} time zones): they are added by their date.` : 'Each site’s days end at its own midnight: they are added by their date.';
export const chart = 'Visits of all sites by day';
export const notWhole = 'Not every site has all of this day in its week';
export const notAll = 'not all sites';
export const nothingBefore = 'nothing in the 7 days before';
export const ofSites = (n: number, of: number) => (n === of ? `${of} sites` : `${n} of ${of} sites`);
export const withoutSimulated = 'without simulated history';
export const search = 'Search sites';
export const found = (n: number) => (n === 1 ? '1 site' : `${n} sites`);
export const none = 'No site has this in its name.';
export const list = 'List of sites';
export const columns = { name: 'Site', visits: 'Visits, 7 days', change: 'Change', visitors: 'Visitors, daily sum', live: 'Now' };
export const day = 'Day';
