/** Passwords: their length, their hash, and that an unknown user costs the same work. */
import { describe, expect, spyOn, test } from "bun:test"
import { assertPassword, hashPassword, verifyPassword } from "../../src/auth/passwords.ts"
import { PASSWORD, PASSWORD_HASH } from "../support/password.ts"

describe("the length of a password", () => {
  test.each([10, 11, 128])("%i characters are taken", length => {
    expect(() => assertPassword("x".repeat(length))).not.toThrow()
  })

  test.each([0, 9, 129, 10_000])("%i characters are refused, naming the field", length => {
    expect(() => assertPassword("x".repeat(length))).toThrow(
      expect.objectContaining({ reason: "invalid", detail: { field: "password" } }),
    )
  })
})

test("a hash is Argon2id with 19 MiB and two passes, and verifies only its own password", async () => {
  const hash = await hashPassword("correct horse")
  expect(hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$")
  expect(await verifyPassword("correct horse", hash)).toBe(true)
  expect(await verifyPassword("correct horsf", hash)).toBe(false)
})

test("for an unknown user a hash of the same cost is verified, and the answer is no", async () => {
  // Watched, not replaced: the call does its real work.
  using verify = spyOn(Bun.password, "verify")
  expect(await verifyPassword("correct horse", undefined)).toBe(false)
  expect(verify).toHaveBeenCalledTimes(1)
  expect(verify.mock.calls[0]![1]).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$")
})

test("for an unknown user no password is right, not even the one behind the decoy", async () => {
  expect(await verifyPassword("no such user", undefined)).toBe(false)
})

test("at most two hashes are worked on at once, and all get their turn", async () => {
  let open_count = 0
  let most_open = 0
  const { verify } = Bun.password
  using _ = spyOn(Bun.password, "verify").mockImplementation(async (password, hash) => {
    most_open = Math.max(most_open, ++open_count)
    const is_right = await verify(password, hash)
    open_count -= 1
    return is_right
  })
  const passwords = [PASSWORD, "wrong", PASSWORD, PASSWORD, "wrong", PASSWORD, PASSWORD]
  const answers = await Promise.all(passwords.map(password => verifyPassword(password, PASSWORD_HASH)))
  expect(answers).toEqual(passwords.map(password => password === PASSWORD))
  expect(most_open).toBe(2)
})
