import type { RawZone } from '@sluice/raw-zone'
import type { LogLife } from '@sluice/server-parts'

export interface RawFlowParts {
  rawZone: RawZone
  life: Pick<LogLife, 'current' | 'to_refill' | 'refilledTo'>
}

/**
 * Raw batches of all incarnations that are durable and, as far as the raw zone knows, not on the log yet. A life of the
 * log that is still to be filled from the raw zone has none of them, whatever the incarnations say to have published.
 */
export async function rawFlow({ rawZone, life }: RawFlowParts): Promise<number> {
  // Asked first: what is filled while this looks must count as not there.
  const to_refill = !(await life.current()) || life.to_refill
  const heads = await rawZone.heads()
  if (to_refill) return heads.reduce((sum, { head, lines }) => sum + (lines > 0 ? head : 0), 0)
  const headOf = new Map(heads.map(({ incarnation, head }) => [incarnation, head]))
  const unfinished = await rawZone.unfinished()
  return unfinished.reduce((sum, { incarnation, published }) => {
    const filled = Math.max(published, life.refilledTo(incarnation))
    return sum + Math.max(0, (headOf.get(incarnation) ?? filled) - filled)
  }, 0)
}
