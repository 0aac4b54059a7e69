/** The vault: what it seals opens only with the same secret, in the same place, unchanged. */
import { describe, expect, test } from "bun:test"
import { createVault } from "../../src/auth/vault.ts"
import { systemRandom } from "../../src/platform/ids.ts"
import { createTestRandom } from "../support/random.ts"

const SECRET = "the first secret, long enough to be one"
const openVault = (secret = SECRET) => createVault(secret, systemRandom)
const refused = expect.objectContaining({
  name: "AppError",
  reason: "internal",
  message: "key_1 cannot be decrypted: CODEXAPI_SECRET is not the one it was sealed with",
})

test("what was sealed opens again, also by another run with the same secret", () => {
  for (const text of ["cxs_token", "", "ü € 🙂", "x".repeat(10_000)]) {
    expect(openVault().open(openVault().seal(text, "key_1"), "key_1")).toBe(text)
  }
})

test("the same text sealed twice looks different and shows nothing of it", () => {
  const vault = openVault()
  const [first, second] = [vault.seal("canary-token", "key_1"), vault.seal("canary-token", "key_1")]
  expect(first).not.toBe(second)
  expect(Buffer.from(first, "base64").toString("latin1")).not.toContain("canary")
})

test("the nonce comes from the random seam, twelve bytes", () => {
  const sealed = createVault(SECRET, createTestRandom(7)).seal("x", "key_1")
  expect(Buffer.from(sealed, "base64").subarray(0, 12)).toEqual(Buffer.from(createTestRandom(7)(12)))
})

test("a change of any byte is noticed", () => {
  const vault = openVault()
  const sealed = Buffer.from(vault.seal("canary", "key_1"), "base64")
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    expect(() => vault.open(changed.toString("base64"), "key_1")).toThrow(refused)
  }
})

test("the sealed text of another row does not open", () => {
  const vault = openVault()
  expect(() => vault.open(vault.seal("canary", "key_2"), "key_1")).toThrow(refused)
})

test("another secret does not open it", () => {
  const sealed = openVault().seal("canary", "key_1")
  expect(() => openVault("the second secret, long enough too").open(sealed, "key_1")).toThrow(refused)
})

describe("nothing shorter than was sealed opens, cut after", () => {
  const sealed = Buffer.from(openVault().seal("", "key_1"), "base64")
  test.each([0, 5, 12, 13, 16, 20, 24, 27])("%i bytes", length => {
    const cut = sealed.subarray(0, length).toString("base64")
    expect(() => openVault().open(cut, "key_1")).toThrow(refused)
  })
})

test("the hash of a token is 64 hex digits, the same in every run, and depends on the secret", () => {
  const hash = openVault().hash("cxk_1")
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  expect(openVault().hash("cxk_1")).toBe(hash)
  expect(openVault().hash("cxk_2")).not.toBe(hash)
  expect(openVault("the second secret, long enough too").hash("cxk_1")).not.toBe(hash)
  expect(new Bun.CryptoHasher("sha256").update("cxk_1").digest("hex")).not.toBe(hash)
})
