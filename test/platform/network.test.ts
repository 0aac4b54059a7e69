/** Networks of addresses, however an address is written. */
import { expect, test } from "bun:test"
import { hostNetworkOf, siteNetworkOf } from "../../src/platform/network.ts"

test.each([
  ["203.0.113.9", "203.0.113.9", "203.0.113"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2", "2001:db8:1"],
  ["2001:0DB8:0001:0002::9", "2001:db8:1:2", "2001:db8:1"],
  ["2001:db8::9", "2001:db8:0:0", "2001:db8:0"],
  ["2001:db8:0:0:1::", "2001:db8:0:0", "2001:db8:0"],
  ["::1", "0:0:0:0", "0:0:0"],
  ["unknown", "unknown", "unknown"],
])("%s is in %s and in %s", (address, host, site) => {
  expect(hostNetworkOf(address)).toBe(host)
  expect(siteNetworkOf(address)).toBe(site)
})
