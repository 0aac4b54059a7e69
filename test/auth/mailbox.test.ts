/** Mailboxes: which spellings of an address are the same one. */
import { expect, test } from "bun:test"
import { hashMailbox, mailboxOf } from "../../src/auth/mailbox.ts"
import { openIdentity } from "../support/identity.ts"

test("case, a tag and Gmail's dots do not make another mailbox", () => {
  for (const spelling of [
    "ada@gmail.com",
    "A.D.A@gmail.com",
    " ada+codex@GoogleMail.com ",
    "a.da+1+2@gmail.com",
  ])
    expect(mailboxOf(spelling)).toBe("ada@gmail.com")
  expect(mailboxOf("Ada+x@Example.com")).toBe("ada@example.com")
})

test("dots elsewhere, other hosts and a name that is only a tag are mailboxes of their own", () => {
  expect(mailboxOf("a.da@example.com")).toBe("a.da@example.com")
  expect(mailboxOf("ada@mail.example.com")).toBe("ada@mail.example.com")
  expect(mailboxOf("+ada@example.com")).toBe("+ada@example.com")
})

test("what is kept of a mailbox says nothing without the server's secret, and is the same for all spellings", () => {
  const { vault } = openIdentity()
  const hash = hashMailbox({ vault }, "A.da+1@gmail.com")
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  expect(hash).toBe(hashMailbox({ vault }, "ada@googlemail.com"))
  expect(hash).not.toBe(hashMailbox({ vault }, "ada@example.com"))
})
