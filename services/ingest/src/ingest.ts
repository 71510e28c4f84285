import type { EventLog } from '@sluice/event-log'
import { EVENTS_TOPIC } from '@sluice/events'
import type { ObjectStore } from '@sluice/object-store'
import { type RawZone, RawZoneError } from '@sluice/raw-zone'
import { type Authorize, faultFields } from '@sluice/service'
import type { FastifyInstance } from 'fastify'
import { Admission } from './admission.ts'
import { Adoption } from './adoption.ts'
import { eventCheck } from './event-acceptance.ts'
import { eventsRoute } from './events-route.ts'
import { filesRoute } from './files-route.ts'
import { type DurablePlace, GroupCommit, type RequestLines } from './group-commit.ts'
import { Incarnations } from './incarnations.ts'
import { type IngestMetrics, type NotDurableCode, noMetrics } from './ingest-metrics.ts'
import { type IngestLimits, ingestLimits } from './limits.ts'
import type { LogLifeReader } from './log-life-reader.ts'
import { LogPublisher } from './log-publisher.ts'
import type { IngestLogger } from './logger.ts'
import { mediaRoute } from './media-route.ts'
import { MediaStore } from './media-store.ts'
import type { Outcomes } from './outcomes.ts'
import { answerProblem, Problem } from './problem.ts'
import { type EventTypes, routingBy } from './routing.ts'
import { Uploads } from './upload.ts'

export interface IngestParts {
  rawZone: RawZone
  objectStore: ObjectStore
  log: EventLog
  eventTypes: EventTypes
  /** Partitions of the topic `events`. */
  partitions: number
  authorize: Authorize
  /** A folder of this process alone, on the object store's disk where that is one: uploads are received there. */
  scratch_folder: string
  logger: IngestLogger
  metrics?: IngestMetrics
  /** Where `?wait=` learns outcomes; without it such requests are answered when durable. */
  outcomes?: Outcomes
  limits?: Partial<IngestLimits>
  /** The raw zone is one that only one process can have open: all unfinished incarnations are dead ones. */
  sole_process?: boolean
  /** Left out: the log has one life, as long as the raw zone's. */
  life?: LogLifeReader
  /** How often to look for dead incarnations of other processes. */
  adopt_every_ms?: number
  /** Milliseconds since 1970. */
  now?: () => number
}

export interface IngestStatus {
  /** The newest durable batch of this incarnation; number 0 if there is none yet. */
  acknowledged: { incarnation: string | null; number: number }
  /** Every batch up to this one is on the log. */
  published: { incarnation: string | null; number: number }
  /** Bytes of requests under way, and of batches kept in memory until they are published. */
  queue: { held_bytes: number; unpublished_batches: number; unpublished_bytes: number }
  log_reachable: boolean
  adopted: number
}

export interface Ingest {
  /** Registers ingest's routes, in a scope of their own. */
  routes(fastify: FastifyInstance): Promise<void>
  /** Begins an incarnation and adopts what dead ones left. Rejects with a `RawZoneError`. */
  start(): Promise<void>
  /** Answers what was accepted, then publishes what it can in `stop_limit_ms`; the rest stays in the raw zone. */
  stop(): Promise<void>
  status(): IngestStatus
}

const ADOPT_EVERY_MS = 10_000

export function createIngest(parts: IngestParts): Ingest {
  const limits = ingestLimits.parse(parts.limits ?? {})
  const { logger, rawZone, now = Date.now, metrics = noMetrics } = parts
  const routing = routingBy(parts.eventTypes, parts.partitions)
  const admission = new Admission(limits)
  const publisher = new LogPublisher(parts.log, EVENTS_TOPIC, parts.partitions, logger)
  const incarnations = new Incarnations(rawZone, { rawZone, publisher, routing, logger, limits }, logger)
  const adopter = new LogPublisher(parts.log, EVENTS_TOPIC, parts.partitions, logger)
  const adoption = new Adoption(
    { rawZone, publisher: adopter, routing, logger, now, life: parts.life },
    () => incarnations.relay?.incarnation,
  )
  const group = new GroupCommit(
    () => incarnations.writer(),
    limits,
    (durable, seconds) => {
      incarnations.durable(durable)
      metrics.appended(seconds, durable.batch.lines, durable.batch.bytes.length)
    },
    (error, writer) => {
      logger.error(faultFields(error), 'a raw batch could not be made durable; its requests are refused')
      if (writer) incarnations.failed(error, writer)
    },
  )
  const uploads = new Uploads(parts.scratch_folder, limits.uploads)
  let stopping = false

  async function commit(lines: RequestLines): Promise<DurablePlace> {
    if (stopping) throw new Problem(503, 'stopping', 'this server is shutting down; send again', { retry_after_s: 1 })
    try {
      return await group.commit(lines)
    } catch (error) {
      const code = error instanceof RawZoneError && error.code === 'no_space' ? 'no_space' : 'raw_zone_unavailable'
      metrics.refused(code)
      throw notDurable(code, error)
    }
  }

  return {
    async routes(fastify) {
      await fastify.register(async (scope) => {
        acceptAnyBody(scope)
        const { authorize, outcomes } = parts
        const check = eventCheck(limits, routing)
        const { eventTypes, objectStore } = parts
        eventsRoute(scope, { admission, authorize, check, commit, outcomes, limits, metrics, now })
        mediaRoute(scope, { media: new MediaStore(objectStore), uploads, authorize, limits })
        filesRoute(scope, { objectStore, uploads, authorize, check, commit, eventTypes, limits, now })
      })
    },
    async start() {
      await uploads.start()
      await incarnations.writer()
      adoption.start({ force: parts.sole_process ?? false, pause_ms: parts.adopt_every_ms ?? ADOPT_EVERY_MS })
    },
    async stop() {
      stopping = true
      await group.idle()
      await adoption.stop()
      const published = await incarnations.relay?.finish(
        limits.stop_limit_ms,
        async () => (await parts.life?.current()) ?? true,
      )
      if (published === false) logger.warn(statusOf(), 'stopped before all was on the log; the next start publishes it')
      await publisher.close()
      await adopter.close()
    },
    status: statusOf,
  }

  function statusOf(): IngestStatus {
    const { relay } = incarnations
    const incarnation = relay?.incarnation ?? null
    const number = relay?.head ?? 0
    const published = relay?.published ?? 0
    return {
      acknowledged: { incarnation, number },
      published: { incarnation, number: published },
      queue: {
        held_bytes: admission.held_bytes,
        unpublished_batches: number - published,
        unpublished_bytes: relay?.kept_bytes ?? 0,
      },
      log_reachable: publisher.reachable,
      adopted: adoption.adopted,
    }
  }
}

/** Bodies are read by the handlers themselves, as streams; schemas here describe, they do not validate. */
function acceptAnyBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  scope.setValidatorCompiler(() => () => true)
  scope.setSerializerCompiler(() => (value) => JSON.stringify(value))
  scope.setErrorHandler(answerProblem)
}

function notDurable(code: NotDurableCode, cause: unknown): Problem {
  return new Problem(503, code, NOT_DURABLE[code], { retry_after_s: 2, cause })
}

/** A write without an answer may have come through: then an adopter, or the next append, counts it. */
const NOT_DURABLE: Readonly<Record<NotDurableCode, string>> = {
  no_space: 'the raw zone has no space left; nothing of this request was accepted; send it again when there is room',
  raw_zone_unavailable:
    'the raw zone cannot be written at present, and what of this request was kept is not certain; send it again with the same event_ids or Idempotency-Key, and what is there already counts as a repeat',
}
