import type { Notice } from '@sluice/event-log'
import { CLOSED_TARGET, LEDGER_TABLE, LEDGER_TXN, QUARANTINE_TABLE } from '@sluice/lake/ledger/index'
import { FOLLOWED_TXN, FOLLOWER_TABLE } from './follower.ts'
import { KEYED_TABLE, PLAIN_TABLE } from './plain-batch.ts'
import { keyOf, type PlainRow, type RowsByKey } from './plain-rows.ts'
import { CLOSED_TXN } from './plain-table.ts'
import { nameOf, Reference } from './reference.ts'
import { positionOf } from './sim-event.ts'
import type { SimLog } from './sim-log.ts'
import type { Watcher } from './world.ts'

/** An invariant does not hold. */
export class Violation extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Violation'
  }
}

/** What the checker sees in a log entry; parsed by itself, not by the product's code. */
interface SeenAction {
  add?: { path: string; dataChange: boolean }
  remove?: { path: string }
  txn?: { appId: string; version: number }
  commitInfo?: { sluice?: { plan: { entries: Record<string, SeenEntry> } } }
}

interface SeenEntry {
  previous: number | null
  ids?: { event_id: string; by: string }[]
}

interface SeenTable {
  version: number
  files: Set<string>
  txns: Map<string, number>
}

const LOG_KEY = /^lake\/([^/]+)\/_delta_log\/(\d{20})\.json$/
/** The transaction by which each target of plans says how far it is, and its table. */
const TARGETS: Readonly<Record<string, { table: string; txn: string }>> = {
  [PLAIN_TABLE]: { table: PLAIN_TABLE, txn: LEDGER_TXN },
  [KEYED_TABLE]: { table: KEYED_TABLE, txn: LEDGER_TXN },
  [QUARANTINE_TABLE]: { table: QUARANTINE_TABLE, txn: LEDGER_TXN },
  [CLOSED_TARGET]: { table: QUARANTINE_TABLE, txn: CLOSED_TXN },
}

/** Watches every commit and holds ledger and tables against the reference, at each version of each of them. */
export class Checker implements Watcher {
  readonly #log: SimLog
  readonly #rows: RowsByKey
  readonly #reference = new Reference()
  readonly #tables = new Map<string, SeenTable>()
  readonly #covered = new Map<number, number>()
  /** By target: ledger versions with a plan entry for it, ascending. */
  readonly #planned = new Map<string, number[]>()
  /** Ledger versions by the turn that decided them. */
  readonly #decisions = new Map<string, number[]>()
  readonly #saw: (what: string) => void
  /** Ledger version that the keyed table has applied to, by the version of the table; ascending. */
  readonly #keyed: { version: number; through: number }[] = []
  violation: Violation | undefined

  constructor(log: SimLog, rows: RowsByKey, saw: (what: string) => void) {
    this.#log = log
    this.#rows = rows
    this.#saw = saw
  }

  written(key: string, bytes: Uint8Array, by: string): void {
    const [, table, digits] = LOG_KEY.exec(key) ?? []
    if (table === undefined || digits === undefined) return
    const lines = Buffer.from(bytes).toString('utf8').trim().split('\n')
    const actions = lines.map((line): SeenAction => JSON.parse(line))
    this.#guard(() => this.#committed(table, Number(digits), actions, by))
  }

  /** Ledger versions decided in a turn. */
  decisionsOf(turn: string): readonly number[] {
    return this.#decisions.get(turn) ?? []
  }

  /** A notice says that tables have what the ledger decided up to a version, and what became of events. */
  notice(notice: Notice): void {
    if (notice.kind !== 'tables') return
    this.#guard(() => {
      this.reached(notice.ledger)
      for (const { event_id, status } of notice.outcomes)
        this.#require(
          this.#reference.receipts.some((row) => row.event_id === event_id && row.outcome === status),
          `a notice says that ${event_id} is ${status}, the ledger does not`,
        )
    })
  }

  /** All tables have applied every plan up to a ledger version. */
  reached(ledger: number): void {
    this.#guard(() => {
      for (const [target, versions] of this.#planned) {
        const due = versions.findLast((version) => version <= ledger) ?? -1
        const applied = this.applied(target)
        if (target === KEYED_TABLE && due >= 0) this.#followed(due)
        this.#require(applied >= due, `${target} is said to have reached ${ledger}, and is at ${applied}, not ${due}`)
      }
    })
  }

  /** What is computed from the keyed table has followed it to where it had applied a plan. */
  #followed(due: number): void {
    const version = this.#keyed.find(({ through }) => through >= due)?.version ?? 0
    const followed = this.#tables.get(FOLLOWER_TABLE)?.txns.get(FOLLOWED_TXN) ?? 0
    this.#require(followed >= version, `the follower is at ${followed} of the keyed table, and should be at ${version}`)
  }

  /** Whether the ledger covers every record of the log. */
  get complete(): boolean {
    return this.#log.partitions.every((records, partition) => {
      const last = records.at(-1)
      return !last || (this.#covered.get(partition) ?? 0) > last.offset
    })
  }

  /** Everything is at rest: nothing is left to do, and nothing is missing. */
  atRest(): void {
    this.#guard(() => {
      this.#require(this.complete, 'records of the log are not in the ledger')
      const receipts = this.#reference.receipts
      const positions = new Set(receipts.map(positionOf))
      this.#require(positions.size === receipts.length, 'a receipt is in the ledger twice')
      for (const { event } of this.#log.partitions.flat())
        this.#require(positions.has(positionOf(event)), `receipt ${positionOf(event)} is not in the ledger`)
      const stored = receipts.filter(({ outcome }) => outcome === 'stored').map(({ event_id }) => event_id)
      this.#require(new Set(stored).size === stored.length, 'an event_id is stored twice')
      this.reached(Number.POSITIVE_INFINITY)
      const quarantine = this.#rowsOf(QUARANTINE_TABLE).map((row) => nameOf(row))
      const all = this.#reference.quarantine(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      this.#same('the quarantine at last', quarantine.sort(), all)
    })
  }

  /** Everything that a reader can see, in one text. */
  get picture(): string {
    const tables = [...this.#tables].map(([name, { txns }]) => [
      name,
      [...txns],
      this.#rowsOf(name)
        .map((row) => nameOf(row))
        .sort(),
    ])
    return JSON.stringify([[...this.#covered], tables])
  }

  #committed(table: string, version: number, actions: readonly SeenAction[], by: string): void {
    const seen = this.#tables.get(table) ?? { version: 0, files: new Set(), txns: new Map() }
    this.#tables.set(table, seen)
    this.#require(version === seen.version + 1, `${table}: version ${version} came after ${seen.version}`)
    seen.version = version
    const before = this.#rowsOf(table)
    const added: string[] = []
    let rearranged = true
    for (const { add, remove, txn } of actions) {
      if (remove) this.#require(seen.files.delete(remove.path), `${table} ${version}: removes ${remove.path} twice`)
      if (add) {
        this.#require(!seen.files.has(add.path), `${table} ${version}: adds ${add.path} twice`)
        seen.files.add(add.path)
        added.push(add.path)
        rearranged &&= !add.dataChange
      }
      if (txn) {
        rearranged = false
        if (table !== LEDGER_TABLE) this.#moved(seen, table, version, txn)
      }
    }
    if (rearranged) this.#saw('compaction')
    if (rearranged)
      this.#same(
        `${table} ${version}: rows after a compaction`,
        this.#rowsOf(table)
          .map((row) => nameOf(row))
          .sort(),
        before.map((row) => nameOf(row)).sort(),
      )
    else if (table === LEDGER_TABLE) this.#decided(version, actions, added, by)
    this.#judgeTable(table, version)
  }

  #moved(seen: SeenTable, table: string, version: number, txn: { appId: string; version: number }): void {
    const was = seen.txns.get(txn.appId) ?? -1
    this.#require(txn.version > was, `${table} ${version}: txn ${txn.appId} goes from ${was} to ${txn.version}`)
    seen.txns.set(txn.appId, txn.version)
    if (table === FOLLOWER_TABLE) return
    const plans = this.#planned.get(txn.appId === CLOSED_TXN ? CLOSED_TARGET : table) ?? []
    if (plans.filter((plan) => plan > was && plan <= txn.version).length > 1) this.#saw('several plans at once')
    if (table === KEYED_TABLE) this.#keyed.push({ version, through: txn.version })
    const ledger = this.#tables.get(LEDGER_TABLE)?.version ?? 0
    this.#require(txn.version <= ledger, `${table} ${version}: has applied ${txn.version}, the ledger is at ${ledger}`)
  }

  /** One decision: exactly the records between the offsets before and after, judged as the reference does. */
  #decided(version: number, actions: readonly SeenAction[], added: readonly string[], by: string): void {
    this.#saw('decision')
    this.#decisions.set(by, [...this.decisionsOf(by), version])
    const rows = added.flatMap((path) => this.#rows.get(keyOf(LEDGER_TABLE, path)) ?? [])
    const at = new Map(rows.map((row) => [`${row.partition}/${row.offset}`, row]))
    this.#require(at.size === rows.length, `ledger ${version}: a log position stands there twice`)
    const dropped: PlainRow[] = []
    for (const { txn } of actions) {
      if (!txn) continue
      const partition = Number(txn.appId.split('/').at(-1))
      const from = this.#covered.get(partition) ?? 0
      this.#require(txn.version > from, `ledger ${version}: partition ${partition} goes from ${from} to ${txn.version}`)
      for (const { offset, event } of this.#log.partitions[partition] ?? []) {
        if (offset < from || offset >= txn.version) continue
        const row = at.get(`${partition}/${offset}`)
        if (!row) dropped.push({ ...event, outcome: 'repeat', reason: null, partition, offset, seq: 0 })
        at.delete(`${partition}/${offset}`)
      }
      this.#covered.set(partition, txn.version)
    }
    this.#require(at.size === 0, `ledger ${version}: has rows of positions that it does not cover: ${[...at.keys()]}`)
    for (const row of rows.toSorted((a, b) => a.seq - b.seq)) {
      const expected = this.#reference.judge(row)
      this.#require(
        expected?.outcome === row.outcome && expected.reason === row.reason,
        `ledger ${version}: ${nameOf(row)} (${row.event_id}, content ${row.content}) is ${row.outcome} ${row.reason ?? ''} and should be ${expected ? `${expected.outcome} ${expected.reason ?? ''}` : 'dropped as redelivered'}`,
      )
      this.#reference.record(version, row)
      this.#saw(row.reason === 'id_conflict' ? row.reason : row.outcome)
    }
    for (const event of dropped) {
      this.#saw('redelivered')
      this.#require(this.#reference.has(event), `ledger ${version}: covers ${nameOf(event)} and has no row of it`)
    }
    const closed = this.#plannedBy(version, actions)
    for (const _ of closed) this.#saw('closing')
    this.#same(`closings of ledger ${version}`, closed, this.#reference.closings(version))
  }

  #plannedBy(version: number, actions: readonly SeenAction[]): string[] {
    const entries = actions.find(({ commitInfo }) => commitInfo)?.commitInfo?.sluice?.plan.entries ?? {}
    for (const [target, { previous }] of Object.entries(entries)) {
      const versions = this.#planned.get(target) ?? []
      const last = versions.at(-1) ?? null
      this.#require(
        previous === last,
        `ledger ${version}: plan for ${target} follows ${previous} and should follow ${last}`,
      )
      this.#planned.set(target, [...versions, version])
    }
    return (entries[CLOSED_TARGET]?.ids ?? []).map(({ event_id, by }) => `${event_id} by ${by}`).sort()
  }

  /** A table is what the ledger says up to the version that the table has applied. */
  #judgeTable(table: string, version: number): void {
    if (table === LEDGER_TABLE || table === FOLLOWER_TABLE) return
    const name = `${table} ${version}, which has applied the ledger through ${this.applied(table)}`
    const is = this.#rowsOf(table)
      .map((row) => nameOf(row))
      .sort()
    const through = this.applied(table)
    if (table === PLAIN_TABLE) this.#same(name, is, this.#reference.plain(through))
    if (table === KEYED_TABLE) this.#same(name, is, this.#reference.keyed(through))
    if (table === QUARANTINE_TABLE)
      this.#same(name, is, this.#reference.quarantine(through, this.applied(CLOSED_TARGET)))
  }

  applied(target: string): number {
    const { table, txn } = TARGETS[target]!
    return this.#tables.get(table)?.txns.get(txn) ?? -1
  }

  #rowsOf(table: string): PlainRow[] {
    return [...(this.#tables.get(table)?.files ?? [])].flatMap((path) => this.#rows.get(keyOf(table, path)) ?? [])
  }

  #same(what: string, is: readonly string[], should: readonly string[]): void {
    const [a, b] = [is.join(', '), should.join(', ')]
    this.#require(a === b, `${what} holds [${a}] and should hold [${b}]`)
  }

  /** Tells of something that a worker saw. */
  fail(message: string): void {
    this.violation ??= new Violation(message)
  }

  #require(holds: boolean, message: string): void {
    if (!holds) throw new Violation(message)
  }

  /** The first violation is the one to tell; it must not look like a mishap to the worker whose commit it is. */
  #guard(check: () => void): void {
    if (this.violation) return
    try {
      check()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.violation = error
    }
  }
}
