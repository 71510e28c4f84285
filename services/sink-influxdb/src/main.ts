import { flowSettings, influxdbSettings, sinkService } from '@sluice/server-parts'
import { openStore } from '@sluice/store-influxdb/server'

await sinkService(
  {
    store: 'influxdb',
    title: 'Sluice sink: keeps InfluxDB equal to the tables.',
    settings: flowSettings.extend(influxdbSettings),
    open: (settings) =>
      openStore({
        url: settings.influxdb_url,
        token: settings.influxdb_token,
        org: settings.influxdb_org,
        bucket: settings.influxdb_bucket,
      }),
  },
  process.argv.slice(2),
  process.env,
)
