import { expect, it } from 'vitest';
import { describeOnOwnServers } from '../vitest/index.js';
import { startEnsemble } from './start-servers.js';

describeOnOwnServers('an ensemble', () => {
  it('tells who leads, and elects another when the leader is killed', async () => {
    const ensemble = await startEnsemble();
    try {
      const first = await ensemble.untilServing();
      expect(await ensemble.followers()).toHaveLength(2);
      await first.kill();
      const second = await ensemble.untilServing();
      expect(second).not.toBe(first);
      await first.restart();
      expect(await ensemble.untilServing()).toBe(second);
      expect(await ensemble.followers()).toHaveLength(2);
      await second.pause();
      const third = await ensemble.untilServing();
      expect(third).not.toBe(second);
      await second.resume();
      expect(await ensemble.untilServing()).toBe(third);
    } finally {
      await ensemble[Symbol.asyncDispose]();
    }
  });

  it('says what a server printed when it does not start', async () => {
    await expect(startEnsemble({ config: { tickTime: 'often' } })).rejects.toThrow(/ended by itself[\s\S]*often/);
  });
});
