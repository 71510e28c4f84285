import { defineEventType } from '../define.ts'
import { instant, string } from '../field.ts'

export default defineEventType({
  type: 'click',
  table: 'clickstream',
  description: 'Somebody looked at a product or did something with it. In the lake only.',
  fields: {
    user_id: string({ required: true }),
    product_id: string({ required: true }),
    action: string({ required: true }),
    clicked_at: instant({ required: true }),
  },
  time: 'clicked_at',
  stores: {},
  example: {
    type: 'click',
    user_id: 'u123',
    product_id: 'IPHONE15',
    action: 'view',
    clicked_at: '2025-10-02T21:00:00Z',
  },
})
