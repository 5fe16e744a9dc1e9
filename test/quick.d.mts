/** The folders of tests to run on the test server for these changed files, the shorter ones first. */
export function foldersFor(changed: readonly string[]): string[];
