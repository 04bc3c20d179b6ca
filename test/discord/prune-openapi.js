// Keeps of Discord's OpenAPI (MIT, https://github.com/discord/discord-api-spec) what our requests touch:
//   node test/discord/prune-openapi.js discord-openapi.json > test/discord/openapi.json
import { readFileSync } from 'node:fs';

const KEPT = [
  '/applications/{application_id}/commands',
  '/applications/@me',
  '/channels/{channel_id}/messages',
  '/channels/{channel_id}/messages/{message_id}',
  '/channels/{channel_id}/messages/{message_id}/threads',
  '/interactions/{interaction_id}/{interaction_token}/callback',
  '/users/@me/channels',
  '/webhooks/{webhook_id}/{webhook_token}',
  '/webhooks/{webhook_id}/{webhook_token}/messages/@original',
  '/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}',
];
const whole = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const paths = {};
for (const path of KEPT) {
  paths[path] = {};
  for (const method of ['post', 'patch', 'put']) {
    const body = whole.paths[path]?.[method]?.requestBody?.content;
    if (body !== undefined)
      paths[path][method] = body['application/json']?.schema ?? Object.values(body)[0].schema;
  }
}
const schemas = {};
const queue = [paths];
while (queue.length > 0) {
  for (const [, name] of JSON.stringify(queue.pop()).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    if (name in schemas) continue;
    schemas[name] = whole.components.schemas[name];
    queue.push(schemas[name]);
  }
}
// What says nothing about a body's form goes.
const text = JSON.stringify({ info: whole.info, paths, schemas }, (key, value) =>
  key === 'description' && typeof value === 'string' ? undefined : value,
);
process.stdout.write(`${text}\n`);
