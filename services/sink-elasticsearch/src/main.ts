import { elasticsearchSettings, flowSettings, sinkService } from '@sluice/server-parts'
import { openStore } from '@sluice/store-elasticsearch/server'

await sinkService(
  {
    store: 'elasticsearch',
    title: 'Sluice sink: keeps Elasticsearch equal to the tables.',
    settings: flowSettings.extend(elasticsearchSettings),
    open: (settings) =>
      openStore({
        url: settings.elasticsearch_url,
        username: settings.elasticsearch_username,
        password: settings.elasticsearch_password,
        api_key: settings.elasticsearch_api_key,
      }),
  },
  process.argv.slice(2),
  process.env,
)
