import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installDebianPackages } from '../debian-packages.js';
import { findJava } from '../servers/installed-zookeeper.js';

/** What a Java peer runs with. */
export interface JavaTools {
  /** The Java command; it can compile. */
  readonly java: string;
  /** Apache Curator and what it needs. */
  readonly classPath: string;
}

/** Where Debian's Java libraries are. */
const folder = '/usr/share/java';

/** The manifest of `zookeeper.jar` names what ZooKeeper itself needs: Jackson for JSON, Netty, Snappy and more. */
const jars = [
  'curator-recipes.jar',
  'curator-framework.jar',
  'curator-client.jar',
  'zookeeper.jar',
  'zookeeper-jute.jar',
  'guava.jar',
  'slf4j-api.jar',
  'slf4j-nop.jar',
];

const curatorPackages = ['libcurator-recipes-java', 'libcurator-framework-java', 'libcurator-client-java'];

/**
 * Finds Apache Curator and a JDK, or installs Debian's packages of them, if root may and `ZOOKEEPER_INSTALL` is not
 * `never`.
 *
 * @returns what was found, or a sentence why there is none
 */
export async function findJavaTools(): Promise<JavaTools | string> {
  const missing = [...(hasJars() ? [] : curatorPackages), ...((await findJdk()) ? [] : ['default-jdk-headless'])];
  if (missing.length > 0) {
    const failed = await installDebianPackages(missing);
    if (failed !== undefined) return failed;
  }
  const java = await findJdk();
  if (java === undefined) return 'there is no JDK';
  if (!hasJars()) return `Apache Curator is not in ${folder}`;
  return { java, classPath: jars.map((jar) => join(folder, jar)).join(':') };
}

function hasJars(): boolean {
  return jars.every((jar) => existsSync(join(folder, jar)));
}

/** The Java command, if it has a compiler in it, which a JRE has not. */
async function findJdk(): Promise<string | undefined> {
  const java = await findJava();
  if (java === undefined) return undefined;
  const { stdout } = await promisify(execFile)(java, ['--list-modules']);
  return stdout.includes('jdk.compiler') ? java : undefined;
}
