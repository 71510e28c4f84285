import type { FastifyInstance } from 'fastify'
import type { ConsoleRouteParts } from '../console-parts.ts'
import { redrive } from '../redrive/redrive.ts'
import { redriveRequest } from '../redrive/redrive-request.ts'
import { sendBy } from '../redrive/send-events.ts'
import { redriveSchema } from './quarantine-schema.ts'

/** The body is checked as it came: the schema would turn a null into a text first. */
const UNCHANGED = () => () => true

/** `POST /v1/quarantine/redrive`. */
export function redriveRoute(app: FastifyInstance, parts: ConsoleRouteParts): void {
  app.post('/v1/quarantine/redrive', { schema: redriveSchema, validatorCompiler: UNCHANGED }, async (request) => {
    parts.authorize(request, 'admin')
    const { authorization } = request.headers
    return redrive(redriveRequest(request.body), {
      ...parts,
      send: sendBy(app, authorization),
    })
  })
}
