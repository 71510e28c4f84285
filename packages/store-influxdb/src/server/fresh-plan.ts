import { homeRank, RANKS, slotKey } from './place.ts'
import { inOrder, type Plan, type Wish } from './plan.ts'
import { hashOf, type PointFilter } from './point-filter.ts'

/**
 * The plan of a batch of which nothing is in the bucket, as `planBatch` would make it, without asking the bucket:
 * what the filter does not know is not there. `undefined` where it knows a row or a place, which then has to be read.
 */
export function freshPlan(wishes: readonly Wish[], filter: PointFilter): Plan | undefined {
  const plan = attempt(wishes, filter, false)
  // Rows of a batch that meet are taken in order, so that every batch with them gives them the same ranks.
  return plan === 'crowded' ? withoutCrowd(attempt(inOrder(wishes), filter, true)) : withoutCrowd(plan)
}

type Attempt = Plan | 'known' | 'crowded'

function attempt(wishes: readonly Wish[], filter: PointFilter, probing: boolean): Attempt {
  const plan: Plan = { deletes: [], points: [], absent: [], refused: [] }
  const identities = new Set<number>()
  const slots = new Set<number>()
  for (const wish of wishes) {
    const { identity, stamp } = wish
    const hash = hashOf(identity)
    if (filter.has(hash) || identities.has(hash)) return 'known'
    identities.add(hash)
    if (wish.want === 'deleted') plan.absent.push({ identity, stamp, state: 'deleted' })
    else if (wish.want === 'refused') {
      const { event_id, reason } = wish
      plan.absent.push({ identity, stamp, state: 'refused', event_id, reason })
      plan.refused.push({ identity, event_id, reason })
    } else {
      const slot = { ...wish.place, rank: homeRank(hash) }
      let taken = hashOf(slotKey(slot))
      for (let tries = 1; slots.has(taken); tries++) {
        if (!probing) return 'crowded'
        if (tries === RANKS) return 'known'
        slot.rank = (slot.rank + 1) % RANKS
        taken = hashOf(slotKey(slot))
      }
      if (filter.has(taken)) return 'known'
      slots.add(taken)
      plan.points.push({ row: wish, slot, hashes: [hash, taken], replaces: false })
    }
  }
  return plan
}

const withoutCrowd = (attempted: Attempt): Plan | undefined => (typeof attempted === 'string' ? undefined : attempted)
