import { expect, test } from 'vitest'
import { checkParameters, type Question } from '../src/index.ts'

const question: Pick<Question, 'name' | 'parameters'> = {
  name: 'trend',
  parameters: [
    { name: 'region', required: true, description: 'where', kind: 'text' },
    { name: 'to', required: false, default: '2025-10-02', description: 'until', kind: 'day_or_instant' },
    { name: 'hour', required: false, description: 'of the day', kind: 'hour' },
    { name: 'tz', required: false, default: 'UTC', description: 'zone', kind: 'time_zone' },
    { name: 'days', required: false, default: '7', description: 'how many', kind: 'positive_int' },
  ],
}
const check = (given: Record<string, unknown>) => checkParameters(question, { region: 'India', ...given })

test('defaults are filled in, days become midnight in UTC', () => {
  expect(check({})).toEqual({
    kind: 'ok',
    parameters: { region: 'India', to: '2025-10-02T00:00:00.000Z', tz: 'UTC', days: '7' },
    limit: 100,
  })
})

test.each([
  ['2025-10-02T21:10:00', '2025-10-02T21:10:00.000Z'],
  ['2025-10-02T21:10:00 05:30', '2025-10-02T15:40:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
])('the instant %s is %s', (to, expected) => {
  expect(check({ to })).toMatchObject({ kind: 'ok', parameters: { to: expected } })
})

test.each([
  { region: undefined },
  { region: '' },
  { region: ['a', 'b'] },
  { to: '2025-02-29' },
  { to: 'yesterday' },
  { hour: '24' },
  { tz: 'Mars/Olympus' },
  { days: '0' },
  { days: '1.5' },
  { limit: '0' },
  { limit: '100001' },
  { unknown: 'x' },
])('%j is refused with a reason', (given) => {
  const checked = check(given)
  expect(checked.kind).toBe('refused')
  expect(checked).toHaveProperty('detail', expect.stringMatching(/expected|needs|no parameter|once/))
})
