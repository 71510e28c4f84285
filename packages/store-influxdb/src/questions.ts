import type { Question } from '@sluice/store/store'

const region = { name: 'region', required: true, description: 'Region as in the events.', kind: 'text' } as const

/** The questions that the time series store answers. */
export const questions: readonly Question[] = [
  {
    name: 'buffering-per-minute',
    store: 'influxdb',
    description: 'How often films buffered in a region, minute by minute; minutes without data are left out.',
    parameters: [
      region,
      { name: 'from', required: true, description: 'First instant or day.', kind: 'day_or_instant' },
      { name: 'to', required: true, description: 'Instant or day after the last.', kind: 'day_or_instant' },
    ],
    columns: [
      { name: 'minute', type: 'TIMESTAMP' },
      { name: 'buffering_count', type: 'BIGINT' },
    ],
  },
  {
    name: 'buffering-trend',
    store: 'influxdb',
    description:
      'How often films buffered in a region, day by day in UTC, from the day that lies so many days before the end; days without data are left out.',
    parameters: [
      region,
      {
        name: 'to',
        required: false,
        default: 'now',
        description: 'Instant or day after the last.',
        kind: 'day_or_instant',
      },
      {
        name: 'days',
        required: false,
        default: '7',
        description: 'How many days before the end.',
        kind: 'positive_int',
      },
    ],
    columns: [
      { name: 'day', type: 'DATE' },
      { name: 'buffering_count', type: 'BIGINT' },
    ],
  },
]
