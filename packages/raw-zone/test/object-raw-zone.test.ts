import { openMemoryStore } from '@sluice/object-store/memory-store'
import { openObjectRawZone } from '../src/objects.ts'
import { contractOfRawZone } from './contract.ts'

contractOfRawZone('objects', async () => {
  const store = openMemoryStore()
  const opened = [await openObjectRawZone({ store })]
  return {
    zone: opened[0]!,
    die: async () => {
      const zone = await openObjectRawZone({ store })
      opened.push(zone)
      return zone
    },
    end: async () => {
      for (const zone of opened) await zone.close()
      await store.close()
    },
  }
})
