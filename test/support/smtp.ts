/** A real SMTP server on loopback whose manners a test chooses, and what it took. */
import type { AddressInfo, Socket } from "node:net"
import { SMTPServer } from "smtp-server"
import type { MailConfig } from "../../src/platform/config.ts"

/** The status of a refusal; undefined is a yes. */
type Answer = Promise<number | undefined> | number | undefined

export interface SmtpManners {
  greets?: () => Answer
  takesSender?: () => Answer
  takesRecipient?: (address: string) => Answer
  /** Called once the content is there in full. */
  takesContent?: () => Answer
  /** Asks for this name and password. */
  login?: { user: string; password: string }
  /** By STARTTLS, with a certificate that nobody trusts. */
  offers_tls?: boolean
}

export interface AcceptedMail {
  from: string
  recipients: string[]
  /** Headers and body as they came. */
  content: string
  is_encrypted: boolean
}

export interface SmtpStage extends AsyncDisposable {
  config: MailConfig
  /** In the order in which they were accepted. */
  accepted: AcceptedMail[]
  /** What the server does from now on. */
  manners: SmtpManners
  /** How many connections were made so far. */
  connection_count(): number
  /** Hangs up on everyone, in the middle of whatever it is. */
  cut(): void
  close(): Promise<void>
}

/** Listens on a free port; `await using` ends it. */
export async function openSmtpStage(first: SmtpManners = {}): Promise<SmtpStage> {
  const sockets = new Set<Socket>()
  let connection_count = 0
  const accepted: AcceptedMail[] = []
  const server = createSmtpServer(first, () => stage.manners, accepted)
  server.server.on("connection", socket => {
    connection_count++
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  // A client that hangs up is not this server's failure.
  server.on("error", () => {})
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.server.address() as AddressInfo
  const login = first.login ? `${first.login.user}:${first.login.password}@` : ""
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  async function close(): Promise<void> {
    cut()
    await new Promise<void>(resolve => server.close(resolve))
  }
  const stage: SmtpStage = {
    config: { smtp_url: `smtp://${login}127.0.0.1:${port}`, from: "CodexAPI <billing@codexapi.example>" },
    accepted,
    manners: first,
    connection_count: () => connection_count,
    cut,
    close,
    [Symbol.asyncDispose]: close,
  }
  return stage
}

const answer = async (status: Answer, done: (error?: Error | null) => void): Promise<void> => {
  const code = await status
  done(code === undefined ? null : Object.assign(new Error("as the test wants"), { responseCode: code }))
}

function createSmtpServer(
  first: SmtpManners,
  manners: () => SmtpManners,
  accepted: AcceptedMail[],
): SMTPServer {
  return new SMTPServer({
    authOptional: first.login === undefined,
    hideSTARTTLS: !first.offers_tls,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 1,
    onConnect: (_session, done) => void answer(manners().greets?.(), done),
    onAuth(auth, _session, done) {
      const { user, password } = manners().login!
      if (auth.username === user && auth.password === password) done(null, { user })
      else done(new Error("wrong password"))
    },
    onMailFrom: (_address, _session, done) => void answer(manners().takesSender?.(), done),
    onRcptTo: ({ address }, _session, done) => void answer(manners().takesRecipient?.(address), done),
    onData(stream, { envelope, secure: is_encrypted }, done) {
      let content = ""
      stream.on("data", chunk => {
        content += chunk
      })
      stream.on("end", async () => {
        const code = await manners().takesContent?.()
        const { mailFrom, rcptTo } = envelope
        if (code === undefined)
          accepted.push({
            from: mailFrom ? mailFrom.address : "",
            recipients: rcptTo.map(one => one.address),
            content,
            is_encrypted,
          })
        await answer(code, done)
      })
    },
  })
}
