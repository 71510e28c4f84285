import { type EventLog, type LogConsumer, LogError, type Notices } from '@sluice/event-log'
import {
  CLOSED_TARGET,
  closingTarget,
  followExplosion,
  KnownIds,
  type Lake,
  Ledger,
  lakeBatches,
  lakeLedgerRows,
  QUARANTINE_TABLE,
  sha256OfMedia,
  tableTarget,
} from '@sluice/lake'
import { backgroundLoop, type Logger, type Metrics } from '@sluice/service'
import { type TransformerLimits, transformerLimits } from './limits.ts'
import { type KeptRecords, logTruncation } from './log-truncation.ts'
import { type PumpedTable, TablePump } from './table-pump.ts'
import { Transformer } from './transformer.ts'
import { transformerGauges } from './transformer-gauges.ts'
import { transformerMetrics } from './transformer-metrics.ts'
import { Upkeep } from './upkeep.ts'

export interface TransformerServiceParts {
  lake: Lake
  log: EventLog
  /** The topic of events. */
  topic: string
  /** The consumer group; left out: this transformer reads all partitions by itself. */
  group?: string
  /** Names the life of the event log that offsets belong to. */
  log_epoch: string
  notices: Notices
  logger: Logger
  metrics: Metrics
  limits?: Partial<TransformerLimits>
  /** Told when the log is not the one that the ledger's offsets belong to: it was deleted, made anew or cut off. */
  logLost?: (error: LogError) => Promise<void>
  /** Which records that are decided are deleted from the log; `true`: all, at each round of upkeep. Left out: none. */
  truncates_log?: boolean | KeptRecords
  now: () => number
}

export interface TransformerService {
  /** The ledger as this transformer knows it. */
  readonly ledger: Ledger
  /** Whether every table has applied every plan that the ledger knows of. */
  readonly settled: boolean
  /** Finishes the batch that is under way and the tables that follow it. */
  stop(): Promise<void>
}

const NOTHING_KEPT: KeptRecords = { keep_ms: 0, every_ms: 0, keeps_last: false }
const LOST: ReadonlySet<string> = new Set(['offset_out_of_range', 'replaced', 'unknown_topic'])

/** Starts to turn the log into tables. Applies first what earlier workers left unapplied. */
export async function startTransformer(parts: TransformerServiceParts): Promise<TransformerService> {
  const { lake, log, notices, logger, now } = parts
  const limits = transformerLimits.parse(parts.limits ?? {})
  const metrics = transformerMetrics(parts.metrics)
  const ledger = await Ledger.open(lake.ledger.delta, { log_epoch: parts.log_epoch, now })
  noticeOtherTypes(ledger, lake, logger)
  const known = new KnownIds(lakeLedgerRows(lake))
  await known.follow(ledger)
  const pump = new TablePump({
    ledger,
    notices,
    tables: pumpedTables(parts, ledger),
    max_behind: limits.tables_behind,
    failed: (table, error) => {
      metrics.failed()
      logger.error({ err: error, table }, 'plans could not be applied to a table; they are applied later')
    },
  })
  await pump.catchUp()
  transformerGauges(parts.metrics, { log, topic: parts.topic, ledger, pump })
  const transformer = new Transformer({
    ledger,
    known,
    loader: lakeBatches(lake),
    pump,
    notices,
    types: lake.types.digest,
    limits,
    now,
    settled: metrics.settled,
  })
  let consumer: LogConsumer | undefined
  /** Whether the consumer had partitions, from where the ledger stood then. */
  let has_read = false
  const loop = backgroundLoop(
    async () => {
      try {
        consumer ??= await log.consumer({
          topic: parts.topic,
          group: parts.group,
          startFrom: (partitions) => transformer.startFrom(partitions),
          continues: (before) => ledger.continuedBy(before),
        })
        await transformer.turn(consumer)
        has_read ||= consumer.positions().size > 0
      } catch (error) {
        if (!(error instanceof LogError) || error.retryable) throw error
        // A consumer that has lost its place begins anew, from the ledger's offsets.
        await transformer.drop()
        await consumer?.close()
        consumer = undefined
        // One that stood still for long may have lost its place alone: the next begins at the ledger's, and finds what is lost.
        const may_be_ours = error.code === 'offset_out_of_range' && has_read
        has_read = false
        if (LOST.has(error.code) && !may_be_ours) await parts.logLost?.(error)
        throw error
      }
      return 0
    },
    { name: 'transform', log: logger, pause_ms: 0, failed: () => metrics.failed() },
  )
  const kept = parts.truncates_log === true ? NOTHING_KEPT : parts.truncates_log
  const upkeep = new Upkeep({
    lake,
    ledger,
    log: logger,
    every_ms: limits.upkeep_every_ms,
    failed: () => metrics.failed(),
    rearranged: (table, version) =>
      void notices
        .publish({ kind: 'tables', ledger: ledger.version, versions: { [table]: version }, outcomes: [] })
        .catch((err: unknown) => logger.warn({ err, table }, 'a notice was lost; who waits for it looks by itself')),
    ...(kept ? { truncate: logTruncation({ log, topic: parts.topic, ledger, now }, kept) } : {}),
  })
  return {
    ledger,
    get settled() {
      return !pump.behind
    },
    async stop() {
      await loop.stop()
      await upkeep.stop()
      await pump.drain()
      await transformer.drop()
      await consumer?.close()
    },
  }
}

function pumpedTables({ lake }: TransformerServiceParts, ledger: Ledger): PumpedTable[] {
  const sha256Of = (name: string) => sha256OfMedia(lake.parts.store, name)
  const tables = [...lake.types.byTable.values()].flatMap((type): PumpedTable[] => {
    const table = lake.tables.get(type.table)
    const exploded = type.explode && lake.tables.get(type.explode.table)
    if (!table) return []
    return [
      {
        name: table.name,
        target: tableTarget(table),
        version: () => table.version,
        followers:
          exploded && (async () => [await followExplosion({ type, source: table, target: exploded, sha256Of })]),
      },
    ]
  })
  const version = () => lake.quarantine.version
  return [
    ...tables,
    { name: QUARANTINE_TABLE, target: tableTarget(lake.quarantine), version },
    { name: CLOSED_TARGET, target: closingTarget(lake.quarantine, ledger), version },
  ]
}

/** Two services with different sets of types notice it here. */
function noticeOtherTypes(ledger: Ledger, { types }: Lake, logger: Logger): void {
  if (ledger.types === undefined || ledger.types === types.digest) return
  logger.warn(
    { ledger: ledger.types, here: types.digest },
    'the ledger was last written with another set of event types: if they were not changed on purpose, see that all services load the same',
  )
}
