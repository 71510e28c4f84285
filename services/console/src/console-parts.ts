import type { EventTypes } from '@sluice/events'
import type { RawZone } from '@sluice/raw-zone'
import type { Question } from '@sluice/store'
import type { FastifyRequest } from 'fastify'
import type { ConsoleStore } from './console-store.ts'
import type { FlowReader } from './flow-reader.ts'
import type { LakeReader } from './lake-reader.ts'
import type { CageLimits, SqlCage } from './sql/sql-cage.ts'
import type { TrustedSql } from './trusted-sql.ts'

export interface ReadParts {
  lake: LakeReader
  rawZone: RawZone
  flow: FlowReader
  stores: readonly ConsoleStore[]
}

export interface ConsoleParts extends ReadParts {
  stores: readonly (ConsoleStore & { questions: readonly Question[] })[]
  eventTypes: EventTypes
  /** Throws a problem unless the request's key has the scope. */
  authorize: (request: FastifyRequest, scope: 'query' | 'admin') => unknown
  /** Folder for what DuckDB spills and for inventories. */
  scratch_path: string
  limits?: Partial<CageLimits>
  /** DuckDB's memory for the console's own queries. */
  memory_limit_bytes: number
  now: () => number
}

export interface ConsoleRouteParts extends ConsoleParts {
  cage: SqlCage
  sql: TrustedSql
  sleep: (ms: number) => Promise<void>
}
