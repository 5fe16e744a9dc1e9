/**
 * A reporter of vitest that says how far a run is and which files it is in, every 15 seconds: a run of all tests takes a quarter of an hour.
 */
const INTERVAL_MS = 15_000;

/** How many of the running files a line names. */
const NAMED_FILES = 4;

/** Takes what vitest tells of a run, and describes it in one line. */
export class Progress {
  #files = 0;
  #done = 0;
  #failedFiles = 0;
  #passed = 0;
  #failed = 0;
  #startedMs;
  #now;
  /** Files that are running, each with the time of its start. */
  #running = new Map();

  /** @param {() => number} now milliseconds of a monotonic clock */
  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#startedMs = now();
  }

  /** @param {number} files how many files the run has; a file counts once for each project */
  begin(files) {
    this.#files = files;
    this.#startedMs = this.#now();
  }

  /** @param {string} file */
  fileStarted(file) {
    this.#running.set(file, this.#now());
  }

  /**
   * @param {string} file
   * @param {{ passed: number, failed: number, fileFailed: boolean }} result
   */
  fileEnded(file, { passed, failed, fileFailed }) {
    this.#running.delete(file);
    this.#done += 1;
    this.#passed += passed;
    this.#failed += failed;
    if (fileFailed) this.#failedFiles += 1;
  }

  /** Such as `[2:05] 40 of 210 files (19 %), 3100 tests passed, 0 failed; in test/locks/mutex.test.ts on test-server (12 s)`. */
  describe() {
    const seconds = (fromMs) => Math.round((this.#now() - fromMs) / 1_000);
    const elapsed = seconds(this.#startedMs);
    const time = `${Math.floor(elapsed / 60)}:${String(elapsed % 60).padStart(2, '0')}`;
    const percent = this.#files === 0 ? 0 : Math.floor((100 * this.#done) / this.#files);
    const failed = `${this.#failed} failed${this.#failedFiles > 0 ? ` in ${this.#failedFiles} files` : ''}`;
    const running = [...this.#running].map(([file, startedMs]) => `${file} (${seconds(startedMs)} s)`);
    const more = running.length > NAMED_FILES ? ` and ${running.length - NAMED_FILES} more` : '';
    const where = running.length > 0 ? `; in ${running.slice(0, NAMED_FILES).join(', ')}${more}` : '';
    return `[${time}] ${this.#done} of ${this.#files} files (${percent} %), ${this.#passed} tests passed, ${failed}${where}`;
  }
}

/** Tells vitest's console the progress of a run. */
class ProgressReporter {
  #progress = new Progress();
  #timer;

  onTestRunStart(specifications) {
    this.#progress.begin(specifications.length);
    this.#timer = setInterval(() => console.log(this.#progress.describe()), INTERVAL_MS).unref();
  }

  onTestModuleStart(module) {
    this.#progress.fileStarted(nameOf(module));
  }

  onTestModuleEnd(module) {
    const states = [...module.children.allTests()].map((test) => test.result().state);
    const count = (state) => states.filter((other) => other === state).length;
    this.#progress.fileEnded(nameOf(module), {
      passed: count('passed'),
      failed: count('failed'),
      fileFailed: module.state() === 'failed',
    });
  }

  onTestRunEnd() {
    clearInterval(this.#timer);
    console.log(this.#progress.describe());
  }
}

function nameOf(module) {
  return `${module.relativeModuleId ?? module.moduleId} on ${module.project.name}`;
}

// biome-ignore lint/style/noDefaultExport: vitest takes the default export of a reporter's file.
export { ProgressReporter as default };
