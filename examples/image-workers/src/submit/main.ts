/** Has copies made of all PNG files of a folder. Its settings are environment variables; see the README. */
import { readdir } from 'node:fs/promises';
import { Keeper } from '@zk-recipes/core';
import { imageJobs, submit } from '../image-jobs.js';

const setting = (name: string, byDefault: string): string => process.env[name] ?? byDefault;
const files = await readdir(setting('ORIGINALS', 'originals'));
const images = files.filter((name) => name.endsWith('.png')).sort();

const keeper = await Keeper.connect({
  connectString: setting('ZOOKEEPER_CONNECT', '127.0.0.1:2181'),
  namespace: setting('NAMESPACE', 'images'),
});
await submit(imageJobs(keeper), images);
process.stdout.write(`${JSON.stringify({ event: 'submitted', images: images.length })}\n`);
await keeper.close();
