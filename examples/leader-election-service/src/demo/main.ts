/** `npm run demo`: three processes elect a leader, and the leaders come to grief in several ways. */
import { runDemo } from './demo.js';
import { type DemoOptions, parseOptions, usage } from './options.js';
import { screenOf } from './timeline.js';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopping.abort(new Error(`Stopped by ${signal}`)));
}

function readOptions(): DemoOptions | null {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) return console.log(usage);
  try {
    const { line, isGood } = await runDemo(options, screenOf(process.stdout), stopping.signal);
    console.log(line);
    process.exitCode = isGood ? 0 : 1;
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}

await main();
