import { openStore } from '../src/embedded.ts'
import { change, load, tableNamed } from './sql-tables.ts'

/** Loads 50 new rows a version into a store's folder, tells its parent each version, and ends by being killed. */
const subscriptions = tableNamed('subscriptions')
const store = await openStore({ folder: String(process.argv[2]) })
await store.prepare([subscriptions])
for (;;) {
  const version = ((await store.progress())['subscriptions']?.version ?? 0) + 1
  const rows = Array.from({ length: 50 }, (_, i) =>
    change(subscriptions, { subscription_id: `s-${version}-${i}`, status: 'active' }, version),
  )
  await load(store, 'subscriptions', rows)
  process.send?.(version)
}
