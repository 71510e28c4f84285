import { defineEventType } from '../define.ts'
import { instant, string } from '../field.ts'

export default defineEventType({
  type: 'comment',
  table: 'comments',
  description: 'Somebody commented on something.',
  fields: {
    comment_id: string({ required: true }),
    user_id: string({ required: true }),
    subject_id: string({ required: true }),
    text: string({ required: true }),
    commented_at: instant({ required: true }),
  },
  key: 'comment_id',
  time: 'commented_at',
  stores: {
    postgres: { indexes: [['subject_id', 'commented_at']] },
    elasticsearch: { index: 'comments', text: ['text'] },
  },
  example: {
    type: 'comment',
    comment_id: 'c1',
    user_id: 'u123',
    subject_id: 'm101',
    text: 'Why did the top wobble?',
    commented_at: '2025-10-02T22:00:00Z',
  },
})
