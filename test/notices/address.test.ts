/** Which texts mail can be addressed to. */
import { describe, expect, test } from "bun:test"
import { isMailAddress, mailDomainOf } from "../../src/notices/address.ts"

test.each(["ada@example.com", "a+b.c_d'e@sub.example.co.uk", "ада@пример.рф", "a@localhost", "a@127.0.0.1"])(
  "%s is an address",
  address => expect(isMailAddress(address)).toBe(true),
)

test.each([
  "",
  "ada",
  "@example.com",
  "ada@",
  "ada@@example.com",
  "ada@example.com,eve@example.com",
  "ada@example.com;eve@example.com",
  "Ada <ada@example.com>",
  '"ada"@example.com',
  "ada(x)@example.com",
  "ada@[127.0.0.1]",
  "ada@example.com\n",
  "ada@example.com\rBcc:eve",
  "ada\u0000@example.com",
  "ada\u0085@example.com",
  "ada\u2028@example.com",
  `${"x".repeat(243)}@example.com`,
])("%j is none", address => expect(isMailAddress(address)).toBe(false))

describe("the domain of a sender", () => {
  test.each([
    ["CodexAPI <billing@example.com>", "example.com"],
    ["billing@example.com", "example.com"],
    ["billing@example.com ", "example.com"],
    ["nobody", "localhost"],
    ["", "localhost"],
  ])("%j is %s", (from, domain) => expect(mailDomainOf(from)).toBe(domain))
})
