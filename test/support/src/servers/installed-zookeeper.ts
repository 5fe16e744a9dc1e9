import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An Apache ZooKeeper on this machine: what Java needs to run its server. */
export interface InstalledZooKeeper {
  readonly kind: 'installed';
  /** The Java command. */
  readonly java: string;
  readonly classPath: string;
}

/** Where Debian's package `libzookeeper-java` puts the jars; the first one's manifest names most of the others. */
const debianJars = '/usr/share/java';
const debianClassPath = ['zookeeper.jar', 'netty-codec.jar', 'servlet-api.jar', 'slf4j-simple.jar'];

/**
 * Looks for ZooKeeper's jars in `ZOOKEEPER_HOME` (the unpacked release of Apache), then where Debian has them, and
 * for a Java to run them.
 *
 * @returns what was found, or a sentence why there is none
 */
export async function findInstalledZooKeeper(): Promise<InstalledZooKeeper | string> {
  const classPath = findClassPath();
  if (typeof classPath !== 'string') return classPath.why;
  const java = await findJava();
  return java === undefined
    ? 'there is a ZooKeeper on this machine, but no Java'
    : { kind: 'installed', java, classPath };
}

/** The `java` of `JAVA_HOME` or of the search path, if it runs. */
export async function findJava(): Promise<string | undefined> {
  const home = process.env['JAVA_HOME'];
  const java = home ? join(home, 'bin', 'java') : 'java';
  try {
    await promisify(execFile)(java, ['-version']);
    return java;
  } catch {
    return undefined;
  }
}

function findClassPath(): string | { readonly why: string } {
  const home = process.env['ZOOKEEPER_HOME'];
  if (home) {
    const lib = join(home, 'lib');
    const hasServer = [home, lib].some((folder) => jarsOf(folder).some((jar) => /^zookeeper-\d.*\.jar$/.test(jar)));
    return hasServer ? `${home}/*:${lib}/*` : { why: `ZOOKEEPER_HOME is ${home}, but no zookeeper-*.jar is in it` };
  }
  if (!existsSync(join(debianJars, 'zookeeper.jar'))) return { why: 'no ZooKeeper is installed on this machine' };
  return debianClassPath
    .map((jar) => join(debianJars, jar))
    .filter((jar) => existsSync(jar))
    .join(':');
}

function jarsOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
