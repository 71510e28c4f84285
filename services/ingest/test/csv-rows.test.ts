import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { csvRows } from '../src/csv-rows.ts'
import type { FileLine } from '../src/file-lines.ts'

async function rows(chunks: readonly (string | Uint8Array)[], limit_bytes = 1_000_000): Promise<FileLine[]> {
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk)
  })()
  const all: FileLine[] = []
  for await (const group of csvRows(source, { type: undefined, limit_bytes, group_bytes: 100, group_rows: 3 }))
    all.push(...group)
  return all
}
const objects = async (text: string) =>
  (await rows([text])).map((row) => ('text' in row ? JSON.parse(row.text) : row.fault))

describe('a CSV file', () => {
  it('written as RFC 4180 says comes back cell by cell, wherever it is cut into pieces', async () => {
    const cell = fc.oneof(
      fc.constant(null),
      fc.constantFrom('"', ',', '\n', '\r\n', 'a\rb', ';', '', '#', "'", ' x '),
      fc.string({ unit: 'grapheme' }),
    )
    const quoted = (text: string | null) => (text === null ? '' : `"${text.replaceAll('"', '""')}"`)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 20 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 50 }),
        async (table, delimiter, line_end, piece) => {
          const lines = [['a', 'b', 'c'], ...table].map((fields, i) =>
            i === 0 ? fields.join(delimiter) : fields.map(quoted).join(delimiter),
          )
          const bytes = Buffer.from(lines.join(line_end))
          const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
            bytes.subarray(i * piece, (i + 1) * piece),
          )
          const read = (await rows(pieces)).map((row) =>
            'text' in row ? Object.values(JSON.parse(row.text)) : row.fault,
          )
          expect(read).toEqual(table)
        },
      ),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a quote far down', `a,b\n${'1,2\n'.repeat(30_000)}"x, y",3\n`, { a: 'x, y', b: '3' }],
    ['one column, with the delimiters of others in it', 'a\nfoo bar\nbaz|q;ux\n', { a: 'baz|q;ux' }],
    ['a quote inside a field', 'size,b\n5" screen,6\n', { size: '5" screen', b: '6' }],
    ['an apostrophe at the start of a field', "a,b\n'x,1\n", { a: "'x", b: '1' }],
    ['semicolons, and commas in the text', 'a;b\n"x, y";1,5\n', { a: 'x, y', b: '1,5' }],
    ['a quoted header with line feeds and delimiters', '"a,\n1";b\nx;y\n', { 'a,\n1': 'x', b: 'y' }],
    [
      'a column with a name of JavaScript',
      '__proto__,constructor\n1,2\n',
      JSON.parse('{"__proto__":"1","constructor":"2"}'),
    ],
    ['a byte order mark, CRLF, no last line feed', '\ufeffa,b\r\n1,2', { a: '1', b: '2' }],
    ['quotes around nothing, and nothing', 'a,b\n"",\n', { a: '', b: null }],
  ])('with %s is read as it stands', async (_, text, last) => {
    expect((await objects(text)).at(-1)).toEqual(last)
  })

  it('refuses a row that is not as it should be, and no other', async () => {
    expect(
      await rows(
        [
          'a,b\n1,2\n\n3\n4,5,6\n"x"y,7\n',
          Buffer.from('\xff,8\n', 'latin1'),
          `${'z'.repeat(60)},9\n10,11\n"open,12\n13,14\n`,
        ],
        50,
      ),
    ).toEqual([
      { number: 0, text: '{"a":"1","b":"2"}' },
      { number: 2, fault: 'wrong_columns', detail: 'expected 2 columns, came 1' },
      { number: 3, fault: 'wrong_columns', detail: 'expected 2 columns, came 3' },
      { number: 4, fault: 'invalid_csv', detail: expect.stringContaining('closing quote') },
      { number: 5, fault: 'invalid_utf8' },
      { number: 6, fault: 'event_too_large' },
      { number: 7, text: '{"a":"10","b":"11"}' },
      { number: 8, fault: 'invalid_csv', detail: expect.stringContaining('end of the file') },
    ])
  })

  test.each(['a,a\n1,2\n', 'a,,b\n1,2,3\n', '"open\n1,2\n', '\n1\n', `${'a'.repeat(60)},b\n1,2\n`])(
    'whose header names no columns is refused: %j',
    async (text) => {
      await expect(rows([text], 50)).rejects.toMatchObject({ status: 400, code: 'unreadable_file' })
    },
  )

  it('of nothing but a header, or of nothing, has no rows', async () => {
    expect([await rows(['a,b']), await rows(['a,b\n']), await rows([])]).toEqual([[], [], []])
  })
})
