import { expect, it } from 'vitest';
import { describeOnOwnServers, describeOnSharedServer, sharedServer } from '../vitest/index.js';
import { fourLetterWord } from './four-letter-word.js';
import { startStandalone } from './start-servers.js';

describeOnSharedServer('the shared server', () => {
  it('serves', async () => {
    expect(await fourLetterWord(sharedServer().connectString, 'srvr')).toMatch(/^Mode: \w+$/m);
  });
});

describeOnOwnServers('a standalone server', () => {
  it('stops, is killed, restarts on its port, pauses and continues', async () => {
    const server = await startStandalone({ tickTimeMs: 250 });
    try {
      expect(await server.command('ruok')).toBe('imok');
      expect(await server.command('conf')).toMatch(/^tickTime=250$/m);
      await server.stop();
      await expect(server.command('ruok')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
      await server.start();
      await server.kill();
      await expect(server.command('ruok')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
      await server.restart();
      expect(await server.mode()).toBe('standalone');
      await server.pause();
      await expect(server.command('ruok')).rejects.toThrow('No answer');
      await server.resume();
      expect(await server.untilServing()).toBe('standalone');
    } finally {
      await server[Symbol.asyncDispose]();
    }
    expect(await server.mode()).toBeUndefined();
  });
});
