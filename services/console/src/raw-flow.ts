import type { RawZone } from '@sluice/raw-zone'

/** Raw batches of all incarnations that are durable and, as far as the raw zone knows, not on the log yet. */
export async function rawFlow(rawZone: RawZone): Promise<number> {
  const heads = new Map((await rawZone.heads()).map(({ incarnation, head }) => [incarnation, head]))
  const unfinished = await rawZone.unfinished()
  return unfinished.reduce(
    (sum, { incarnation, published }) => sum + Math.max(0, (heads.get(incarnation) ?? published) - published),
    0,
  )
}
