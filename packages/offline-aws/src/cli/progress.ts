/** Says a line on standard error, so that what a command prints can be piped on. */
export const say = (line: string): void => console.error(line);
