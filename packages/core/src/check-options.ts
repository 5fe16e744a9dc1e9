import { z } from 'zod';

export { z };

/**
 * Checks options against a schema of zod.
 *
 * @param where whose options they are, for the message, e.g. `LeaderLatch`
 * @throws {TypeError} an option that does not exist or is of a wrong type; names it
 * @throws {RangeError} an option is out of its range; names it
 */
export function checkOptions(where: string, schema: z.ZodType, options: unknown): void {
  const { error } = schema.safeParse(options);
  const issue = error?.issues[0];
  if (issue === undefined) return;
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const name = [...path, issue.keys[0]].join('.');
    throw new TypeError(`Unknown option \`${name}\` of ${where}`, { cause: error });
  }
  const kind = issue.code === 'too_small' || issue.code === 'too_big' ? RangeError : TypeError;
  const name = path.length === 0 ? 'the options' : `option \`${path.join('.')}\``;
  throw new kind(`Invalid ${name} of ${where}: ${issue.message}`, { cause: error });
}
