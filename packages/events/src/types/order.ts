import { defineEventType } from '../define.ts'
import { decimal, instant, int, string } from '../field.ts'

export default defineEventType({
  type: 'order',
  table: 'orders',
  description: 'Somebody ordered a product.',
  fields: {
    order_id: string({ required: true }),
    user_id: string({ required: true }),
    product_id: string({ required: true }),
    quantity: int(),
    amount: decimal(12, 2),
    ordered_at: instant({ required: true }),
  },
  key: 'order_id',
  time: 'ordered_at',
  stores: { postgres: { indexes: [['user_id', 'ordered_at'], ['product_id']] } },
  example: {
    type: 'order',
    order_id: 'o1',
    user_id: 'u123',
    product_id: 'IPHONE15',
    quantity: 1,
    amount: '999.00',
    ordered_at: '2025-10-02T21:05:00Z',
  },
})
