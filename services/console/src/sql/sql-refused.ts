import type { Judgement } from './sql-guard.ts'

export type SqlRefusalCode =
  | Extract<Judgement, { kind: 'refused' }>['code']
  | 'unknown_table'
  | 'unknown_version'
  | 'sql_error'
  | 'too_many_rows'
  | 'out_of_memory'
  | 'timeout'
  | 'busy'
  | 'too_long'
  | 'crashed'

export class SqlRefused extends Error {
  readonly code: SqlRefusalCode
  constructor(code: SqlRefusalCode, message: string) {
    super(message)
    this.name = 'SqlRefused'
    this.code = code
  }
}
