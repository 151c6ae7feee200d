import type { IncomingMessage } from 'node:http';
import { ClientAddresses, countedAddress } from './client-address.js';

const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe("a caller's address", () => {
  const proxies = new ClientAddresses(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

  it.each([
    ['a header that nobody vouches for', '203.0.113.9', '1.1.1.1', '203.0.113.9'],
    ['a proxy', '10.1.2.3', '198.51.100.7', '198.51.100.7'],
    ['a proxy over IPv6 with an IPv4 address in it', '::ffff:10.1.2.3', '198.51.100.7', '198.51.100.7'],
    ['two proxies', '192.0.2.7', '198.51.100.7, 10.0.0.9', '198.51.100.7'],
    ['what the caller wrote before the proxy did', '10.1.2.3', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['a forged trusted address before it', '10.1.2.3', '10.9.9.9, 198.51.100.7', '198.51.100.7'],
    ['nothing but proxies', '10.1.2.3', '10.0.0.8, 10.0.0.9', '10.0.0.8'],
    ['no header', '10.1.2.3', undefined, '10.1.2.3'],
    ['an empty header', '10.1.2.3', '', '10.1.2.3'],
    ['nonsense', '10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    ['a port', '10.1.2.3', '198.51.100.7:4711', '198.51.100.7'],
    ['a port after an IPv6 address', 'fd00::1', '[2001:db8::5]:4711', '2001:db8::5'],
    ['a connection that is gone', undefined, '1.1.1.1', ''],
  ])('%s', (_, remote, forwarded, address) => {
    expect(proxies.of(from(remote, forwarded))).toBe(address);
  });

  it('is that of the connection while no proxy is trusted', () => {
    expect(new ClientAddresses([]).of(from('127.0.0.1', '1.1.1.1'))).toBe('127.0.0.1');
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1::2:3:4:5:6', '1:0:0:2::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.33', '1:2:3:4::/64'],
    ['', ''],
  ])('%s is counted as %s', (address, counted) => {
    expect(countedAddress(address)).toBe(counted);
  });
});
