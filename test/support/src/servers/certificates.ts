import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installDebianPackages } from '../debian-packages.js';
import { reapLater } from '../reaper.js';

const run = promisify(execFile);

/** A certificate of an authority, with its key; both as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** File with key, certificate and authority, as a Java server takes it for its key store. */
  readonly keyStore: string;
  /** The same as PKCS#12, with {@link Certificates.passphrase}. */
  readonly pfx: Buffer;
}

/** What is in a certificate. */
export interface CertificateOptions {
  /** `localhost` by default. */
  readonly commonName?: string;
  /** For whom it is, as OpenSSL writes it: `DNS:localhost,IP:127.0.0.1` by default. */
  readonly names?: string;
}

/** An authority that makes certificates for tests, by the command `openssl`, in a folder of its own. */
export class Certificates implements AsyncDisposable {
  readonly passphrase = 'changeit';
  readonly #folder: string;
  readonly #remove: () => Promise<void>;
  #count = 0;
  /** Certificate of the authority, as PEM. */
  readonly ca: string;

  private constructor(folder: string, ca: string, remove: () => Promise<void>) {
    this.#folder = folder;
    this.ca = ca;
    this.#remove = remove;
  }

  /** Makes an authority. @throws Error if there is no `openssl`, and none can be installed */
  static async make(): Promise<Certificates> {
    await findOpenSsl();
    const folder = await mkdtemp(join(tmpdir(), 'zk-recipes-certificates-'));
    const forget = reapLater({ kind: 'folder', id: folder });
    const remove = async (): Promise<void> => {
      await rm(folder, { recursive: true, force: true });
      forget();
    };
    const [key, cert] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
    const subject = '/O=zk-recipes/CN=Authority for tests';
    await run('openssl', [
      ...['req', '-x509', ...newKey, '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', cert, '-subj', subject],
    ]);
    return new Certificates(folder, await readFile(cert, 'utf8'), remove);
  }

  /** File with the certificate of the authority, as a Java server takes it for its trust store. */
  get trustStore(): string {
    return join(this.#folder, 'ca.pem');
  }

  /** Makes a certificate. */
  async issue({
    commonName = 'localhost',
    names = 'DNS:localhost,IP:127.0.0.1',
  }: CertificateOptions = {}): Promise<Certificate> {
    const base = join(this.#folder, `certificate-${++this.#count}`);
    const [key, request, cert, names_] = [`${base}.key`, `${base}.csr`, `${base}.crt`, `${base}.ext`];
    await writeFile(names_, `subjectAltName=${names}\n`);
    const subject = `/O=zk-recipes/CN=${commonName}`;
    await run('openssl', ['req', ...newKey, '-nodes', '-keyout', key, '-out', request, '-subj', subject]);
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-CA', this.trustStore, '-CAkey', join(this.#folder, 'ca.key')],
      ...['-CAcreateserial', '-days', '2', '-extfile', names_, '-out', cert],
    ]);
    const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')]);
    const keyStore = `${base}.pem`;
    await writeFile(keyStore, keyText + certText + this.ca);
    await run('openssl', [
      ...['pkcs12', '-export', '-inkey', key, '-in', cert, '-certfile', this.trustStore],
      ...['-passout', `pass:${this.passphrase}`, '-out', `${base}.p12`],
    ]);
    return { cert: certText, key: keyText, keyStore, pfx: await readFile(`${base}.p12`) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
  }
}

const newKey = ['-newkey', 'rsa:2048'];

async function findOpenSsl(): Promise<void> {
  try {
    await run('openssl', ['version']);
  } catch {
    const failed = await installDebianPackages(['openssl']);
    if (failed !== undefined) throw new Error(`Expected the command openssl: ${failed}`);
  }
}
