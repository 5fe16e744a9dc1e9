/** The address of the repository. */
export const REPOSITORY: string;

/** A file of the repository, with the text that it should have. */
export interface FileChange {
  readonly path: string;
  readonly text: string;
}

/** The fields of a `package.json` that npm shows or needs to publish it. */
export function metadataOf(folder: string, repository?: string): Readonly<Record<string, unknown>>;

/** The text of a `package.json` with the metadata, behind its licence. */
export function withMetadata(text: string, folder: string, repository?: string): string;

/** The text of a package's README with links that also work outside of the repository. */
export function withAbsoluteLinks(text: string, folder: string, repository?: string): string;

/** The files that would be changed for this address, each with its new text. */
export function changes(repository?: string): FileChange[];
