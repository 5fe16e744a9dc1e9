/** Fake timers of a test runner. */
export interface FakeTimers {
  install(): void;
  advance(ms: number): unknown;
  uninstall(): void;
}

/** Everything begins, goes on and ends while time is faked. */
export declare function liveInFakeTime(fakes: FakeTimers): Promise<void>;

/** The session begins before time is faked, and ends after that. */
export declare function liveOnInFakeTime(fakes: FakeTimers): Promise<void>;
