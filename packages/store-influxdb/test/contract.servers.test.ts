import { contractOfStore } from '@sluice/store/contract'
import { describeServer, influxEndpoint } from '../../../test/servers/endpoints.ts'
import { inventoryQuery, questions } from '../src/index.ts'
import { openStore } from '../src/server.ts'
import { newBucket } from './influx-bucket.ts'

await describeServer('InfluxDB', influxEndpoint, (server) => {
  contractOfStore({
    name: 'influxdb, on a server',
    inventoryQuery,
    questions,
    tables: ['streaming_quality'],
    async open() {
      const bucket = await newBucket(server)
      const options = { ...server, bucket: bucket.name }
      let store = await openStore(options)
      return {
        store,
        async reopen() {
          await store.close()
          store = await openStore(options)
          return store
        },
        async end() {
          await store.close()
          await bucket.drop()
        },
      }
    },
  })
})
