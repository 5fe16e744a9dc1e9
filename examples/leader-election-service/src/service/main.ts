/** One process of the service. Its settings are environment variables; see the README. */
import { once } from 'node:events';
import { BillingService } from './billing-service.js';
import { readSettings } from './settings.js';

const service = await BillingService.start(readSettings(process.env));

// A parent that keeps a channel open, as the demo and some process managers do, is not outlived either.
await Promise.race(['SIGTERM', 'SIGINT', 'disconnect'].map((event) => once(process, event)));
await service.stop();
process.exit();
