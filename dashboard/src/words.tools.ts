/** The texts of what is done with a view: a catalogue of their own, loaded with it. */

export const exportLabel = 'Export';
export const zip = 'This view as tables (ZIP)';
export const everythingCsv = 'Everything stored, as CSV';
export const everythingParquet = 'Everything stored, as Parquet';
export const print = 'Print';
export const copyTable = 'Copy as table';
export const copiedTable = 'Copied: paste it into a spreadsheet';
export const complete = 'Complete';
export const on = 'on';
export const off = 'off';
export const yes = 'yes';
export const no = 'no';
export const rowsOf = (shown: string, all: string) => `${shown} of ${all} rows`;
export const furtherRows = 'Further rows';
export const changed = 'Change';
export const notes = 'Notes';
export const note = 'Note';
export const notesLead = 'What happened beside the numbers: a launch, a newsletter. Notes show on the chart to everyone who is signed in, and to nobody else.';
export const noNotes = 'No notes yet.';
export const addNote = 'Add note';
export const changeNote = 'Edit';
export const dayOf = 'Day';
export const shareView = 'Share this view';
