/** Die Texte dessen, was mit einer Ansicht getan wird, auf Deutsch. */

export const exportLabel = 'Export';
export const zip = 'Diese Ansicht als Tabellen (ZIP)';
export const everythingCsv = 'Alles Gespeicherte als CSV';
export const everythingParquet = 'Alles Gespeicherte als Parquet';
export const print = 'Drucken';
export const copyTable = 'Als Tabelle kopieren';
export const copiedTable = 'Kopiert: in eine Tabellenkalkulation einfügen';
export const complete = 'Vollständig';
export const on = 'an';
export const off = 'aus';
export const yes = 'ja';
export const no = 'nein';
export const rowsOf = (shown: string, all: string) => `${shown} von ${all} Zeilen`;
export const furtherRows = 'Weitere Zeilen';
export const changed = 'Änderung';
export const notes = 'Notizen';
export const note = 'Notiz';
export const notesLead = 'Was neben den Zahlen geschah: ein Start, ein Newsletter. Notizen stehen im Diagramm für alle, die angemeldet sind, und für niemanden sonst.';
export const noNotes = 'Noch keine Notizen.';
export const addNote = 'Notiz hinzufügen';
export const changeNote = 'Bearbeiten';
export const dayOf = 'Tag';
export const shareView = 'Diese Ansicht teilen';
