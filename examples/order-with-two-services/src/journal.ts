import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A value in a file. What was saved is there again after a crash of the process, or of the machine; never half of it. */
export class Journal<T> {
  readonly #path: string;

  /** @param path of the file; its folder exists */
  constructor(path: string) {
    this.#path = path;
  }

  /** What was saved last; `byDefault` if nothing was. */
  async load(byDefault: T): Promise<T> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return byDefault;
      throw error;
    }
  }

  /**
   * Resolves when it is on the disk: under another name first, which the disk has before it gets the name of the old one. To be called again
   * when it has.
   */
  async save(value: T): Promise<void> {
    const fresh = `${this.#path}.new`;
    const file = await open(fresh, 'w');
    try {
      await file.writeFile(JSON.stringify(value));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, this.#path);
    const folder = await open(dirname(this.#path));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
