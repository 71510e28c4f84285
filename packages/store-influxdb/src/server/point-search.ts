import type { FluxRow } from './flux-rows.ts'
import type { InfluxConnection } from './influx-connection.ts'
import { microsOfText, type Place, placeKey, type Slot, slotKey, slotOf } from './place.ts'
import type { HeldPoint } from './plan.ts'
import { type SeriesLayout, VERSION_FIELD } from './series-layout.ts'
import { fieldValues, microsRange, oneOf } from './series-query.ts'
import { isOfGeneration } from './stamp.ts'
import { decodedText, encodedText } from './text-encoding.ts'

/** Ranges of time that one look reads. More places than this share ranges, split at the widest gaps. */
const WINDOWS = 16
/** Identities that one query names; where more than `NAMED_AT_MOST` are sought, all are read. */
const NAMED_AT_ONCE = 100
const NAMED_AT_MOST = 2_000

export interface FoundPlaces {
  points: HeldPoint[]
  /** Ranks that are taken, by `placeKey`: an entry for each place that was read. */
  taken: Map<string, Set<number>>
}

/** Everything that stands at these places. */
export async function readPlaces(
  connection: InfluxConnection,
  layout: SeriesLayout,
  generation: number,
  places: readonly Place[],
): Promise<FoundPlaces> {
  const taken = new Map(places.map((place) => [placeKey(place), new Set<number>()]))
  const found = new Map<string, { slot: Slot; identity?: string; stamp?: number }>()
  const take = (row: FluxRow) => {
    const slot = slotOf(seriesOfRow(layout, row), row('_time'))
    const ranks = taken.get(placeKey(slot))
    if (!ranks) return
    ranks.add(slot.rank)
    const key = slotKey(slot)
    const entry = found.get(key) ?? { slot }
    found.set(key, entry)
    if (row('_field') === VERSION_FIELD) entry.stamp = Number(row('_value'))
    else entry.identity = decodedText(row('_value')) ?? ''
  }
  const fields = [layout.identity_field, VERSION_FIELD]
  const windows = windowsOf(places.map(({ micro }) => micro))
  if (windows.length > 0) {
    const queries = windows.map(
      ({ first, last }, i) =>
        `${fieldValues(connection.bucket, layout, fields, microsRange(microsOfText(first), microsOfText(last)))} |> yield(name: "${i}")`,
    )
    await connection.query(queries.join('\n'), take)
  }
  const points = [...found.values()].flatMap(({ slot, identity, stamp = -1 }) =>
    identity === undefined ? [] : [{ ...slot, identity, stamp: isOfGeneration(stamp, generation) ? stamp : -1 }],
  )
  return { points, taken }
}

/** Where the points of these identities stand, wherever that is: reads one field of the whole table. */
export async function findIdentities(
  connection: InfluxConnection,
  layout: SeriesLayout,
  identities: readonly string[],
): Promise<Place[]> {
  const places: Place[] = []
  const field = [layout.identity_field]
  if (identities.length > NAMED_AT_MOST) {
    const sought = new Set(identities.map(encodedText))
    await connection.query(fieldValues(connection.bucket, layout, field), (row) => {
      if (sought.has(row('_value'))) places.push(slotOf(seriesOfRow(layout, row), row('_time')))
    })
    return places
  }
  for (let from = 0; from < identities.length; from += NAMED_AT_ONCE) {
    const names = oneOf('_value', identities.slice(from, from + NAMED_AT_ONCE).map(encodedText))
    const query = fieldValues(connection.bucket, layout, field, undefined, ` and (${names})`)
    await connection.query(query, (row) => places.push(slotOf(seriesOfRow(layout, row), row('_time'))))
  }
  return places
}

export const seriesOfRow = (layout: SeriesLayout, row: FluxRow): string => layout.tags.map(row).join('\n')

/** Covers all microseconds by at most so many ranges, as little as possible beside them. */
export function windowsOf(micros: readonly string[], most = WINDOWS): { first: string; last: string }[] {
  const sorted = [...new Set(micros)].sort()
  const gaps = sorted
    .slice(1)
    .map((micro, i) => ({ at: i + 1, width: microsOfText(micro) - microsOfText(sorted[i] ?? '') }))
  const splits = gaps
    .sort((a, b) => (a.width < b.width ? 1 : -1))
    .slice(0, most - 1)
    .map(({ at }) => at)
    .sort((a, b) => a - b)
  return [0, ...splits].flatMap((from, i, starts) => {
    const part = sorted.slice(from, starts[i + 1])
    const [first, last] = [part[0], part.at(-1)]
    return first === undefined || last === undefined ? [] : [{ first, last }]
  })
}
