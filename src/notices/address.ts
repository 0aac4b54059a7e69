/** Which texts mail can be addressed to: one address, and nothing that a header or SMTP would read as more. */

/** No blanks, line breaks, lists, comments, quotes or brackets. */
const ADDRESS = /^[^\s\p{Cc}<>()[\]\\,;:"@]+@[^\s\p{Cc}<>()[\]\\,;:"@]+$/u

const LONGEST = 254

/** Whether `text` is one plain address such as `ada@example.com`. */
export const isMailAddress = (text: string): boolean => text.length <= LONGEST && ADDRESS.test(text)

/** The part behind the `@` of `CodexAPI <billing@example.com>`; `localhost` where there is none. */
export const mailDomainOf = (from: string): string => /@([^\s<>"@]+?)>?\s*$/.exec(from)?.[1] ?? "localhost"
