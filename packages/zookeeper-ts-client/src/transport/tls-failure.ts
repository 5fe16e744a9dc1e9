import { TlsError, type TlsFailure } from '../errors/errors.js';

/** The stage at which a TLS connection failed: while its options were made, in the handshake, or after the handshake. */
export type TlsStage = 'options' | 'handshake' | 'connection';

interface Sign {
  readonly failure: TlsFailure;
  /** Matches the `code` of Node's error. */
  readonly code: RegExp;
  readonly advice: string;
}

/** Error codes of Node and OpenSSL, with the failure that they mean and advice. The first match counts. */
const signs: readonly Sign[] = [
  {
    failure: 'server-name',
    code: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    advice:
      "the server's certificate is for another name than the connect string has: connect by that name, or pass `servername`",
  },
  {
    failure: 'server-certificate',
    code: /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/,
    advice: "the server's certificate is not trusted: pass the certificate of its authority as `ca`",
  },
  {
    failure: 'client-certificate',
    code: /^ERR_SSL_.*(ALERT_CERTIFICATE|ALERT_BAD_CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_UNSUPPORTED_CERTIFICATE|ALERT_UNKNOWN_CERTIFICATE|ALERT_ACCESS_DENIED)/,
    advice:
      'the server refuses the certificate of this client, or that it has none: pass `cert` and `key` that it trusts',
  },
  {
    failure: 'not-tls',
    code: /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_UNKNOWN_PROTOCOL)$/,
    advice: 'the server does not answer in TLS: is this its port for clients without TLS?',
  },
];

/**
 * Describes a failure of TLS, with advice.
 *
 * @returns a `TlsError`; the error itself if it is a network error, before, during or after the handshake
 */
export function describeTlsFailure(error: unknown, stage: TlsStage): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = String((cause as NodeJS.ErrnoException).code ?? '');
  const sign = signs.find((one) => one.code.test(code));
  if (sign !== undefined) return new TlsError(sign.failure, sign.advice, { cause });
  if (stage === 'options') return new TlsError('options', 'the TLS options cannot be used', { cause });
  if (stage === 'handshake' && code === 'ECONNRESET') {
    const advice =
      'the server closed the connection in the TLS handshake: it may not speak TLS on this port, or refuse the certificate of this client';
    return new TlsError('closed', advice, { cause });
  }
  if (stage === 'handshake' && /^(EPROTO|ERR_SSL_|ERR_TLS_)/.test(code)) {
    return new TlsError('handshake', 'client and server agree on no version or cipher of TLS', { cause });
  }
  return cause;
}
