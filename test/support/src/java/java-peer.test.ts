import { expect, it } from 'vitest';
import { sharedServer } from '../vitest/index.js';
import { describeWithJavaPeers } from '../vitest/java-peers.js';
import { JavaPeer } from './java-peer.js';

describeWithJavaPeers('JavaPeer', () => {
  it('runs a source file with Curator, and talks with it in lines of JSON', async () => {
    const peer = await JavaPeer.start(new URL('EchoPeer.java', import.meta.url), [sharedServer().connectString]);
    expect((await peer.receive({ event: 'ready' }))['children']).toBeGreaterThanOrEqual(1);
    peer.send({ word: 'one' });
    peer.send({ word: 'two' });
    expect(await peer.receive()).toEqual({ event: 'echo', heard: { word: 'one' } });
    expect(await peer.receive({ event: 'echo' })).toEqual({ event: 'echo', heard: { word: 'two' } });
    await peer.kill();
    expect(await peer.exited).toBeNull();
  });

  it('says what the program printed when it ends too early', async () => {
    const peer = await JavaPeer.start(new URL('EchoPeer.java', import.meta.url));
    await expect(peer.receive()).rejects.toThrow(/ended \(1\)[\s\S]*ArrayIndexOutOfBounds/);
  });
});
