import { sameProgress } from '@sluice/store/same-progress'
import type { ApplyOutcome, ChangeBatch, Progress, Refusal, RowChange } from '@sluice/store/store'
import { type Point, pointOf } from '../series.ts'
import { type AbsentRow, AbsentRows } from './absent-rows.ts'
import { deletePoints } from './delete-points.ts'
import { freshPlan } from './fresh-plan.ts'
import type { InfluxConnection } from './influx-connection.ts'
import {
  END_MICROS,
  FIRST_MICROS,
  homeRank,
  microText,
  nanosText,
  type Place,
  placeKey,
  slotKey,
  slotOf,
} from './place.ts'
import { type HeldPoint, type Knowledge, type Plan, planBatch, type Wish } from './plan.ts'
import { hashOf, PointFilter } from './point-filter.ts'
import { findIdentities, readPlaces, seriesOfRow } from './point-search.ts'
import { fieldsOf, headOf, type SeriesLayout, seriesOf, TABLE_TAG, VERSION_FIELD } from './series-layout.ts'
import { fieldValues } from './series-query.ts'
import { generationOf, stampOf } from './stamp.ts'
import type { TableRecords } from './table-records.ts'
import { decodedText } from './text-encoding.ts'

/** Heads of series that are kept ready; with more series than that they are made again. */
const HEADS_KEPT = 10_000

/**
 * One lake table in a bucket. The points of a batch go in first, its progress last, so a batch that was cut off is done
 * again; everything it did is found and left as it is. A filter in memory knows which rows may be in the bucket already;
 * it is built by reading the table's ids once, and again when another sink moved the progress.
 */
export class SeriesTable {
  readonly layout: SeriesLayout
  readonly #connection: InfluxConnection
  readonly #records: TableRecords
  readonly #absent: AbsentRows
  readonly #heads = new Map<string, string>()
  #filled: { filter: PointFilter; progress: Progress | undefined } | undefined

  constructor(connection: InfluxConnection, records: TableRecords, layout: SeriesLayout) {
    this.layout = layout
    this.#connection = connection
    this.#records = records
    this.#absent = new AbsentRows(connection, layout.table)
  }

  async apply({ table, expected, next, changes }: ChangeBatch): Promise<ApplyOutcome> {
    const generation = generationOf(next.table_id)
    const [records, wishes] = await Promise.all([
      this.#records.read(table),
      (async () => changes.map((change) => this.#wish(change, generation)))(),
    ])
    const actual = records.get(table)?.progress
    if (!sameProgress(actual, expected)) return { kind: 'superseded', actual }
    const filter = await this.#filterAt(actual, generation)
    const plan = freshPlan(wishes, filter) ?? planBatch(wishes, await this.#search(wishes, filter, generation))
    const refused = await this.#carryOut(plan, filter)
    await this.#records.writeProgress(table, next)
    this.#filled = { filter, progress: next }
    return { kind: 'applied', refused }
  }

  /** The progress goes first: points without progress are loaded over, or deleted if they are of another table id. */
  async forget(): Promise<void> {
    this.#filled = undefined
    await this.#records.writeProgress(this.layout.table, undefined)
    await this.#deleteAll()
  }

  async refusals(onRow: (row: Refusal) => void): Promise<void> {
    await this.#absent.read((row) => {
      if (row.state === 'refused') onRow({ identity: row.identity, event_id: row.event_id, reason: row.reason })
    })
  }

  async #deleteAll(): Promise<void> {
    await this.#connection.deleteAll([
      ['_measurement', this.layout.measurement],
      [TABLE_TAG, this.layout.table],
    ])
    await this.#absent.forget()
  }

  async #filterAt(progress: Progress | undefined, generation: number): Promise<PointFilter> {
    if (this.#filled && sameProgress(this.#filled.progress, progress)) return this.#filled.filter
    if (progress === undefined && (await this.#hasLeftovers(generation))) await this.#deleteAll()
    const filter = new PointFilter()
    const { layout } = this
    await this.#connection.query(fieldValues(this.#connection.bucket, layout, [layout.identity_field]), (row) => {
      filter.add(hashOf(decodedText(row('_value')) ?? ''))
      filter.add(hashOf(slotKey(slotOf(seriesOfRow(layout, row), row('_time')))))
    })
    await this.#absent.read(({ identity }) => filter.add(hashOf(identity)))
    this.#filled = { filter, progress }
    return filter
  }

  /** Whether there is anything of another table id, which a forgetting that was cut off left behind. */
  async #hasLeftovers(generation: number): Promise<boolean> {
    const [first, end] = [stampOf(generation, 0), stampOf(generation + 1, 0)]
    const other = ` and (r._value < ${first} or r._value >= ${end})`
    let found = false
    const query = fieldValues(this.#connection.bucket, this.layout, [VERSION_FIELD], undefined, other)
    await this.#connection.query(`${query} |> limit(n: 1)`, () => {
      found = true
    })
    await this.#absent.read(({ stamp }) => {
      found ||= stamp < first || stamp >= end
    })
    return found
  }

  #wish({ op, identity, version, row }: RowChange, generation: number): Wish {
    const stamp = stampOf(generation, version)
    const made = pointOf(this.layout.mapping, row)
    if (op === 'delete') {
      const place = 'point' in made ? placeOf(made.point) : undefined
      return { want: 'deleted', identity, stamp, place }
    }
    const event_id = String(row['event_id'] ?? '')
    const refused = (reason: string): Wish => ({ want: 'refused', identity, event_id, stamp, reason })
    if ('reason' in made) return refused(made.reason)
    const { point } = made
    if (point.micros < FIRST_MICROS || point.micros >= END_MICROS)
      return refused(`InfluxDB holds instants from 1677-09-23 to 2262-04-09, got ${microText(point.micros)}Z`)
    const fields = fieldsOf(this.layout, { identity, event_id, stamp }, point.fields)
    if ('reason' in fields) return refused(fields.reason)
    const lacks_fields = point.fields.includes(null)
    const { micros } = point
    return {
      want: 'point',
      identity,
      event_id,
      stamp,
      micros,
      fields: fields.text,
      place: placeOf(point),
      lacks_fields,
    }
  }

  /** Reads what stands where the filter knows of something, or rows of the batch meet. */
  async #search(wishes: readonly Wish[], filter: PointFilter, generation: number): Promise<Knowledge> {
    const places = new Map<string, Place>()
    const sought = new Set<string>()
    const homes = new Set<string>()
    for (const wish of wishes) {
      const hash = hashOf(wish.identity)
      const known = filter.has(hash)
      if (known) sought.add(wish.identity)
      if (wish.want === 'refused' || !wish.place) continue
      const { place } = wish
      const home = slotKey({ ...place, rank: homeRank(hash) })
      if (known || (wish.want === 'point' && (homes.has(home) || filter.has(hashOf(home)))))
        places.set(placeKey(place), place)
      homes.add(home)
    }
    const near = await readPlaces(this.#connection, this.layout, generation, [...places.values()])
    const absent = new Map<string, AbsentRow>()
    if (sought.size > 0) await this.#absent.read((row) => sought.has(row.identity) && absent.set(row.identity, row))
    for (const { identity } of near.points) sought.delete(identity)
    for (const [identity, { state }] of absent) if (state !== 'stored') sought.delete(identity)
    const elsewhere = (await findIdentities(this.#connection, this.layout, [...sought])).filter(
      (place) => !places.has(placeKey(place)),
    )
    const far = await readPlaces(this.#connection, this.layout, generation, elsewhere)
    const points = Map.groupBy<string, HeldPoint>([...near.points, ...far.points], ({ identity }) => identity)
    return { points, absent, taken: new Map([...near.taken, ...far.taken]) }
  }

  /** What the filter is to know is in it before anything is written: a batch that fails half way is found again. */
  async #carryOut(plan: Plan, filter: PointFilter): Promise<Refusal[]> {
    for (const { hashes } of plan.points) for (const hash of hashes) filter.add(hash)
    for (const { identity } of plan.absent) filter.add(hashOf(identity))
    await deletePoints(this.#connection, this.layout, plan.deletes)
    const line = (index: number) => {
      const point = plan.points[index]
      if (!point) return ''
      const { row, slot } = point
      return `${this.#head(slot.series)} ${row.fields} ${nanosText(row.micros, slot.rank)}`
    }
    const refused = [...plan.refused]
    const absent = [...plan.absent]
    for (const { line: index, reason } of await this.#connection.write(plan.points.length, line)) {
      const point = plan.points[index]
      if (!point) continue
      const { identity, event_id, stamp } = point.row
      if (point.replaces) await deletePoints(this.#connection, this.layout, [point.slot])
      refused.push({ identity, event_id, reason })
      absent.push({ identity, stamp, state: 'refused', event_id, reason })
    }
    await this.#absent.write(absent)
    return refused
  }

  #head(series: string): string {
    let head = this.#heads.get(series)
    if (head === undefined) {
      if (this.#heads.size >= HEADS_KEPT) this.#heads.clear()
      head = headOf(this.layout, series)
      this.#heads.set(series, head)
    }
    return head
  }
}

const placeOf = (point: Point): Place => ({ series: seriesOf(point.tags), micro: microText(point.micros) })
