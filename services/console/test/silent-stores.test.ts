import { type Store, StoreError, type StoreName } from '@sluice/store'
import { expect, it } from 'vitest'
import { silentStores } from '../src/verify/stores.ts'

function sink(name: StoreName, progress: Store['progress']) {
  const refuse = async () => {
    throw new StoreError('failed', 'it is asked for its progress only')
  }
  const store: Store = {
    name,
    progress,
    prepare: refuse,
    apply: refuse,
    forget: refuse,
    refusals: refuse,
    inventory: refuse,
    ask: refuse,
    close: async () => undefined,
  }
  return { name, store }
}

it('stores that say nothing are waited for three seconds in all', async () => {
  const never = () => new Promise<never>(() => undefined)
  const away = async () => {
    throw new StoreError('unreachable', 'nobody is there', { retryable: true })
  }
  const began = performance.now()
  const silent = await silentStores([
    sink('postgres', never),
    sink('influxdb', never),
    sink('neo4j', away),
    sink('elasticsearch', async () => ({})),
  ])
  expect([...silent].sort()).toEqual([
    ['influxdb', 'no answer for 3 s'],
    ['neo4j', 'nobody is there'],
    ['postgres', 'no answer for 3 s'],
  ])
  expect(performance.now() - began).toBeLessThan(5_500)
})
