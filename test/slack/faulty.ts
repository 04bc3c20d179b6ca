/** Stands before a local Slack and fails calls of its Web API as Slack does, at a test's word. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Fault {
  /** `chat.update` */
  readonly call: string;
  /** 429 with Retry-After, or an answer that says what is wrong. */
  readonly retryAfter?: number;
  readonly error?: string;
  times: number;
}

export interface FaultyApi extends AsyncDisposable {
  /** Base of the Web API: `http://127.0.0.1:4000/api/` */
  readonly url: string;
  readonly faults: Fault[];
  /** Calls in order. */
  readonly log: string[];
}

/** @param target of the local Slack: `http://127.0.0.1:3999` */
export async function startFaultyApi(target: string): Promise<FaultyApi> {
  const faults: Fault[] = [];
  const log: string[] = [];
  const server = createServer(async (request, response) => {
    const call = request.url?.split('/').at(-1)?.split('?')[0] ?? '';
    log.push(call);
    const fault = faults.find((one) => one.times > 0 && one.call === call);
    if (fault !== undefined) {
      fault.times--;
      const { retryAfter, error } = fault;
      const headers = { 'content-type': 'application/json' };
      if (retryAfter !== undefined) {
        response
          .writeHead(429, { ...headers, 'retry-after': String(retryAfter) })
          .end('{"ok":false,"error":"ratelimited"}');
      } else response.writeHead(200, headers).end(JSON.stringify({ ok: false, error }));
      return;
    }
    const body: Buffer[] = [];
    for await (const part of request) body.push(part as Buffer);
    const { host: _host, 'content-length': _length, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'POST',
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body: Buffer.concat(body) }),
    });
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'application/json',
    });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    faults,
    log,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
