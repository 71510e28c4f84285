import { expect, test } from 'vitest'
import { fieldText, seriesHead, stringText } from '../../src/server/line-protocol.ts'

test('names and tags are separated by what is escaped in them', () => {
  expect(
    seriesHead('my data,x', [
      ['b c', 'US,East'],
      ['a', 'AP=South '],
    ]),
  ).toBe('my\\ data\\,x,a=AP\\=South\\ ,b\\ c=US\\,East')
})

test.each([
  ['int', 5, '5i'],
  ['long', '9223372036854775807', '9223372036854775807i'],
  ['long', '9223372036854775808', { reason: 'a field has at most 64 bits, got 9223372036854775808' }],
  ['double', 1e21, '1e+21'],
  ['float', -0.5, '-0.5'],
  ['decimal', '649.10', '649.10'],
  [
    'decimal',
    '12345678901234567.89',
    { reason: 'InfluxDB keeps decimals as 64-bit floats, which cannot hold 12345678901234567.89' },
  ],
  ['boolean', true, 'true'],
  ['string', 'say "hi" \\', '"say \\"hi\\" \\\\"'],
  ['string', null, undefined],
] as const)('a %s of %j is %j', (kind, value, text) => {
  expect(fieldText(kind, value)).toEqual(text)
})

test('a string keeps its line breaks', () => {
  expect(stringText('a\nb')).toBe('"a\nb"')
})
