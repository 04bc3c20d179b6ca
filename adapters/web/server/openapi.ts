/** The HTTP calls of the web chat as an OpenAPI 3.1 document. */
import { MAX_HISTORY_PAGE } from '../page/shared.js';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: object, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
const refusals = {
  '400': json(ref('Refusal'), 'A value that cannot be used; the message says what would work.'),
  '401': json(ref('Refusal'), 'The token is missing or wrong.'),
  '403': json(ref('Refusal'), "Another origin, or another user's job."),
  '404': json(ref('Refusal'), 'It does not exist, or no longer.'),
  '408': json(ref('Refusal'), 'The body stopped before it was complete.'),
  '413': json(ref('Refusal'), 'Too large.'),
  '415': json(ref('Refusal'), 'Not the content type of this call.'),
  '429': json(ref('Refusal'), 'Too many requests; the message says when to try again.'),
};
const text = { type: 'string' };
const integer = { type: 'integer' };
const number = { type: 'number' };
const list = (items: object) => ({ type: 'array', items });
const object = (
  properties: Record<string, object>,
  required: readonly string[] = Object.keys(properties),
) => ({
  type: 'object',
  properties,
  required,
});
const inPath = (name: string) => ({ name, in: 'path', required: true, schema: text });

const answer = object({ request: ref('Message'), message: ref('Message'), job: ref('Job') }, []);
const plain = (description: string) => ({ description, content: { 'text/plain': { schema: text } } });

export const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'Darkroom web chat',
    version: '1',
    description:
      'One conversation shared by its users. A user is a signed cookie, set at the first call. Where a token is set, send it as Authorization: Bearer.',
  },
  paths: {
    '/api/messages': {
      post: {
        summary: 'Send a command line or a prompt, with pictures or as a reply to one.',
        requestBody: {
          required: true,
          content: {
            'multipart/form-data': {
              schema: object(
                { text, reply_to: text, 'files[]': list({ type: 'string', format: 'binary' }) },
                ['text'],
              ),
            },
          },
        },
        responses: { '202': json(answer, "Accepted: the user's own message and the bot's."), ...refusals },
      },
      get: {
        summary: 'The conversation, oldest first.',
        parameters: [
          { name: 'after', in: 'query', schema: text, description: 'Only messages after this id.' },
          { name: 'before', in: 'query', schema: text, description: 'Only messages before this id.' },
          {
            ...{
              name: 'limit',
              in: 'query',
              schema: { type: 'integer', minimum: 1, maximum: MAX_HISTORY_PAGE },
            },
            description:
              'At most so many messages: the first ones after `after`, otherwise the last ones. Without limit and before: all.',
          },
        ],
        responses: { '200': json(list(ref('Message')), 'What this user may see.'), ...refusals },
      },
    },
    '/api/events': {
      get: {
        summary: 'Server-sent events: message, job, removed, reset. Resumes with Last-Event-ID.',
        parameters: [{ name: 'Last-Event-ID', in: 'header', schema: text }],
        responses: {
          '200': { description: 'The stream.', content: { 'text/event-stream': { schema: text } } },
          ...refusals,
        },
      },
    },
    '/api/actions': {
      post: {
        summary: 'Press a button or send a form of a card.',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: object({ message: text, action: text, values: { type: 'object' } }, [
                'message',
                'action',
              ]),
            },
          },
        },
        responses: { '202': json(answer, 'Done, or a job was accepted.'), ...refusals },
      },
    },
    '/api/messages/{id}': {
      delete: {
        summary:
          'Delete a message of yours, with its answer, its job and their pictures; or an answer that you got.',
        parameters: [inPath('id')],
        responses: { '200': json(object({ id: text }), 'Deleted.'), ...refusals },
      },
    },
    '/api/jobs/{id}': {
      delete: {
        summary: 'Cancel a job of yours.',
        parameters: [inPath('id')],
        responses: { '200': json(object({ id: text, state: text }), 'Cancelled.'), ...refusals },
      },
    },
    '/api/uploads': {
      post: {
        summary:
          'How a file will look as an attachment: upright, sRGB, opaque, without metadata. Nothing is stored. The header darkroom-control is openpose for a file of keypoints, whose figure is drawn.',
        requestBody: {
          required: true,
          content: {
            'multipart/form-data': {
              schema: object({ 'files[]': { type: 'string', format: 'binary' } }, ['files[]']),
            },
          },
        },
        responses: {
          '200': { description: 'The picture.', content: { 'image/png': {}, 'image/jpeg': {} } },
          ...refusals,
        },
      },
    },
    '/api/pictures/{id}.png': {
      get: {
        summary: 'A picture; a finished one carries its parameters as PNG text.',
        parameters: [inPath('id')],
        responses: { '200': { description: 'The picture.', content: { 'image/png': {} } }, ...refusals },
      },
    },
    '/api/commands': {
      get: {
        summary: 'The commands with their options, example prompts, and the words that a small model knows.',
        responses: {
          '200': json(
            object({
              commands: list({ type: 'object' }),
              gallery: list({ type: 'object' }),
              words: list(text),
            }),
            'The commands.',
          ),
        },
      },
    },
    '/api/suggest': {
      get: {
        summary: 'What an option of a command can be completed to, with a word on each value.',
        parameters: ['command', 'option', 'typed'].map((name) => ({ name, in: 'query', schema: text })),
        responses: {
          '200': json(list(object({ value: text, note: text, words: list(text) }, ['value'])), 'The values.'),
        },
      },
    },
    '/api/me': {
      get: {
        summary: 'The user that the cookie stands for.',
        responses: { '200': json(ref('Me'), 'The user.') },
      },
      post: {
        summary: 'Choose a name.',
        requestBody: { required: true, content: { 'application/json': { schema: object({ name: text }) } } },
        responses: { '200': json(ref('Me'), 'The user.'), ...refusals },
      },
    },
    '/api/links': {
      post: {
        summary:
          'Make a link that opens the chat once under a name, within 24 hours. For the operator and admins.',
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: object({ name: text, admin: { type: 'boolean' } }, ['name']) },
          },
        },
        responses: { '200': json(object({ url: text }), 'The link.'), ...refusals },
      },
    },
    '/healthz': { get: { summary: 'Alive.', responses: { '200': plain('ok') } } },
    '/readyz': {
      get: {
        summary: 'Whether jobs are accepted.',
        responses: { '200': plain('ready'), '503': plain('not ready') },
      },
    },
    '/metrics': { get: { summary: 'Counters.', responses: { '200': plain("Prometheus' text form") } } },
  },
  components: {
    schemas: {
      Refusal: object({ error: ref('Error') }),
      Error: object({ code: text, message: text }),
      Author: object({ id: text, name: text, bot: { type: 'boolean' } }),
      Me: object({
        ...{ id: text, name: text, bot: { type: 'boolean' } },
        role: { enum: ['operator', 'admin', 'member'] },
        is_named: { type: 'boolean' },
      }),
      Picture: object(
        {
          id: text,
          url: text,
          width: integer,
          height: integer,
          alt: text,
          seed: integer,
          spoiler: { type: 'boolean' },
        },
        ['id', 'url', 'width', 'height', 'alt'],
      ),
      Job: object(
        {
          id: text,
          state: { enum: ['queued', 'running', 'done', 'failed', 'cancelled'] },
          position: integer,
          eta_seconds: number,
          step: integer,
          steps: integer,
          count: {
            ...integer,
            description: 'of pictures, where they are several; the finished ones are the message’s',
          },
          loading: object({ opened: integer, total: integer }, ['opened', 'total']),
          seconds: number,
          preview: { ...text, description: 'data: URL of a small PNG' },
          error: ref('Error'),
        },
        ['id', 'state'],
      ),
      Message: object(
        {
          id: text,
          at: { type: 'string', format: 'date-time' },
          author: ref('Author'),
          asker: object({ id: text, name: text }),
          text,
          reply_to: text,
          pictures: list(ref('Picture')),
          cells: {
            ...list(object({ id: text, label: text, picture: ref('Picture') })),
            description: 'the pictures of a sweep, each with the action that opens it by itself',
          },
          about: {
            ...object(
              {
                prompt: text,
                asker: text,
                origin: object({ text, job: text, picture: { type: 'integer' } }, ['text']),
              },
              ['prompt', 'asker'],
            ),
            description:
              'of a picture: its prompt, the name of whoever asked for it, and what it was made from',
          },
          job: ref('Job'),
          actions: list(
            object({ id: text, label: text, style: text, form: { type: 'object' } }, ['id', 'label']),
          ),
          footer: text,
          fields: list(object({ name: text, value: text })),
          notes: list(text),
          error: ref('Error'),
          refresh: { ...text, description: 'an action that brings the message up to date' },
          private: { type: 'boolean' },
        },
        ['id', 'at', 'author', 'text', 'pictures', 'actions'],
      ),
    },
  },
} as const;
