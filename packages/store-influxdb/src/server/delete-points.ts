import type { InfluxConnection } from './influx-connection.ts'
import { microsOfText, type Slot, slotInstant, slotKey, slotOf } from './place.ts'
import { seriesOfRow } from './point-search.ts'
import { type SeriesLayout, seriesTags } from './series-layout.ts'
import { fieldValues, microsRange, ofSeries } from './series-query.ts'

/** Each delete is a request of some milliseconds: from so many of one series on, neighbours are deleted together. */
const RUNS_FROM = 16

/** Deletes points, each by its series and nanosecond; nothing else is touched. */
export async function deletePoints(
  connection: InfluxConnection,
  layout: SeriesLayout,
  slots: readonly Slot[],
): Promise<void> {
  for (const [series, own] of Map.groupBy(slots, (slot) => slot.series)) {
    const tags: [string, string][] = [['_measurement', layout.measurement], ...seriesTags(layout, series)]
    const runs =
      own.length < RUNS_FROM ? own.map((slot) => [slot, slot] as const) : await runsOf(connection, layout, own)
    for (const [first, last] of runs) await connection.delete(slotInstant(first), slotInstant(last), tags)
  }
}

/** Ranges of one series that hold nothing but these points. */
async function runsOf(
  connection: InfluxConnection,
  layout: SeriesLayout,
  slots: readonly Slot[],
): Promise<(readonly [Slot, Slot])[]> {
  const gone = new Set(slots.map(slotKey))
  const micros = slots.map(({ micro }) => micro).sort()
  const [first = '', last = ''] = [micros[0], micros.at(-1)]
  const series = slots[0]?.series ?? ''
  const range = microsRange(microsOfText(first), microsOfText(last))
  const query = fieldValues(connection.bucket, layout, [layout.identity_field], range, ofSeries(layout, series))
  const runs: [Slot, Slot][] = []
  let open: [Slot, Slot] | undefined
  // The values of one field of one series come in order of time.
  await connection.query(query, (row) => {
    const slot = slotOf(seriesOfRow(layout, row), row('_time'))
    if (!gone.has(slotKey(slot))) open = undefined
    else if (open) open[1] = slot
    else {
      open = [slot, slot]
      runs.push(open)
    }
  })
  return runs
}
