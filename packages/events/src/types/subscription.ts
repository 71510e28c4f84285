import { defineEventType } from '../define.ts'
import { instant, string } from '../field.ts'

export default defineEventType({
  type: 'subscription',
  table: 'subscriptions',
  description: 'The state of a subscription.',
  fields: {
    subscription_id: string({ required: true }),
    user_id: string({ required: true }),
    plan: string({ required: true }),
    status: string({ required: true }),
    changed_at: instant({ required: true }),
  },
  key: 'subscription_id',
  time: 'changed_at',
  stores: { postgres: { indexes: [['status'], ['user_id']] } },
  example: {
    type: 'subscription',
    subscription_id: 's1',
    user_id: 'u123',
    plan: 'premium',
    status: 'active',
    changed_at: '2025-10-01T00:00:00Z',
  },
})
