import type { Refusal } from '@sluice/store/store'
import type { AbsentRow } from './absent-rows.ts'
import { homeRank, microText, type Place, placeKey, RANKS, type Slot, slotKey } from './place.ts'
import { type PointRow, seriesOf } from './series-layout.ts'

/** What a batch wants of one row. */
export type Wish =
  | ({ want: 'point' } & PointRow)
  | { want: 'refused'; identity: string; event_id: string; stamp: number; reason: string }
  | { want: 'deleted'; identity: string; stamp: number; place: Place | undefined }

/** A point the bucket holds. */
export interface HeldPoint extends Slot {
  identity: string
  stamp: number
}

/** What the bucket is known to hold that concerns a batch. */
export interface Knowledge {
  /** By identity: its points (one, unless a writer was overtaken) and the record of its absence. */
  points: ReadonlyMap<string, readonly HeldPoint[]>
  absent: ReadonlyMap<string, AbsentRow>
  /** Ranks that are taken, by `placeKey`, for all places that may be shared. */
  taken: ReadonlyMap<string, ReadonlySet<number>>
}

/** What to do, in this order: each part may be done again after a crash. */
export interface Plan {
  deletes: Slot[]
  points: { row: PointRow; slot: Slot }[]
  absent: AbsentRow[]
  refused: Refusal[]
}

/**
 * Decides what a batch changes. A row whose stamp is older than what is held is left alone. A new point stands at its
 * home rank, or the next free one. Wishes are taken in order of stamp, then identity, so that the same batch over the
 * same bucket gives the same plan, and a longer batch begins with the plan of a shorter.
 */
export function planBatch(wishes: readonly Wish[], known: Knowledge): Plan {
  const plan: Plan = { deletes: [], points: [], absent: [], refused: [] }
  const taken = new Map<string, Set<number>>()
  const takenAt = (key: string): Set<number> => {
    const ranks = taken.get(key) ?? new Set(known.taken.get(key))
    taken.set(key, ranks)
    return ranks
  }
  const drop = (points: readonly HeldPoint[]) => {
    for (const point of points) {
      plan.deletes.push(point)
      takenAt(placeKey(point)).delete(point.rank)
    }
  }
  for (const wish of inOrder(wishes)) {
    const held = known.points.get(wish.identity) ?? []
    const absent = known.absent.get(wish.identity)
    if (Math.max(absent?.stamp ?? -1, ...held.map(({ stamp }) => stamp)) > wish.stamp) continue
    const { identity, stamp } = wish
    if (wish.want === 'deleted') {
      drop(held)
      plan.absent.push({ identity, stamp, state: 'deleted' })
      continue
    }
    const refuse = (reason: string) => {
      drop(held)
      plan.absent.push({ identity, stamp, state: 'refused', event_id: wish.event_id, reason })
      plan.refused.push({ identity, event_id: wish.event_id, reason })
    }
    if (wish.want === 'refused') {
      refuse(wish.reason)
      continue
    }
    const place = { series: seriesOf(wish.point.tags), micro: microText(wish.point.micros) }
    const key = placeKey(place)
    const here = held.find((point) => placeKey(point) === key)
    drop(held.filter((point) => point !== here))
    const rank = here?.rank ?? freeRank(identity, takenAt(key))
    if (rank === undefined) {
      refuse(`a series holds at most ${RANKS} points of one microsecond`)
      continue
    }
    takenAt(key).add(rank)
    // A field that is written stays until it is written again: one that is absent now has to be deleted with its point.
    if (here && here.stamp < stamp && wish.point.fields.includes(null)) plan.deletes.push(here)
    plan.points.push({ row: wish, slot: { ...place, rank } })
    if (absent && absent.state !== 'stored') plan.absent.push({ identity, stamp, state: 'stored' })
  }
  return plan
}

/** The newest wish of each identity, in order. */
function inOrder(wishes: readonly Wish[]): Wish[] {
  const newest = new Map<string, Wish>()
  for (const wish of wishes) {
    const other = newest.get(wish.identity)
    if (!other || other.stamp <= wish.stamp) newest.set(wish.identity, wish)
  }
  return [...newest.values()].sort((a, b) => a.stamp - b.stamp || (a.identity < b.identity ? -1 : 1))
}

function freeRank(identity: string, taken: ReadonlySet<number>): number | undefined {
  const home = homeRank(identity)
  for (let i = 0; i < RANKS; i++) if (!taken.has((home + i) % RANKS)) return (home + i) % RANKS
  return undefined
}

/** Where a wish's point would stand if nothing else did, for the filter. */
export const homeSlotKey = (place: Place, identity: string): string => slotKey({ ...place, rank: homeRank(identity) })
