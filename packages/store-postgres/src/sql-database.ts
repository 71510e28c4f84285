export type SqlParameter = string | number | null | readonly (string | null)[]

/** A row's values in order of its columns, each in PostgreSQL's own text form, with TimeZone UTC and DateStyle ISO. */
export type SqlRow = readonly (string | null)[]

/** Statements of one transaction. Errors carry PostgreSQL's SQLSTATE as `code`, as the driver throws them. */
export interface SqlTransaction {
  query(sql: string, parameters?: readonly SqlParameter[]): Promise<SqlRow[]>
  /**
   * COPY into a table.
   * @param target what stands between COPY and FROM
   * @param chunks whole lines of COPY's text format, some megabytes each at most
   */
  copy(target: string, chunks: Iterable<string>): Promise<void>
}

/**
 * The part of PostgreSQL that the store needs, in-process or on a server. Statements find the store's schema first in
 * their search path. Errors of `transaction` and `query` are those of the driver; `storeErrorOf` classifies them.
 */
export interface SqlDatabase {
  query(sql: string, parameters?: readonly SqlParameter[]): Promise<SqlRow[]>
  /** Commits when `work` resolves, rolls back when it rejects. When it resolves, the transaction is durable. */
  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}
