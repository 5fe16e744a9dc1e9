import { randomUUID } from 'node:crypto';
import { Keeper } from '../../packages/core/dist/index.js';
import { Coordinator, Participant } from '../../packages/two-phase-commit/dist/index.js';
import { op, ZooKeeper } from '../../packages/zookeeper-ts-client/dist/index.js';

const SESSION_MS = 30_000;
/** More than run at once. */
const CONCURRENCY = 100;

/** This project's two-phase commit: a session for the coordinator, and one for each participant, whose handlers do nothing. */
async function twoPhaseCommit(connectString, path, names) {
  const connect = () => Keeper.connect({ connectString, sessionTimeoutMs: SESSION_MS });
  const keepers = await Promise.all([connect(), ...names.map(connect)]);
  const handlers = { prepare: () => 'commit', commit: () => {}, abort: () => {} };
  const participants = names.map((name, index) => {
    return new Participant(keepers[index + 1], path, name, handlers, { concurrency: CONCURRENCY });
  });
  await Promise.all(participants.map((participant) => participant.start()));
  const coordinator = new Coordinator(keepers[0], path);
  return {
    transact: async () => {
      const { decision } = await coordinator.run({ payload: { amount: 5 }, participants: names });
      if (decision !== 'committed') throw new Error(`The transaction was ${decision}`);
    },
    isIdle: async () => (await keepers[0].getChildren().forPath(`${path}/transactions`)).length === 0,
    close: async () => {
      await Promise.all([coordinator, ...participants].map((each) => each.close()));
      await Promise.all(keepers.map((keeper) => keeper.close()));
    },
  };
}

/**
 * The floor: the transactions that the protocol cannot do without, on bare sessions, by somebody who knows beforehand what the others will
 * do: no watch, nothing read. Begin, the votes at once, decide; then, behind the caller's back, note that it is done, and remove.
 */
async function bareRequests(connectString, path, names) {
  const connect = () => ZooKeeper.connect(connectString, { sessionTimeoutMs: SESSION_MS });
  const [own, ...others] = await Promise.all([connect(), ...names.map(connect)]);
  const make = (znode) => own.create(znode, null, { mode: 'PERSISTENT' }).catch(() => {});
  for (const place of ['', '/transactions', '/self', ...names.map((name) => `/inbox-${name}`)])
    await make(path + place);
  const data = Buffer.from(JSON.stringify({ version: 1, participants: names, coordinator: randomUUID() }));
  const record = Buffer.from('{"vote":"commit"}');
  let behind = 0;

  const finish = async (znode, id) => {
    behind += 1;
    await Promise.all(
      names.map((name, index) =>
        others[index].multi([
          op.check(`${path}/self`),
          op.create(`${znode}/done/${name}`, null),
          op.delete(`${path}/inbox-${name}/${id}`),
        ]),
      ),
    );
    await own.multi([
      ...names.flatMap((name) => [op.delete(`${znode}/done/${name}`), op.delete(`${znode}/votes/${name}`)]),
      ...['/done', '/votes', '/decision', ''].map((part) => op.delete(znode + part)),
    ]);
    behind -= 1;
  };
  return {
    transact: async () => {
      const id = randomUUID();
      const znode = `${path}/transactions/${id}`;
      await own.multi([
        op.check(`${path}/self`),
        op.create(znode, data),
        ...['/decision', '/votes', '/done'].map((part) => op.create(znode + part, null)),
        ...names.map((name) => op.create(`${path}/inbox-${name}/${id}`, null)),
      ]);
      await Promise.all(
        names.map((name, index) =>
          others[index].multi([
            op.check(`${path}/self`),
            op.check(`${znode}/decision`, { version: 0 }),
            op.create(`${znode}/votes/${name}`, record),
          ]),
        ),
      );
      const checks = names.map((name) => op.check(`${znode}/votes/${name}`));
      await own.multi([...checks, op.setData(`${znode}/decision`, record, { version: 0 })]);
      void finish(znode, id);
    },
    isIdle: async () => behind === 0,
    close: () => Promise.all([own, ...others].map((zookeeper) => zookeeper.close())),
  };
}

/** What opens the sessions, for each subject. Its `transact` resolves when the decision is known; what comes after that goes on. */
export const subjects = { twoPhaseCommit, bareRequests };
