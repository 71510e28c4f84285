import { describe, expect, it } from 'vitest'
import { acceptedFormat } from '../src/sql/accepted-format.ts'

describe('the format of an answer', () => {
  it.each([
    [undefined, 'json'],
    ['', 'json'],
    ['*/*', 'json'],
    ['text/csv', 'csv'],
    ['TEXT/CSV; charset=utf-8', 'csv'],
    ['text/*', 'csv'],
    ['application/*', 'json'],
    ['application/x-ndjson', 'ndjson'],
    ['application/vnd.apache.arrow.stream', 'arrow'],
    ['text/csv;q=0.5, application/json', 'json'],
    ['text/csv;q=0.9,application/x-ndjson; q=0.95', 'ndjson'],
    ['text/csv, application/json', 'csv'],
    ['application/json, text/csv', 'json'],
    ['text/csv, */*', 'csv'],
    ['text/csv, */*;q=0.1', 'csv'],
    ['application/json;q=0, */*', 'ndjson'],
    ['text/html, application/xhtml+xml, */*;q=0.8', 'json'],
    ['image/png', 'json'],
    ['text/csv;q=0', 'json'],
  ])('Accept: %s is %s', (accept, format) => {
    expect(acceptedFormat(accept)).toBe(format)
  })
})
