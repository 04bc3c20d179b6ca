/** Whether a Discord token works, and what the bot may do in its servers. */
import {
  type APIPartialGuild,
  type APIUser,
  DiscordAPIError,
  PermissionsBitField,
  REST,
  Routes,
} from 'discord.js';
import { bad, type Finding, good } from '../checkup.ts';
import { BOT_PERMISSIONS, restBase } from './limits.ts';

/** @param apiUrl Discord's own where undefined */
export async function checkDiscord(token: string, apiUrl: string | undefined): Promise<Finding[]> {
  const rest = new REST({
    version: '10',
    retries: 1,
    ...(apiUrl !== undefined && { api: restBase(apiUrl) }),
  }).setToken(token);
  const findings: Finding[] = [];
  try {
    const { username } = (await rest.get(Routes.user())) as APIUser;
    findings.push(good('token', `good, for ${username}`));
  } catch (error) {
    const isRefused = error instanceof DiscordAPIError && error.status === 401;
    return [
      bad(
        'token',
        isRefused
          ? 'not valid. Copy it again: Developer Portal, Bot, Reset Token.'
          : `Discord cannot be reached (${error instanceof Error ? error.message : String(error)}).`,
      ),
    ];
  }
  findings.push(good('intents', 'no privileged intent is needed'));
  const guilds = (await rest.get(Routes.userGuilds())) as (APIPartialGuild & { permissions: string })[];
  if (guilds.length === 0)
    findings.push(bad('servers', 'in none yet. Open the invite link of docs/discord.md.'));
  for (const { name, permissions } of guilds) {
    const missing = new PermissionsBitField(BigInt(permissions)).missing(BOT_PERMISSIONS);
    findings.push(
      missing.length === 0
        ? good(name, 'all permissions')
        : bad(name, `lacks ${missing.join(', ')}. Allow them: Server Settings, Roles, the bot's role.`),
    );
  }
  return findings;
}
