/**
 * Translations of what the server says, by its words. `{}` stands for what it puts in, `{1}` for the first of that.
 * In English nothing has to be translated.
 */
export const server = {} as Record<string, string>;
