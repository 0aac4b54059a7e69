/** Every table of codexapi.db, for the migration generator. */
export { admin_key, api_key, customer } from "../src/auth/tables.ts"
export { model, model_alias, route, upstream } from "../src/gateway/catalog/tables.ts"
export { model_policy } from "../src/gateway/policy/tables.ts"
export { change_count, setting } from "../src/platform/tables.ts"
export { ledger_account, ledger_transfer } from "../src/wallet/ledger/tables.ts"
export { metered_request } from "../src/wallet/metering/tables.ts"
export { rate_card } from "../src/wallet/pricing/tables.ts"
