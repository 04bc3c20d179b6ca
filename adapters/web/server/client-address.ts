/** The network address that a request comes from, also behind a reverse proxy. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { DarkroomError } from '../../../src/errors.ts';

export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #onUntrusted: (proxy: string) => void;
  #hasReported = false;

  /**
   * @param trustedProxies addresses or CIDR blocks whose X-Forwarded-For is believed: `127.0.0.1`, `10.0.0.0/8`
   * @param onUntrusted called once, with the address of a peer that sends X-Forwarded-For and is not trusted
   * @throws DarkroomError('misconfigured') for an entry that is neither
   */
  constructor(trustedProxies: readonly string[], onUntrusted: (proxy: string) => void) {
    this.#onUntrusted = onUntrusted;
    for (const entry of trustedProxies) addTo(this.#trusted, entry);
  }

  /**
   * The peer, or what trusted proxies say about it. An entry of X-Forwarded-For counts only if the proxy that
   * wrote it is trusted: the entries before it may be made up by the client.
   */
  of(request: IncomingMessage): string {
    let address = plain(request.socket.remoteAddress ?? '');
    const forwarded = request.headers['x-forwarded-for'];
    if (forwarded === undefined) return address;
    if (!this.#isTrusted(address) && !this.#hasReported) {
      this.#hasReported = true;
      this.#onUntrusted(address);
    }
    const hops = String(forwarded).split(',').map(hostOf);
    for (let hop = hops.pop(); hop !== undefined && this.#isTrusted(address); hop = hops.pop()) {
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** The key under which an address is counted: an IPv6 network has 2^64 addresses for one subscriber. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  while (groups.length + rest.length < 8) groups.push('0');
  return `${[...groups, ...rest].slice(0, 4).join(':')}::/64`;
}

function addTo(list: BlockList, entry: string): void {
  const [address = '', prefix] = entry.split('/');
  const family = isIP(address);
  const bits = prefix === undefined ? undefined : Number(prefix);
  const isBlock =
    bits !== undefined && Number.isInteger(bits) && bits >= 0 && bits <= (family === 4 ? 32 : 128);
  if (family === 0 || (prefix !== undefined && !isBlock)) {
    throw new DarkroomError(
      'misconfigured',
      `DARKROOM_TRUSTED_PROXIES has ${JSON.stringify(entry)}; it must list addresses or blocks such as 10.0.0.0/8, separated by commas.`,
    );
  }
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (bits === undefined) list.addAddress(address, type);
  else list.addSubnet(address, bits, type);
}

/** IPv4 in IPv6's notation is the same address. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** `203.0.113.7:4711` and `[2001:db8::1]:4711` without the port. */
function hostOf(hop: string): string {
  const text = hop.trim();
  const bracketed = /^\[([^\]]*)\]/.exec(text)?.[1];
  if (bracketed !== undefined) return plain(bracketed);
  return plain(/^\d+\.\d+\.\d+\.\d+(?=:\d+$)/.exec(text)?.[0] ?? text);
}
