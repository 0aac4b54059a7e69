/** One mail to one SMTP server, by nodemailer, and what each way of failing means for a second try. */
import { Readable } from "node:stream"
import type { NodemailerError } from "nodemailer"
import type { MailConfig } from "../platform/config.ts"
import { isMailAddress, mailDomainOf } from "./address.ts"
import { MailFailure, type Outgoing, type SendMail } from "./outbox.ts"

/** How long a mail server may take. */
export interface SmtpLimits {
  /** To be reached, and again to greet. */
  connect_ms: number
  /** Between two answers; servers look through a message before they accept it. */
  silence_ms: number
  /** For everything together. */
  whole_ms: number
}

const LIMITS: SmtpLimits = { connect_ms: 20_000, silence_ms: 120_000, whole_ms: 300_000 }

/** The commands that are about the mail; all others are about the session, that is, the configuration. */
const MAIL_COMMANDS = new Set(["MAIL FROM", "RCPT TO", "DATA"])
/** `Bad sequence of commands`: about the session too, whatever it answers. */
const BAD_SEQUENCE = 503

/**
 * Sends by the configured server, each mail over a connection of its own. A mail is `unknown` when the server had
 * asked for its content and did not say what became of it.
 */
export function createSendMail(config: MailConfig, limits: SmtpLimits = LIMITS): SendMail {
  return async mail => {
    // Also for a list of addresses: each would get the mail.
    if (!isMailAddress(mail.recipient))
      throw new MailFailure("permanent", "The recipient is no mail address.")
    // Most servers have no mail to send: it is loaded with the first.
    const { createTransport } = await import("nodemailer")
    let is_handed_over = false
    const transport = createTransport({
      url: config.smtp_url,
      connectionTimeout: limits.connect_ms,
      greetingTimeout: limits.connect_ms,
      socketTimeout: limits.silence_ms,
    })
    transport.use("stream", ({ message }, done) => {
      const createReadStream = message.createReadStream.bind(message)
      // Nothing is read of it before the server has answered DATA with "go ahead".
      message.createReadStream = () =>
        Readable.from(
          (async function* () {
            is_handed_over = true
            yield* createReadStream()
          })(),
        )
      done()
    })
    try {
      await transport.sendMail({ ...toMessage(config, mail), signal: AbortSignal.timeout(limits.whole_ms) })
    } catch (error) {
      throw readFailure(error as NodemailerError, is_handed_over)
    } finally {
      transport.close()
    }
  }
}

const toMessage = (config: MailConfig, mail: Outgoing) => ({
  from: config.from,
  to: { name: "", address: mail.recipient },
  subject: mail.subject,
  text: mail.body,
  messageId: `<${mail.id}@${mailDomainOf(config.from)}>`,
  // RFC 3834: keeps absence notes from being sent back.
  headers: { "Auto-Submitted": "auto-generated" },
  disableFileAccess: true,
  disableUrlAccess: true,
})

function readFailure(error: NodemailerError, is_handed_over: boolean): MailFailure {
  const { responseCode: code, command = "", message } = error
  const is_refusal = code !== undefined && code >= 400 && code < 600
  const is_about_mail = MAIL_COMMANDS.has(command)
  if (is_handed_over && !(is_refusal && is_about_mail)) return new MailFailure("unknown", message)
  // A password or an address of the server that is wrong is put right, and then the mail can go.
  const is_permanent = is_refusal && code >= 500 && code !== BAD_SEQUENCE && is_about_mail
  return new MailFailure(is_permanent ? "permanent" : "temporary", message)
}
