import { randomUUID } from 'node:crypto'
import type { ObjectStore } from '@sluice/object-store'
import { z } from 'zod'

const KEY = 'lake/_log.json'

const life = z.object({
  /** Names the life of the event log that the ledger's offsets belong to. */
  epoch: z.string(),
})

/** The life of the event log: made up by the first process of a lake, the same for all of them ever since. */
export async function logLife(store: ObjectStore): Promise<z.infer<typeof life>> {
  const known = await store.get(KEY)
  if (known) return life.parse(JSON.parse(Buffer.from(known).toString('utf8')))
  const mine = { epoch: randomUUID() }
  const outcome = await store.putIfAbsent(KEY, Buffer.from(JSON.stringify(mine)), { content_type: 'application/json' })
  return outcome.kind === 'created' ? mine : logLife(store)
}
