import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Limit of one command to the browser, in milliseconds. */
const COMMAND_MS = 60_000;

/** Names of the program, the first that there is being taken. `CHROMIUM` names another one. */
const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);

/**
 * A headless Chromium, spoken to in the DevTools protocol over a pipe.
 *
 * @see https://chromedevtools.github.io/devtools-protocol/
 */
export class Chromium {
  #process;
  #folder;
  #nextId = 1;
  #pending = new Map();
  #tabs = new Map();
  #rest = '';

  /**
   * Starts the browser. Where there is none, Debian's package is installed, if this process may do that.
   *
   * @throws Error when there is none, and none can be installed
   */
  static launch() {
    const found = findProgram() ?? (installProgram() ? findProgram() : undefined);
    if (found === undefined)
      throw new Error(`expected one of ${names.join(', ')} on the path, or root on Debian to install it`);
    return new Chromium(found);
  }

  constructor(program) {
    this.#folder = mkdtempSync(join(tmpdir(), 'zk-recipes-chromium-'));
    const flags = [
      '--headless=new',
      '--remote-debugging-pipe',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-extensions',
      '--no-first-run',
      '--hide-scrollbars',
      // Several tabs are looked at in turn: none of them is in the background.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      // The sandbox refuses to run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      `--user-data-dir=${this.#folder}`,
    ];
    this.#process = spawn(program, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.#process.on('error', (error) => this.#failAll(error));
    this.#process.on('exit', (code, signal) => this.#failAll(new Error(`Chromium ended with ${signal ?? code}`)));
    // What is written to a browser that has ended is refused by the exit above.
    this.#process.stdio[3].on('error', () => {});
    this.#process.stdio[4].setEncoding('utf8').on('data', (text) => this.#receive(text));
  }

  /** Opens an empty tab. */
  async newTab() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId);
    this.#tabs.set(sessionId, tab);
    for (const domain of ['Page', 'Runtime', 'Log']) await tab.send(`${domain}.enable`);
    // With this, a page does not fetch the pages that it links to: they are opened anyway.
    const source = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })";
    await tab.send('Page.addScriptToEvaluateOnNewDocument', { source });
    return tab;
  }

  /** Sends a command, and resolves with its result. */
  send(method, params = {}, sessionId = undefined) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${method}: no answer in ${COMMAND_MS} ms`));
      }, COMMAND_MS);
      this.#pending.set(id, { method, resolve, reject, timer });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Ends the browser, by force if it takes more than five seconds. */
  async close() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
      // The command may be answered by the browser's end.
      this.send('Browser.close').catch(() => {});
      await ended;
      clearTimeout(timer);
    }
    try {
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    } catch (error) {
      console.error(`Left behind: ${this.#folder}: ${error.message}`);
    }
  }

  #receive(text) {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop() ?? '';
    for (const message of messages) {
      const { id, result, error, method, params, sessionId } = JSON.parse(message);
      if (id === undefined) {
        this.#tabs.get(sessionId)?.handle(method, params);
        continue;
      }
      const request = this.#pending.get(id);
      this.#pending.delete(id);
      clearTimeout(request?.timer);
      if (error === undefined) request?.resolve(result);
      else request?.reject(new Error(`${request.method}: ${error.message}`));
    }
  }

  #failAll(error) {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }
}

/** A tab of the browser. */
export class Tab {
  /** What the page complained about since the last `open`: errors of its console, exceptions, resources that are not there. */
  complaints = [];

  #browser;
  #sessionId;
  #onLoad = () => {};

  constructor(browser, sessionId) {
    this.#browser = browser;
    this.#sessionId = sessionId;
  }

  /** Sends a command to this tab. */
  send(method, params) {
    return this.#browser.send(method, params, this.#sessionId);
  }

  /** Opens a page, and waits until its script is in charge of it. */
  async open(address) {
    this.complaints = [];
    const loaded = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${address}: not loaded in ${COMMAND_MS} ms`)), COMMAND_MS);
      this.#onLoad = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    await this.send('Page.navigate', { url: address });
    await loaded;
    await this.until(() => document.querySelector('#app')?.__vue_app__ !== undefined);
  }

  /** Lays the page out for a width, in pixels. */
  async resize(width) {
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send('Emulation.setDeviceMetricsOverride', metrics);
    // By then the page has handled the change. Frames are no measure: a tab that is not shown has none.
    await this.run(() => new Promise((resolve) => setTimeout(() => resolve(true), 50)));
  }

  /** Runs a function in the page, with arguments that JSON can express, and resolves with its result. */
  async run(work, ...args) {
    const expression = `(${work})(...${JSON.stringify(args)})`;
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until a function in the page returns something true, and resolves with that. */
  until(work, ...args) {
    return this.run(
      async (source, values, limit) => {
        // biome-ignore lint/security/noGlobalEval: the function is this program's own.
        const look = eval(`(${source})`);
        const end = performance.now() + limit;
        while (performance.now() < end) {
          const found = look(...values);
          if (found) return found;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw new Error(`expected something true of ${source} in ${limit} ms`);
      },
      `${work}`,
      args,
      COMMAND_MS / 2,
    );
  }

  /** A picture of what the tab shows, as PNG; of the whole page with `whole`. */
  async screenshot({ whole = false } = {}) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
    return Buffer.from(data, 'base64');
  }

  /** Handles an event of the browser. */
  handle(method, params) {
    if (method === 'Page.loadEventFired') this.#onLoad();
    if (method === 'Runtime.exceptionThrown') {
      const { exception, text } = params.exceptionDetails;
      this.complaints.push(exception?.description ?? text);
    }
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning'].includes(params.type)) {
      this.complaints.push(params.args.map(({ value, description }) => value ?? description).join(' '));
    }
    if (method === 'Log.entryAdded' && params.entry.level === 'error') {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    }
  }
}

function findProgram() {
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

function installProgram() {
  if (process.getuid?.() !== 0) return false;
  console.log('Installs Chromium, by apt-get');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    spawnSync('apt-get', ['-q', '-y', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  const install = () => apt('install', '--no-install-recommends', 'chromium', 'fonts-dejavu-core');
  return install() || (apt('update') && install());
}
