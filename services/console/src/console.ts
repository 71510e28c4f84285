import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@sluice/lake'
import type { FastifyInstance } from 'fastify'
import type { ConsoleParts, ConsoleRouteParts } from './console-parts.ts'
import { relationsFor } from './relations.ts'
import { lakeRoutes } from './routes/lake-routes.ts'
import { pageRoute } from './routes/page-route.ts'
import { questionRoutes } from './routes/questions-route.ts'
import { sqlRoute } from './routes/sql-route.ts'
import { SqlCage } from './sql/sql-cage.ts'
import { TrustedSql } from './trusted-sql.ts'

export interface Console {
  routes(app: FastifyInstance): Promise<void>
  close(): Promise<void>
}

const THREADS = 2

/** The part that answers questions about the lake. It owns no data. */
export async function createConsole(parts: ConsoleParts): Promise<Console> {
  await mkdir(parts.scratch_path, { recursive: true })
  const cage = new SqlCage({ scratch_path: parts.scratch_path, limits: parts.limits ?? {} })
  const sql = new TrustedSql(
    await openDatabase({
      memory_limit_bytes: parts.memory_limit_bytes,
      threads: THREADS,
      temporary_path: join(parts.scratch_path, 'duckdb'),
      joins: 'optimized',
    }),
  )
  const routeParts: ConsoleRouteParts = {
    ...parts,
    cage,
    sql,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
  return {
    async routes(app) {
      await app.register(async (scope) => {
        // Schemas describe; what comes is checked by the routes, and what goes out is as they made it.
        scope.setSerializerCompiler(() => (value) => JSON.stringify(value))
        sqlRoute(scope, { ...routeParts, relations: (tables) => relationsFor(tables, routeParts) })
        questionRoutes(scope, routeParts)
        lakeRoutes(scope, routeParts)
        pageRoute(scope)
      })
    },
    async close() {
      await cage.close()
      await sql.close()
    },
  }
}
