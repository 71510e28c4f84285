import { expect, test } from 'vitest'
import { type FileLine, fileLines } from '../src/file-lines.ts'

async function lines(chunks: string[], limit = 20, group_bytes = 1000, group_rows = 1000): Promise<FileLine[][]> {
  const groups: FileLine[][] = []
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1')
  })()
  for await (const group of fileLines(source, limit, group_bytes, group_rows)) groups.push(group)
  return groups
}

test('a line that comes in many pieces is one line; the last needs no line feed', async () => {
  expect(await lines(['{"a"', ':1', '}\r\n', ' {"b":2}'])).toEqual([
    [
      { number: 0, text: '{"a":1}' },
      { number: 1, text: '{"b":2}' },
    ],
  ])
})

test('a line beyond the limit is passed over, in one piece or in many, and the next is whole', async () => {
  const long = { number: 0, fault: 'event_too_large' }
  const next = { number: 1, text: '1' }
  expect(await lines([`${'x'.repeat(21)}\n1\n`])).toEqual([[long, next]])
  expect(await lines([...Array(7).fill('xxx'), '\n', '1'])).toEqual([[long, next]])
})

test('empty lines are counted and left out; a byte order mark is left out at the start only', async () => {
  expect(await lines(['\xef\xbb\xbf1\n', '\n \t\r\n', '\xef\xbb\xbf2\n'])).toEqual([
    [
      { number: 0, text: '1' },
      { number: 3, text: '\ufeff2' },
    ],
  ])
})

test('groups end at their limits; nothing gives no group', async () => {
  expect((await lines(['1\n2\n3\n4\n5'], 20, 1000, 2)).map((group) => group.length)).toEqual([2, 2, 1])
  expect((await lines(['11\n22\n33\n'], 20, 4)).map((group) => group.length)).toEqual([2, 1])
  expect(await lines([])).toEqual([])
})
