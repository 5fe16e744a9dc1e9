/** The process or container that one server runs in, real or test server. Nothing here waits until the server serves. */
export interface ServerHost extends AsyncDisposable {
  /** Host name and port for clients. */
  readonly address: { readonly host: string; readonly port: number };
  /** Whether its process exists (a paused one does); `false` also when it ended by itself. */
  isRunning(): Promise<boolean>;
  start(): Promise<void>;
  /** Ends the server in order (SIGTERM), and resolves when it has ended. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL), and resolves when it has ended. */
  kill(): Promise<void>;
  /** Freezes it (SIGSTOP): its connections stay open, and nothing answers. */
  pause(): Promise<void>;
  /** Continues it after {@link pause}. */
  resume(): Promise<void>;
  /** Removes its data; to be called while it is down. It starts empty then. */
  wipe(): Promise<void>;
  /** The end of what it printed, for the message when it does not start. */
  output(): Promise<string>;
}
