import type { Refusal } from '@sluice/store/store'
import type { AbsentRow } from './absent-rows.ts'
import { homeRank, type Place, placeKey, RANKS, type Slot, slotKey } from './place.ts'
import { hashOf } from './point-filter.ts'
import type { PointRow } from './series-layout.ts'

/** What a batch wants of one row. */
export type Wish = { identity: string; stamp: number } & (
  | ({ want: 'point'; place: Place; lacks_fields: boolean } & PointRow)
  | { want: 'refused'; event_id: string; reason: string }
  | { want: 'deleted'; place: Place | undefined }
)

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
  /** Ranks that are taken, by `placeKey`: with an entry for each place where a rank may be taken that is not in `points`. */
  taken: ReadonlyMap<string, ReadonlySet<number>>
}

export interface PlannedPoint {
  row: PointRow
  slot: Slot
  /** What the filter is to know of it: hashes of its identity and of its slot. */
  hashes: readonly [identity: number, slot: number]
  /** Something older may stand there. */
  replaces: boolean
}

/** What to do, in this order: each part may be done again after a crash. */
export interface Plan {
  deletes: Slot[]
  points: PlannedPoint[]
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
  const taken = new TakenRanks(known.taken)
  const drop = (points: readonly HeldPoint[]) => {
    for (const point of points) {
      plan.deletes.push(point)
      taken.free(placeKey(point), point.rank)
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
    const key = placeKey(wish.place)
    const here = held.find((point) => placeKey(point) === key)
    drop(held.filter((point) => point !== here))
    const hash = hashOf(identity)
    const rank = here?.rank ?? taken.firstFree(key, homeRank(hash))
    if (rank === undefined) {
      refuse(`a series holds at most ${RANKS} points of one microsecond`)
      continue
    }
    taken.take(key, rank)
    // A field that is written stays until it is written again: one that is absent now has to be deleted with its point.
    if (here && here.stamp < stamp && wish.lacks_fields) plan.deletes.push(here)
    const slot = { ...wish.place, rank }
    plan.points.push({ row: wish, slot, hashes: [hash, hashOf(slotKey(slot))], replaces: here !== undefined })
    if (absent && absent.state !== 'stored') plan.absent.push({ identity, stamp, state: 'stored' })
  }
  return plan
}

/** The newest wish of each identity, in order. */
export function inOrder(wishes: readonly Wish[]): Wish[] {
  const newest = new Map<string, Wish>()
  for (const wish of wishes) {
    const other = newest.get(wish.identity)
    if (!other || other.stamp <= wish.stamp) newest.set(wish.identity, wish)
  }
  return [...newest.values()].sort((a, b) => a.stamp - b.stamp || (a.identity < b.identity ? -1 : 1))
}

/** The ranks of each place that the bucket holds or the batch has taken. */
class TakenRanks {
  readonly #held: ReadonlyMap<string, ReadonlySet<number>>
  readonly #own = new Map<string, number[]>()

  constructor(held: ReadonlyMap<string, ReadonlySet<number>>) {
    this.#held = held
  }

  /** From `home` upwards and round, so that rows rarely meet and replays agree. */
  firstFree(key: string, home: number): number | undefined {
    const ranks = this.#at(key)
    for (let i = 0; i < RANKS; i++) if (!ranks?.includes((home + i) % RANKS)) return (home + i) % RANKS
    return undefined
  }

  take(key: string, rank: number): void {
    const ranks = this.#at(key)
    if (ranks) ranks.push(rank)
    else this.#own.set(key, [rank])
  }

  free(key: string, rank: number): void {
    const ranks = this.#at(key)
    if (ranks)
      this.#own.set(
        key,
        ranks.filter((other) => other !== rank),
      )
  }

  #at(key: string): number[] | undefined {
    const own = this.#own.get(key)
    if (own) return own
    const held = this.#held.get(key)
    if (!held) return undefined
    const ranks = [...held]
    this.#own.set(key, ranks)
    return ranks
  }
}
