/** Takes what vitest tells of a run, and describes it in one line. */
export class Progress {
  constructor(now?: () => number);
  begin(files: number): void;
  fileStarted(file: string): void;
  fileEnded(file: string, result: { passed: number; failed: number; fileFailed: boolean }): void;
  describe(): string;
}
