/** HTTP for the customer's inbox. */
import { Elysia, t } from "elysia"
import { bearer } from "../../auth/bearer.ts"
import type { GuardNeeds } from "../../auth/guard.ts"
import { assertUnscoped } from "../../auth/keys.ts"
import { countUnread, listMessages, type Message, readMessage } from "../../notices/inbox.ts"
import type { Clock } from "../../platform/clock.ts"
import { nextCursorOf, PageQuery, problems, Time, toIso, toIsoOrNull } from "../../platform/schema.ts"
import type { Store } from "../../platform/store.ts"

const MessageView = t.Object({
  id: t.String(),
  kind: t.String({
    description: "receipt, low-balance, auto-topup, refund, dispute, reward or announcement",
  }),
  subject: t.String(),
  body: t.String({ description: "Plain text" }),
  createdAt: Time,
  readAt: t.Nullable(Time, { description: "null while it is unread" }),
})

const UnreadCount = t.Integer({ minimum: 0, description: "Unread messages of the whole inbox" })

export const inboxRoutes = (needs: GuardNeeds & { store: Store; clock: Clock }) =>
  new Elysia({ prefix: "/api/v1/messages" })
    .use(bearer(needs))
    .get(
      "",
      async ({ caller, query }) => {
        assertUnscoped(caller, "read the inbox")
        const { limit, cursor } = query
        const { customer_id } = caller
        const messages = await listMessages(needs.store.read, { customer_id, limit, before: cursor })
        return {
          data: messages.map(toApiMessage),
          nextCursor: nextCursorOf(messages, limit),
          unreadCount: await countUnread(needs.store.read, customer_id),
        }
      },
      {
        query: t.Object(PageQuery),
        response: {
          200: t.Object({
            data: t.Array(MessageView),
            nextCursor: t.Nullable(t.String()),
            unreadCount: UnreadCount,
          }),
          ...problems(401, 403, 422),
        },
        detail: {
          tags: ["auth"],
          summary: "List the current customer's inbox messages",
          description: "Newest first. Everything is kept.",
        },
      },
    )
    .post(
      "/:message_id/read",
      async ({ caller, params }) => {
        assertUnscoped(caller, "read the inbox")
        const { customer_id } = caller
        const message = await readMessage(needs, { customer_id, message_id: params.message_id })
        return { ...toApiMessage(message), unreadCount: await countUnread(needs.store.read, customer_id) }
      },
      {
        // A body would be nobody's: it is not read.
        parse: () => null,
        params: t.Object({ message_id: t.String({ maxLength: 64 }) }),
        response: {
          200: t.Object({ ...MessageView.properties, unreadCount: UnreadCount }),
          ...problems(401, 403, 404, 422),
        },
        detail: {
          tags: ["auth"],
          summary: "Mark a customer inbox message read",
          description: "A repeat changes nothing: the time stays that of the first.",
        },
      },
    )

const toApiMessage = (message: Message) => ({
  id: message.id,
  kind: message.kind,
  subject: message.subject,
  body: message.body,
  createdAt: toIso(message.created_at),
  readAt: toIsoOrNull(message.read_at),
})
