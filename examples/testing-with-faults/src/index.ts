export { submitJob } from './submit-job.js';
