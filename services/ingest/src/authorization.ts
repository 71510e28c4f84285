import type { FastifyRequest } from 'fastify'

export type Scope = 'ingest' | 'query' | 'admin'

/** The API key of a request that has the scope (`anonymous` where there are no keys). Throws 401 or 403. */
export type Authorize = (request: FastifyRequest, ...any_of: Scope[]) => { name: string }
