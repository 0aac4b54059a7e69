/** Which network an address belongs to: who has one IPv6 address has 2^64 of them, so limits count networks. */

/** What one customer of a network provider holds: the IPv4 address itself, the IPv6 /64. */
export const hostNetworkOf = (address: string): string => prefixOf(address, { bytes: 4, groups: 4 })

/** What one site holds: IPv4 /24, IPv6 /48. */
export const siteNetworkOf = (address: string): string => prefixOf(address, { bytes: 3, groups: 3 })

function prefixOf(address: string, kept: { bytes: number; groups: number }): string {
  return address.includes(":")
    ? groupsOf(address).slice(0, kept.groups).join(":")
    : address.split(".").slice(0, kept.bytes).join(".")
}

/** The eight groups of an IPv6 address, however it is written. */
function groupsOf(address: string): string[] {
  const [head = "", tail = ""] = address.split("::")
  const [first, last] = [head, tail].map(part => part.split(":").filter(group => group !== ""))
  const zeros = Math.max(0, 8 - first!.length - last!.length)
  const groups = [...first!, ...Array<string>(zeros).fill("0"), ...last!]
  return groups.map(group => group.toLowerCase().replace(/^0+(?=.)/, ""))
}
