import { defineEventType } from '../define.ts'
import { decimal, instant, string } from '../field.ts'

export default defineEventType({
  type: 'payment',
  table: 'payments',
  description: 'A payment for a subscription.',
  fields: {
    payment_id: string({ required: true }),
    subscription_id: string({ required: true }),
    user_id: string({ required: true }),
    amount: decimal(12, 2, { required: true }),
    currency: string({ required: true }),
    paid_at: instant({ required: true }),
  },
  key: 'payment_id',
  time: 'paid_at',
  stores: { postgres: { indexes: [['user_id', 'paid_at']] } },
  example: {
    type: 'payment',
    payment_id: 'pay1',
    subscription_id: 's1',
    user_id: 'u123',
    amount: '649.10',
    currency: 'INR',
    paid_at: '2025-10-01T00:00:00Z',
  },
})
