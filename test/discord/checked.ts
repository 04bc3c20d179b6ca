/** Checks request bodies against Discord's own OpenAPI (openapi.json, made by prune-openapi.js). */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const spec = JSON.parse(readFileSync(new URL('openapi.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
ajv.addSchema({ $id: 'discord', components: { schemas: spec.schemas } });

const rules = Object.entries(spec.paths as Record<string, Record<string, object>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, schema]) => ({
      method: method.toUpperCase(),
      path: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
      check: ajv.compile(
        JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"discord#/components/')),
      ),
    })),
);

/** @returns why Discord would refuse the body, or undefined */
export function faultOf(method: string, path: string, body: unknown): string | undefined {
  const rule = rules.find((one) => one.method === method && one.path.test(path));
  if (rule === undefined) return undefined;
  return rule.check(withNumbers(body)) ? tooMuch(body) : reasons(rule.check);
}

/** Discord's reference has permissions as strings and its OpenAPI as integers; it takes both. */
function withNumbers(body: unknown): unknown {
  if (!Array.isArray(body)) return body;
  return body.map((command: object) => {
    const permissions: unknown = Reflect.get(command, 'default_member_permissions');
    return typeof permissions === 'string'
      ? { ...command, default_member_permissions: Number(permissions) }
      : command;
  });
}

const reasons = ({ errors }: ValidateFunction) =>
  (errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ');

/** Limits that Discord checks but its OpenAPI does not tell. */
function tooMuch(body: unknown): string | undefined {
  const message = (body as { data?: unknown }).data ?? body;
  const {
    components = [],
    flags = 0,
    content,
  } = message as { components?: unknown[]; flags?: number; content?: string };
  const all = walk(components);
  const isV2 = (flags & (1 << 15)) !== 0;
  if (all.length > 40) return `${all.length} components; the limit is 40`;
  if (isV2 && content) return 'content beside Components V2';
  const text = all
    .filter(({ type }) => type === 10)
    .reduce((sum, { content: part }) => sum + String(part).length, 0);
  if (text > 4000) return `${text} characters of text; the limit is 4000`;
  const ids = all.flatMap(({ custom_id: id }) => (id === undefined ? [] : [id]));
  return new Set(ids).size < ids.length ? 'a custom_id stands twice' : undefined;
}

type Part = Record<string, unknown>;

function walk(components: unknown): Part[] {
  if (!Array.isArray(components)) return [];
  return components.flatMap((one: Part) => [
    one,
    ...walk(one['components']),
    ...walk(one['component'] && [one['component']]),
  ]);
}
