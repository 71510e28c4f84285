import { decimal, defineEventType, double, instant, string } from '@sluice/events'

/** An event type of your own: SLUICE_EVENT_TYPES=examples/event-types npm start */
export default defineEventType({
  type: 'sensor_reading',
  table: 'sensor_readings',
  description: 'A reading of a sensor on a machine.',
  fields: {
    sensor_id: string({ required: true }),
    site: string({ required: true }),
    temperature: double(),
    price_per_kwh: decimal(10, 4),
    read_at: instant({ required: true }),
  },
  time: 'read_at',
  partition_by: ['sensor_id'],
  stores: {
    postgres: { indexes: [['sensor_id', 'read_at']] },
    influxdb: { measurement: 'sensor_readings', tags: ['site', 'sensor_id'], fields: ['temperature'], time: 'read_at' },
  },
  example: {
    type: 'sensor_reading',
    sensor_id: 's-17',
    site: 'Hall 3',
    temperature: 21.5,
    price_per_kwh: '0.2875',
    read_at: '2025-10-02T21:00:00Z',
  },
})
