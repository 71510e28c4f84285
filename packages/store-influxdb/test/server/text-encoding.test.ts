import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodedText, encodedText } from '../../src/server/text-encoding.ts'

test('every text comes back, and no two texts are encoded alike', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(decodedText(encodedText(text))).toBe(text)
      expect(encodedText(text)).not.toMatch(/[\p{Cc}\p{Cs}"\\]/u)
    }),
  )
})

test.each([
  ['US,East', 'US,East'],
  ['São Paulo 👀', 'São Paulo 👀'],
  ['', '%'],
  [null, '%null'],
  ['%null', '%0025null'],
  ['%', '%0025'],
  ['a\\', 'a%005C'],
  ['a\nb', 'a%000Ab'],
  ['\ud800', '%D800'],
])('%j is written as %j', (text, encoded) => {
  expect(encodedText(text)).toBe(encoded)
  expect(decodedText(encoded)).toBe(text)
})
