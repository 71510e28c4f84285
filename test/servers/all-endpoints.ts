import type { Power } from './container.ts'
import type { Found } from './describe-server.ts'
import {
  elasticsearchEndpoint,
  influxEndpoint,
  kafkaEndpoint,
  minioEndpoint,
  neo4jEndpoint,
  postgresEndpoint,
} from './endpoints.ts'

export type ServerName = 'minio' | 'kafka' | 'postgres' | 'influxdb' | 'elasticsearch' | 'neo4j'

export interface AllServers {
  /** Settings of our processes (`SLUICE_…`) for a lake of its own on all six servers. */
  settings: Readonly<Record<string, string>>
  /** Takes them away, where that can be done. */
  powers: Readonly<Partial<Record<ServerName, Power>>>
  /** See `KafkaConnection.proxied`. */
  kafka_proxied: string
}

/** All six servers, or which one is missing and why. */
export async function allEndpoints(): Promise<Found<AllServers>> {
  const finders = {
    minio: minioEndpoint,
    kafka: kafkaEndpoint,
    postgres: postgresEndpoint,
    influx: influxEndpoint,
    elasticsearch: elasticsearchEndpoint,
    neo4j: neo4jEndpoint,
  }
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    await Promise.all(stops.map((end) => end()))
  }
  async function ready<C extends object>(
    name: string,
    finder: () => Promise<Found<C>>,
  ): Promise<Extract<Found<C>, { kind: 'ready' }>> {
    const found = await finder()
    if (found.kind === 'absent') throw new Absent(`${name}: ${found.reason}`)
    stops.push(found.stop)
    return found
  }
  try {
    const [minio, kafka, postgres, influx, elasticsearch, neo4j] = await Promise.all([
      ready('MinIO', finders.minio),
      ready('Kafka', finders.kafka),
      ready('PostgreSQL', finders.postgres),
      ready('InfluxDB', finders.influx),
      ready('Elasticsearch', finders.elasticsearch),
      ready('Neo4j', finders.neo4j),
    ])
    const settings = {
      SLUICE_S3_ENDPOINT: minio.endpoint,
      SLUICE_S3_ACCESS_KEY: minio.access_key,
      SLUICE_S3_SECRET_KEY: minio.secret_key,
      SLUICE_S3_REGION: 'us-east-1',
      SLUICE_S3_CREATE_BUCKET: '1',
      SLUICE_KAFKA_BROKERS: kafka.brokers,
      SLUICE_POSTGRES_URL: postgres.url,
      SLUICE_INFLUXDB_URL: influx.url,
      SLUICE_INFLUXDB_TOKEN: influx.token,
      SLUICE_INFLUXDB_ORG: influx.org,
      SLUICE_INFLUXDB_BUCKET: influx.bucket,
      SLUICE_ELASTICSEARCH_URL: elasticsearch.url,
      SLUICE_NEO4J_URL: neo4j.url,
      SLUICE_NEO4J_USERNAME: neo4j.user,
      SLUICE_NEO4J_PASSWORD: neo4j.password,
    }
    const powers = {
      minio: minio.power,
      kafka: kafka.power,
      postgres: postgres.power,
      influxdb: influx.power,
      elasticsearch: elasticsearch.power,
      neo4j: neo4j.power,
    }
    return { kind: 'ready', settings, powers, kafka_proxied: kafka.proxied, stop }
  } catch (error) {
    await stop()
    if (error instanceof Absent) return { kind: 'absent', reason: error.message }
    throw error
  }
}

class Absent extends Error {}
