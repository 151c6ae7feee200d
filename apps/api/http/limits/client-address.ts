import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** A proxy may add the port: `198.51.100.7:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/;

/**
 * Whom a request comes from. Anybody can send `x-forwarded-for`, so it is believed only as far as trusted proxies wrote it: from its
 * right end, where each proxy adds whom it was called by, to the first address that is none of ours.
 */
export class ClientAddresses {
  private readonly trusted = new BlockList();

  /** @param trustedProxies addresses and ranges such as `10.0.0.0/8`; empty: the header does not count */
  constructor(private readonly trustedProxies: readonly string[]) {
    for (const range of trustedProxies) {
      const [address = '', bits] = range.split('/');
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      if (bits === undefined) this.trusted.addAddress(address, family);
      else this.trusted.addSubnet(address, Number(bits), family);
    }
  }

  /** The caller's address, as the connection or the trusted proxies tell it. */
  of(request: IncomingMessage): string {
    let address = plain(request.socket.remoteAddress ?? '');
    if (this.trustedProxies.length === 0) return address;
    const hops = String(request.headers['x-forwarded-for'] ?? '').split(',');
    while (this.isTrusted(address)) {
      const before = plain(hops.pop() ?? '');
      if (isIP(before) === 0) break;
      address = before;
    }
    return address;
  }

  private isTrusted(address: string): boolean {
    if (isIPv4(address)) return this.trusted.check(address, 'ipv4');
    return isIPv6(address) && this.trusted.check(address, 'ipv6');
  }
}

function plain(text: string): string {
  const trimmed = text.trim();
  const [, bracketed, bare] = WITH_PORT.exec(trimmed) ?? [];
  const address = bracketed ?? bare ?? trimmed;
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}

/** What an address is counted as: of IPv6 the first 64 bits, all of which belong to one subscriber. */
export function countedAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}

/** An address in dots at the end stands for two groups. */
function groupsOf(part: string): string[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
