/**
 * Stands before a local Slack and fails calls of its Web API as Slack does, at a test's word. It keeps the metadata of
 * messages and reads a conversation by time and page, which local-slack does not.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pageOf, wholeOf } from './pages.ts';

interface Fault {
  /** `chat.update` */
  readonly call: string;
  /** 429 with Retry-After, or an answer that says what is wrong. */
  readonly retryAfter?: number;
  readonly error?: string;
  times: number;
  /** How many pass before the first that fails; none where left out. */
  passes?: number;
}

/** A call that never gets through, as if its caller had died before it. */
interface Stall {
  readonly call: string;
  /** How many pass before it. */
  passes: number;
}

export interface FaultyApi extends AsyncDisposable {
  /** Base of the Web API: `http://127.0.0.1:4000/api/` */
  readonly url: string;
  readonly faults: Fault[];
  readonly stalls: Stall[];
  /** Calls in order. */
  readonly log: string[];
}

/** Whoever is called so reads Korean. */
const KOREAN_USER = 'U_MIN';

/** With the user's language where that is asked for. https://docs.slack.dev/reference/methods/users.info */
function withLocale(bytes: Buffer, asked: URLSearchParams): Buffer<ArrayBuffer> {
  const told = JSON.parse(String(bytes));
  if (told.ok && asked.get('include_locale') === 'true') {
    told.user.locale = asked.get('user') === KOREAN_USER ? 'ko-KR' : 'en-US';
  }
  return Buffer.from(JSON.stringify(told));
}

/** @param target of the local Slack: `http://127.0.0.1:3999` */
export async function startFaultyApi(target: string): Promise<FaultyApi> {
  const faults: Fault[] = [];
  const stalls: Stall[] = [];
  /** What stalled; refused at the end, as clients would try it again for half an hour. */
  const held: ServerResponse[] = [];
  const log: string[] = [];
  /** Of messages, by channel and timestamp. */
  const metadata = new Map<string, object>();
  const server = createServer(async (request, response) => {
    const call = request.url?.split('/').at(-1)?.split('?')[0] ?? '';
    log.push(call);
    const due = faults.find((one) => one.times > 0 && one.call === call);
    const isPassed = due?.passes !== undefined && due.passes > 0;
    if (isPassed) due.passes = due.passes! - 1;
    const fault = isPassed ? undefined : due;
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
    const stall = stalls.findIndex((one) => one.call === call && one.passes-- === 0);
    if (stall >= 0) {
      stalls.splice(stall, 1);
      return void held.push(response);
    }
    const body: Buffer[] = [];
    for await (const part of request) body.push(part as Buffer);
    const { host: _host, 'content-length': _length, connection: _connection, ...headers } = request.headers;
    const sent = Buffer.concat(body);
    const isRead = call === 'conversations.history' || call === 'conversations.replies';
    const asked = isRead || call === 'chat.postMessage' ? new URLSearchParams(String(sent)) : undefined;
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'POST',
      headers: headers as Record<string, string>,
      ...(sent.length > 0 && { body: isRead ? wholeOf(asked!) : sent }),
    });
    let bytes = Buffer.from(await answer.arrayBuffer());
    if (call === 'users.info') bytes = withLocale(bytes, new URLSearchParams(String(sent)));
    if (asked !== undefined) {
      const told = JSON.parse(String(bytes));
      const own = asked.get('metadata');
      if (own !== null) metadata.set(`${told.channel} ${told.ts}`, JSON.parse(own));
      if (isRead && told.ok)
        bytes = Buffer.from(JSON.stringify({ ...told, ...pageOf(told.messages, asked, call, metadata) }));
    }
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'application/json',
    });
    response.end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    faults,
    stalls,
    log,
    async [Symbol.asyncDispose]() {
      for (const response of held) response.end('{"ok":false,"error":"stalled"}');
      await new Promise((resolve) => setTimeout(resolve, held.length > 0 ? 100 : 0));
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
