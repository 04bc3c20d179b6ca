/** Whether Slack's tokens work, and which scopes the app lacks. */
import { bad, type Finding, good } from '../checkup.ts';
import { apiBase, SlackClient, slackCode } from './client.ts';

/** The scopes of config/slack-manifest.yaml, with what is lost without them. */
export const SCOPES: Readonly<Record<string, string>> = {
  commands: 'slash commands',
  'chat:write': 'any answer',
  'chat:write.public': 'answers in channels it was not invited to',
  'app_mentions:read': 'answers in threads',
  'files:read': 'pictures to start from',
  'files:write': 'pictures in answers',
  'im:history': 'direct messages',
  'im:write': 'private results',
  'channels:history': 'the picture of a thread, and answers found again after a crash',
  'groups:history': 'the same in a private channel',
  'channels:read': 'names of channels in settings',
  'groups:read': 'names of private channels in settings',
  'reactions:read': 'stars as reactions',
  'users:read': 'names, and who is an admin',
  'usergroups:read': 'user groups as roles',
};

interface SlackTokens {
  readonly botToken: string;
  readonly appToken: string | undefined;
  readonly signingSecret: string | undefined;
}

/** @param apiUrl Slack's own where undefined */
export async function checkSlack(tokens: SlackTokens, apiUrl: string | undefined): Promise<Finding[]> {
  const options = {
    retryConfig: { retries: 1 },
    ...(apiUrl !== undefined && { slackApiUrl: apiBase(apiUrl) }),
  };
  const findings: Finding[] = [];
  try {
    const answer = await new SlackClient(tokens.botToken, options).auth.test();
    findings.push(good('bot token', `good, @${answer.user} in ${answer.team}`));
    findings.push(...scopeFindings(answer.response_metadata?.scopes));
  } catch (error) {
    return [bad('bot token', `${whatIsWrong(error)} Copy SLACK_BOT_TOKEN again: OAuth & Permissions.`)];
  }
  if (tokens.appToken === undefined) {
    findings.push(
      tokens.signingSecret === undefined
        ? bad('connection', 'set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode.')
        : good('connection', 'HTTP mode; Slack must reach /slack/events'),
    );
    return findings;
  }
  try {
    await new SlackClient(tokens.appToken, options).apps.connections.open();
    findings.push(good('app token', 'good, by Socket Mode'));
  } catch (error) {
    findings.push(
      bad(
        'app token',
        `${whatIsWrong(error)} It needs the scope connections:write: Basic Information, App-Level Tokens.`,
      ),
    );
  }
  return findings;
}

/** @param scopes from Slack's header, which not every server sends */
function scopeFindings(scopes: readonly string[] | undefined): Finding[] {
  if (scopes === undefined || scopes.length === 0) return [good('scopes', 'not reported by this server')];
  const missing = Object.entries(SCOPES).filter(([scope]) => !scopes.includes(scope));
  if (missing.length === 0) return [good('scopes', 'all of them')];
  return missing.map(([scope, loss]) =>
    bad(
      scope,
      `missing: without it there is no ${loss}. Add it: OAuth & Permissions, then reinstall the app.`,
    ),
  );
}

const whatIsWrong = (error: unknown) => {
  const said = slackCode(error);
  return said === undefined
    ? `Slack cannot be reached (${error instanceof Error ? error.message : String(error)}).`
    : `Slack says ${said}.`;
};
