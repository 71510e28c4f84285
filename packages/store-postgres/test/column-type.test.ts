import { expect, test } from 'vitest'
import { columnType, widens } from '../src/column-type.ts'

test.each([
  ['string', 'text'],
  ['STRING', 'text'],
  ['array<string>', 'text[]'],
  ['ARRAY<STRING>', 'text[]'],
  ['integer', 'integer'],
  ['long', 'bigint'],
  ['float', 'double precision'],
  ['double', 'double precision'],
  ['boolean', 'boolean'],
  ['decimal(12,2)', 'numeric(12,2)'],
  ['DECIMAL(38, 0)', 'numeric(38,0)'],
  ['timestamp', 'timestamp with time zone'],
  ['date', 'date'],
])('%s is kept as %s', (lake, postgres) => {
  expect(columnType(lake)).toBe(postgres)
})

test.each(['map<string,string>', 'decimal', 'array<integer>', '', 'constructor'])('%j has no column type', (lake) => {
  expect(() => columnType(lake)).toThrow(JSON.stringify(lake))
})

test('a type widens to one that holds all its values', () => {
  expect(widens('integer', 'bigint')).toBe(true)
  expect(widens('integer', 'double precision')).toBe(true)
  expect(widens('numeric(5,2)', 'numeric(12,2)')).toBe(true)
  expect(widens('numeric(5,2)', 'numeric(6,3)')).toBe(true)
  expect(widens('numeric(5,2)', 'numeric(5,3)')).toBe(false)
  expect(widens('bigint', 'integer')).toBe(false)
  expect(widens('bigint', 'double precision')).toBe(false)
  expect(widens('text', 'integer')).toBe(false)
})
