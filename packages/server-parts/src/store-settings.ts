import { setting } from '@sluice/service'

/** Settings of the four databases, for their sinks and for the console that asks them. */
export const postgresSettings = {
  postgres_url: setting
    .text('postgres://sluice:sluice@127.0.0.1:5432/sluice')
    .describe('postgres://user:password@host:port/database'),
}

export const influxdbSettings = {
  influxdb_url: setting.text('http://127.0.0.1:8086').describe('InfluxDB 2'),
  influxdb_token: setting.text('').describe('token that may read and write the bucket'),
  influxdb_org: setting.text('sluice').describe('organisation'),
  influxdb_bucket: setting.text('sluice').describe('bucket that keeps its points for ever'),
}

export const elasticsearchSettings = {
  elasticsearch_url: setting.text('http://127.0.0.1:9200').describe('Elasticsearch 9'),
  elasticsearch_username: setting.optionalText().describe('user; none: no login'),
  elasticsearch_password: setting.optionalText().describe("the user's password"),
  elasticsearch_api_key: setting.optionalText().describe('instead of user and password'),
}

export const neo4jSettings = {
  neo4j_url: setting.text('neo4j://127.0.0.1:7687').describe('Neo4j 5 or newer'),
  neo4j_username: setting.text('neo4j').describe('user'),
  neo4j_password: setting.text('').describe("the user's password"),
}
