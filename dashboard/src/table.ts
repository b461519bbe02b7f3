/** Tables for a spreadsheet. Pure, but for the clipboard. */

export type Cell = string | number | null | undefined;

/** Tab-separated lines, as spreadsheets paste them: numbers as they are, no text that they would run as a formula. */
export function tsv(rows: Cell[][]): string {
  return rows.map((row) => row.map(cell).join('\t')).join('\n');
}

function cell(value: Cell): string {
  if (typeof value === 'number') return String(value);
  const text = (value ?? '').replace(/[\t\r\n]+/g, ' ');
  return /^[=+\-@]/.test(text) ? `'${text}` : text;
}

/** Puts a table into the clipboard; false where the browser lets nothing in. */
export async function copyTable(rows: Cell[][]): Promise<boolean> {
  const text = tsv(rows);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without https: the old command copies what a listener puts in.
    const put = (event: ClipboardEvent) => (event.preventDefault(), event.clipboardData?.setData('text/plain', text));
    document.addEventListener('copy', put, { once: true });
    return document.execCommand('copy');
  }
}
