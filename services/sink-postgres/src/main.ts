import { flowSettings, postgresSettings, sinkService } from '@sluice/server-parts'
import { openStore } from '@sluice/store-postgres/server'

await sinkService(
  {
    store: 'postgres',
    title: 'Sluice sink: keeps PostgreSQL equal to the tables.',
    settings: flowSettings.extend(postgresSettings),
    open: ({ postgres_url }) => openStore({ url: postgres_url }),
  },
  process.argv.slice(2),
  process.env,
)
