import { describe } from 'node:test';
import { startSlack } from '../conformance/slack.ts';
import { conformance } from '../conformance/suite.ts';
import { whyNoSlack } from '../slack/local-slack.ts';

const reason = await whyNoSlack();
if (reason !== undefined) describe('Slack', { skip: reason }, () => undefined);
else conformance('Slack by Socket Mode', () => startSlack('socket'));
