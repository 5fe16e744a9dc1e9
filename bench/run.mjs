/** Runs one of the benchmarks, `client` where none is named: `node run.mjs [client|locks|queues|two-phase-commit] [options of it]`. */
const names = ['client', 'locks', 'queues', 'two-phase-commit'];
const name = names.includes(process.argv[2]) ? process.argv.splice(2, 1)[0] : 'client';
await import(`./${name}/run.mjs`);
