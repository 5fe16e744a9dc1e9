import { type SourceFile, withoutComments } from '../source-tree.js';

/** Names of the options of an exported type, those of the types that it extends included. */
export function optionNames(type: string, sources: readonly SourceFile[]): string[] {
  for (const { text } of sources) {
    const alias = new RegExp(`^export type ${type}(?:<[^>]*>)? = (\\w+);`, 'm').exec(text);
    if (alias !== null) return optionNames(alias[1] as string, sources);
    const declared = new RegExp(`^export interface ${type}\\b([^{]*)\\{(?:\\}|([\\s\\S]*?)^\\})`, 'm').exec(
      withoutComments(text),
    );
    if (declared === null) continue;
    const [, head = '', body = ''] = declared;
    const own = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, name]) => name as string);
    return [...own, ...inherited(head, sources)];
  }
  // Of the package below, whose own options are walked there.
  return { EndingOptions: ['timeoutMs'], IdentityOptions: ['id', 'data'] }[type] ?? [];
}

/** The options of `A` and of `Omit<B, 'x' | 'y'>`, both with or without type parameters. */
function inherited(head: string, sources: readonly SourceFile[]): string[] {
  const bases = /extends ([\s\S]*)/.exec(head)?.[1] ?? '';
  return [...bases.matchAll(/Omit<(\w+)(?:<\w+>)?, ([^>]*)>|(\w+)(?:<\w+>)?/g)].flatMap(
    ([, whole, left = '', plain]) => {
      const names = optionNames((whole ?? plain) as string, sources);
      return names.filter((name) => !left.includes(`'${name}'`));
    },
  );
}
