import { startDiscord } from '../conformance/discord.ts';
import { conformance } from '../conformance/suite.ts';

conformance('Discord', startDiscord);
