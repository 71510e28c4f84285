import { filesRouteSchema } from '@sluice/ingest-api'
import type { ObjectStore } from '@sluice/object-store'
import { type Authorize, PROBLEM_TYPE } from '@sluice/service'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type FileRowsParts, loadRows } from './file-rows.ts'
import { keepFile } from './file-store.ts'
import { filePath } from './object-path.ts'
import { Problem } from './problem.ts'
import { receivedAt } from './received-at.ts'
import type { Uploads } from './upload.ts'

export interface FilesRouteParts extends FileRowsParts {
  objectStore: ObjectStore
  uploads: Uploads
  authorize: Authorize
  now: () => number
}

const ALL_REJECTED = {
  ...{ type: 'about:blank', title: 'Bad Request', status: 400, code: 'all_rejected' },
  detail: 'the file is kept, and every row of it was refused; see errors',
  retryable: false,
}

/** `PUT /v1/files/{path}`: any file into the raw zone as it is; with `?type=` its rows become events. */
export function filesRoute(fastify: FastifyInstance, parts: FilesRouteParts): void {
  fastify.put('/v1/files/*', { schema: filesRouteSchema }, async (request, reply) => {
    const source = parts.authorize(request, 'ingest').name
    const path = filePath(pathOf(request))
    const type = typeOf(request)
    const content_type = request.headers['content-type']
    const received_at = receivedAt(parts.now())
    return parts.uploads.receive(request.raw, parts.limits.file_limit_bytes, async (upload) => {
      const info = await keepFile(parts.objectStore, upload, {
        path,
        content_type: content_type ?? 'application/octet-stream',
        source,
        received_at,
      })
      if (type === undefined) return reply.code(201).send(info)
      const local = await parts.objectStore.localPath(info.key)
      const loaded = await loadRows(parts, { local, path, sha256: info.sha256, content_type, type, received_at })
      const status = loaded.rejected === 0 ? 202 : loaded.accepted > 0 ? 207 : 400
      if (status === 400)
        return reply
          .code(400)
          .type(PROBLEM_TYPE)
          .send({ ...ALL_REJECTED, ...info, ...loaded })
      return reply.code(status).send({ ...info, type, ...loaded })
    })
  })
}

function pathOf({ params }: FastifyRequest): string {
  if (typeof params === 'object' && params !== null && '*' in params && typeof params['*'] === 'string')
    return params['*']
  throw new Problem(400, 'invalid_path', 'expected a path after /v1/files/')
}

function typeOf({ query }: FastifyRequest): string | undefined {
  if (typeof query !== 'object' || query === null || !('type' in query)) return undefined
  if (typeof query.type === 'string' && query.type !== '' && query.type.length <= 256) return query.type
  throw new Problem(400, 'invalid_parameter', 'expected type to be one event type')
}
