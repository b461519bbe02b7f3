/** Les textes de ce qu’on fait d’une vue, en français. */

export const exportLabel = 'Exporter';
export const zip = 'Cette vue en tableaux (ZIP)';
export const everythingCsv = 'Tout ce qui est enregistré, en CSV';
export const everythingParquet = 'Tout ce qui est enregistré, en Parquet';
export const print = 'Imprimer';
export const copyTable = 'Copier en tableau';
export const copiedTable = 'Copié : à coller dans un tableur';
export const complete = 'Complet';
export const on = 'activés';
export const off = 'désactivés';
export const yes = 'oui';
export const no = 'non';
export const rowsOf = (shown: string, all: string) => `${shown} lignes sur ${all}`;
export const furtherRows = 'Autres lignes';
export const changed = 'Évolution';
export const notes = 'Notes';
export const note = 'Note';
export const notesLead = 'Ce qui s’est passé à côté des chiffres : un lancement, une lettre d’information. Les notes apparaissent sur le graphique pour les personnes connectées, et pour personne d’autre.';
export const noNotes = 'Aucune note.';
export const addNote = 'Ajouter une note';
export const changeNote = 'Modifier';
export const dayOf = 'Jour';
export const shareView = 'Partager cette vue';
