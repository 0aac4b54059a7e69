/** Every way in which a mail server takes a mail or does not, against a real one on loopback. */
import { describe, expect, test } from "bun:test"
import { createServer, type Socket } from "node:net"
import { MailFailure, type Outgoing } from "../../src/notices/outbox.ts"
import { createSendMail } from "../../src/notices/smtp.ts"
import type { MailConfig } from "../../src/platform/config.ts"
import { openSmtpStage, type SmtpManners, type SmtpStage } from "../support/smtp.ts"

const MAIL: Outgoing = {
  id: "mail_1",
  recipient: "ada@example.com",
  subject: "Your receipt",
  body: "You paid $10.00.\n.\nThank you.",
}
const PATIENT = { connect_ms: 3000, silence_ms: 3000, whole_ms: 5000 }
const HASTY = { connect_ms: 3000, silence_ms: 600, whole_ms: 5000 }
const never = new Promise<undefined>(() => {})

/** Why it did not go; `sent` when it did. */
async function fateOf(config: MailConfig, mail: Partial<Outgoing> = {}, limits = PATIENT): Promise<string> {
  try {
    await createSendMail(config, limits)({ ...MAIL, ...mail })
    return "sent"
  } catch (error) {
    if (error instanceof MailFailure) return error.fate
    throw error
  }
}

describe.concurrent("a mail that is accepted", () => {
  test("arrives once, from and to whom it should, with its words", async () => {
    await using stage = await openSmtpStage()
    expect(await fateOf(stage.config)).toBe("sent")
    expect(stage.accepted).toHaveLength(1)
    const [{ from, recipients, content }] = stage.accepted as [SmtpStage["accepted"][number]]
    expect({ from, recipients }).toEqual({
      from: "billing@codexapi.example",
      recipients: ["ada@example.com"],
    })
    const [head, body] = content.split("\r\n\r\n") as [string, string]
    expect(head).toContain("From: CodexAPI <billing@codexapi.example>\r\n")
    expect(head).toContain("To: ada@example.com\r\n")
    expect(head).toContain("Subject: Your receipt\r\n")
    expect(head).toContain("Auto-Submitted: auto-generated\r\n")
    expect(body).toBe("You paid $10.00.\r\n.\r\nThank you.\r\n")
  })

  test("has the same Message-ID in every try", async () => {
    await using stage = await openSmtpStage()
    await fateOf(stage.config)
    await fateOf(stage.config)
    for (const { content } of stage.accepted)
      expect(content).toContain("Message-ID: <mail_1@codexapi.example>\r\n")
    expect(stage.accepted).toHaveLength(2)
  })

  test("may have words of any language, and long ones", async () => {
    await using stage = await openSmtpStage()
    const body = "Grüße, 客户! ".repeat(5000)
    expect(await fateOf(stage.config, { subject: "Beleg für März", body })).toBe("sent")
    expect(stage.accepted[0]!.content).toContain("Subject: =?UTF-8?")
  })

  test("is sent after a sign-in, where the server wants one", async () => {
    await using stage = await openSmtpStage({ login: { user: "billing", password: "s3cret" } })
    expect(await fateOf(stage.config)).toBe("sent")
  })

  test("is encrypted where the server offers it, and not sent to one whose certificate is not trusted", async () => {
    await using stage = await openSmtpStage({ offers_tls: true })
    expect(await fateOf(stage.config)).toBe("temporary")
    expect(stage.accepted).toEqual([])
    const smtp_url = `${stage.config.smtp_url}/?tls.rejectUnauthorized=false`
    expect(await fateOf({ ...stage.config, smtp_url })).toBe("sent")
    expect(stage.accepted).toMatchObject([{ is_encrypted: true }])
  })

  test("is a success once the server said so, even when it hangs up right after", async () => {
    await using stage = await openSmtpStage()
    const send = createSendMail(stage.config, PATIENT)
    await send(MAIL)
    stage.cut()
    expect(stage.accepted).toHaveLength(1)
  })
})

describe.concurrent("headers cannot be injected", () => {
  test("by line breaks in the subject", async () => {
    await using stage = await openSmtpStage()
    const subject = "Receipt\r\nBcc: eve@example.com\r\n\r\nnew body"
    expect(await fateOf(stage.config, { subject })).toBe("sent")
    const [{ recipients, content }] = stage.accepted as [SmtpStage["accepted"][number]]
    expect(recipients).toEqual(["ada@example.com"])
    expect(content).not.toMatch(/^Bcc:/im)
    expect(content).toMatch(/^Subject: Receipt Bcc: eve@example.com +new body\r$/m)
  })

  test.each([
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com, eve@example.com",
    "ada@example.com eve@example.com",
    "Eve <eve@example.com>",
    "ada@example.com>\r\nRCPT TO:<eve@example.com",
    "ada",
    "@example.com",
    "",
    `${"x".repeat(250)}@example.com`,
  ])("by the recipient %j: it is refused for good, and no server is asked", async recipient => {
    await using stage = await openSmtpStage()
    expect(await fateOf(stage.config, { recipient })).toBe("permanent")
    expect(stage.connection_count()).toBe(0)
  })
})

describe.concurrent("what certainly was not accepted", () => {
  const rows: [string, SmtpManners, string][] = [
    ["is tried again when the server greets with 421", { greets: () => 421 }, "temporary"],
    [
      "is tried again when the server greets with 554: it is not the mail's fault",
      { greets: () => 554 },
      "temporary",
    ],
    ["is tried again after 451 to the sender", { takesSender: () => 451 }, "temporary"],
    ["has failed after 550 to the sender", { takesSender: () => 550 }, "permanent"],
    ["is tried again after 450 to the recipient (greylisting)", { takesRecipient: () => 450 }, "temporary"],
    ["has failed after 550 to the recipient", { takesRecipient: () => 550 }, "permanent"],
    ["is tried again after 452 to the content", { takesContent: () => 452 }, "temporary"],
    ["is tried again after 503: the session was wrong", { takesContent: () => 503 }, "temporary"],
    ["has failed after 554 to the content", { takesContent: () => 554 }, "permanent"],
  ]
  test.each(rows)("%s", async (_name, manners, fate) => {
    await using stage = await openSmtpStage(manners)
    expect(await fateOf(stage.config)).toBe(fate)
    expect(stage.accepted).toEqual([])
  })

  test.each<[string, SmtpManners]>([
    ["greets", { greets: () => never }],
    ["answers before DATA", { takesRecipient: () => never }],
  ])("is tried again when the server never %s", async (_name, manners) => {
    await using stage = await openSmtpStage(manners)
    expect(await fateOf(stage.config, {}, HASTY)).toBe("temporary")
  })

  test("is tried again when nobody listens", async () => {
    const stage = await openSmtpStage()
    await stage.close()
    expect(await fateOf(stage.config)).toBe("temporary")
  })

  test("is tried again when the server has no such name", async () => {
    const config = { smtp_url: "smtp://mail.invalid:25", from: "a@example.com" }
    expect(await fateOf(config, {}, { ...PATIENT, whole_ms: 300 })).toBe("temporary")
  })

  test("is tried again when the password is wrong, and the failure does not tell it", async () => {
    await using stage = await openSmtpStage({ login: { user: "billing", password: "s3cret" } })
    const config = { ...stage.config, smtp_url: stage.config.smtp_url.replace("s3cret", "wr0ng") }
    const failure = await createSendMail(config, PATIENT)(MAIL).catch(error => error)
    expect(failure.fate).toBe("temporary")
    expect(failure.message).toContain("535")
    expect(failure.message).not.toMatch(/s3cret|wr0ng/)
  })

  test("is tried again when the server hangs up before DATA", async () => {
    await using stage = await openSmtpStage()
    stage.manners = {
      takesRecipient() {
        stage.cut()
        return never
      },
    }
    expect(await fateOf(stage.config)).toBe("temporary")
  })
})

describe.concurrent("what the server may have accepted is unknown", () => {
  test("when it hangs up after the content", async () => {
    await using stage = await openSmtpStage()
    stage.manners = {
      takesContent() {
        stage.cut()
        return never
      },
    }
    expect(await fateOf(stage.config)).toBe("unknown")
  })

  test("when it says nothing more after the content", async () => {
    await using stage = await openSmtpStage({ takesContent: () => never })
    expect(await fateOf(stage.config, {}, HASTY)).toBe("unknown")
  })

  test("when the whole takes too long after the content, however lively it is", async () => {
    await using stage = await openSmtpStage({ takesContent: () => never })
    expect(await fateOf(stage.config, {}, { ...PATIENT, whole_ms: 700 })).toBe("unknown")
  })

  test.each(["354 what?", "hello"])("when its last word is %j", async word => {
    const { config, close } = await openCrudeServer(word)
    expect(await fateOf(config)).toBe("unknown")
    close()
  })

  test("when it hangs up on half of the content", async () => {
    const { config, close } = await openCrudeServer(undefined)
    expect(await fateOf(config, { body: "x".repeat(200_000) })).toBe("unknown")
    close()
  })
})

/** A server that says yes to everything, and `last_word` after the content; without one it hangs up on the way. */
async function openCrudeServer(last_word: string | undefined) {
  const server = createServer((socket: Socket) => {
    let is_content = false
    socket.on("error", () => {})
    socket.write("220 crude\r\n")
    socket.on("data", data => {
      const text = data.toString()
      if (is_content && last_word === undefined) socket.destroy()
      else if (is_content && text.includes("\r\n.\r\n")) socket.write(`${last_word}\r\n`)
      else if (!is_content && text.startsWith("DATA")) {
        is_content = true
        socket.write("354 go on\r\n")
      } else if (!is_content) socket.write("250 yes\r\n")
    })
  })
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const config = { smtp_url: `smtp://127.0.0.1:${port}`, from: "a@example.com" }
  return { config, close: () => server.close() }
}
