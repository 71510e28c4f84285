import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byUtf8 } from '../src/utf8-order.ts'

test('texts are in the order of their UTF-8 bytes', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', '\0', 'é', '\ud7ff', '\ue000', '\uff5e', '😀', '\u{10ffff}'),
  })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
})
