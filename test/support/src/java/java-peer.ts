import { fileURLToPath } from 'node:url';
import { PeerProcess } from '../peer-process.js';
import { findJavaTools } from './java-tools.js';

/**
 * A Java program in a process of its own, to test against what services in Java do: one source file, which has Apache
 * Curator and Jackson on its class path, and reads and writes one JSON object a line on its standard streams.
 */
export class JavaPeer extends PeerProcess {
  /**
   * Starts a program; it is compiled first, which takes a second or two.
   *
   * @param source its file, `new URL('../LatchPeer.java', import.meta.url)`
   * @param args of its `main`
   * @throws Error when there is no JDK or no Curator, with the reason
   */
  static async start(source: URL, args: readonly string[] = []): Promise<JavaPeer> {
    const tools = await findJavaTools();
    if (typeof tools === 'string') throw new Error(`No Java peer can run: ${tools}`);
    const flags = ['-Xmx192m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', tools.classPath];
    return new JavaPeer(await PeerProcess.spawned(tools.java, [...flags, fileURLToPath(source), ...args]));
  }
}
