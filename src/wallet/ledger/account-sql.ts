/** What the id of an account says, in SQL. */

/** The customer whose account it is; a system account's is empty. */
export const ownerSql = (column: string): string =>
  `iif(substr(${column}, 1, 7) = 'system/', '', substr(${column}, 1, instr(${column}, '/') - 1))`
