import { describe } from 'vitest';
import { findJavaTools } from '../java/java-tools.js';
import { sharedServer } from './shared-server.js';

const tools = await findJavaTools();

/** Why there are no Java peers; `null` when there are. */
export const whyNoJavaPeers: string | null = typeof tools === 'string' ? tools : null;

if (whyNoJavaPeers !== null) console.log(`Java peers: tests with them are skipped, for ${whyNoJavaPeers}`);

/** `describe` for tests with Java peers on the shared server: skipped, and counted so, when either cannot be had. */
export const describeWithJavaPeers: typeof describe.skip = describe.skipIf(
  whyNoJavaPeers !== null || !sharedServer().available,
);
