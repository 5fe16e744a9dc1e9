/** A line of a picture's text, with its number for messages. */
export interface NotationLine {
  /** 1 for the first line. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a picture's text that are not blank. */
export function linesOf(source: string): NotationLine[] {
  return source
    .split('\n')
    .map((text, index) => ({ number: index + 1, text: text.trimEnd() }))
    .filter(({ text }) => text !== '');
}

/** The error for a line that is not as the notation has it. */
export function notationError(language: string, { number, text }: NotationLine, expected: string): SyntaxError {
  return new SyntaxError(`${language}, line ${number}: expected ${expected}, received '${text}'`);
}
