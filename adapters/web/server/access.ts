/** Which requests are let in at all: by the address that the server listens on, by Host and by Origin. */
import type { IncomingMessage } from 'node:http';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';

export interface AccessOptions {
  /** The address that the server listens on. */
  readonly host: string;
  /** DARKROOM_WEB_TOKEN: every user needs it where it is set. It must be set if `host` is not loopback. */
  readonly token?: string;
  /** 'header': the header X-Darkroom-User names the user (for tests, on loopback only). */
  readonly users: 'cookie' | 'header';
  /** DARKROOM_URL: where browsers reach the chat through a reverse proxy, possibly below a path. */
  readonly publicUrl?: string;
}

/** Only our own scripts and styles, and no frames; pictures also from memory (previews, files to be sent). */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  // Not no-referrer: browsers then send the forms of the door with the origin null.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Shorter tokens can be guessed. */
const MIN_TOKEN_CHARACTERS = 8;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export const isLoopback = (host: string) => LOOPBACK.has(host);

/** The path below which a proxy serves the chat, without a slash at its end; '' for the root. */
export const basePathOf = ({ publicUrl }: Pick<AccessOptions, 'publicUrl'>): string =>
  publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');

/** Headers of reverse proxies: what they pass on does not come from this machine, whatever its address says. */
const PROXIED = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via'];

/**
 * Whether a page is opened by a browser on this very machine, and only such browsers reach the chat: whoever can do
 * that could read the data folder too, or shares the machine with somebody who can.
 */
export function isOpenedHere(request: Request, incoming: IncomingMessage, options: AccessOptions): boolean {
  const { host, publicUrl, users } = options;
  const peer = (incoming.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return (
    isLoopback(host) &&
    publicUrl === undefined &&
    users === 'cookie' &&
    isLoopback(peer) &&
    request.headers.get('sec-fetch-mode') === 'navigate' &&
    !PROXIED.some((name) => request.headers.has(name))
  );
}

/** @throws DarkroomError('misconfigured') where anybody on the network could use the chat without a token */
export function checkExposure({ host, token, users }: AccessOptions): void {
  if (token !== undefined && token !== '' && token.length < MIN_TOKEN_CHARACTERS) {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_WEB_TOKEN has ${token.length} characters; it needs at least ${MIN_TOKEN_CHARACTERS}. \`openssl rand -hex 16\` makes a good one.`,
    );
  }
  if (isLoopback(host)) return;
  if (token === undefined || token === '') {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_HOST ${host} can be reached from other machines. Set DARKROOM_WEB_TOKEN, or use 127.0.0.1.`,
    );
  }
  if (users === 'header') {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_WEB_USERS=header lets anybody claim any name. It works on 127.0.0.1 only, not on ${host}.`,
    );
  }
}

/** Whether a proxy makes the chat public and no token is needed. The proxy may ask for a password of its own. */
export const isOpenToAll = ({ publicUrl, token }: AccessOptions): boolean =>
  publicUrl !== undefined &&
  (token === undefined || token === '') &&
  !isLoopback(new URL(publicUrl).hostname.replace(/^\[(.*)\]$/, '$1'));

/**
 * A page of another site can make a browser send requests to us: to our address (Origin then names the other
 * site), or to a name of its own that resolves to our address (Host is then that name).
 * @throws DarkroomError('forbidden')
 */
export function checkHeaders(request: Request, { host, publicUrl }: AccessOptions): void {
  const hostHeader = (request.headers.get('host') ?? '').toLowerCase();
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  const name = hostName(hostHeader);
  if (isLoopback(host) && !LOOPBACK.has(name) && name !== url?.hostname) {
    const own = { anyOf: [...(url === undefined ? [] : [url.hostname]), '127.0.0.1', 'localhost'] };
    throw new DarkroomError('forbidden', sentence('web.wrong_host', { own, host: hostHeader }));
  }
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const origin = request.headers.get('origin');
  if (origin === null || origin === url?.origin || originHost(origin) === hostHeader) return;
  throw new DarkroomError('forbidden', sentence('web.wrong_origin', { origin }));
}

const hostName = (host: string) => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
