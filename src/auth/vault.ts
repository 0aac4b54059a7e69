/** Keyed hashing and sealing with the server's secret; the secret itself never leaves this file. */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto"
import { AppError } from "../platform/errors.ts"
import type { Random } from "../platform/ids.ts"

export interface Vault {
  /** HMAC-SHA-256 of a token with the server's pepper, hex: what is stored and looked up. */
  hash(token: string): string
  /** AES-256-GCM with a fresh nonce, base64; `context` (a row's id) is authenticated with it. */
  seal(text: string, context: string): string
  /** Opens what `seal` made. Throws `internal` when the secret changed or the text was tampered with. */
  open(sealed: string, context: string): string
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

export function createVault(secret: string, random: Random): Vault {
  const pepper = derive(secret, "token-hash")
  const key = derive(secret, "seal")
  return {
    hash: token => new Bun.CryptoHasher("sha256", pepper).update(token).digest("hex"),
    seal(text, context) {
      const nonce = random(NONCE_BYTES)
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64")
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, "base64")
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES))
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
        return (
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, "utf8") + decipher.final("utf8")
        )
      } catch {
        // Node's message says nothing a reader could act on; ours names the usual cause.
        throw new AppError(
          "internal",
          `${context} cannot be decrypted: CODEXAPI_SECRET is not the one it was sealed with`,
        )
      }
    },
  }
}

const derive = (secret: string, purpose: string) =>
  Buffer.from(hkdfSync("sha256", secret, "codexapi", purpose, 32))
