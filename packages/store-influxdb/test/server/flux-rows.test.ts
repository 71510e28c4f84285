import { expect, test } from 'vitest'
import { readFluxRows } from '../../src/server/flux-rows.ts'

async function* inPieces(text: string, size: number) {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const rowsOf = async (text: string, size: number, ...columns: string[]) => {
  const rows: string[][] = []
  await readFluxRows(inPieces(text, size), (row) => rows.push(columns.map(row)))
  return rows
}

const ANSWER =
  ',result,table,_time,_value,region\r\n' +
  ',_result,0,2025-10-02T21:15:00Z,é👀,"US,East"\r\n' +
  ',_result,1,2025-10-02T21:15:00.5Z,"say ""hi""",\r\n' +
  '\r\n' +
  ',result,table,region,_value\r\n' +
  ',_result,0,India,""\r\n' +
  '\r\n'

test.each([1, 2, 7, 1000])('tables with different columns come through in pieces of %i bytes', async (size) => {
  expect(await rowsOf(ANSWER, size, '_value', 'region')).toEqual([
    ['é👀', 'US,East'],
    ['say "hi"', ''],
    ['', 'India'],
  ])
})

test('a query that failed after its answer began is an error', async () => {
  const failed = `${ANSWER}error,reference\r\n"boom, and more",\r\n`
  await expect(rowsOf(failed, 5, '_value')).rejects.toThrow('boom, and more')
})
