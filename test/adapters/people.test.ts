import { startDiscord } from '../conformance/discord.ts';
import { people } from '../conformance/people.ts';
import { startSlack } from '../conformance/slack.ts';
import { startWeb } from '../conformance/web.ts';
import { whyNoSlack } from '../slack/local-slack.ts';

people('Discord', () => startDiscord());
people('the web chat', () => startWeb());
if ((await whyNoSlack()) === undefined) people('Slack', () => startSlack('socket'));
